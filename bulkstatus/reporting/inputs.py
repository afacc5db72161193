"""The last run's input, where it is still the file that it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bulkstatus.errors import BulkstatusError
from bulkstatus.reporting.summary import Report
from bulkstatus.source import InputOptions, Source, open_source


@asynccontextmanager
async def input_of(report: Report, options: InputOptions) -> AsyncIterator[Source | None]:
    """Yield the input of a log's last run; None when it is gone, or not what it was."""
    path = report.input_path
    source = None
    if path is not None:
        with suppress(BulkstatusError):
            source = await open_source(str(path), options)
    if source is None:
        yield None
        return
    async with source:
        same = source.sha256 == report.contents.last_run.input_sha256
        yield source if same else None
