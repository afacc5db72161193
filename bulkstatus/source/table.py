"""Records of a table → rows: whole, invalid or left out, never shifted.

`order.parse_update` judges what the cells of a row say. Here stands what can be wrong with a row
in its table: its shape, its place, and whether its cells are what the file's author wrote.
"""

import csv
import re
from collections.abc import Sequence

from bulkstatus.mangled import how_mangled
from bulkstatus.order import (
    BLANKS,
    InvalidRow,
    Row,
    StatusUpdate,
    parse_plain,
    parse_update,
)
from bulkstatus.source.csv_records import DELIMITERS, Records
from bulkstatus.source.header import field_of, normalise, quoted
from bulkstatus.source.layout import Layout
from bulkstatus.source.options import Batch, InputOptions
from bulkstatus.source.survey import guessed
from bulkstatus.text import printable

# DOS marks the end of a text with Ctrl-Z; a joined file has another's byte order mark inside.
_BLANKS = BLANKS + "\x1a\ufeff"

_DIGIT = re.compile(r"\d")
_BLANK = re.compile(r"\s")
_LINE_END = re.compile("\r\n|\n|\r")

# What stands in the first cell below the last row of a report.
_FOOTER = re.compile(
    r"(?:(?:grand|sub)[ -]?)?totals?(?:[ :=(].*)?|(?:sum|summe|gesamt|totaal|count)(?:[ :=(].*)?"
    r"|\(?\d+ (?:rows?|records?|orders?|lines?)\b.*|(?:rows?|records?|orders?|lines?) ?[:=] ?\d+"
    r"|end(?: of .*)?|eof",
    re.IGNORECASE,
)

# "Do not cancel:", "Warehouse B"; not "1001 (Smith)".
_HEADING = re.compile(r"[^\W\d]+\s")

_SEVERAL = "the line holds several cells where one order ID is expected; write one a line"


