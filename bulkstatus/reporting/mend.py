"""`--failures`: the rows to mend, in the columns of their input, with the reason last."""

import csv
from collections.abc import Mapping, Sequence, Set
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from bulkstatus.errors import BulkstatusError, SettingsRefused
from bulkstatus.job.names import kept_settings
from bulkstatus.log import LogContents, Outcome, Result
from bulkstatus.order import OrderStatus, Row, StatusUpdate
from bulkstatus.reporting.summary import Summary
from bulkstatus.reporting.tables import (
    files_of,
    harmless,
    harmless_reason,
    inputs_beside,
    replacing,
)
from bulkstatus.settings.sources import logged_settings, resolve
from bulkstatus.source import InputOptions, Source, open_source
from bulkstatus.source.options import FIELDS, REASON
from bulkstatus.words import counted, printable

# Stands for a status that could not be read, so that nothing else is taken for it.
_UNKNOWN = "?"


@dataclass(frozen=True)
class Table:
    """The columns in which rows are written, but for the reason's.

    `places` tells which cell holds a field, and `cells` has those of the rows that an input has,
    by `n`; there are `width` of them, unless the row had too many or too few.
    """

    header: Sequence[str]
    width: int
    places: Mapping[str, int]
    cells: Mapping[int, Sequence[str]] = field(default_factory=dict)


def input_options(log: LogContents, path: Path) -> InputOptions:
    """Return how a file is read that is fed back to a log. Raises LogRefused, SettingsRefused."""
    return resolve(("result log", logged_settings(kept_settings(log, path)))).input


async def orders_in(path: Path, summary: Summary) -> set[int]:
    """Return the hashes of the IDs of the orders of a file, which may be a mere list of them.

    It is read as one that is fed back, or else by itself. Raises InputRefused, SettingsRefused.
    """
    try:
        source = await open_source(str(path), input_options(summary.contents, path))
    except BulkstatusError:
        by_itself = InputOptions(status=OrderStatus.DISPATCHED, column={"tracking": ""})
        source = await open_source(str(path), by_itself)
    return {hash(row.order_id) for row in await _rows_of(source)}


async def write_failures(path: Path, summary: Summary) -> bool:
    """Write the rejected, failed and invalid rows to `path`, a workbook or CSV by its name.

    Rows stand in the columns of their input where it is still beside the log and has them, else
    as order ID, status, tracking and line; returns whether it was so. The file is read back before
    it gets its name: each row means what it meant, or cannot be sent as it stands. Raises
    SettingsRefused when that cannot be had, or the file cannot be written, is there already, or is
    to be something else.
    """
    if path.suffix.lower() not in {".csv", ".xlsx"}:
        raise SettingsRefused(
            f"--failures {path}: the file is a workbook or CSV, and its name says which. End it in "
            ".xlsx or .csv."
        )
    with replacing("--failures", path, files_of(summary), None) as new:
        options = input_options(summary.contents, path)
        found = await original(summary)
        # What is below a line that is no order, such as a total, would not be taken for one.
        invalid_last = sorted(summary.failures, key=lambda each: each.outcome is Outcome.INVALID)
        tables = [table for table in (found, _plain(options)) if table]
        for table, rows in product(tables, (summary.failures, invalid_last)):
            if await _holds(new, table, rows, options):
                return table is found
        is_csv = path.suffix.lower() == ".csv"
        instead = "a workbook (.xlsx) can hold them" if is_csv else "mend them in the input itself"
        raise SettingsRefused(
            f"--failures {path}: not all rows can be written so that they are read back as they "
            f"are; {instead}. --rows lists them."
        )


async def rows_to_mend(summary: Summary, most: int) -> tuple[list[str], list[list[str]]]:
    """Return a header and the first rows as the file of failures has them, the reason first."""
    found = await original(summary) if summary.failures else None
    table = found or _plain(input_options(summary.contents, summary.log))
    rows = (_cells(result, table, plainly=False) for result in summary.failures[:most])
    return ["Why", *table.header], [[said, *cells] for *cells, said in rows]


def written_sentences(path: Path, rows: int, is_original: bool) -> list[str]:
    """Return what there is to say of the failures that were written to `path`."""
    said = [f"Wrote {path}: {counted(rows, 'row')}."]
    if not is_original:
        said.append(
            "The other columns of the input are missing: it is no longer beside the log as it was "
            "sent, or not all rows can stand in its columns so that they are read back."
        )
    return said


# The tables.


async def original(summary: Summary) -> Table | None:
    """Return the rows as they stand in the newest input beside the log that has any of them."""
    for path in inputs_beside(summary):
        with suppress(BulkstatusError):
            options = input_options(summary.contents, path)
            async with await open_source(str(path), options) as source:
                # Without a header there is no column beside order ID, status and tracking.
                if source.header and (table := await _table(source, summary.failures)).cells:
                    return table
    return None


