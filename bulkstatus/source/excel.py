"""An Excel workbook → the rows of one sheet, each cell as Excel shows it or with what is wrong."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, Self

import openpyxl

from bulkstatus.errors import BulkstatusError, InputRefused
from bulkstatus.mangled import KEPT_DIGITS
from bulkstatus.order import BLANKS, InvalidRow
from bulkstatus.source.layout import (
    Layout,
    is_header,
    listed,
    quoted,
    with_header,
    without_header,
)
from bulkstatus.source.options import FIELDS, LABELS, Batch, InputOptions
from bulkstatus.source.table import Records, Table, is_blank
from bulkstatus.words import printable

# A worksheet as openpyxl streams it, which its type stubs do not describe.
_Worksheet = Any

# How many rows are made at a time.
_CHUNK = 4000

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


class _Wrong(str):
    """The text of a cell that is no order ID, status or tracking, and why it is not."""

    why: str

    def __new__(cls, text: str, why: str) -> Self:
        cell = super().__new__(cls, text)
        cell.why = why
        return cell


class _Sheet:
    """A sheet read once: `first` is its first row that is not blank, on `line`; `rows` follow."""

    def __init__(self, worksheet: _Worksheet) -> None:
        self.worksheet = worksheet
        self.title: str = worksheet.title
        self.rows: Iterator[tuple[int, list[str]]] = enumerate(_rows(worksheet), 1)
        filled = ((line, row) for line, row in self.rows if not is_blank(row))
        self.line, self.first = next(filled, (0, []))


class Workbook:
    """The workbook `data` with the sheet that holds the rows.

    That is the one that --sheet names, or the only fitting one. Raises InputRefused and, as
    `with_header` does, SettingsRefused.
    """

    title: str
    layout: Layout

    def __init__(self, data: bytes, options: InputOptions, name: str) -> None:
        self._options = options
        self._name = name
        with self._reading():
            file = io.BytesIO(data)
            self._book = openpyxl.load_workbook(file, read_only=True, keep_links=False)
            self._sheet = self._find_sheet()
            self.title = self._sheet.title
            self._refuse_hidden_rows(data)
            self.layout = self._find_layout()

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of the sheet, once."""
        layout = self.layout
        table = Table(layout, self._options, None)
        while True:
            with self._reading():
                rows = list(islice(self._sheet.rows, _CHUNK))
            if not rows:
                return
            whole = [[*row, *[""] * (layout.width - len(row))] for _, row in rows]
            lines, made, cells = table.batch(Records([line for line, _ in rows], whole))
            judged = [_wrong(each, layout) or row for each, row in zip(cells, made, strict=True)]
            yield Batch(lines, judged, cells)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with warnings.catch_warnings():
            # About features of Excel that have nothing to do with values.
            warnings.simplefilter("ignore")
            try:
                yield
            except BulkstatusError:
                raise
            # A damaged workbook raises whatever the part that met the damage raises.
            except Exception:
                raise InputRefused(
                    f"{self._name} cannot be read as an Excel workbook: it is damaged or "
                    "protected by a password. Open it in Excel and save it as a new .xlsx file "
                    "or as CSV."
                ) from None

    def _find_sheet(self) -> _Sheet:
        sheets = self._book.worksheets
        wanted = self._options.sheet
        meant = [
            sheet
            for sheet in sheets
            if (sheet.title == wanted if wanted else sheet.sheet_state == "visible")
        ]
        filled = [sheet for sheet in map(_Sheet, meant) if sheet.line]
        if len(filled) > 1 and not self._options.no_header:
            filled = [s for s in filled if is_header(s.first, self._options)] or filled
        if len(filled) != 1:
            titles = listed([sheet.title for sheet in sheets])
            raise InputRefused(
                f"{self._name}: it is not certain which sheet is meant, of those that hold "
                f"anything and are not hidden. Its sheets: {titles}. Say which with --sheet."
            )
        return filled[0]

    def _find_layout(self) -> Layout:
        sheet = self._sheet
        if self._options.no_header:
            sheet.rows = chain([(sheet.line, sheet.first)], sheet.rows)
            return without_header(sheet.first, self._options, self._name, sheet.line - 1)
        return with_header(sheet.first, self._options, self._name, sheet.line)

    def _refuse_hidden_rows(self, data: bytes) -> None:
        """Refuse a sheet of which some rows are hidden: are they meant, or are they not?"""
        # The path is the only thing that openpyxl keeps to itself.
        path = self._sheet.worksheet._worksheet_path
        rest = b""
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(path) as part:
            while piece := part.read(1 << 20):
                if _HIDDEN_ROW.search(rest + piece):
                    raise InputRefused(
                        f"{self._name}: rows of the sheet {quoted(self.title)} are hidden, perhaps "
                        "by a filter, so that it is not certain whether they are meant. Show "
                        "them, or copy the visible ones to a new sheet."
                    )
                rest = piece[-1000:]


def _wrong(cells: Sequence[str], layout: Layout) -> InvalidRow | None:
    for field, place in zip(FIELDS, layout.columns, strict=True):
        if place is not None and isinstance(cell := cells[place], _Wrong):
            value = printable(cell, 200)
            reason = f"the {LABELS[field]} {quoted(value)} {cell.why}"
            return InvalidRow(str(cells[layout.columns.order_id]), None, None, field, value, reason)
    return None


def _rows(worksheet: _Worksheet) -> Iterator[list[str]]:
    # Some programs write a wrong extent into the sheet, which would cut it off.
    worksheet.reset_dimensions()
    for row in worksheet.iter_rows():
        cells = [_cell(cell) for cell in row]
        while cells and not cells[-1].strip(BLANKS):
            cells.pop()
        yield cells


def _cell(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str) and cell.data_type not in _KINDS:
        return value
    if cell.data_type == "n":
        return _number(value, cell.number_format)
    return _Wrong(str(value), _KINDS.get(cell.data_type, "is not text"))


def _number(value: float, number_format: str) -> str:
    """Return a number as Excel shows it where that is a whole number without separators."""
    if value != int(value):
        return _Wrong(repr(value), "is a number with a fraction")
    text = str(int(value))
    if value < 0:
        return _Wrong(text, "is a negative number")
    if len(text) > KEPT_DIGITS:
        return _Wrong(
            text,
            f"is a number of more than {KEPT_DIGITS} digits, and Excel has lost those behind "
            "them; take it from the source, as text",
        )
    shown_by = _UNSEEN_IN_FORMAT.sub("", number_format.split(";")[0])
    if _PADDED_FORMAT.fullmatch(shown_by):
        return text.zfill(len(shown_by))
    if not _PLAIN_FORMAT.fullmatch(shown_by):
        return _Wrong(
            text,
            f"is a number that Excel shows in the format {quoted(number_format)}, not as it is; "
            "turn it into text as it is shown",
        )
    return text
