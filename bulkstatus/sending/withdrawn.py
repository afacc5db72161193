"""The rows of an input that have been withdrawn since a run had it.

To take a failed row out of the file, or to mend it, is to say that it is not to be sent as it
was. An older file that still has it does not take that back.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from bulkstatus.order import Row, StatusUpdate
from bulkstatus.result import Outcome
from bulkstatus.resultlog import LogContents, RunRecord
from bulkstatus.resultlog.state import Content
from bulkstatus.source import Batch, Source


def withdrawn_since(log: LogContents, run: RunRecord) -> dict[Content, int]:
    """Return the rows that this run of a log or a later one withdrew for good, with their lines."""
    numbers = log.run_numbers
    first = next(number for number, other in enumerate(log.runs, 1) if other is run)
    return {
        content: result.line
        for content, result in log.state.open.items()
        if result.outcome is Outcome.WITHDRAWN and numbers[content] >= first
    }


async def count_of(source: Source, rows: Mapping[Content, int]) -> int:
    """Return how many valid rows of a source are among `rows`."""
    found = 0
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            valid = (row for row in batch.rows if isinstance(row, StatusUpdate))
            found += sum(Content.of(row) in rows for row in valid)
    return found


class SourceWithout(Source):
    """A source as if some of its rows, given with their lines, were not in the file."""

    def __init__(self, source: Source, left_out: Mapping[Content, int]) -> None:
        # What a source finds out of its file has been found out already.
        vars(self).update(vars(source))
        self._left_out = left_out

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """See Source."""
        async with aclosing(super().batches()) as batches:
            async for batch in batches:
                pairs = zip(batch.lines, batch.rows, strict=True)
                kept = [pair for pair in pairs if self._stays(*pair)]
                yield Batch([line for line, _ in kept], [row for _, row in kept])

    def _stays(self, line: int, row: Row) -> bool:
        """Tell whether a row stays; of invalid ones, which may be alike, the line must be right."""
        left_out = self._left_out.get(Content.of(row))
        return left_out is None or (not isinstance(row, StatusUpdate) and line != left_out)
