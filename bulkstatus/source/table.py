"""Pieces of text → the rows of a table: whole, invalid or left out, never shifted.

`order.parse_update` judges what the cells of a row say. Here stands what can be wrong with a row
in its table: its shape, its place, and whether its cells are what the file's author wrote.
"""

import csv
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, pairwise
from typing import NamedTuple

from bulkstatus.errors import InputRefused
from bulkstatus.mangled import how_mangled
from bulkstatus.order import (
    BLANKS,
    SHIPPING,
    InvalidRow,
    Row,
    StatusUpdate,
    bare,
    parse_plain,
)
from bulkstatus.source import alike
from bulkstatus.source.alike import kinds_of
from bulkstatus.source.columns import WORDS, names_columns, normalise, quoted, tell_void
from bulkstatus.source.encoding import MAX_RECORD, Piece, Text, guessed, split_lines, too_long
from bulkstatus.source.layout import DELIMITERS, Layout, broken_record, csv_reader
from bulkstatus.source.options import FIELDS, Batch, Wrong
from bulkstatus.words import printable

# DOS marks the end of a text with Ctrl-Z; a joined file has another's byte order mark inside.
_BLANKS = BLANKS + "\x1a\ufeff"

# How many characters of records that run over lines are handed on at a time.
_CHUNK = 128 * 1024

_DIGIT = re.compile(r"\d")
_BLANK = re.compile(r"\s")
_WORDS = re.compile(r"\s*[^\W\d_]{3,}(?!\w)")


class Records(NamedTuple):
    """Consecutive records, each with the line on which it starts."""

    lines: Sequence[int]
    cells: Sequence[list[str]]


def read_records(pieces: Iterable[Piece], delimiter: str, name: str) -> Iterator[Records]:
    """Yield all records, about those of a piece at a time.

    Raises InputRefused for a broken quotation mark and for a record that is too long.
    """
    pieces = iter(pieces)
    for line, text in pieces:
        cells: list[list[str]] = []
        if '"' not in text and "\r" not in text:
            # Every line is a record, which is faster done without a parser.
            lines = text.removesuffix("\n").split("\n")
            cells = [line.split(delimiter) for line in lines]
        else:
            lines = split_lines(text)
            with suppress(csv.Error):
                cells = list(csv_reader(lines, delimiter))
        if len(cells) < len(lines):
            more = (split_lines(piece.text) for piece in pieces)
            yield from _over_lines(line, chain.from_iterable(chain([lines], more)), delimiter, name)
        else:
            yield Records(range(line, line + len(lines)), cells)


def _over_lines(first: int, lines: Iterable[str], delimiter: str, name: str) -> Iterator[Records]:
    """Yield the records of `lines`, from line `first` on, of which some run over several."""
    start = first
    size = handed = 0

    def measured() -> Iterator[str]:
        nonlocal size
        for line in lines:
            size += len(line)
            if size > MAX_RECORD:
                raise too_long(name, start)
            yield line

    reader = csv_reader(measured(), delimiter)
    starts: list[int] = []
    records: list[list[str]] = []
    try:
        for cells in reader:
            starts.append(start)
            records.append(cells)
            start, handed, size = first + reader.line_num, handed + size, 0
            if handed > _CHUNK:
                yield Records(starts, records)
                starts, records, handed = [], [], 0
    except csv.Error:
        raise broken_record(name, start) from None
    if records:
        yield Records(starts, records)


