"""The layout of a table: what parts its cells, where its rows begin, and which column is which."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple, cast

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS, parse_status
from bulkstatus.source.encoding import split_lines
from bulkstatus.source.options import FIELDS, LABELS, InputOptions
from bulkstatus.words import printable

if TYPE_CHECKING:
    from _csv import Reader

#: What may part the cells of a row.
DELIMITERS = (",", ";", "\t", "|")

# The most characters of a line that may be a header.
_MAX_HEADER = 64 * 1024

_SEP = re.compile(r'"?sep=(.?)"? *[\r\n]*', re.IGNORECASE)
_DIGIT = re.compile(r"\d")

_PLACES = ("first column", "second column", "third column")

_NUMBERWORDS = ("", "no", "num", "nr", "number", "ref", "reference", "id")

#: What the names of columns stand for. `id` alone is not an order ID: in a courier's export it is
#: the shipment.
WORDS: dict[str, str] = {
    **{f"order{word}": "order_id" for word in _NUMBERWORDS},
    **dict.fromkeys(("status", "statuscode", "orderstatus", "orderstatuscode"), "status"),
    **{f"tracking{word}": "tracking" for word in (*_NUMBERWORDS, "code")},
    **{f"shippingtracking{word}": "tracking" for word in (*_NUMBERWORDS, "code")},
    **{f"consignment{word}": "tracking" for word in _NUMBERWORDS},
}

_IGNORED = str.maketrans("", "", ' _-.#:="\t\r\n\u00a0\u200b\ufeff')

# How alike two words are of which one may be the other mistyped ("sttaus"; not "statusdate").
_ALIKE = 0.82


class Columns(NamedTuple):
    """The positions of the three fields in a record; None where the file has no such column."""

    order_id: int
    status: int | None
    tracking: int | None


class Layout(NamedTuple):
    """How to read the rows of a table.

    `skip_lines` physical lines stand before the first row; `header` is the header as it stands,
    empty where there is none; `width` is the number of cells of a row.
    """

    delimiter: str
    skip_lines: int
    header: tuple[str, ...]
    columns: Columns
    width: int

    def names(self) -> Mapping[str, str]:
        """Return the name of each field's column, its place where there is no header."""
        names = self.header or _PLACES
        return {
            field: names[place].strip(BLANKS)
            for field, place in zip(FIELDS, self.columns, strict=True)
            if place is not None
        }


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
    found = {d: record for d in delimiters if (record := _first_record(lines[start:], d))}
    if not found:
        raise broken_record(name, start + 1)
    # Where no delimiter parts anything, each reads the same single cell.
    wide = {d: record for d, record in found.items() if len(record[0]) > 1}
    wide = wide or dict([next(iter(found.items()))])
    if options.no_header:
        place = 0 if options.columns.get("status") == "" else 1
        if len(wide) > 1:
            # Only with the right delimiter does the second cell hold a status.
            wide = {d: record for d, record in wide.items() if parse_status(record[0][place])}
        delimiter, (cells, _) = _only(wide, name, start + 1)
        return without_header(cells, options, name, start, delimiter)
    known = {d: record for d, record in wide.items() if is_header(record[0], options, FIELDS)}
    if known:
        delimiter, (cells, count) = _only(known, name, start + 1)
        return with_header(cells, options, name, start + count, delimiter)
    delimiter, (cells, count) = max(wide.items(), key=lambda item: len(item[1][0]))
    is_list = may_be_list and len(cells) == 1 and not any(options.columns.values())
    if is_list and _DIGIT.search(cells[0]):
        return without_header(cells, options, name, start, delimiter)
    return with_header(cells, options, name, start + count, delimiter)


def with_header(
    header: Sequence[str], options: InputOptions, name: str, skip_lines: int, delimiter: str = ""
) -> Layout:
    """Return the layout of a table below `header`.

    Raises SettingsRefused when a column that --column names is not there, InputRefused when a
    field has no column that it needs, or several that could be meant.
    """
    found: list[int | None] = []
    for field in FIELDS:
        place, doubt = find(header, field, options.columns)
        wanted = options.columns.get(field)
        if doubt:
            raise InputRefused(f"{name}: {doubt}.")
        if wanted and place is None:
            raise SettingsRefused(
                f"{name} has no column {quoted(wanted)}. Its columns: {listed(header)}."
            )
        if field == "order_id" and place is None:
            raise InputRefused(
                f"{name} has no column that is known to hold the order ID (its columns: "
                f'{listed(header)}). Say which one does with --column order_id="…". If that line '
                "is an order already, add --no-header; if it stands above the header, delete it."
            )
        found.append(place)
    places = [place for place in found if place is not None]
    if len(set(places)) < len(places):
        raise SettingsRefused("--column names one column for two fields. Give each its own.")
    columns = _columns(found, header, options, name)
    return Layout(delimiter, skip_lines, tuple(header), columns, len(header))


