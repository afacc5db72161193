"""`WorkList`: the rows of an input in a nameless private file, which become the log's.

It holds lines of the log, rows and results, so that the beginning of a run is a copy of it.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import aiofiles.tempfile

from bulkstatus.errors import Refused
from bulkstatus.log.reader import Region, regions_of, rows_in
from bulkstatus.log.records import Result, RowRecord, lines_of
from bulkstatus.log.state import Span

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
        await self._manager.__aexit__(exc_type, exc, traceback)

    async def add_rows(self, rows: list[RowRecord]) -> None:
        """Add rows, which follow those before in number."""
        if rows:
            lines = lines_of(rows)
            self.regions.append(Region(self.size, len(lines), rows[0].n, rows[-1].n))
            await self._write(lines)

    async def add_results(self, results: list[Result]) -> None:
        """Add results of rows that are not to be sent."""
        if results:
            await self._write(lines_of(results))

    async def rows(self, spans: Sequence[Span]) -> AsyncIterator[RowRecord]:
        """Yield the rows of some spans, which rise."""
        for region, wanted in regions_of(self.regions, spans):
            await self._file.seek(region.offset)
            for row in rows_in(await self._file.read(region.length), wanted):
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
