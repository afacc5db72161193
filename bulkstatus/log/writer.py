"""`ResultLog`: adding to the log, in groups that are on disk before their rows count as done."""

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from bulkstatus.errors import LogInUse, LogLost, LogRefused
from bulkstatus.log.lock import try_lock
from bulkstatus.log.reader import LogContents, Region, Run, no_log, read_records
from bulkstatus.log.records import EndRecord, Result, RunRecord, SendingRecord, line_of
from bulkstatus.log.state import LogState
from bulkstatus.words import command_line

#: Seconds for which results are gathered into one write and fsync.
GROUP_SECONDS = 0.1

#: Seconds that a write may take before no further row leaves. With the gathering before it, a
#: crash costs the results of 200 ms at the most, however slow the disk.
PATIENCE_SECONDS = 0.1

_BINARY = getattr(os, "O_BINARY", 0)
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY


class ResultLog:
    """An open, locked log.

    `contents` is what it held when it was opened and what `begin` has added since. `add` and
    `sending` take records from the event loop; a task writes them in groups. `through` is the
    `n` up to which rows may leave, as it is on disk. `ready` is cleared while the disk is behind.
    When the log can no longer be written `lost` holds the reason, and nothing more is taken.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.contents = LogContents(path)
        self.ready = asyncio.Event()
        self.ready.set()
        self.lost: LogLost | None = None
        self.through = 0
        self._announced = 0
        self._descriptor = descriptor
        # A run that is cancelled may leave a thread at a write.
        self._in_use = threading.Lock()
        self._size = 0
        self._waiting: list[Result] = []
        self._lines: list[bytes] = []
        self._some = asyncio.Event()
        self._hurry = asyncio.Event()
        self._finishing = False
        self._writer: asyncio.Task[None] | None = None
        self._on_written: Callable[[Sequence[Result]], None] = lambda results: None
        self._on_lost: Callable[[], None] = lambda: None

    # Opening.

    @classmethod
    def create(cls, path: Path) -> Self:
        """Create the log, readable by its owner alone; `begin` makes it one.

        What a crash left of a log before its first run began is none, and is taken over. Raises
        FileExistsError when there is a log already, LogInUse when another run holds it, and
        LogRefused when none can be created.
        """
        try:
            descriptor = os.open(path, _CREATE, 0o600)
        except FileExistsError:
            log = cls._open(path)
            if log.contents.runs:
                log.close()
                raise
            return log
        except OSError as error:
            raise LogRefused(
                f"The result log {path} cannot be created: {error.strerror}. "
                "Choose another place with --log."
            ) from None
        if not try_lock(descriptor):
            os.close(descriptor)
            raise _in_use(path)
        return cls(path, descriptor)

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
            if path.exists() and not path.is_file():
                raise LogRefused(f"{path} is no regular file, so it is no result log.")
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)
        except FileNotFoundError:
            raise no_log(path) from None
        except OSError as error:
            raise LogRefused(
                f"The result log {path} cannot be opened for writing: {error.strerror}."
            ) from None
        try:
            log = cls(path, descriptor)
            if not try_lock(descriptor):
                raise _in_use(path)
            with open(descriptor, "rb", closefd=False) as file:
                log.contents = read_records(file, path)
            log._size = log.contents.size
            if log.contents.cut_off:
                os.ftruncate(descriptor, log._size)
            if log.contents.unended:
                log._write(b"\n")
                log.contents.size = log._size
        except OSError as error:
            os.close(descriptor)
            raise LogRefused(f"The result log {path} cannot be used: {error.strerror}.") from None
        except BaseException:
            os.close(descriptor)
            raise
        return log

    def close(self) -> None:
        """Close the file, which gives its lock free; a log that no run began is taken away."""
        with self._in_use:
            if not self._size and self._is_in_place():
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
        try:
            self._write(line_of(run), flush=False)
            offset = self._size
            async for piece in rest:
                self._write(piece, flush=False)
            await asyncio.to_thread(os.fsync, self._descriptor)
            _sync_folder(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, contents.size)
            self._size = contents.size
            raise LogRefused(
                f"The result log {self.path} cannot be written: {error.strerror}. Nothing was "
                "sent. Make room, or choose another place with --log."
            ) from None
        new = [region._replace(offset=offset + region.offset) for region in regions]
        first = new[0].first if new else len(state) + 1
        contents.runs.append(Run(run, first, len(state) + 1 - first))
        contents.regions += new
        contents.state = state
        contents.size = self._size
        state.begin_run(run.due)

    def announce(self, through: int) -> None:
        """Write at once that rows up to this `n` may leave; the run begins to count with it.

        Raises LogLost.
        """
        self._append(line_of(SendingRecord(through)))
        self.through = self._announced = through

    # While a run goes on.

    def start(
        self,
        on_written: Callable[[Sequence[Result]], None],
        on_lost: Callable[[], None],
    ) -> None:
        """Begin to write in the running event loop.

        `on_written` gets each group once it is on disk; `on_lost` is called when `lost` is set.
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
        await asyncio.to_thread(self._append, line_of(end))

    async def finish(self) -> None:
        """Write what is waiting and stop the writing task; `lost` says whether that failed.

        What is added after that is written by the next call.
        """
        if self._writer is not None:
            self._finishing = True
            self._hurry.set()
            self._some.set()
            await self._writer
            self._writer = None
        while self._lines and self.lost is None:
            await self._write_group()

    def look(self) -> None:
        """Raise LogLost when the log is no longer in its place, or was written to by others."""
        self._append(b"")

    async def _write_groups(self) -> None:
        while self.lost is None and not (self._finishing and not self._lines):
            await self._some.wait()
            await self._gather()
            await self._write_group()

    async def _gather(self) -> None:
        """Wait while results come in, but not once no more will, nor where it is urgent."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GROUP_SECONDS):
                await self._hurry.wait()

    async def _write_group(self) -> None:
        group, self._waiting = self._waiting, []
        lines, self._lines = self._lines, []
        through = self._announced
        self._some.clear()
        if not self._finishing:
            self._hurry.clear()
        behind = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.ready.clear)
        try:
            await asyncio.to_thread(self._append, b"".join(lines))
        except LogLost as error:
            self.lost = error
            self._on_lost()
        else:
            self.through = through
            self._on_written(group)
        finally:
            behind.cancel()
            self.ready.set()

    def _append(self, data: bytes) -> None:
        """Append `data`, to be called in a thread; raise LogLost when it is not safe on disk."""
        with self._in_use:
            if self._descriptor < 0:
                raise LogLost(f"The result log {self.path} was closed while the run went on.")
            self._append_open(data)

    def _append_open(self, data: bytes) -> None:
        try:
            self._write(data)
            rescued = None if self._is_in_place() else self._rescue()
            size = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise LogLost(
                f"The result log {self.path} cannot be written ({error.strerror}), so sending "
                "stopped. The answers of the last moment are not in it; those rows will be sent "
                f"again. Make room or mend the disk, then go on with:  {self._resume(self.path)}"
            ) from None
        if rescued is not None:
            raise LogLost(
                f"The result log {self.path} was deleted or replaced while the run was going on, "
                f"so sending stopped. All that it said was written to {rescued}. Go on with:  "
                f"{self._resume(rescued)}"
            )
        if size != self._size:
            raise LogLost(
                f"Another program has written to the result log {self.path} while the run was "
                "going on, so sending stopped. Repair it or restore it from a copy, then go on "
                f"with:  {self._resume(self.path)}"
            )

    @staticmethod
    def _resume(path: Path) -> str:
        return command_line("bulkstatus", "resume", path)

    def _write(self, data: bytes, flush: bool = True) -> None:
        """Append `data` and wait until it is on disk; leave no part of it when that fails."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            if flush and data:
                os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def _is_in_place(self) -> bool:
        """Tell whether the log's path still leads to the open file."""
        try:
            there = self.path.stat()
            return os.path.samestat(there, os.fstat(self._descriptor))
        except OSError:
            return False

    def _rescue(self) -> Path:
        """Write the log's contents to a new file: where the log was, or else where there is room.

        Raises OSError where no place can be written to.
        """
        for place in (lambda: self.path.parent, Path.cwd, Path.home, tempfile.gettempdir):
            # The working folder may be gone with the log's, and a bare user ID has no home.
            with suppress(OSError, RuntimeError):
                return self._copied_to(Path(place()))
        raise OSError(None, "it was deleted, and there is no other place to write it to")

    def _copied_to(self, folder: Path) -> Path:
        """Return a new file in a folder, with all that the log holds. Raises OSError."""
        target = folder / self.path.name
        number = 1
        while target.exists():
            target = folder / f"{self.path.stem}.rescued-{number}{self.path.suffix}"
            number += 1
        copied = os.open(target, _CREATE, 0o600)
        try:
            with (
                open(self._descriptor, "rb", closefd=False) as source,
                open(copied, "wb") as copy,  # noqa: PTH123 - a descriptor
            ):
                source.seek(0)
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copied)
        except OSError:
            target.unlink()
            raise
        return target


def _in_use(path: Path) -> LogInUse:
    """Return the error that says who holds a log."""
    holder = ""
    with suppress(LogRefused, OSError), path.open("rb") as file:
        runs = read_records(file, path).runs
        if runs:
            run = runs[-1].record
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