class Table:
    """Makes the rows of one table, in the order of the file.

    Of a `text` whose encoding is a guess, no ID must depend on it; a workbook has none.
    """

    def __init__(self, layout: Layout, text: Text | None) -> None:
        self._layout = layout
        # Those of the fields, None where there is none.
        self._places = [layout.places.get(field) for field in FIELDS]
        self._text = text
        self._header = [cell.strip(_BLANKS) for cell in layout.header]
        # The line on which something stands that is no order of this table.
        self._foreign = 0
        # What all IDs up to here have in common; before the first, what is taken for granted.
        self._kinds = alike.USUAL
        if "status" not in layout.places:
            self._kinds = frozenset() if layout.header else alike.ONE_WORD
        self._any_id = False
        # The record before, which may be a piece of a row.
        self._before: Sequence[str] = ()

    def batches(self, pieces: Iterable[Piece], name: str) -> Iterator[Batch]:
        """Yield the rows of the whole text of a table. Raises InputRefused."""
        layout = self._layout
        if layout.width == 1:
            pieces = _of_one_line_end(pieces, name)
        all_records = read_records(pieces, layout.delimiter, name)
        for records, more in pairwise(chain(all_records, [None])):
            above = bisect_right(records.lines, layout.skip_lines) if records else 0
            if records and above < len(records.lines):
                below = Records(records.lines[above:], records.cells[above:])
                yield self.batch(below, more.cells[0] if more else ())

    def batch(self, records: Records, following: Sequence[str] = ()) -> Batch:
        """Return the rows of `records`; `following` is the record after them, if there is one.

        Raises InQuestion where one was shipped without a tracking and its column is in question.
        """
        batch = self._batch(records, following)
        untracked = self._layout.untracked
        if untracked is not None:
            statuses = (row.status for row in batch.rows if row.tracking is None)
            if not SHIPPING.isdisjoint(statuses):
                raise untracked
        return batch

    def _batch(self, records: Records, following: Sequence[str]) -> Batch:
        rows = self._plain(records.cells, following)
        if rows is not None:
            return Batch(records.lines, rows, records.cells)
        lines: list[int] = []
        made: list[Row] = []
        kept: list[Sequence[str]] = []
        followers = chain(records.cells[1:], [following])
        for line, cells, follower in zip(*records, followers, strict=True):
            if is_blank(cells):
                self._before = ()
                continue
            lines.append(line)
            made.append(self._row(line, cells, follower))
            kept.append(cells)
        return Batch(lines, made, kept)

    def _plain(
        self, cells: Sequence[list[str]], following: Sequence[str]
    ) -> Sequence[StatusUpdate] | None:
        """Return the rows when not one record is out of the ordinary."""
        layout = self._layout
        if (
            self._foreign
            or len(self._before) not in {0, layout.width}
            or set(map(len, cells)) != {layout.width}
            or self._is_fragment(following)
            or any(layout.says_void(p, cell) for p in layout.void for cell in {r[p] for r in cells})
            or any(tell_void(record[p] for record in cells) for p in layout.telling)
        ):
            return None
        order_ids, statuses, trackings = (
            [""] * len(cells) if place is None else [record[place] for record in cells]
            for place in self._places
        )
        # Of a workbook a cell may look plain that is not what it shows.
        if self._text is None and Wrong in map(type, chain(order_ids, statuses, trackings)):
            return None
        options = layout.options
        if options.word:
            meant = {text: options.translated(text) for text in set(statuses)}
            statuses = [meant[text] for text in statuses]
        rows = parse_plain(order_ids, statuses, trackings, options.status, options.require_tracking)
        if rows is not None:
            self._before = cells[-1]
            self._note(alike.WHOLE)
        return rows

    def _note(self, kinds: frozenset[str]) -> None:
        self._kinds = self._kinds & kinds if self._any_id else kinds
        self._any_id = True

    def _row(self, line: int, cells: Sequence[str], following: Sequence[str]) -> Row:
        order_id, status, tracking = self._layout.texts(cells)
        order_id = bare(order_id)
        wrong = (
            self._wrong_place(line, order_id, status, cells)
            or self._wrong_shape(cells, following)
            or self._wrong_cells(order_id, tracking)
        )
        self._before = cells
        if wrong:
            value = printable((self._layout.delimiter or " | ").join(cells).strip(_BLANKS), 200)
            return InvalidRow(order_id, None, None, "row", value, wrong)
        row = self._layout.row(cells)
        if isinstance(row, StatusUpdate):
            self._note(kinds_of(row.order_id) & alike.WHOLE)
        return row

    def _wrong_place(
        self, line: int, order_id: str, status: str, cells: Sequence[str]
    ) -> str | None:
        """Return why a record is not one of this table's rows."""
        if [cell.strip(_BLANKS) for cell in cells] == self._header:
            self._foreign = 0
            return "the line repeats the header; delete it"
        if self._foreign:
            return (
                f"the row stands below line {self._foreign}, which is no order; keep one table in "
                "the file, without headings and totals between its rows"
            )
        # A total, a remark, a heading, another header: with no status, and no ID like the others'.
        kinds = self._kinds
        if not self._any_id and sum(not is_blank([cell]) for cell in cells) == 1:
            kinds |= alike.ONE_WORD
        # A piece of a broken row can look like one.
        is_piece = 1 < len(cells) < self._layout.width or self._is_fragment(cells)
        is_like = not order_id or how_mangled(order_id) or kinds_of(order_id) >= kinds
        is_header = names_columns(cells) or normalise(order_id) in WORDS
        is_other = is_header and not _DIGIT.search(order_id)
        if is_other or not (is_piece or is_like or self._layout.options.status_of(status)):
            # What explains the columns stands above the first order; all else perhaps begins
            # another table.
            explained = sum(_BLANK.search(cell.strip(_BLANKS)) is not None for cell in cells)
            is_explanation = explained > 1 and not (self._any_id or is_other)
            self._foreign = 0 if is_explanation else line
            return (
                f"the line is no order: {quoted(order_id or cells[0])} is not like the IDs of the "
                "others; delete it, and keep one table in the file"
            )
        return None

    def _wrong_shape(self, cells: Sequence[str], following: Sequence[str]) -> str | None:
        """Return why a record has not, or perhaps has not, the cells that its author gave it."""
        layout = self._layout
        if len(cells) != layout.width:
            than = "the header" if layout.header else "the first line"
            count = "one cell" if len(cells) == 1 else f"{len(cells)} cells"
            return (
                f"the row has {count}, {than} has {layout.width}; a delimiter or a "
                "quotation mark is missing or too many"
            )
        used = {*layout.places.values(), *layout.void}
        # Below a last cell as long as the one before it, words are no piece of it, but a total.
        last_before = "".join(self._before[-1:])
        is_whole = 0 < len(cells[-1]) == len(last_before) and _WORDS.match("".join(following))
        # Of a quotation mark that is lost, a line break and the other mark are left.
        is_rest = 0 < len(self._before) < layout.width and any('"' in cell for cell in cells)
        if (
            is_rest
            or (self._is_fragment(self._before) and 0 in used)
            or (layout.width - 1 in used and not is_whole and self._is_fragment(following))
        ):
            return (
                "a line break seems to have split this row, part of it standing alone on the "
                "next or the previous line; join them"
            )
        return None

    def _wrong_cells(self, order_id: str, tracking: str) -> str | None:
        """Return why a cell is perhaps not what the file's author meant it to be."""
        if self._layout.delimiter and any(delimiter in order_id for delimiter in DELIMITERS):
            return (
                f"the order ID {quoted(order_id)} holds a delimiter; part the cells as in the "
                "header, one order a line"
            )
        return guessed(order_id, tracking) if self._text and self._text.assumed else None

    def _is_fragment(self, cells: Sequence[str]) -> bool:
        """Say whether a record could be a piece of the row before or after it."""
        if len(cells) != 1 or self._layout.width == 1:
            return False
        text = cells[0].strip(_BLANKS)
        if not text or any(delimiter in text for delimiter in DELIMITERS):
            return False
        return not _BLANK.search(text) or _DIGIT.search(text) is not None


def is_blank(cells: Sequence[str]) -> bool:
    """Say whether a record holds nothing but blanks."""
    return not any(cell.strip(_BLANKS) for cell in cells)


def _of_one_line_end(pieces: Iterable[Piece], name: str) -> Iterator[Piece]:
    """Pass on the lines of a list. One of them ending in another way perhaps splits an ID."""
    any_cr = any_lf = False
    for piece in pieces:
        any_lf |= "\n" in piece.text
        any_cr |= piece.text.count("\r") > piece.text.count("\r\n")
        if any_lf and any_cr:
            raise InputRefused(
                f"{name}: about line {piece.line} a line ends in another way than those before "
                "it, in a stray line break that perhaps splits an order ID. Export it again."
            )
        yield piece
