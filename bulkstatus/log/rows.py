"""The rows of a log, read back by their numbers: what a run sends, and what a check looks at."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import aiofiles
import msgspec

from bulkstatus.errors import LogLost
from bulkstatus.log.reader import LogContents, Region
from bulkstatus.log.records import RowRecord, parse_lines
from bulkstatus.log.state import Span


async def rows_of(contents: LogContents, spans: Sequence[Span]) -> AsyncIterator[list[RowRecord]]:
    """Yield the rows of some spans, which rise, a few thousand at a time.

    Raises LogLost when the log can no longer be read.
    """
    try:
        async with aiofiles.open(contents.path, "rb") as file:
            for region, wanted in regions_of(contents.regions, spans):
                await file.seek(region.offset)
                yield rows_in(await file.read(region.length), wanted)
    except (OSError, msgspec.DecodeError) as error:
        raise _unreadable(contents.path, error) from None


def read_rows(contents: LogContents, spans: Sequence[Span]) -> Iterator[RowRecord]:
    """Yield the rows of some spans, which rise. Raises LogLost as `rows_of` does."""
    try:
        with contents.path.open("rb") as file:
            for region, wanted in regions_of(contents.regions, spans):
                file.seek(region.offset)
                yield from rows_in(file.read(region.length), wanted)
    except (OSError, msgspec.DecodeError) as error:
        raise _unreadable(contents.path, error) from None


def regions_of(
    regions: Sequence[Region], spans: Sequence[Span]
) -> Iterator[tuple[Region, list[Span]]]:
    """Yield each region that holds rows of the spans, with those of its rows."""
    place = 0
    for region in regions:
        while place < len(spans) and spans[place][1] < region.first:
            place += 1
        wanted = []
        for at in range(place, len(spans)):
            first, last = spans[at]
            if first > region.last:
                break
            wanted.append((max(first, region.first), min(last, region.last)))
        if wanted:
            yield region, wanted


def rows_in(lines: bytes, wanted: Sequence[Span]) -> list[RowRecord]:
    """Return the rows of some spans that stand in the lines of one region."""
    rows = [record for record in parse_lines(lines) if isinstance(record, RowRecord)]
    if not rows:
        return []
    start = rows[0].n
    return [row for first, last in wanted for row in rows[first - start : last - start + 1]]


def _unreadable(path: Path, error: Exception) -> LogLost:
    reason = getattr(error, "strerror", None) or "it was changed"
    return LogLost(
        f"The result log {path} can no longer be read ({reason}), so sending stopped. "
        f"Put it back, then go on with:  bulkstatus resume {path}"
    )
