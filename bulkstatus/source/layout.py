"""The layout of a table: what parts its cells, where its rows begin, and which columns it has."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import (
    BLANKS,
    InvalidRow,
    OrderStatus,
    Row,
    StatusUpdate,
    is_mistyped,
    parse_status,
    parse_update,
)
from bulkstatus.source.columns import (
    SAMPLE,
    WORDS,
    Column,
    columns_of,
    find,
    is_void,
    listed,
    named,
    names_columns,
    normalise,
    quoted,
    refuse_misnamed,
    tell_void,
    void_row,
)
from bulkstatus.source.doubt import InQuestion
from bulkstatus.source.encoding import split_lines
from bulkstatus.source.options import FIELDS, LABELS, REASON, VOID, InputOptions, Wrong
from bulkstatus.words import printable

if TYPE_CHECKING:
    from _csv import Reader

#: What may part the cells of a row.
DELIMITERS = (",", ";", "\t", "|")

# How many words of a status column may be the file's own; of more it is none.
_FEW_WORDS = 9

# The most characters of a line that may be a header.
_MAX_HEADER = 64 * 1024

_SEP = re.compile(r'"?sep=(.?)"? *[\r\n]*', re.IGNORECASE)
_DIGIT = re.compile(r"\d")

_PLACES = ("first column", "second column", "third column")


class Layout(NamedTuple):
    """How to read the rows of a table, or JSON Lines with the same keys.

    `header` is empty where there is none; `places` has the fields' columns by position, `void`
    those that say that a row is void, and `width` is the number of cells of a row. `options` are
    those given, and what answers and the saved layout `saved`, if any, add to them. `untracked` is
    what to raise where a row without tracking is shipped, and `telling` are the columns of no
    field, where a cell may say by itself that its row is void. `skip_lines` physical lines stand
    before the first row, whose cells `delimiter` parts.
    """

    header: tuple[str, ...]
    places: Mapping[str, int]
    void: Sequence[int]
    width: int
    options: InputOptions
    untracked: InQuestion | None = None
    telling: Sequence[int] = ()
    saved: str | None = None
    skip_lines: int = 0
    delimiter: str = ""

    def names(self) -> dict[str, str]:
        """Return the name of each field's column, its place where there is no header."""
        names = self.header or _PLACES
        found = {field: names[place] for field, place in self.places.items() if field in FIELDS}
        void = " or ".join(self.header[place] for place in self.void)
        return found | ({VOID: void} if void else {})

    def others(self) -> dict[int, str]:
        """Return the names of the columns that hold nothing that is read, by position."""
        # Why a row was not sent, in a file of failures, is nothing of the file's own.
        last = self.header[-1:] and normalise(self.header[-1]) == REASON
        read = {*self.places.values(), *self.void, *([self.width - 1] if last else [])}
        return {place: name for place, name in enumerate(self.header) if place not in read}

    def texts(self, cells: Sequence[str]) -> list[str]:
        """Return the cells of the three fields, "" where a row has none."""
        places = map(self.places.get, FIELDS)
        return ["" if p is None or p >= len(cells) else cells[p] for p in places]

    def row(self, cells: Sequence[str]) -> Row:
        """Return what the cells of a row ask for, or why they cannot be followed."""
        order_id, status, tracking = texts = self.texts(cells)
        if Wrong in map(type, texts):
            field, cell = next(
                (f, c) for f, c in zip(FIELDS, texts, strict=True) if isinstance(c, Wrong)
            )
            value = printable(cell, 200)
            why = f"the {LABELS[field]} {quoted(value)} {cell.why}"
            return InvalidRow(str(order_id), None, None, field, value, why)
        options = self.options
        status = options.translated(status)
        row = parse_update(order_id, status, tracking, options.status, options.require_tracking)
        if isinstance(row, StatusUpdate):
            void = [place for place in self.void if self.says_void(place, cells[place])]
            telling = self.telling if row.status is not OrderStatus.CANCELLED else ()
            if tell_void([cells[place] for place in telling]):  # of all at once, for speed
                void += [place for place in telling if tell_void([cells[place]])]
            if void:
                return void_row(row, self.header[void[0]], cells[void[0]])
        return row

    def says_void(self, place: int, cell: str) -> bool:
        """Say whether a cell of one of the columns `void` says so."""
        return is_void(self.header[place], cell, VOID in self.options.column)


