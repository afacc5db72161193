"""`ResultLog`: adding to the log, in groups that are on disk before their rows count as done."""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from bulkstatus.errors import LogLost, LogRefused
from bulkstatus.result import Result
from bulkstatus.resultlog.lock import try_lock
from bulkstatus.resultlog.reader import LogContents, read_records
from bulkstatus.resultlog.records import EndRecord, RunRecord
from bulkstatus.wording import command_line

#: Seconds for which results are gathered into one write and fsync.
GROUP_SECONDS = 0.1

#: Seconds that a write may take before no further row leaves. With the gathering before it, a
#: crash costs the results of 200 ms at the most, however slow the disk.
PATIENCE_SECONDS = 0.1

#: How many results may wait to be written before those that need no answer are held back.
MOST_WAITING = 4096

_BINARY = getattr(os, "O_BINARY", 0)


class ResultLog:
    """An open, locked log.

    `add` takes results from the event loop; a task writes them in groups. `ready` is cleared
    while the disk is behind. When the log can no longer be written `lost` holds the reason, and
    nothing more is taken.
    """

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self.ready = asyncio.Event()
        self.ready.set()
        self.lost: LogLost | None = None
        self._descriptor = descriptor
        self._size = size
        self._waiting: list[Result] = []
        self._lines: list[bytes] = []
        self._some = asyncio.Event()
        self._written = asyncio.Event()
        self._finishing = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._on_written: Callable[[Sequence[Result]], None] = lambda results: None
        self._on_lost: Callable[[], None] = lambda: None

    @classmethod
    def create(cls, path: Path, run: RunRecord) -> Self:
        """Create the log, readable by its owner alone, with its first record on disk.

        Raises LogRefused when there is one already or none can be written; then none is left.
        """
        line = run.to_line()
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            raise already_there(path) from None
        except OSError as error:
            raise LogRefused(
                f"The result log {path} cannot be created: {error.strerror}. "
                "Choose another place with --log."
            ) from None
        log = cls(path, descriptor, 0)
        try:
            try_lock(descriptor)
            log._write(line)
            _sync_folder(path.parent)
        except OSError as error:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise LogRefused(
                f"The result log {path} cannot be written: {error.strerror}. "
                "Choose another place with --log."
            ) from None
        return log

    @classmethod
    def open(cls, path: Path) -> tuple[Self, LogContents]:
        """Open and lock an existing log, and read it; a torn last line is cut off.

        Raises LogRefused when another run holds it, or it cannot be read and written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)
        except FileNotFoundError:
            raise LogRefused(f"There is no result log {path}.") from None
        except OSError as error:
            raise LogRefused(
                f"The result log {path} cannot be opened for writing: {error.strerror}."
            ) from None
        try:
            if not try_lock(descriptor):
                raise LogRefused(f"Another run is using the result log {path}. Wait for it to end.")
            with open(descriptor, "rb", closefd=False) as file:
                contents = read_records(file, path)
            log = cls(path, descriptor, contents.size)
            if contents.torn:
                os.ftruncate(descriptor, contents.size)
            if contents.unended:
                log._write(b"\n")
        except OSError as error:
            os.close(descriptor)
            raise LogRefused(f"The result log {path} cannot be used: {error.strerror}.") from None
        except BaseException:
            os.close(descriptor)
            raise
        return log, contents

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
        self._lines.append(result.to_line())
        self._some.set()

    async def room(self) -> None:
        """Wait while more results wait to be written than should be held in memory."""
        if len(self._waiting) >= MOST_WAITING:
            self._written.clear()
            await self._written.wait()

    async def append_record(self, record: RunRecord | EndRecord) -> None:
        """Write a record that is not a row's, at once. Raises LogLost."""
        await asyncio.to_thread(self._append, record.to_line())

    async def finish(self) -> None:
        """Write what is waiting and stop the writing task; `lost` says whether that failed."""
        if self._writer is not None:
            self._finishing.set()
            self._some.set()
            await self._writer
            self._writer = None

    def close(self) -> None:
        """Close the file, which gives its lock free."""
        os.close(self._descriptor)

    async def _write_groups(self) -> None:
        while self.lost is None and not (self._finishing.is_set() and not self._waiting):
            await self._some.wait()
            await self._gather()
            await self._write_group()

    async def _gather(self) -> None:
        """Wait while results come in, but not once no more will."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GROUP_SECONDS):
                await self._finishing.wait()

    async def _write_group(self) -> None:
        group, self._waiting = self._waiting, []
        lines, self._lines = self._lines, []
        self._some.clear()
        behind = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.ready.clear)
        try:
            await asyncio.to_thread(self._append, b"".join(lines))
        except LogLost as error:
            self.lost = error
            self._on_lost()
        else:
            self._on_written(group)
        finally:
            behind.cancel()
            self.ready.set()
            self._written.set()

    def _append(self, data: bytes) -> None:
        """Append `data`, to be called in a thread; raise LogLost when it is not safe on disk."""
        try:
            self._write(data)
            rescued = None if self._is_in_place() else self._rescue()
            size = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise LogLost(
                f"The result log {self.path} cannot be written ({error.strerror}), so sending "
                "stopped. The answers of the last moment are not in it; those rows will be sent "
                "again. Make room or mend the disk, then go on with:  "
                f"bulkstatus resume {self.path}"
            ) from None
        if rescued is not None:
            raise LogLost(
                f"The result log {self.path} was deleted or replaced while the run was going on, "
                f"so sending stopped. All that it said was written to {rescued}. Go on with:  "
                f"bulkstatus resume {rescued}"
            )
        if size != self._size:
            raise LogLost(
                f"Another program has written to the result log {self.path} while the run was "
                "going on, so sending stopped. Repair it or restore it from a copy, then go on "
                f"with:  bulkstatus resume {self.path}"
            )

    def _write(self, data: bytes) -> None:
        """Append `data` and wait until it is on disk; leave no part of it when that fails."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
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
        """Write the log's contents to a new file beside the place where the log was."""
        target = self.path
        number = 1
        while target.exists():
            target = self.path.with_suffix(f".rescued-{number}{self.path.suffix}")
            number += 1
        with open(self._descriptor, "rb", closefd=False) as source, target.open("xb") as copy:
            source.seek(0)
            shutil.copyfileobj(source, copy)
        return target


def already_there(path: Path) -> LogRefused:
    """Return the refusal to send where there is a log."""
    return LogRefused(
        f"The result log {path} exists already: an input of this name has been sent before, in "
        "whole or in part. Go on with:\n"
        f"  {command_line('bulkstatus', 'resume', path)}\n"
        "If this is another file, give it a name of its own, or its log another place with --log."
    )


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its contents, where the system knows how."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
