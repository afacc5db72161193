"""Pieces of text → the rows of JSON Lines."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import chain
from typing import Any

import orjson

from bulkstatus.errors import SettingsRefused
from bulkstatus.order import (
    InvalidRow,
    Row,
    parse_plain,
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
    quoted,
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

# The key of each field that an object has, those that say that it is void, and why that is not
# certain.
_Keys = tuple[Mapping[str, str], Sequence[str], Mapping[str, Sequence[int]]]


# What the cells of a row hold: order ID, status and tracking.
_Texts = tuple[str, str, str]


class _WrongError(Exception):
    """Its argument is the reason."""


class _Number(str):
    """A number as it is written, however many digits it has."""


def read_rows(pieces: Iterable[Piece], options: InputOptions, text: Text) -> Iterator[Batch]:
    """Yield the rows, those of a piece at a time."""
    keys_of = lru_cache(_MAX_SHAPES)(partial(_keys, options=options))
    settings = (options.default_status, options.require_tracking)
    for piece in pieces:
        numbers: list[int] = []
        read: list[_Texts | InvalidRow] = []
        cells: list[Sequence[str]] = []
        for number, line in enumerate(split_lines(piece.text), piece.line):
            if not line.isspace():
                row, values = _read(line, keys_of, options, text)
                numbers.append(number)
                read.append(row)
                cells.append(values)
        rows: Sequence[Row] | None = None
        texts = [row for row in read if not isinstance(row, InvalidRow)]
        if texts and len(texts) == len(read):
            order_ids, statuses, trackings = zip(*texts, strict=True)
            rows = parse_plain(order_ids, statuses, trackings, *settings)
        if rows is None:
            rows = [
                row if isinstance(row, InvalidRow) else parse_update(*row, *settings)
                for row in read
            ]
        yield Batch(numbers, rows, cells)


def known_keys(head: str, options: InputOptions, name: str) -> Mapping[str, str]:
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
    for names, rows in tables.items():
        table = columns_of(names, rows)
        keys, void, doubts = _keys(names, options, table)
        if doubts:
            raise InQuestion(name, table, doubts)
        for field, key in [*keys.items(), *((VOID, key) for key in void)]:
            found.setdefault(field, {})[key] = None
    every = list(dict.fromkeys(chain.from_iterable(tables)))
    for field, wanted in options.columns.items():
        if tables and wanted and field not in found:
            raise SettingsRefused(f"{name} has no key {quoted(wanted)}. Its keys: {listed(every)}.")
    return {field: " or ".join(keys) for field, keys in found.items()}


def _keys(
    names: tuple[str, ...], options: InputOptions, table: Sequence[Column] | None = None
) -> _Keys:
    """Return which of an object's keys are which; `table` has some objects of these keys."""
    table = table or columns_of(names, ())
    found = find(table, options, _KEY_WORDS, may_lack_tracking=True)
    doubts = {
        field: places
        for field, places in found.doubts.items()
        if len(places) > (field != "tracking") and field not in options.columns
    }
    keys = {field: names[place] for field, place in found.places.items() if field in FIELDS}
    return keys, [names[place] for place in found.void], doubts


def _read(
    line: str, keys_of: Callable[[tuple[str, ...]], _Keys], options: InputOptions, text: Text
) -> tuple[_Texts | InvalidRow, Sequence[str]]:
    """Return what a line holds of a row's fields, and all values on it as text."""
    values: Sequence[str] = ()
    try:
        members = _members(line)
        values = _texts(members)
        keys, void, doubts = keys_of(tuple(members))
        for field, places in doubts.items():
            could = " and ".join(quoted(list(members)[place]) for place in places)
            raise _WrongError(f"{could} could be the {LABELS[field]}; --column says which")
        members = _exact(line, members, keys)
    except _WrongError as wrong:
        value = printable(line.strip(), 200)
        return InvalidRow("", None, None, "row", value, str(wrong)), values
    texts = dict.fromkeys(FIELDS, "")
    for field, key in keys.items():
        try:
            texts[field] = _text_of(members[key], field)
        except _WrongError as wrong:
            value, status = printable(str(members[key]), 200), parse_status(texts["status"])
            return InvalidRow(texts["order_id"], status, None, field, value, str(wrong)), values
    order_id, status_text, tracking = texts.values()
    if text.assumed and (reason := guessed(order_id, tracking)):
        return InvalidRow(order_id, None, None, "row", order_id, reason), values
    texts_of_row = (order_id, options.translated(status_text), tracking)
    for key in void:
        if is_void(key, cell := _shown(members[key]), VOID in options.columns):
            row = parse_update(*texts_of_row, options.default_status, options.require_tracking)
            if not isinstance(row, InvalidRow):
                row = void_row(row, key, cell)
            return row, values
    return texts_of_row, values


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
    """Return the text of a field: a text, null, or, but for a tracking, a natural number."""
    if value is None:
        return ""
    if type(value) is str:
        return value
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
