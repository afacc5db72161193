"""The inputs of a log, where they are still the files that they were."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bulkstatus.errors import BulkstatusError
from bulkstatus.reporting.summary import Report
from bulkstatus.resultlog import RunRecord
from bulkstatus.source import InputOptions, Source, open_source


@asynccontextmanager
async def input_of(
    report: Report, run: RunRecord, options: InputOptions
) -> AsyncIterator[Source | None]:
    """Yield the input of one of a log's runs; None when it is gone, or not what it was."""
    path = report.path_of_input(run)
    source = None
    if path is not None:
        with suppress(BulkstatusError):
            source = await open_source(str(path), options)
    if source is None:
        yield None
        return
    async with source:
        yield source if source.sha256 == run.input_sha256 else None
