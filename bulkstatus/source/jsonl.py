"""Pieces of text → the rows of JSON Lines: those with the same keys are a table of their own."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any

import orjson

from bulkstatus.order import SHIPPING, InvalidRow, Row
from bulkstatus.source.columns import columns_of, quoted, refuse_misnamed
from bulkstatus.source.doubt import InQuestion
from bulkstatus.source.encoding import Piece, Text, guessed, split_lines
from bulkstatus.source.layout import Layout, settled
from bulkstatus.source.options import FIELDS, Batch, InputOptions, Wrong
from bulkstatus.words import printable

# How many different sets of keys are remembered.
_MAX_SHAPES = 1000

# How many lines at the beginning are looked at for the keys that are in use.
_SAMPLE = 100


class _WrongError(Exception):
    """Its argument is the reason."""


class _Number(str):
    """A number as it is written, however many digits it has."""


class Objects:
    """Makes the rows of JSON Lines that begin with the lines of `head`.

    `columns` has the keys that hold the fields there. What an object lacks is its own matter.
    Raises SettingsRefused when a key that --column names is in no object there, InQuestion where
    it is not certain which is which in some.
    """

    def __init__(self, head: str, options: InputOptions, text: Text) -> None:
        self._text = text
        self._options = replace(options, asks=None)
        self._layouts: dict[tuple[str, ...], Layout] = {}
        tables: dict[tuple[str, ...], list[list[str]]] = {}
        for line in split_lines(head)[:_SAMPLE]:
            with suppress(orjson.JSONDecodeError):
                members = orjson.loads(line)
                if isinstance(members, dict):
                    tables.setdefault(tuple(members), []).append(_texts(members))
        if tables:
            every = list(dict.fromkeys(chain.from_iterable(tables)))
            refuse_misnamed(every, options.column, text.name)
        found: dict[str, dict[str, None]] = {}
        for keys, records in tables.items():
            for field, key in self._layout(keys, records).names().items():
                found.setdefault(field, {})[key] = None
        self.columns = {field: " or ".join(keys) for field, keys in found.items()}

    def batches(self, pieces: Iterable[Piece]) -> Iterator[Batch]:
        """Yield the rows, those of a piece at a time."""
        for piece in pieces:
            lines = enumerate(split_lines(piece.text), piece.line)
            filled = [(number, line) for number, line in lines if not line.isspace()]
            read = [self._read(line) for _, line in filled]
            yield Batch([n for n, _ in filled], [row for row, _ in read], [of for _, of in read])

    def _layout(self, keys: tuple[str, ...], records: Sequence[Sequence[str]]) -> Layout:
        """Return the layout of objects with these keys, of which `records` are the first."""
        layout = self._layouts.get(keys)
        if layout is None:
            layout = settled(columns_of(keys, records), self._options, self._text.name, "jsonl")
            if len(self._layouts) < _MAX_SHAPES:
                self._layouts[keys] = layout
        return layout

    def _read(self, line: str) -> tuple[Row, Sequence[str]]:
        """Return the row of a line, and all values on it as text."""
        cells: list[str] = []
        try:
            members = _members(line)
            cells = _texts(members)
            layout = self._layout(tuple(members), [cells])
            read, values = cells.copy(), _exact(line, members, layout)
            for field, place in layout.places.items():
                if field in FIELDS:
                    read[place] = _cell(values[place], cells[place], field)
            row = layout.row(read)
            untracked = layout.untracked if row.tracking is None else None
            could = untracked.fields["tracking"] if untracked and row.status in SHIPPING else ()
            if untracked and any(cells[place] for place in could):
                raise untracked
            if self._text.assumed and (why := guessed(row.order_id, row.tracking or "")):
                raise _WrongError(why)
        except (_WrongError, InQuestion) as wrong:
            why = str(wrong)
            if isinstance(wrong, InQuestion):
                why = f"{wrong.doubts} Say which with --column, or give it one name everywhere"
            return InvalidRow("", None, None, "row", printable(line.strip(), 200), why), cells
        return row, cells


def _members(line: str) -> Mapping[str, Any]:
    try:
        members = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _WrongError(
            f"the line is not valid JSON (at column {error.colno}: {error.msg}); JSON Lines has "
            "one object a line and nothing between them"
        ) from None
    if not isinstance(members, dict):
        raise _WrongError("the line is JSON, but not an object in braces { }")
    return members


def _exact(line: str, members: Mapping[str, Any], layout: Layout) -> Sequence[Any]:
    """Return an object's values with all digits of their numbers.

    Raises _WrongError where a field's key is there twice, of which only one is in `members`.
    """
    # With every colon right after a quotation mark, exactly one such pair per member means that
    # no key is there twice. (A text that holds such a pair only costs the closer look.)
    once = line.count('":') == len(members) and " :" not in line and "\t:" not in line
    if not once or float in map(type, members.values()):
        try:
            pairs = json.loads(
                line, object_pairs_hook=tuple, parse_int=_Number, parse_float=_Number
            )
        except RecursionError:
            raise _WrongError("the object is nested too deeply to be read") from None
        counts, members = Counter(name for name, _ in pairs), dict(pairs)
        for place in layout.places.values():
            if counts[key := [*members][place]] > 1:
                raise _WrongError(f"the object has the key {quoted(key)} more than once; leave one")
    return [*members.values()]


def _cell(value: Any, shown: str, field: str) -> str:
    """Return the text of a field's value, which is `shown` in a table: also of null, or, but for a
    tracking, of a natural number.
    """
    if value is None or type(value) is str:
        return shown
    is_number = type(value) in {int, _Number}
    text = str(value) if is_number else shown
    if field == "tracking":
        return Wrong(text, f"is not a text{'; write it in quotation marks' if is_number else ''}")
    if is_number and text.isdecimal():
        return text
    return Wrong(text, "is neither a text nor a whole number")


def _texts(members: Mapping[str, Any]) -> list[str]:
    return [value if type(value) is str else _shown(value) for value in members.values()]


def _shown(value: Any) -> str:
    """Return a value that is no text as it stands in a table."""
    if type(value) is int:
        return str(value)
    return "" if value is None else orjson.dumps(value).decode()
