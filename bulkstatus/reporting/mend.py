"""`--failures`: the rows to mend, in the columns of their input, with the reason last."""

import csv
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bulkstatus.errors import BulkstatusError, SettingsRefused
from bulkstatus.job.names import kept_settings
from bulkstatus.log import LogContents, Outcome, Result
from bulkstatus.order import BLANKS, OrderStatus, Row, StatusUpdate
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
from bulkstatus.source.options import FIELDS
from bulkstatus.words import printable

#: The header of the column that says why, the last one.
REASON = "reason"


class Written(NamedTuple):
    """What became of the failures.

    `original` says that they stand in all the columns of their input. `left_out` are rows that
    would have been read back as something else, or that a spreadsheet would calculate.
    """

    rows: int
    original: bool
    left_out: Sequence[Result]


@dataclass(frozen=True)
class _Table:
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
        source = await open_source(str(path), InputOptions(default_status=OrderStatus.DISPATCHED))
    async with source, aclosing(source.batches()) as batches:
        return {hash(row.order_id) async for batch in batches for row in batch.rows}


async def write_failures(path: Path, summary: Summary) -> Written:
    """Write the rejected, failed and invalid rows to `path`, a workbook or CSV by its name.

    Rows stand in the columns of their input where it is still beside the log and has them, else
    as order ID, status, tracking and line. The file is read back before it gets its name: a row of
    it means what it meant, or it is left out. Raises SettingsRefused when the file cannot be
    written, is there already, or is to be something else.
    """
    if path.suffix.lower() not in {".csv", ".xlsx"}:
        raise SettingsRefused(
            f"--failures {path}: the file is a workbook or CSV, and its name says which. End it in "
            ".xlsx or .csv."
        )
    with replacing("--failures", path, files_of(summary), None) as new:
        options = input_options(summary.contents, path)
        original = await _original(summary)
        table = original or _plain(options)
        rows = await _write_what_holds(new, table, summary.failures, options)
        if not rows:
            raise SettingsRefused(
                f"--failures {path}: the rows cannot be written so that they are read back as they "
                "are. Mend them in the input itself; --rows lists them."
            )
    written = {result.n for result in rows}
    left_out = [result for result in summary.failures if result.n not in written]
    return Written(len(rows), original is not None, left_out)


# The tables.


async def _original(summary: Summary) -> _Table | None:
    """Return the rows as they stand in the input beside the log that has most of them."""
    tables = []
    for path in inputs_beside(summary):
        try:
            options = input_options(summary.contents, path)
            async with await open_source(str(path), options) as source:
                # Without a header there is no column beside order ID, status and tracking.
                if source.header:
                    tables.append(await _table(source, summary.failures))
        except BulkstatusError:
            continue
    best = max(tables, key=lambda table: len(table.cells), default=None)
    return best if best and best.cells else None


async def _table(source: Source, failures: Sequence[Result]) -> _Table:
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
    names = [name.strip(BLANKS) for name in source.header]
    places = {name: names.index(column) for name, column in source.columns.items()}
    header = list(source.header)
    # What an earlier file of this kind said no longer holds.
    return _Table(header[: -1 if header[-1] == REASON else None], len(header), places, found)


def _plain(options: InputOptions) -> _Table:
    """Return the columns order ID, status, tracking and line, as the log's options find them."""
    fields = [name for name in FIELDS if options.columns.get(name) != ""]
    header = [options.columns.get(name, name) for name in fields]
    places = {name: place for place, name in enumerate([*fields, "line"])}
    return _Table([*header, "line"], len(places), places)


def _content(row: Row | Result) -> tuple[str, int | None, str | None]:
    return row.order_id, row.status, row.tracking


def _cells(result: Result, table: _Table) -> list[str]:
    """Return the cells of a row, the reason last.

    A row that had not as many cells as the header must not come to have them: of it stands in the
    columns only what could be read of it, and the reason says what it was.
    """
    said = harmless_reason(result)
    cells = table.cells.get(result.n)
    if cells is None or len(cells) != table.width:
        if cells is not None:
            said += harmless(printable(f". It was: {' | '.join(cells)}").replace('"', "'"))
        by_place = {
            table.places.get("order_id"): result.order_id,
            table.places.get("status"): "" if result.status is None else str(result.status),
            table.places.get("tracking"): result.tracking or "",
            table.places.get("line"): str(result.line),
        }
        cells = [by_place.get(place, "") for place in range(table.width)]
    return [*cells[: len(table.header)], said]


# Writing them.


async def _write_what_holds(
    path: Path, table: _Table, failures: Sequence[Result], options: InputOptions
) -> list[Result]:
    """Write the rows that are read back as what they are, and return them.

    A row that is not is taken out, and the others are judged again, since rows are read with
    their neighbours. So is one of whose fields a spreadsheet would calculate CSV. Returns none
    when it cannot be told which row is at fault.
    """
    write = _write_workbook if path.suffix.lower() == ".xlsx" else _write_csv
    header = [*table.header, REASON]
    holding = list(failures)
    while holding:
        rows = holding
        write(path, [header, *(_cells(result, table) for result in rows)])
        try:
            read = await _read(path, options)
        except BulkstatusError:
            return []
        if len(read) != len(rows):
            return []
        holding = [result for result, row in zip(rows, read, strict=True) if _holds(result, row)]
        if len(holding) == len(rows):
            break
    return holding


async def _read(path: Path, options: InputOptions) -> list[Row]:
    """Return all rows of a file. Raises InputRefused, SettingsRefused."""
    source = await open_source(str(path), options)
    async with source, aclosing(source.batches()) as batches:
        return [row async for batch in batches for row in batch.rows]


def _holds(result: Result, row: Row) -> bool:
    """Tell whether a row that was read back is the failure that was written.

    One that was invalid stays so when it comes back as it is, whatever was wrong with it.
    """
    is_sendable = isinstance(row, StatusUpdate)
    return _content(row) == _content(result) and (is_sendable or result.outcome is Outcome.INVALID)


def _write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(map(harmless, cells) for cells in rows)


def _write_workbook(path: Path, rows: Sequence[Sequence[str]]) -> None:
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