async def _table(source: Source, failures: Sequence[Result]) -> Table:
    """Return the rows that a source still has, found by content.

    Rows that are alike are taken in the order of the file.
    """
    wanted: dict[object, list[int]] = {}
    for result in reversed(failures):
        wanted.setdefault(_content(result), []).append(result.n)
    found: dict[int, Sequence[str]] = {}
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            for row, cells in zip(batch.rows, batch.cells, strict=True):
                if rows := wanted.get(_content(row)):
                    found[rows.pop()] = cells
    header, columns = list(source.header), source.columns
    places = {name: header.index(columns[name]) for name in FIELDS if name in columns}
    # What an earlier file of this kind said no longer holds.
    return Table(header[: -1 if header[-1] == REASON else None], len(header), places, found)


def _plain(options: InputOptions) -> Table:
    """Return the columns order ID, status, tracking and line, as the log's options find them."""
    fields = [name for name in FIELDS if options.column.get(name) != ""]
    header = [options.column.get(name, name) for name in fields]
    places = {name: place for place, name in enumerate([*fields, "line"])}
    return Table([*header, "line"], len(places), places)


def _content(row: Row | Result) -> tuple[str, int | None, str | None]:
    return row.order_id, row.status, row.tracking


def _cells(result: Result, table: Table, plainly: bool) -> list[str]:
    """Return the cells of a row, the reason last.

    A row that had not as many cells as the header must not come to have them: of it, and of those
    to be written `plainly`, only what could be read of them stands in the columns, and the reason
    says what it was.
    """
    said = harmless_reason(result)
    cells = table.cells.get(result.n)
    if cells is None or plainly or len(cells) != table.width:
        if cells is not None:
            said += harmless(printable(f". It was: {' | '.join(cells)}").replace('"', "'"))
        order_id = result.order_id
        if result.status is None and not table.cells and "status" not in table.places:
            # Nothing but a blank says here that the row is not to be sent.
            order_id, said = "", said + harmless(printable(f". The order: {order_id}"))
        by_place = {
            table.places.get("order_id"): order_id,
            table.places.get("status"): _UNKNOWN if result.status is None else str(result.status),
            table.places.get("tracking"): result.tracking or "",
            table.places.get("line"): str(result.line),
        }
        cells = [by_place.get(place, "") for place in range(table.width)]
    return [*cells[: len(table.header)], said]


# Writing them.


async def _holds(
    path: Path, table: Table, failures: Sequence[Result], options: InputOptions
) -> bool:
    """Write rows to a table, and tell whether they are read back as what they are.

    Invalid ones that are not are written plainly.
    """
    write = _write_workbook if path.suffix.lower() == ".xlsx" else _write_csv
    plainly: set[int] = set()
    while True:
        rows = [_cells(result, table, result.n in plainly) for result in failures]
        write(path, [[*table.header, REASON], *rows], frozenset(table.places.values()))
        try:
            read = await _rows_of(await open_source(str(path), options))
        except BulkstatusError:
            return False
        if len(read) != len(rows):
            return False
        pairs = zip(failures, read, strict=True)
        changed = [result for result, row in pairs if not _is_same(result, row)]
        if not changed:
            return True
        if any(each.outcome is not Outcome.INVALID or each.n in plainly for each in changed):
            return False
        plainly.update(each.n for each in changed)


async def _rows_of(source: Source) -> list[Row]:
    """Return all rows of a file. Raises InputRefused."""
    async with source, aclosing(source.batches()) as batches:
        return [row async for batch in batches for row in batch.rows]


def _is_same(result: Result, row: Row) -> bool:
    """Tell whether a row that was read back is the failure that was written.

    One that was invalid stays so when it comes back as it is, whatever is wrong with it then.
    """
    if result.outcome is Outcome.INVALID and not isinstance(row, StatusUpdate):
        return True
    return _content(row) == _content(result) and isinstance(row, StatusUpdate)


def _write_csv(path: Path, rows: Sequence[Sequence[str]], fields: Set[int]) -> None:
    def cell(place: int, text: str) -> str:
        shown = harmless(text)
        # In this form of text a spreadsheet shows, and keeps, what would else be a formula.
        return (
            f'="{text}"' if shown == f"'{text}" and place in fields and '"' not in text else shown
        )

    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([cell(*each) for each in enumerate(cells)] for cells in rows)


def _write_workbook(path: Path, rows: Sequence[Sequence[str]], fields: Set[int]) -> None:
    """Write a workbook all of whose cells are text, so that Excel alters none and runs none."""
    # Not imported before it is needed: it is slow.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("to mend")
    for texts in rows:
        cells = []
        for text in texts:
            shown = printable(text) if ILLEGAL_CHARACTERS_RE.search(text) else text
            cell = WriteOnlyCell(sheet, value=shown or None)
            if text:
                cell.data_type = "s"
                cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    workbook.save(path)