def without_header(
    first: Sequence[str], options: InputOptions, name: str, skip_lines: int, delimiter: str = ""
) -> Layout:
    """Return the layout of a table whose first record `first` is a row already.

    Its columns are order ID, status and tracking, less those that `options.columns` says it has
    not. Raises SettingsRefused when `options` name a column, InputRefused when `first` is a header
    after all, or no status is known.
    """
    if any(options.columns.values()):
        raise SettingsRefused("--column names a header, --no-header says that there is none.")
    if is_header(first, options):
        raise InputRefused(
            f"{name}: the first line is a header ({listed(first)}). Leave --no-header out."
        )
    fields = [field for field in FIELDS if options.columns.get(field) != ""]
    places = dict(zip(fields, range(len(first)), strict=False))
    columns = _columns([places.get(field) for field in FIELDS], first, options, name)
    return Layout(delimiter, skip_lines, (), columns, len(first))


def _columns(
    found: Sequence[int | None], first: Sequence[str], options: InputOptions, name: str
) -> Columns:
    order_id, status, tracking = found
    if status is None and options.default_status is None:
        if len(first) == 1:
            raise InputRefused(
                f"{name} has order IDs alone. Give one status for all of them with --status."
            )
        raise InputRefused(
            f"{name} has no status column (its columns: {listed(first)}). Give one status for "
            'all rows with --status, or say which column holds it with --column status="…".'
        )
    return Columns(cast("int", order_id), status, tracking)


# Which column is which.


def normalise(name: str) -> str:
    """Return a column's name without case, blanks and the marks that people put into one."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_IGNORED)


def is_header(
    record: Sequence[str], options: InputOptions, fields: Sequence[str] = ("order_id",)
) -> bool:
    """Say whether a record has a column for one of `fields`."""
    return any(_fitting(record, field, options.columns) for field in fields)


def find(
    names: Sequence[str],
    field: str,
    chosen: Mapping[str, str],
    words: Mapping[str, str] = WORDS,
) -> tuple[int | None, str | None]:
    """Return which of the names of columns or keys is that of `field`, if any.

    The other value is a sentence where that is in question, for several could be meant, or one
    could be that of the field mistyped: to pass it over would set orders without what it holds.
    """
    places = _fitting(names, field, chosen, words)
    if len(places) == 1:
        return places[0], None
    if not places and field != "order_id" and field not in chosen:
        places = [place for place, name in enumerate(names) if _is_alike(name, field)]
    if not places:
        return None, None
    could = " and ".join(dict.fromkeys(quoted(names[place]) for place in places))
    first = quoted(names[places[0]])
    none = "" if field == "order_id" else f", or --column {field}= if none of them"
    advice = f"say which with --column {field}={first}{none}"
    if len({names[place] for place in places}) < len(places):
        advice = "rename what has the same name"
    return None, f"{could} could be the {LABELS[field]}; {advice}"


def _fitting(
    names: Sequence[str], field: str, chosen: Mapping[str, str], words: Mapping[str, str] = WORDS
) -> list[int]:
    """Return the positions of all names that are one of `field`'s, or the one it is said to be."""
    wanted = chosen.get(field)
    if wanted == "":
        return []
    if wanted is not None:
        wanted = wanted.strip(BLANKS)
        exact = [place for place, name in enumerate(names) if name.strip(BLANKS) == wanted]
        word = normalise(wanted)
        return exact or [i for i, name in enumerate(names) if word and normalise(name) == word]
    taken = {i for other in chosen for i in _fitting(names, other, chosen)}
    return [
        place
        for place, name in enumerate(names)
        if words.get(normalise(name)) == field and place not in taken
    ]


def _is_alike(name: str, field: str) -> bool:
    word = normalise(name)
    if word in WORDS:
        return False
    words = [known for known, meant in WORDS.items() if meant == field]
    return (field == "tracking" and "tracking" in word) or bool(
        get_close_matches(word, words, n=1, cutoff=_ALIKE)
    )


def listed(names: Sequence[str], limit: int = 30) -> str:
    """Return the names of columns for a message."""
    shown = [quoted(name) for name in names[:limit] if name.strip(BLANKS)]
    return ", ".join(shown) + (", …" if len(names) > limit else "")


def quoted(text: str) -> str:
    """Return a piece of the file for a message: harmless, short, in quotation marks."""
    return f'"{printable(text.strip(BLANKS), 60)}"'


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


# A record and how many lines it has.
_Record = tuple[list[str], int]


def _first_record(lines: Sequence[str], delimiter: str) -> _Record | None:
    """Return the first record of `lines`; None if its quotes are broken."""
    reader = csv_reader(lines, delimiter)
    try:
        return next(reader, []), reader.line_num
    except csv.Error:
        return None


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
