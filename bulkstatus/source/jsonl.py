"""Pieces of text → the rows of JSON Lines."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple

import orjson

from bulkstatus.errors import SettingsRefused
from bulkstatus.order import (
    SHIPPING,
    InvalidRow,
    OrderStatus,
    Row,
    StatusUpdate,
    parse_status,
    parse_update,
)
from bulkstatus.source.columns import (
    WORDS,
    Column,
    InQuestion,
    columns_of,
    find,
    is_void,
    listed,
    looks_like_id,
    quoted,
    tells_void,
    void_row,
)
from bulkstatus.source.encoding import Piece, Text, guessed, split_lines
from bulkstatus.source.options import FIELDS, LABELS, VOID, Batch, InputOptions
from bulkstatus.words import printable

# How many different sets of keys are remembered.
_MAX_SHAPES = 1000

# How many lines at the beginning are looked at for the keys that are in use.
_SAMPLE = 100

# An object's `id` may be the order's.
_KEY_WORDS = {**WORDS, "id": "order_id"}

# The texts and numbers of an object or a list in an object, of which nothing is read.
_INNER = re.compile(r'[^\s"{}\[\],:]+')


class _Keys(NamedTuple):
    """The key of each field that an object has, and those that say that it is void.

    `doubts` says why that is not certain; `untracked` are those that could be the tracking where
    none is, if they are not blank.
    """

    fields: Mapping[str, str]
    void: Sequence[str]
    doubts: Mapping[str, Sequence[int]]
    untracked: Sequence[int]


#: The keys of objects, by the names of all that each has.
Shapes = dict[tuple[str, ...], _Keys]


class _WrongError(Exception):
    """Its argument is the reason."""


class _Number(str):
    """A number as it is written, however many digits it has."""


def read_rows(
    pieces: Iterable[Piece], options: InputOptions, text: Text, shapes: Shapes
) -> Iterator[Batch]:
    """Yield the rows, those of a piece at a time. What `shapes` lacks is added to it."""
    for piece in pieces:
        lines = enumerate(split_lines(piece.text), piece.line)
        filled = [(number, line) for number, line in lines if not line.isspace()]
        read = [_read(line, shapes, options, text) for _, line in filled]
        yield Batch([n for n, _ in filled], [row for row, _ in read], [cells for _, cells in read])


def known_keys(head: str, options: InputOptions, name: str) -> tuple[Mapping[str, str], Shapes]:
    """Return the keys that hold the fields, as `head`, the beginning of the file, shows them.

    Raises SettingsRefused when a key that --column names is in no object there, InQuestion where
    it is not certain which is which in some. What an object lacks is its own matter.
    """
    tables: dict[tuple[str, ...], list[list[str]]] = {}
    for line in split_lines(head)[:_SAMPLE]:
        with suppress(orjson.JSONDecodeError):
            members = orjson.loads(line)
            if isinstance(members, dict):
                tables.setdefault(tuple(members), []).append(_texts(members))
    found: dict[str, dict[str, None]] = {}
    shapes: Shapes = {}
    for names, rows in tables.items():
        table = columns_of(names, rows)
        shapes[names] = keys = _keys(table, options)
        if keys.doubts:
            raise InQuestion(name, table, keys.doubts)
        for field, key in [*keys.fields.items(), *((VOID, key) for key in keys.void)]:
            found.setdefault(field, {})[key] = None
    every = list(dict.fromkeys(chain.from_iterable(tables)))
    for field, wanted in options.columns.items():
        if tables and wanted and field not in found:
            raise SettingsRefused(f"{name} has no key {quoted(wanted)}. Its keys: {listed(every)}.")
    return {field: " or ".join(keys) for field, keys in found.items()}, shapes


def _keys(table: Sequence[Column], options: InputOptions) -> _Keys:
    """Return which of the keys of some objects are which; `table` has what they hold."""
    found = find(table, options, _KEY_WORDS, may_lack_tracking=True)
    doubts, untracked = dict(found.doubts), list[int]()
    if found.untracked is not None:
        untracked = [*found.untracked, *(p for p, key in enumerate(table) if _has_inner_id(key))]
        doubts |= {"tracking": untracked} if "tracking" in doubts else {}
        untracked = [*untracked, *(p for p, key in enumerate(table) if not key.filled)]
    doubts = {
        field: places
        for field, places in doubts.items()
        if len(places) > (field != "tracking") and field not in options.columns
    }
    keys = {field: table[place].header for field, place in found.places.items() if field in FIELDS}
    return _Keys(keys, [table[place].header for place in found.void], doubts, untracked)


def _read(
    line: str, shapes: Shapes, options: InputOptions, text: Text
) -> tuple[Row, Sequence[str]]:
    """Return the row of a line, and all values on it as text."""
    values: Sequence[str] = ()
    texts = dict.fromkeys(FIELDS, "")
    field, value = "row", line
    try:
        members = _members(line)
        values = _texts(members)
        keys, void, doubts, untracked = _known(shapes, tuple(members), values, options)
        for doubt, places in doubts.items():
            raise _WrongError(_could_be(doubt, places, members))
        members = _exact(line, members, keys)
        for field, key in keys.items():
            value = members[key]
            texts[field] = value if type(value) is str else _text_of(value, field)
        order_id, status, tracking = texts.values()
        if text.assumed and (reason := guessed(order_id, tracking)):
            field, value = "row", order_id
            raise _WrongError(reason)
    except _WrongError as wrong:
        shown, read = printable(str(value).strip(), 200), parse_status(texts["status"])
        return InvalidRow(texts["order_id"], read, None, field, shown, str(wrong)), values
    status = options.translated(status)
    row = parse_update(order_id, status, tracking, options.default_status, options.require_tracking)
    if isinstance(row, StatusUpdate):
        could = [p for p in untracked if values[p]] if row.status in SHIPPING else ()
        if could:
            why = _could_be("tracking", could, members)
            return InvalidRow(row.order_id, row.status, None, "tracking", "", why), values
        for key in void:
            if is_void(key, cell := _shown(members[key]), VOID in options.columns):
                return void_row(row, key, cell), values
        if VOID not in options.columns and row.status is not OrderStatus.CANCELLED:
            for key, cell in zip(members, values, strict=True):
                if tells_void(cell) and key not in keys.values():
                    return void_row(row, key, cell), values
    return row, values


def _known(
    shapes: Shapes, names: tuple[str, ...], values: Sequence[str], options: InputOptions
) -> _Keys:
    keys = shapes.get(names)
    if keys is None:
        keys = _keys(columns_of(names, [values]), options)
        if len(shapes) < _MAX_SHAPES:
            shapes[names] = keys
    return keys


def _has_inner_id(key: Column) -> bool:
    """Say whether something that looks like an ID stands in an object or a list of its own."""
    inner = (cell for cell in key.filled if cell[0] in "{[")
    pieces = chain.from_iterable(map(_INNER.findall, inner))
    return any(looks_like_id(Column("", [piece]), None) for piece in pieces)


def _could_be(field: str, places: Sequence[int], names: Iterable[str]) -> str:
    headers = list(names)
    could = " and ".join(quoted(headers[place]) for place in places)
    return f"{could} could be the {LABELS[field]}; --column says which"


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


def _exact(line: str, members: Mapping[str, Any], keys: Mapping[str, str]) -> Mapping[str, Any]:
    """Return an object's members with all digits of their numbers.

    Raises _WrongError where one of `keys` is there twice, of which only one is in `members`.
    """
    # With every colon right after a quotation mark, exactly one such pair per member means that
    # no key is there twice. (A text that holds such a pair only costs the closer look.)
    once = line.count('":') == len(members) and " :" not in line and "\t:" not in line
    if once and float not in map(type, members.values()):
        return members
    try:
        pairs = json.loads(line, object_pairs_hook=tuple, parse_int=_Number, parse_float=_Number)
    except RecursionError:
        raise _WrongError("the object is nested too deeply to be read") from None
    counts = Counter(name for name, _ in pairs)
    for key in keys.values():
        if counts[key] > 1:
            raise _WrongError(f"the object has the key {quoted(key)} more than once; leave one")
    return dict(pairs)


def _text_of(value: Any, field: str) -> str:
    """Return the text of what is none: null, or, but for a tracking, a natural number."""
    if value is None:
        return ""
    if field == "tracking":
        raise _WrongError("the tracking is not a text; write it in quotation marks")
    if (type(value) is int or type(value) is _Number) and str(value).isdecimal():
        return str(value)
    raise _WrongError(f"the {LABELS[field]} is neither a text nor a whole number")


def _texts(members: Mapping[str, Any]) -> list[str]:
    return [value if type(value) is str else _shown(value) for value in members.values()]


def _shown(value: Any) -> str:
    """Return a value as it stands in a table."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return "" if value is None else orjson.dumps(value).decode()
