"""The layout of a table: what parts its cells, where its rows begin, and which columns it has."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS, is_mistyped, parse_status
from bulkstatus.source.columns import (
    SAMPLE,
    WORDS,
    Column,
    InQuestion,
    columns_of,
    find,
    listed,
    named,
    names_columns,
    normalise,
    refuse_misnamed,
)
from bulkstatus.source.encoding import split_lines
from bulkstatus.source.options import FIELDS, REASON, VOID, InputOptions

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


class Columns(NamedTuple):
    """The positions of the three fields in a record; None where the file has no such column."""

    order_id: int
    status: int | None
    tracking: int | None


class Layout(NamedTuple):
    """How to read the rows of a table.

    `skip_lines` physical lines stand before the first row; `header` is the header as it stands,
    empty where there is none; `width` is the number of cells of a row. `options` are those given,
    and what answers and the saved layout `saved`, if any, add to them. `void` are the columns that
    say that a row is void, and `untracked` is what to raise where one without tracking is shipped.
    """

    delimiter: str
    skip_lines: int
    header: tuple[str, ...]
    columns: Columns
    width: int
    options: InputOptions
    void: tuple[int, ...] = ()
    untracked: InQuestion | None = None
    saved: str | None = None

    def names(self) -> Mapping[str, str]:
        """Return the name of each field's column, its place where there is no header."""
        names = self.header or _PLACES
        found = {
            field: names[place].strip(BLANKS)
            for field, place in zip(FIELDS, self.columns, strict=True)
            if place is not None
        }
        void = " or ".join(self.header[place].strip(BLANKS) for place in self.void)
        return found | ({VOID: void} if void else {})

    def others(self) -> dict[int, str]:
        """Return the names of the columns that hold nothing that is read, by position."""
        # Why a row was not sent, in a file of failures, is nothing of the file's own.
        last = self.header[-1:] and normalise(self.header[-1]) == REASON
        read = {*self.columns, *self.void, *([self.width - 1] if last else [])}
        return {p: n.strip(BLANKS) for p, n in enumerate(self.header) if p not in read}


def find_layout(head: str, options: InputOptions, name: str, may_be_list: bool) -> Layout:
    """Return the layout of the table that begins with the lines of `head`.

    `may_be_list` allows one ID a line, without a header. Raises InputRefused or SettingsRefused
    when the layout is not certain.
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
        return without_header(cells, options, name, start, delimiter)
    known = {d: record for d, record in wide.items() if is_header(record[0], options, FIELDS)}
    if known:
        delimiter, (cells, count) = _only(known, name, start + 1)
    else:
        delimiter, (cells, count) = max(wide.items(), key=lambda item: len(item[1][0]))
        is_list = may_be_list and len(cells) == 1 and not any(options.column.values())
        if is_list and _DIGIT.search(cells[0]):
            return without_header(cells, options, name, start, delimiter)
    records = [each for each, _ in islice(_records(lines[start + count :], delimiter), SAMPLE)]
    return with_header(cells, records, options, name, start + count, delimiter, may_be_list)


def with_header(
    header: Sequence[str],
    records: Sequence[Sequence[str]],
    options: InputOptions,
    name: str,
    skip_lines: int,
    delimiter: str = "",
    may_be_list: bool = False,
) -> Layout:
    """Return the layout of a table below `header`, of which `records` are the first rows.

    It may be a list, which has no tracking.
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
    found = find(table, options, may_lack_tracking=may_be_list)
    places, doubts = found.places, {**found.doubts, **added}
    columns = Columns(places.get("order_id", 0), places.get("status"), places.get("tracking"))
    words = _own_words(table, columns, options)
    if doubts or (words and options.asks is not None):
        raise InQuestion(name, table, doubts, note, places.values(), words)
    untracked = None
    if found.untracked is not None:
        untracked = InQuestion(name, table, {"tracking": found.untracked}, note)
    place = delimiter, skip_lines, tuple(header), columns, len(header)
    return Layout(*place, options, found.void, untracked, saved)


def _own_words(table: Sequence[Column], columns: Columns, options: InputOptions) -> list[str]:
    """Return the words of the status column that mean no status, and are no mistyped name."""
    cells = table[columns.status].filled if columns.status is not None else ()
    words = [
        word
        for word in dict.fromkeys(cells)
        if options.status_of(word) is None and not is_mistyped(word)
    ]
    return words if len(words) <= _FEW_WORDS else []


def without_header(
    first: Sequence[str], options: InputOptions, name: str, skip_lines: int, delimiter: str = ""
) -> Layout:
    """Return the layout of a table whose first record `first` is a row already.

    Its columns are order ID, status and tracking, less those that `options.column` says it has
    not. Raises SettingsRefused when `options` name a column, InputRefused when `first` is a header
    after all or has more columns, or no status is known.
    """
    if any(options.column.values()):
        raise SettingsRefused("--column names a header, --no-header says that there is none.")
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
    columns = Columns(0, places.get("status"), places.get("tracking"))
    return Layout(delimiter, skip_lines, (), columns, len(first), options)


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
