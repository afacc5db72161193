"""An Excel workbook → the rows of one sheet, each cell as Excel shows it or with what is wrong."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Self

from openpyxl.styles.numbers import is_date_format

from bulkstatus.errors import BulkstatusError, InputRefused
from bulkstatus.mangled import KEPT_DIGITS
from bulkstatus.order import InvalidRow
from bulkstatus.source.columns import SAMPLE, listed, quoted
from bulkstatus.source.layout import Layout, with_header, without_header
from bulkstatus.source.options import FIELDS, LABELS, Batch, InputOptions
from bulkstatus.source.table import Records, Table, is_blank
from bulkstatus.source.workbook import Cell, Parts, SheetRow
from bulkstatus.words import printable

# How many rows are made at a time.
_CHUNK = 4000

# How many columns a table may have.
_WIDE = 1000

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


class _Wrong(str):
    """The text of a cell that is no order ID, status or tracking, and why it is not."""

    why: str

    def __new__(cls, text: str, why: str) -> Self:
        cell = super().__new__(cls, text)
        cell.why = why
        return cell


class _Rows:
    """The rows of a sheet, read once: `first` is the first that is not blank, on `line`.

    `are_several` tells whether there are others, `are_hidden` whether some that were read are
    hidden.
    """

    def __init__(self, rows: Iterator[SheetRow]) -> None:
        self.are_hidden = False
        filled = self._filled(rows)
        self.line, cells = next(filled, (0, {}))
        self.first = [cells.get(place, "") for place in range(max(cells, default=-1) + 1)]
        second = list(islice(filled, 1))
        self.are_several = bool(second)
        self._rest = chain(second, filled)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows below the first, each as wide as that, or wider by the cells beyond it."""
        for line, cells in self._rest:
            yield line, self._whole(cells)

    def ahead(self, count: int) -> list[list[str]]:
        """Return some rows below the first, which are yielded all the same."""
        some = list(islice(self._rest, count))
        self._rest = chain(some, self._rest)
        return [self._whole(cells) for _, cells in some]

    def _whole(self, cells: dict[int, str]) -> list[str]:
        width = len(self.first)
        beyond = [cells[place] for place in sorted(cells) if place >= width]
        return [*(cells.get(place, "") for place in range(width)), *beyond]

    def _filled(self, rows: Iterator[SheetRow]) -> Iterator[tuple[int, dict[int, str]]]:
        for row in rows:
            shown = {place: _shown(cell) for place, cell in row.cells.items()}
            if filled := {place: text for place, text in shown.items() if not is_blank([text])}:
                self.are_hidden = self.are_hidden or row.is_hidden
                yield row.number, filled


class Workbook:
    """The workbook in `file` with the sheet that holds the rows.

    That is the one that --sheet names, or the only fitting one. Raises InputRefused and, as
    `with_header` does, SettingsRefused.
    """

    title: str
    layout: Layout

    def __init__(self, file: io.BytesIO, options: InputOptions, name: str) -> None:
        self._options = options
        self._name = name
        with self._reading():
            self._rows = self._find_rows(Parts(file, name))
            self.layout = self._find_layout()

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of the sheet, once."""
        layout = self.layout
        table = Table(layout, None)
        below = iter(self._rows)
        if not layout.header:
            below = chain([(self._rows.line, self._rows.first)], below)
        while True:
            with self._reading():
                rows = list(islice(below, _CHUNK))
            if self._rows.are_hidden:
                raise InputRefused(
                    f"{self._name}: rows of the sheet {quoted(self.title)} are hidden, perhaps by "
                    "a filter, so that it is not certain whether they are meant. Show them (in "
                    "Excel: Data, Clear), or copy the visible ones to a new sheet."
                )
            if not rows:
                return
            whole = Records([line for line, _ in rows], [cells for _, cells in rows])
            lines, made, cells = table.batch(whole)
            judged = [_wrong(each, layout) or row for each, row in zip(cells, made, strict=True)]
            yield Batch(lines, judged, cells)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except BulkstatusError:
            raise
        # A damaged workbook raises whatever the part that met the damage raises.
        except Exception:
            raise InputRefused(
                f"{self._name} cannot be read as an Excel workbook: it is damaged or protected by "
                "a password. Open it in Excel and save it as a new .xlsx file or as CSV."
            ) from None

    def _find_rows(self, parts: Parts) -> _Rows:
        """Return the rows of the sheet that is meant."""
        wanted, layouts = self._options.sheet, self._options.layouts
        meant = [
            sheet
            for sheet in parts.sheets
            if (sheet.title == wanted if wanted else sheet.is_visible)
        ]
        found = [(sheet.title, _Rows(parts.rows(sheet))) for sheet in meant]
        filled = [(title, rows) for title, rows in found if rows.line]
        if len(filled) > 1:
            filled = [(t, r) for t, r in filled if r.are_several or self._options.no_header]
        if len(filled) > 1 and layouts is not None:
            named = layouts.sheet_of({title: rows.first for title, rows in filled})
            filled = [(t, r) for t, r in filled if named in {None, t}]
        if len(filled) != 1:
            titles = listed([sheet.title for sheet in parts.sheets])
            raise InputRefused(
                f"{self._name}: it is not certain which sheet is meant, of those that hold "
                f"anything and are not hidden. Its sheets: {titles}. Say which with --sheet."
            )
        self.title, rows = filled[0]
        if len(rows.first) > _WIDE:
            raise InputRefused(
                f"{self._name}: the first row of the sheet {quoted(self.title)} has "
                f"{len(rows.first):,} columns, more than a table has. Delete what stands far to "
                "its right."
            )
        return rows

    def _find_layout(self) -> Layout:
        rows = self._rows
        if self._options.no_header:
            return without_header(rows.first, self._options, self._name, rows.line - 1)
        return with_header(rows.first, rows.ahead(SAMPLE), self._options, self._name, rows.line)


def _wrong(cells: Sequence[str], layout: Layout) -> InvalidRow | None:
    for field, place in zip(FIELDS, layout.columns, strict=True):
        if place is not None and isinstance(cell := cells[place], _Wrong):
            value = printable(cell, 200)
            reason = f"the {LABELS[field]} {quoted(value)} {cell.why}"
            return InvalidRow(str(cells[layout.columns.order_id]), None, None, field, value, reason)
    return None


def _shown(cell: Cell) -> str:
    """Return the text that Excel shows in a cell, marked where it is not a field's."""
    if cell.kind == "s":
        return cell.value
    if cell.kind == "n":
        return _number(float(cell.value), cell.format)
    return _Wrong(cell.value or "=", _KINDS[cell.kind])


def _number(value: float, number_format: str) -> str:
    """Return a number as Excel shows it where that is a whole number without separators."""
    if is_date_format(number_format):
        return _Wrong(repr(value), _KINDS["d"])
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
