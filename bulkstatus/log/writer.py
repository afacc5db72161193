"""`ResultLog`: adding to the log, in groups that are on disk before their rows count as done."""

import asyncio
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from bulkstatus.errors import LogInUse, LogLost, LogRefused
from bulkstatus.log.reader import (
    LogContents,
    Region,
    Run,
    check_is_file,
    lost,
    no_log,
    read_log,
    read_records,
)
from bulkstatus.log.records import EndRecord, Result, RunRecord, SendingRecord, line_of
from bulkstatus.log.state import LogState, count_of

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

#: Seconds for which results are gathered into one write and fsync.
GROUP_SECONDS = 0.1

#: Seconds that a write may take before no further row leaves. With the gathering before it, a
#: crash costs the results of 200 ms at the most, however slow the disk.
PATIENCE_SECONDS = 0.1

_BINARY = getattr(os, "O_BINARY", 0)
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY


def try_lock(descriptor: int) -> bool:
    """Lock a file that was just opened; return False when another process holds the lock.

    It is on the log's own file: the system gives it free when its holder dies.
    """
    try:
        if sys.platform == "win32":
            # Locks are mandatory there: a byte that the log never reaches leaves its text readable.
            os.lseek(descriptor, 2**62, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


class ResultLog:
    """An open, locked log.

    `contents` is what it held when it was opened and what `begin` has added since. `add` and
    `sending` take records from the event loop; a task writes them in groups. `through` is the
    `n` up to which rows may leave, as it is on disk. `ready` is cleared while the disk is behind.
    When the log can no longer be written `lost` holds the reason, and nothing more is taken. One
    that is deleted or replaced ends the run as well, which is written to its end into a copy: that
    is the log from then on, at another `path`.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.contents = LogContents(path)
        self.ready = asyncio.Event()
        self.ready.set()
        self.lost: LogLost | None = None
        self.through = 0
        self._announced = 0
        self._before = 0  # the size without the run that began last
        self._descriptor = descriptor
        # A run that is cancelled may leave a thread at a write.
        self._in_use = threading.Lock()
        self._waiting: list[Result] = []
        self._lines: list[bytes] = []
        self._some = asyncio.Event()
        self._hurry = asyncio.Event()
        self._finishing = False
        self._writer: asyncio.Task[None] | None = None
        self._on_written: Callable[[Sequence[Result]], None] = lambda results: None
        self._on_lost: Callable[[Exception], None] = lambda error: None

    # Opening.

    @classmethod
    def create(cls, path: Path) -> Self:
        """Create the log, readable by its owner alone; `begin` makes it one.

        What a crash left of a log before its first run began is none, and is taken over. Raises
        FileExistsError when there is a log already, LogInUse when another run holds it, and
        LogRefused when none can be created.
        """
        try:
            with suppress(FileExistsError):
                os.close(os.open(path, _CREATE, 0o600))
        except OSError as error:
            raise LogRefused(
                f"The result log {path} cannot be created: {error.strerror}. "
                "Choose another place with --log."
            ) from None
        log = cls._open(path)
        if log.contents.runs:
            log.close()
            raise FileExistsError(path)
        return log

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open and lock an existing log, and read it.

        What does not count at its end is cut off; `contents.cut_off` says how much that was.
        Raises LogInUse when another run holds it, LogRefused when it cannot be read and written.
        """
        log = cls._open(path)
        if not log.contents.runs:
            log.close()
            raise no_log(path)
        return log

    @classmethod
    def _open(cls, path: Path) -> Self:
        try:
            check_is_file(path)
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)
            with ExitStack() as undo:
                undo.callback(os.close, descriptor)
                if not try_lock(descriptor):
                    raise _in_use(path)
                log = cls(path, descriptor)
                with open(descriptor, "rb", closefd=False) as file:
                    log.contents = read_records(file, path)
                if log.contents.cut_off:
                    os.ftruncate(descriptor, log.contents.size)
                if log.contents.unended:
                    log._write(b"\n")
                undo.pop_all()
                return log
        except OSError as error:
            raise LogRefused(
                f"The result log {path} cannot be opened for writing: {error.strerror}."
            ) from None

    def close(self) -> None:
        """Close the file, which gives its lock free; a log that no run began is taken away."""
        with self._in_use:
            if not self.contents.size and self._is_in_place():
                with suppress(OSError):  # Windows takes no open file away
                    self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1

    # A run's beginning.

    async def begin(
        self, run: RunRecord, rest: AsyncIterator[bytes], regions: Iterable[Region], state: LogState
    ) -> None:
        """Write a run's beginning as one piece: its record, and lines of rows and results.

        `regions` say where in those lines rows are, and `state` is that of the log with them.
        Nothing of it counts before the first `sending` or the end. Raises LogRefused, and leaves
        the log as it was, when it cannot be written.
        """
        contents = self.contents
        self._before = contents.size
        try:
            self._write(line_of(run), flush=False)
            offset = contents.size
            async for piece in rest:
                self._write(piece, flush=False)
            await asyncio.to_thread(os.fsync, self._descriptor)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise self._taken_back(error) from None
        new = [region._replace(offset=offset + region.offset) for region in regions]
        contents.runs.append(Run(run, count_of((region.first, region.last) for region in new)))
        contents.regions += new
        contents.state = state
        state.begin_run(run.due)

    def announce(self, through: int) -> LogLost | None:
        """Write at once that rows up to this `n` may leave; the run begins to count with it.

        Returns why nothing must leave where the log had to be moved: it holds the run, which is to
        be ended. Raises LogRefused as `begin` does, and LogLost where others have written to it.
        """
        try:
            moved = self._extend(line_of(SendingRecord(through)))
        except OSError as error:
            raise self._taken_back(error) from None
        self.through = self._announced = through
        return moved

    def _taken_back(self, error: OSError) -> LogRefused:
        """Return the error for a run whose beginning does not count, of which nothing is left."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._before)
        self.contents.size = self._before
        return LogRefused(
            f"The result log {self.path} cannot be written: {error.strerror}. Nothing was "
            "sent. Make room, or choose another place with --log."
        )

    # While a run goes on.

    def start(
        self, on_written: Callable[[Sequence[Result]], None], on_lost: Callable[[Exception], None]
    ) -> None:
        """Begin to write in the running event loop.

        `on_written` gets each group once it is on disk, and `on_lost` why no more will be.
        """
        self._on_written = on_written
        self._on_lost = on_lost
        self._writer = asyncio.get_running_loop().create_task(self._write_groups())

    def add(self, result: Result) -> None:
        """Take a result, to be written with the next group."""
        self._waiting.append(result)
        # Not with the group: by then its parts have left the processor's caches, which more than
        # doubles what a line costs (measured).
        self._lines.append(line_of(result))
        self._some.set()

    def sending(self, through: int) -> None:
        """Say, with a group that is written at once, that rows up to this `n` may leave."""
        if through > self._announced:
            self._announced = through
            self._lines.append(line_of(SendingRecord(through)))
            self._some.set()
            self._hurry.set()

    async def append_end(self, end: EndRecord) -> None:
        """Write the run's end, at once. Raises LogLost."""
        await asyncio.to_thread(self._append_now, line_of(end))

    async def finish(self) -> None:
        """Write what is waiting and stop the writing task; `lost` says whether that failed.

        What is added after that is written by the next call. Where nothing is waiting, the log is
        looked at all the same, since what cannot be found any more could not be read either.
        """
        if self._writer is not None:
            self._finishing = True
            self._hurry.set()
            self._some.set()
            await self._writer
            self._writer = None
        if self.lost is None:
            await self._write_group()

    def look(self) -> None:
        """Raise LogLost when the log is no longer in its place, or was written to by others."""
        self._append_now(b"")

    async def _write_groups(self) -> None:
        while self.lost is None and not (self._finishing and not self._lines):
            await self._some.wait()
            # Results are gathered, but not once no more will come, nor where it is urgent.
            with suppress(TimeoutError):
                async with asyncio.timeout(GROUP_SECONDS):
                    await self._hurry.wait()
            await self._write_group()

    async def _write_group(self) -> None:
        group, self._waiting = self._waiting, []
        lines, self._lines = self._lines, []
        through = self._announced
        self._some.clear()
        if not self._finishing:
            self._hurry.clear()
        behind = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.ready.clear)
        try:
            moved = await asyncio.to_thread(self._append, b"".join(lines))
            self.through = through
            if group:
                self._on_written(group)
            if moved is not None:
                self._on_lost(moved)
        except Exception as error:
            # A fault of our own as well: nobody must send on, or wait for what is written no more.
            if isinstance(error, LogLost):
                self.lost = error
            self._on_lost(error)
            if self.lost is None:
                raise
        finally:
            behind.cancel()
            self.ready.set()

    def _append_now(self, data: bytes) -> None:
        """Append `data`; raise LogLost when the run must not go on, wherever it is on disk."""
        if (moved := self._append(data)) is not None:
            raise moved

    def _append(self, data: bytes) -> LogLost | None:
        """Append `data`, to be called in a thread; raise LogLost when it is not safe on disk.

        Returns why the run must not go on where the log had to be moved.
        """
        path = self.path
        try:
            return self._extend(data)
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            advice = "Its last rows will be sent again. Make room or mend the disk."
            raise lost(path, what, advice) from None

    def _extend(self, data: bytes) -> LogLost | None:
        """See `_append`. Raises OSError, and LogLost where others have written to the log."""
        with self._in_use:
            path = self.path
            if self._descriptor < 0:
                raise OSError(None, "it was closed")
            self._write(data)
            if is_gone := not self._is_in_place():
                self._move()
            size = os.fstat(self._descriptor).st_size
            if size != self.contents.size:
                advice = "Repair it or restore it from a copy."
                raise lost(path, "was written to by another program", advice)
            if not is_gone:
                return None
            return LogLost(
                f"The result log {path} was deleted or replaced, so sending stopped. All that it "
                f"said was written to {self.path}: go on with that."
            )

    def _write(self, data: bytes, flush: bool = True) -> None:
        """Append `data` and wait until it is on disk; leave no part of it when that fails."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            if flush and data:
                os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.contents.size)
            raise
        self.contents.size += len(data)

    def _is_in_place(self) -> bool:
        """Tell whether the log's path still leads to the open file."""
        try:
            there = self.path.stat()
            return os.path.samestat(there, os.fstat(self._descriptor))
        except OSError:
            return False

    def _move(self) -> None:
        """Go on with a copy of the log: where it was, or else where there is room.

        Raises OSError where no place can be written to.
        """
        for place in (lambda: self.path.parent, Path.home, tempfile.gettempdir):
            with suppress(OSError, RuntimeError):  # a bare user ID has no home
                self._move_to(Path(place()))
                return
        raise OSError(None, "it was deleted, and there is no other place to write it to")

    def _move_to(self, folder: Path) -> None:
        """Go on with a copy of the log in a folder. Raises OSError."""
        target = folder / self.path.name
        number = 1
        while target.exists():
            target = folder / f"{self.path.stem}.rescued-{number}{self.path.suffix}"
            number += 1
        copied = os.open(target, _CREATE, 0o600)
        try:
            with (
                open(self._descriptor, "rb", closefd=False) as source,
                open(copied, "wb", closefd=False) as copy,
            ):
                source.seek(0)
                shutil.copyfileobj(source, copy)
            os.fsync(copied)
            try_lock(copied)
            os.dup2(copied, self._descriptor, inheritable=False)
        except OSError:
            target.unlink()
            raise
        finally:
            os.close(copied)
        self.path = self.contents.path = target


def _in_use(path: Path) -> LogInUse:
    """Return the error that says who holds a log."""
    holder = ""
    with suppress(LogRefused):
        run = read_log(path).last_run
        holder = f", of {run.user} on {run.host}, begun at {run.started_at}"
    return LogInUse(f"Another run{holder}, is using the result log {path}. Wait for it to end.")


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its contents, where the system knows how."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