class Table:
    """Makes the rows of one table, in the order of the file.

    `assumed_encoding` says that the encoding is a guess, which no ID must depend on.
    """

    def __init__(self, layout: Layout, options: InputOptions, assumed_encoding: bool) -> None:
        self._layout = layout
        self._default_status = options.default_status
        self._require_tracking = options.require_tracking
        self._assumed_encoding = assumed_encoding
        self._header = [cell.strip(_BLANKS) for cell in layout.header]
        # The line on which something begins that is not this table.
        self._foreign = 0
        # None before the first ID.
        self._all_ids_have_digits: bool | None = None
        # Of the record before:
        self._was_blank = False
        self._was_fragment = False
        self._was_split = False

    def batch(self, records: Records) -> Batch:
        """Return the rows of `records`, which follow those of the call before."""
        rows = self._plain(records)
        if rows is not None:
            return Batch(records.lines, rows)
        return self._one_by_one(records)

    def _plain(self, records: Records) -> Sequence[StatusUpdate] | None:
        """Return the rows when not one of `records` is out of the ordinary."""
        layout = self._layout
        cells = records.cells
        if (
            self._foreign
            or self._was_fragment
            or self._was_split
            or set(map(len, cells)) != {layout.width}
            or (records.following is not None and self._is_fragment(records.following))
            or (layout.width == 1 and _have_ends(records.texts))
        ):
            return None
        order_ids, statuses, trackings = (
            [""] * len(cells) if place is None else [record[place] for record in cells]
            for place in layout.columns
        )
        rows = parse_plain(
            order_ids, statuses, trackings, self._default_status, self._require_tracking
        )
        if rows is not None:
            self._was_blank = False
            self._all_ids_have_digits = self._all_ids_have_digits is not False
        return rows

    def _one_by_one(self, records: Records) -> Batch:
        lines: list[int] = []
        rows: list[Row] = []
        followers = [*records.cells[1:], records.following or ()]
        for line, cells, text, following in zip(
            records.lines, records.cells, records.texts, followers, strict=False
        ):
            if is_blank(cells):
                self._was_blank = True
                self._was_fragment = self._was_split = False
                continue
            lines.append(line)
            rows.append(self._row(line, cells, text, following))
            self._was_blank = False
        return Batch(lines, rows)

    def _row(self, line: int, cells: Sequence[str], text: str, following: Sequence[str]) -> Row:
        order_id, status, tracking = (
            "" if place is None or place >= len(cells) else cells[place]
            for place in self._layout.columns
        )
        wrong = (
            self._wrong_place(line, order_id.strip(_BLANKS), cells)
            or self._wrong_shape(cells, text, following)
            or self._wrong_cells(order_id, tracking, cells, text)
        )
        self._was_fragment = self._is_fragment(cells)
        if wrong:
            value = printable(text.strip(_BLANKS), 200)
            return InvalidRow(order_id.strip(_BLANKS), None, None, "row", value, wrong)
        row = parse_update(order_id, status, tracking, self._default_status, self._require_tracking)
        if isinstance(row, StatusUpdate):
            has_digit = _DIGIT.search(row.order_id) is not None
            self._all_ids_have_digits = has_digit and self._all_ids_have_digits is not False
        return row

    def _wrong_place(self, line: int, order_id: str, cells: Sequence[str]) -> str | None:
        """Return why a record is not one of this table's rows."""
        stripped = [cell.strip(_BLANKS) for cell in cells]
        if stripped == self._header:
            self._foreign = 0
            return "the line repeats the header; delete it"
        if self._foreign:
            return (
                f"the row stands below line {self._foreign}, which is not a row of this table; "
                "keep one table in the file, without headings between its rows"
            )
        first = order_id or next(cell for cell in stripped if cell)
        if _FOOTER.fullmatch(first):
            return "the row looks like a total or the end of a report; delete it"
        if self._begins_something_else(first, stripped):
            self._foreign = line
            return (
                "the line looks like a heading or the header of another table; keep one table in "
                "the file, without headings between its rows"
            )
        return None

    def _begins_something_else(self, order_id: str, cells: Sequence[str]) -> bool:
        if _HEADING.match(order_id) and self._layout.width == 1:
            return True
        if _DIGIT.search(order_id):
            return False
        if field_of(order_id):
            return True
        names = {field_of(cell): normalise(cell) for cell in cells}
        # A cell may well hold the words "order" or "status" without being a header.
        if len(names.keys() - {None}) > 1 or names.get("order_id", "order") != "order":
            return True
        wordy = len(cells) > 1 and all(cells) and not any(map(_DIGIT.search, cells))
        if self._was_blank:
            return self._all_ids_have_digits is True or (
                wordy and self._all_ids_have_digits is None
            )
        return wordy and self._all_ids_have_digits is True and self._layout.columns.status is None

    def _wrong_shape(self, cells: Sequence[str], text: str, following: Sequence[str]) -> str | None:
        """Return why a record has not, or perhaps has not, the cells that its author gave it."""
        layout = self._layout
        if layout.width == 1 and len(cells) > 1:
            return _SEVERAL
        if len(cells) != layout.width:
            than = "the header" if layout.header else "the first line"
            return (
                f"the row has {_cells(len(cells))}, {than} has {layout.width}; a delimiter or a "
                "quotation mark is missing or too many"
            )
        if layout.width == 1:
            return self._wrong_single(cells[0], text, following)
        used = set(layout.columns)
        if (self._was_fragment and 0 in used) or (
            layout.width - 1 in used and self._is_fragment(following)
        ):
            return (
                "a line break seems to have split this row, part of it standing alone on the "
                "next or the previous line; join them"
            )
        return None

    def _wrong_single(self, cell: str, text: str, following: Sequence[str]) -> str | None:
        """Return why the only cell of a record is perhaps not one whole order ID."""
        if any(delimiter in cell for delimiter in DELIMITERS):
            return _SEVERAL
        if not self._layout.header and _BLANK.search(cell.strip(_BLANKS)):
            return "the line holds more than an order ID; write one a line and nothing else"
        was_split = self._was_split
        self._was_split = text.endswith(("\r", "\n")) and (
            (text[-1] == "\r") != self._layout.ends_in_cr
        )
        if was_split or (self._was_split and not is_blank(following)):
            return (
                "a stray line break of another kind than the file's splits this line, and perhaps "
                "an order ID; write one order ID a line"
            )
        return None

    def _wrong_cells(
        self, order_id: str, tracking: str, cells: Sequence[str], text: str
    ) -> str | None:
        """Return why a cell is perhaps not what the file's author meant it to be."""
        layout = self._layout
        if layout.delimiter and (wrong := self._wrong_quotes(order_id, tracking, text)):
            return wrong
        if (
            _BLANK.search(order_id.strip(_BLANKS))
            and len(cells) > 1
            and sum(not is_blank([cell]) for cell in cells) == 1
        ):
            return "the row looks like a remark, not like an order; delete it"
        return guessed(order_id, tracking) if self._assumed_encoding else None

    def _wrong_quotes(self, order_id: str, tracking: str, text: str) -> str | None:
        others = [d for d in DELIMITERS if d != self._layout.delimiter and d in order_id]
        if others and not _is_quoted(order_id, text) and not how_mangled(order_id.strip(_BLANKS)):
            return (
                f"the order ID {quoted(order_id)} holds another delimiter than the file's; "
                "part the cells as in the header"
            )
        if '"' in tracking and not _is_quoted(tracking, text):
            return (
                f"the tracking {quoted(tracking)} holds a quotation mark outside a quoted cell; "
                "take it out"
            )
        if _LINE_END.search(tracking) and self._holds_a_row(tracking):
            return (
                "the tracking holds another row: a quotation mark was opened and not closed; "
                "take it out"
            )
        return None

    def _holds_a_row(self, tracking: str) -> bool:
        """Say whether one of the further lines of a cell could be a row of the table."""
        place = self._layout.columns
        for cells in csv.reader(_LINE_END.split(tracking)[1:], delimiter=self._layout.delimiter):
            if len(cells) == self._layout.width and _DIGIT.search(cells[place.order_id]):
                status = "" if place.status is None else cells[place.status]
                row = parse_update(cells[place.order_id], status, "", self._default_status)
                if isinstance(row, StatusUpdate):
                    return True
        return False

    def _is_fragment(self, cells: Sequence[str]) -> bool:
        """Say whether a record could be a piece of the row before or after it."""
        if len(cells) != 1 or self._layout.width == 1:
            return False
        text = cells[0].strip(_BLANKS)
        if not text or _FOOTER.fullmatch(text) or any(d in text for d in DELIMITERS):
            return False
        return not _BLANK.search(text) or _DIGIT.search(text) is not None


def is_blank(cells: Sequence[str]) -> bool:
    """Say whether a record holds nothing but blanks."""
    return not any(cell.strip(_BLANKS) for cell in cells)


def _have_ends(texts: Sequence[str]) -> bool:
    """Say whether a record's text may have its line end; all but the first are alike in that."""
    return any(text.endswith(("\r", "\n")) for text in (texts[0], texts[-1]))


def _is_quoted(cell: str, text: str) -> bool:
    """Say whether `cell` stands in the record `text` as a quoted cell."""
    escaped = cell.replace('"', '""')
    return f'"{escaped}"' in text


def _cells(count: int) -> str:
    return "one cell" if count == 1 else f"{count} cells"