def find_layout(head: str, options: InputOptions, name: str, kind: str) -> Layout:
    """Return the layout of the table that begins with the lines of `head`.

    The `kind` is the format; "txt" may be one ID a line, without a header. Raises InputRefused or
    SettingsRefused when the layout is not certain.
    """
    lines = split_lines(head)
    start = _first_filled(lines, 0, name)
    delimiters: Sequence[str] = DELIMITERS
    if marker := _SEP.fullmatch(lines[start]):
        delimiters = marker[1]
        if delimiters not in DELIMITERS:
            raise InputRefused(
                f'{name}: the first line says that "{delimiters}" parts the cells. '
                "Only comma, semicolon, tab and | can. Export it with one of them."
            )
        start = _first_filled(lines, start + 1, name)
    found = {d: record for d in delimiters if (record := next(_records(lines[start:], d), None))}
    if not found:
        raise broken_record(name, start + 1)
    # Where no delimiter parts anything, each reads the same single cell.
    wide = {d: record for d, record in found.items() if len(record[0]) > 1}
    wide = wide or dict([next(iter(found.items()))])
    if options.no_header:
        place = 0 if options.column.get("status") == "" else 1
        if len(wide) > 1:
            # Only with the right delimiter does the second cell hold a status.
            wide = {d: record for d, record in wide.items() if parse_status(record[0][place])}
        delimiter, (cells, _) = _only(wide, name, start + 1)
        layout = without_header(cells, options, name)
        return layout._replace(skip_lines=start, delimiter=delimiter)
    known = {d: record for d, record in wide.items() if is_header(record[0], options, FIELDS)}
    if known:
        delimiter, (cells, count) = _only(known, name, start + 1)
    else:
        # Above the header stands a title, which has other marks in it than the rows, or none.
        named = {
            d: any(names_columns(each) for each, _ in islice(_records(lines[start:], d), SAMPLE))
            for d in found
        }
        delimiter = max(found, key=lambda d: (named[d], len(found[d][0])))
        cells, count = found[delimiter]
        is_list = kind == "txt" and len(cells) == 1 and not any(options.column.values())
        if is_list and _DIGIT.search(cells[0]):
            layout = without_header(cells, options, name)
            return layout._replace(skip_lines=start, delimiter=delimiter)
    records = [each for each, _ in islice(_records(lines[start + count :], delimiter), SAMPLE)]
    layout = with_header(cells, records, options, name, kind)
    return layout._replace(skip_lines=start + count, delimiter=delimiter)


def with_header(
    header: Sequence[str],
    records: Sequence[Sequence[str]],
    options: InputOptions,
    name: str,
    kind: str,
) -> Layout:
    """Return the layout of a table below `header`, of which `records` are the first rows.

    Raises SettingsRefused when a column that --column names is not there, InQuestion when it is
    not certain which column is which, InputRefused when the header is a row or a line above one.
    """
    is_row = any(cell.strip(BLANKS).isdecimal() for cell in header)
    if is_row and not (is_header(header, options, FIELDS) or options.column):
        raise InputRefused(
            f"{name}: the first line is a row ({listed(header)}), not a header. If its columns are "
            "order ID, status, tracking and no others, add --no-header; else put a line above it "
            "that names them."
        )
    table, saved, note = columns_of(header, records), None, ""
    added: Mapping[str, Sequence[int]] = {}
    if options.layouts is not None:
        options, saved, note, added = options.layouts.applied(table, options)
    refuse_misnamed(header, options.column, name)
    below = next(filter(names_columns, records), None)
    if below is not None and not is_header(header, options, FIELDS):
        raise InputRefused(
            f"{name}: the first line ({listed(header)}) names no column that is known, and one "
            f"below it does ({listed(below)}). If that is the header, delete all that stands above "
            "it; else say with --column what the columns of the first one are."
        )
    return settled(table, options, name, kind, note, added)._replace(saved=saved)


