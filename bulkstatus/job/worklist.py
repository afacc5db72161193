"""`WorkList`: the rows of an input in a nameless private file, which become the log's.

It holds lines of the log, rows and results, so that the beginning of a run is a copy of it.
"""

import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from types import TracebackType
from typing import Any, Self

import aiofiles.tempfile

from bulkstatus.errors import Refused
from bulkstatus.log.reader import Region, regions_of, rows_in
from bulkstatus.log.records import Outcome, Result, RowRecord, lines_of, timestamp
from bulkstatus.log.state import LogState, Span

#: A row that is not sent: its outcome, and the reason, "" for none.
Unsent = tuple[RowRecord, Outcome, str]

#: Records are made, judged and written so many at a time.
LOT = 4096

_PIECE = 1024 * 1024


class WorkList:
    """An async context manager; `size` is in bytes, `regions` are where the rows are.

    Raises Refused where the disk has no room for the list.
    """

    def __init__(self) -> None:
        self.regions: list[Region] = []
        self.size = 0
        self._manager: Any
        self._file: Any

    async def __aenter__(self) -> Self:
        with _room():
            self._manager = aiofiles.tempfile.TemporaryFile("w+b")
            self._file = await self._manager.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # what had no room is needed no more
            await self._manager.__aexit__(exc_type, exc, traceback)

    async def add_rows(self, rows: list[RowRecord]) -> None:
        """Add rows, which follow those before in number."""
        if rows:
            lines = lines_of(rows)
            self.regions.append(Region(self.size, len(lines), rows[0].n, rows[-1].n))
            await self._write(lines)

    async def settle(self, state: LogState, rows: Iterable[Unsent]) -> None:
        """Add the results of rows that are not sent, and take them into the state of the rows."""
        at, unsent = timestamp(time.time()), iter(rows)
        while some := [*islice(unsent, LOT)]:
            results = [Result.unsent(*each, at, state.is_unseen(each[0].n)) for each in some]
            for result in results:
                state.settle(result)
            await self._write(lines_of(results))

    async def lots(self, spans: Sequence[Span]) -> AsyncIterator[list[RowRecord]]:
        """Yield the rows of some spans, which rise, as many at a time as were added."""
        for region, wanted in regions_of(self.regions, spans):
            await self._file.seek(region.offset)
            yield rows_in(await self._file.read(region.length), wanted)

    async def rows(self, spans: Sequence[Span]) -> AsyncIterator[RowRecord]:
        """Yield the rows of some spans, which rise."""
        async for lot in self.lots(spans):
            for row in lot:
                yield row

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield all lines, some at a time."""
        await self._file.seek(0)
        while piece := await self._file.read(_PIECE):
            yield piece

    async def _write(self, lines: bytes) -> None:
        with _room():
            await self._file.seek(0, 2)  # what is read meanwhile stands elsewhere
            await self._file.write(lines)
            await self._file.flush()
        self.size += len(lines)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(
            f"The list of rows cannot be kept in {tempfile.gettempdir()} ({error.strerror}), so "
            "nothing was sent. Make room there, or name another folder in TMPDIR."
        ) from None
