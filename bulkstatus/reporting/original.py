"""The records of an input as they stand in the file: all of their cells, under its own header."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bulkstatus.source import InputOptions, Source
from bulkstatus.source.blocks import texts
from bulkstatus.source.csv_records import RecordReader
from bulkstatus.source.header import Columns
from bulkstatus.source.kinds import format_of
from bulkstatus.source.layout import find_layout
from bulkstatus.source.spool import GZIP_MAGIC, spool
from bulkstatus.source.survey import survey


@dataclass(frozen=True)
class OriginalRecords:
    """Some records of a table, by the line on which they start.

    `header` is empty where the table has none, and `width` is the number of cells that a row has
    which is neither short nor long.
    """

    header: Sequence[str]
    width: int
    columns: Columns
    delimiter: str
    by_line: dict[int, list[str]]


async def original_records(
    source: Source, options: InputOptions, lines: set[int]
) -> OriginalRecords | None:
    """Return the records that start on `lines`; None for an input that is not a text table.

    Raises InputRefused and InputChanged, as reading the source does.
    """
    path = source.path
    if path is None:
        return None
    with path.open("rb") as file:
        first_bytes = file.read(64)
    format_ = format_of(path.name, options.format, first_bytes, source.name)
    if format_ in {"jsonl", "xlsx"}:
        return None
    async with _plain(path, first_bytes, source.name) as plain:
        surveyed = survey(plain, source.name, options.encoding)
        layout = find_layout(surveyed, options, format_ == "txt")
        reader = RecordReader(source.name, layout.delimiter, layout.skip_lines)
        found: dict[int, list[str]] = {}
        async with aclosing(texts(surveyed)) as pieces:
            async for text, final in pieces:
                records = reader.feed(text, final)
                found.update(
                    (line, cells)
                    for line, cells in zip(records.lines, records.cells, strict=True)
                    if line in lines
                )
    return OriginalRecords(layout.header, layout.width, layout.columns, layout.delimiter, found)


@asynccontextmanager
async def _plain(path: Path, first_bytes: bytes, name: str) -> AsyncIterator[Path]:
    """Yield the path of the input, or of a copy that is not compressed."""
    if not first_bytes.startswith(GZIP_MAGIC):
        yield path
        return
    with path.open("rb") as file:
        copy = spool(file, name).path
    try:
        yield copy
    finally:
        copy.unlink()