def settled(
    table: Sequence[Column],
    options: InputOptions,
    name: str,
    kind: str,
    note: str = "",
    added: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> Layout:
    """Return the layout of columns. Raises InQuestion where it is not certain which is which.

    `note` is what there is to say of saved layouts, and `added` has what they leave in question.
    """
    found = find(table, options, kind)
    places, doubts = found.places, {**found.doubts, **added}
    words = _own_words(table, places.get("status"), options)
    if doubts or (words and options.asks is not None):
        raise InQuestion(name, table, doubts, note, places.values(), words, kind)
    untracked = None
    if found.untracked is not None:
        untracked = InQuestion(name, table, {"tracking": found.untracked}, note)
    header = tuple(column.header for column in table)
    others = (place for place in range(len(table)) if place not in places.values())
    telling = () if VOID in options.column else tuple(others)
    return Layout(header, places, found.void, len(table), options, untracked, telling)


def _own_words(table: Sequence[Column], status: int | None, options: InputOptions) -> list[str]:
    """Return the words of the status column that mean no status, and are no mistyped name."""
    cells = table[status].filled if status is not None else ()
    words = [
        word
        for word in dict.fromkeys(cells)
        if options.status_of(word) is None and not is_mistyped(word)
    ]
    return words if len(words) <= _FEW_WORDS else []


def without_header(first: Sequence[str], options: InputOptions, name: str) -> Layout:
    """Return the layout of a table whose first record `first` is a row already.

    Its columns are order ID, status and tracking, less those that `options.column` says it has
    not. Raises SettingsRefused when `options` speak of a header, InputRefused when `first` is one
    after all or has more columns, or no status is known.
    """
    if any(options.column.values()) or options.save_layout is not None:
        raise SettingsRefused(
            f"{name} has no header, so --column and --save-layout mean nothing. Leave them out."
        )
    if is_header(first, options):
        raise InputRefused(
            f"{name}: the first line is a header ({listed(first)}). Leave --no-header out."
        )
    fields = [field for field in FIELDS if options.column.get(field) != ""]
    if len(first) > len(fields):
        raise InputRefused(
            f"{name} has {len(first)} columns ({listed(first)}), and without a header there are "
            f"{len(fields)} at most: order ID, status, tracking, in that order. Put a line above "
            "them that names them, and leave --no-header out."
        )
    places = dict(zip(fields, range(len(first)), strict=False))
    if "status" not in places and options.status is None:
        raise InputRefused(
            f"{name} has order IDs without a status. Give one status for all of them with --status."
        )
    return Layout((), places, (), len(first), options)


def is_header(
    record: Sequence[str], options: InputOptions, fields: Sequence[str] = ("order_id",)
) -> bool:
    """Say whether a record has a column for one of `fields`."""
    return any(
        named(record, wanted)
        if (wanted := options.column.get(field))
        else wanted is None and field in map(WORDS.get, map(normalise, record))
        for field in fields
    )


# The first lines.


def csv_reader(lines: Iterable[str], delimiter: str) -> "Reader":
    """Return a reader of the records in `lines`. It raises csv.Error for broken quotes."""
    # A blank before an opening quotation mark would otherwise turn the mark into text.
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def broken_record(name: str, line: int) -> InputRefused:
    """Return the error for the record that starts on `line` and whose quotes are broken."""
    return InputRefused(
        f"{name}: a quotation mark in the row that begins on line {line} is never closed, or "
        "closed before the end of its cell, so that nobody can tell which rows it swallowed. "
        "Repair the row (a quotation mark inside a quoted cell is written twice) or export the "
        "file again."
    )


# A record, and how many lines there are up to its end.
_Record = tuple[list[str], int]


def _records(lines: Sequence[str], delimiter: str) -> Iterator[_Record]:
    """Yield the records of some lines, up to one whose quotes are broken."""
    reader = csv_reader(lines, delimiter)
    with suppress(csv.Error):
        for record in reader:
            yield record, reader.line_num


def _first_filled(lines: Sequence[str], start: int, name: str) -> int:
    """Return the position of the first line from `start` on that is not blank."""
    blanks = BLANKS + "".join(DELIMITERS) + '"'
    while start < len(lines) and not lines[start].strip(blanks):
        start += 1
    if start == len(lines):
        raise InputRefused(f"{name} begins with nothing but blank lines. Export it again.")
    if len(lines[start]) > _MAX_HEADER:
        raise InputRefused(
            f"{name}: the first line is longer than a header can be, so this is no table. "
            "Export it again."
        )
    return start


def _only(records: Mapping[str, _Record], name: str, line: int) -> tuple[str, _Record]:
    """Return the only delimiter by which the record on `line` can be read, and the record."""
    if len(records) != 1:
        raise InputRefused(
            f"{name}: line {line} can be read in several ways, since it holds more than one kind "
            'of delimiter. Put a line such as "sep=;" above it.'
        )
    return next(iter(records.items()))
