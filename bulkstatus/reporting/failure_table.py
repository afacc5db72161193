"""The table of the rows to mend: their cells, the reason last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bulkstatus.reporting.original import OriginalRecords
from bulkstatus.reporting.reasons import REASON, harmless, reason_to_mend
from bulkstatus.result import Result
from bulkstatus.resultlog.state import Content
from bulkstatus.source import InputOptions, Source
from bulkstatus.source.header import Columns
from bulkstatus.source.options import FIELDS


@dataclass(frozen=True)
class FailureTable:
    """Rows to be written: each result with its cells."""

    header: Sequence[str]
    delimiter: str
    rows: list[tuple[Result, list[str]]]


async def lines_of(source: Source, failures: Iterable[Result]) -> dict[int, int]:
    """Return the line in `source` of each failure that it still holds, by the place of the failure.

    Rows are found by content; those that are alike are taken in the order of the file.
    """
    wanted: dict[Content, list[int]] = {}
    for place, result in enumerate(failures):
        content = Content.of(result)
        wanted.setdefault(content, []).append(place)
    found: dict[Content, list[int]] = {}
    async for batch in source.batches():
        for line, row in zip(batch.lines, batch.rows, strict=True):
            content = Content.of(row)
            if content in wanted:
                found.setdefault(content, []).append(line)
    return {
        place: line
        for content, places in wanted.items()
        for place, line in zip(places, found.get(content, ()), strict=False)
    }


def original_table(
    failures: Sequence[Result],
    lines: dict[int, int],
    original: OriginalRecords,
    options: InputOptions,
) -> FailureTable:
    """Return the rows in the columns of the input, with the reason last."""
    header = list(original.header)
    columns = original.columns
    # What an earlier file of this kind said no longer holds.
    reasoned = header[-1:] == [REASON]
    if reasoned:
        header.pop()
    width = original.width - reasoned
    names = _field_names(options)
    if not header:
        width = max(width, len(names))
        if not options.no_header:
            # A bare list: a header makes room for the reason.
            header = list(names.values())
            columns = _columns(names)
    rows = []
    for place, result in enumerate(failures):
        said = harmless(reason_to_mend(result))
        raw = original.by_line.get(lines.get(place, 0))
        if raw is None:
            rows.append((result, [*_placed(result, columns, width), said]))
            continue
        cells = _without_reason(raw, original.width) if reasoned else raw
        # The reason stands in its column also where cells are lacking before it.
        row = [*cells, *[""] * (width - len(cells)), said]
        if len(raw) != original.width and len(row) == width + 1:
            # A row that had not the right number of cells must not come to have it.
            row.append("")
        rows.append((result, row))
    if header:
        header.append(REASON)
    # Excel opens a file by its extension: .csv with tabs in it would end up in one column.
    delimiter = original.delimiter if original.delimiter in {",", ";"} else ","
    return FailureTable(header, delimiter, rows)


def _without_reason(cells: list[str], width: int) -> list[str]:
    """Return a row of an earlier file of this kind, `width` cells wide, without its reason."""
    if len(cells) == width + 1 and not cells[-1]:
        return cells[: width - 1]
    return cells[:-1]


def plain_table(failures: Sequence[Result], options: InputOptions) -> FailureTable:
    """Return the rows in the columns of the three fields, with the reason last."""
    names = _field_names(options)
    columns = _columns(names)
    rows = [
        (result, [*_placed(result, columns, len(names)), harmless(reason_to_mend(result))])
        for result in failures
    ]
    return FailureTable([] if options.no_header else [*names.values(), REASON], ",", rows)


def _field_names(options: InputOptions) -> dict[str, str]:
    """Return the header of each field that the input may have."""
    names = {name: options.columns.get(name, name) for name in FIELDS}
    return {name: header for name, header in names.items() if header}


def _columns(names: Iterable[str]) -> Columns:
    places = {name: place for place, name in enumerate(names)}
    return Columns(places["order_id"], places.get("status"), places.get("tracking"))


def _placed(result: Result, columns: Columns, width: int) -> list[str]:
    """Return a row's cells made from its record alone."""
    cells = [""] * width
    status = "" if result.status is None else str(int(result.status))
    values = (result.order_id, status, result.tracking or "")
    for place, value in zip(columns, values, strict=True):
        if place is not None and place < width:
            cells[place] = value
    return cells
