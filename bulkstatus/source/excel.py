"""An Excel workbook → the rows of one sheet, each cell as Excel shows it or with what is wrong."""

import asyncio
import io
import re
import warnings
import zipfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from bulkstatus.errors import BulkstatusError, InputRefused, SettingsRefused
from bulkstatus.order import BLANKS, InvalidRow, Row
from bulkstatus.source import header
from bulkstatus.source.blocks import content
from bulkstatus.source.csv_records import Records
from bulkstatus.source.header import listed, quoted
from bulkstatus.source.layout import Layout, without_header
from bulkstatus.source.options import FIELDS, LABELS, Batch, InputOptions
from bulkstatus.source.survey import Survey
from bulkstatus.source.table import Table, is_blank
from bulkstatus.text import printable

if TYPE_CHECKING:
    from openpyxl import Workbook

# A worksheet as openpyxl streams it, which its type stubs do not describe.
_Worksheet = Any

# How many rows are made at a time, in a thread.
_CHUNK = 1000

# Excel keeps 15 digits of a number; what stands behind them is lost.
_MAX_DIGITS = 15

_KINDS = {
    "b": "is true or false, not text",
    "d": "is a date or a time, not text",
    "e": "is a formula's error",
    "f": "is a formula; copy the column and paste it as values",
}
_PLAIN_FORMAT = re.compile(r"general|@|[#,]*0?(?:\.0+)?(?:e\+0+)?", re.IGNORECASE)
_PADDED_FORMAT = re.compile(r"0{2,}")
# Colours and conditions, and the spaces that a format leaves.
_UNSEEN_IN_FORMAT = re.compile(r"\[[^\]]*\]|[_*].")
_HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*\bhidden="(?:1|true)"')


class Cell(NamedTuple):
    """What a cell shows, and what is wrong with it as an order ID, status or tracking."""

    text: str
    wrong: str = ""


class Sheet(NamedTuple):
    """The sheet that is read, and how."""

    title: str
    layout: Layout


def find_sheet(data: bytes, options: InputOptions, name: str) -> Sheet:
    """Return the sheet that holds the rows: the one that --sheet names, or the only fitting one.

    Raises InputRefused and SettingsRefused.
    """
    with _workbook(data, name) as workbook:
        sheet = _named(workbook, options.sheet, name) if options.sheet else None
        if sheet is None:
            sheet = _only_fitting(workbook, options, name)
        _refuse_hidden_rows(data, sheet, name)
        place, first = _first_row(sheet)
        if first is None:
            raise InputRefused(f"{name}: the sheet {quoted(sheet.title)} is empty.")
        cells = [cell.text for cell in first]
        if options.no_header:
            return Sheet(sheet.title, without_header(cells, options, name, place - 1))
        if not header.is_header(cells, options.columns):
            _refuse_preamble(sheet, options, name)
        columns = header.choose(cells, options, name)
        return Sheet(sheet.title, Layout("", place, tuple(cells), columns, len(cells), False))


async def sheet_batches(
    surveyed: Survey, sheet: Sheet, options: InputOptions
) -> AsyncGenerator[Batch, None]:
    """Yield the rows of the surveyed workbook's sheet. Raises InputChanged before any."""
    data = await content(surveyed)
    batches = _batches(data, sheet, options, surveyed.name)
    while batch := await asyncio.to_thread(next, batches, None):
        yield batch


def _batches(data: bytes, sheet: Sheet, options: InputOptions, name: str) -> Iterator[Batch]:
    layout = sheet.layout
    table = Table(layout, options, assumed_encoding=False)
    with _workbook(data, name) as workbook:
        numbered = enumerate(_rows(workbook[sheet.title]), 1)
        rows = islice(numbered, layout.skip_lines, None)
        while chunk := list(islice(rows, _CHUNK)):
            lines: list[int] = []
            made: list[Row] = []
            for line, row in chunk:
                for at, one in zip(*_row(line, row, table, layout), strict=True):
                    lines.append(at)
                    made.append(one)
            yield Batch(lines, made)


def _row(line: int, row: Sequence[Cell], table: Table, layout: Layout) -> Batch:
    """Return the row of one line, or none where it is blank."""
    # What stands beside the table belongs to no column of it.
    cells = [*row[: layout.width], *[Cell("")] * (layout.width - len(row))]
    texts = [cell.text for cell in cells]
    for field, place in zip(FIELDS, layout.columns, strict=True):
        if place is not None and cells[place].wrong:
            shown = texts[layout.columns.order_id]
            value = printable(texts[place], 200)
            reason = f"the {LABELS[field]} {quoted(value)} {cells[place].wrong}"
            return Batch([line], [InvalidRow(shown, None, None, field, value, reason)])
    return table.batch(Records([line], [texts], [" | ".join(texts)], None))


@contextmanager
def _workbook(data: bytes, name: str) -> "Iterator[Workbook]":
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise InputRefused(
            f"{name} is an Excel workbook, which needs one more package: run "
            '`pip install "bulkstatus[excel]"`, or save the sheet as CSV.'
        ) from None
    with warnings.catch_warnings():
        # About features of Excel that have nothing to do with values.
        warnings.simplefilter("ignore")
        try:
            workbook = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
            try:
                yield workbook
            finally:
                workbook.close()
        except BulkstatusError:
            raise
        # A damaged workbook raises whatever the part that met the damage raises.
        except Exception:
            raise InputRefused(
                f"{name} cannot be read as an Excel workbook: it is damaged or protected by a "
                "password. Open it in Excel and save it as a new .xlsx file or as CSV."
            ) from None


def _named(workbook: "Workbook", title: str, name: str) -> _Worksheet:
    titles = [sheet.title for sheet in workbook.worksheets]
    if title not in titles:
        close = get_close_matches(title, titles, n=1)
        hint = f"Did you mean {quoted(close[0])}?" if close else f"Its sheets: {listed(titles)}."
        raise SettingsRefused(f"{name} has no sheet {quoted(title)}. {hint}")
    return workbook.worksheets[titles.index(title)]


def _only_fitting(workbook: "Workbook", options: InputOptions, name: str) -> _Worksheet:
    filled = []
    fitting = []
    for sheet in workbook.worksheets:
        _, first = _first_row(sheet)
        if first is not None and sheet.sheet_state == "visible":
            filled.append(sheet)
            if header.is_header([cell.text for cell in first], options.columns):
                fitting.append(sheet)
    sheets = filled if options.no_header else fitting or filled
    if not sheets:
        raise InputRefused(f"{name} has no visible sheet with anything in it.")
    if len(sheets) > 1:
        titles = listed([sheet.title for sheet in sheets])
        raise InputRefused(
            f"{name} has several sheets that could be meant: {titles}. "
            f"Say which with --sheet {quoted(sheets[0].title)}."
        )
    return sheets[0]


def _first_row(sheet: _Worksheet) -> tuple[int, Sequence[Cell] | None]:
    """Return the number and the cells of the first row that is not blank."""
    for number, row in enumerate(_rows(sheet), 1):
        if not is_blank([cell.text for cell in row]):
            return number, row
    return 0, None


def _refuse_preamble(sheet: _Worksheet, options: InputOptions, name: str) -> None:
    for number, row in enumerate(islice(_rows(sheet), 30), 1):
        if header.is_header([cell.text for cell in row], options.columns):
            raise InputRefused(
                f"{name}: the header seems to stand on row {number}, with something else above "
                "it. Delete the rows above the header."
            )


def _refuse_hidden_rows(data: bytes, sheet: _Worksheet, name: str) -> None:
    """Refuse a sheet of which some rows are hidden: are they meant, or are they not?"""
    # The path is the only thing that openpyxl keeps to itself.
    path = sheet._worksheet_path
    rest = b""
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(path) as part:
        while piece := part.read(1 << 20):
            if _HIDDEN_ROW.search(rest + piece):
                raise InputRefused(
                    f"{name}: rows of the sheet {quoted(sheet.title)} are hidden, perhaps by a "
                    "filter, so that it is not certain whether they are meant. Show them, or copy "
                    "the visible ones to a new sheet."
                )
            rest = piece[-1000:]


def _rows(sheet: _Worksheet) -> Iterator[list[Cell]]:
    # Some programs write a wrong extent into the sheet, which would cut it off.
    sheet.reset_dimensions()
    for row in sheet.iter_rows():
        cells = [_cell(cell) for cell in row]
        while cells and not cells[-1].text.strip(BLANKS):
            cells.pop()
        yield cells


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell("")
    if isinstance(value, str) and cell.data_type not in _KINDS:
        return Cell(value)
    if cell.data_type == "n":
        return _number(value, cell.number_format)
    return Cell(str(value), _KINDS.get(cell.data_type, "is not text"))


def _number(value: float, number_format: str) -> Cell:
    """Return a number as Excel shows it where that is a whole number without separators."""
    if value != int(value):
        return Cell(repr(value), "is a number with a fraction")
    text = str(int(value))
    if value < 0:
        return Cell(text, "is a negative number")
    if len(text) > _MAX_DIGITS:
        return Cell(
            text,
            f"is a number of more than {_MAX_DIGITS} digits, and Excel has lost those behind "
            "them; take it from the source, as text",
        )
    shown_by = _UNSEEN_IN_FORMAT.sub("", number_format.split(";")[0])
    if _PADDED_FORMAT.fullmatch(shown_by):
        return Cell(text.zfill(len(shown_by)))
    if not _PLAIN_FORMAT.fullmatch(shown_by):
        return Cell(
            text,
            f"is a number that Excel shows in the format {quoted(number_format)}, not as it is; "
            "turn it into text as it is shown",
        )
    return Cell(text)
