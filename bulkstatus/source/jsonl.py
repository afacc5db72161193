"""Text in pieces → the rows of JSON Lines."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import orjson

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import InvalidRow, Row, parse_plain, parse_status, parse_update
from bulkstatus.source.header import field_of, listed, lookalike, quoted
from bulkstatus.source.options import FIELDS, LABELS, Batch, InputOptions
from bulkstatus.source.survey import Survey, guessed
from bulkstatus.text import printable

# The most characters of one line: what is carried from piece to piece stays below this.
_MAX_LINE = 1024 * 1024

# How many different sets of keys are remembered.
_MAX_SHAPES = 1000

# How many lines at the beginning are looked at for the keys that are in use.
_SAMPLE = 100

_KEYS = {
    "order_id": ("order_id", "id"),
    "status": ("status",),
    "tracking": ("tracking", "shipping_tracking"),
}


_Texts = tuple[str, str, str]


class JsonLines:
    """Reads the rows of one file; `assumed_encoding` says that its encoding is a guess."""

    def __init__(self, name: str, options: InputOptions, assumed_encoding: bool) -> None:
        self._assumed_encoding = assumed_encoding
        self._name = name
        self._options = options
        self._rest = ""
        self._line = 1
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def feed(self, text: str, final: bool) -> Batch:
        """Return the rows whose lines `text` completes, all of them when it is the `final` piece.

        Raises InputRefused for a line that is too long.
        """
        text = self._rest + text
        half_end = ""
        if not final and text.endswith("\r"):
            # Perhaps the first half of CRLF.
            text, half_end = text[:-1], "\r"
        if "\r" in text:
            # No string of JSON holds a line end as it is, so that none is part of a value.
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        pieces = text.split("\n")
        self._rest = "" if final else pieces.pop() + half_end
        if len(self._rest) > _MAX_LINE:
            raise InputRefused(
                f"{self._name}: line {self._line + len(pieces)} is longer than a row can be. "
                "The file is damaged, or is no JSON Lines file. Export it again."
            )
        lines = []
        found = []
        for line, piece in enumerate(pieces, self._line):
            if piece and not piece.isspace():
                lines.append(line)
                found.append(self._texts(piece))
        self._line += len(pieces)
        return Batch(lines, self._rows(found))

    def _rows(self, found: "Sequence[_Texts | InvalidRow]") -> Sequence[Row]:
        settings = (self._options.default_status, self._options.require_tracking)
        texts = [one for one in found if not isinstance(one, InvalidRow)]
        if texts and len(texts) == len(found):
            order_ids, statuses, trackings = zip(*texts, strict=True)
            rows = parse_plain(order_ids, statuses, trackings, *settings)
            if rows is not None:
                return rows
        return [
            one
            if isinstance(one, InvalidRow)
            else self._doubted(one) or parse_update(*one, *settings)
            for one in found
        ]

    def _doubted(self, texts: _Texts) -> InvalidRow | None:
        order_id, _, tracking = texts
        reason = guessed(order_id, tracking) if self._assumed_encoding else None
        return InvalidRow(order_id, None, None, "row", order_id, reason) if reason else None

    def _texts(self, line: str) -> "_Texts | InvalidRow":
        """Return the texts of the three fields on `line`, or why it has none."""
        try:
            members = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return _no_object(line, _why_not_json(line, error))
        if not isinstance(members, dict):
            return _no_object(line, "the line is JSON, but not an object in braces { }")
        repeated: frozenset[str] = frozenset()
        # With every colon right after a quotation mark, exactly one such pair per member means
        # that no key is there twice. (A text that holds such a pair only costs the closer look.)
        if line.count('":') != len(members) or " :" in line or "\t:" in line:
            try:
                members, repeated = _exact(line)
            except RecursionError:
                return _no_object(line, "the object is nested too deeply to be read")
        shape = self._shape(tuple(members))
        if shape.doubt:
            return _no_object(line, shape.doubt)
        texts: list[str] = []
        for field in FIELDS:
            names = shape.keys[field]
            if len(names) == 1 and not repeated:
                value = members[names[0]]
                if type(value) is str:
                    texts.append(value)
                    continue
                if type(value) is int and value >= 0 and field != "tracking":
                    texts.append(str(value))
                    continue
            try:
                texts.append(_text(field, names, members, repeated, line))
            except _WrongValueError as wrong:
                order_id, status = (*texts, "", "")[:2]
                return InvalidRow(
                    order_id, parse_status(status), None, field, wrong.value, wrong.reason
                )
        order_id, status, tracking = texts
        return order_id, status, tracking

    def _shape(self, names: tuple[str, ...]) -> "_Shape":
        shape = self._shapes.get(names)
        if shape is None:
            shape = _look_at(names, self._options.columns)
            if len(self._shapes) < _MAX_SHAPES:
                self._shapes[names] = shape
        return shape


class _Shape(NamedTuple):
    """What a set of keys means: those that hold each field, and why that is not certain."""

    keys: Mapping[str, Sequence[str]]
    doubt: str


def _look_at(names: Sequence[str], chosen: Mapping[str, str]) -> _Shape:
    keys = {field: find_keys(names, field, chosen) for field in FIELDS}
    for field in ("status", "tracking"):
        if not keys[field] and (alike := lookalike(names, field, chosen)):
            return _Shape(
                keys,
                f"the key {quoted(alike)} could be the {LABELS[field]}; if it is, add "
                f"--column {field}={quoted(alike)}, if not, add --column {field}=",
            )
    return _Shape(keys, "")


def find_keys(names: Sequence[str], field: str, chosen: Mapping[str, str]) -> Sequence[str]:
    """Return those of an object's keys that hold `field`; several must agree.

    Where none of the documented keys is there, one that a table's header could have serves
    ("orderNumber", "trackingNumber"); beside a bare `id` it must agree with it, since that may
    be the shipment.
    """
    if field in chosen:
        return [name for name in names if name == chosen[field] != ""]
    documented = [name for name in _KEYS[field] if name in names]
    if documented and documented != ["id"]:
        return documented
    alike = [name for name in names if name not in _KEYS[field] and field_of(name) == field]
    return documented + alike


def known_keys(survey: Survey, options: InputOptions) -> Mapping[str, str]:
    """Return the keys that hold the fields, as the beginning of the file shows them.

    Raises SettingsRefused when a key that --column names is in no object there.
    """
    names: dict[str, None] = {}
    for line in survey.head.splitlines()[:_SAMPLE]:
        try:
            members = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(members, dict):
            names.update(dict.fromkeys(members))
    for field, wanted in options.columns.items():
        if names and wanted and wanted not in names:
            close = get_close_matches(wanted, names, n=1)
            hint = (
                f"Did you mean --column {field}={quoted(close[0])}?"
                if close
                else f"Its keys: {listed(list(names))}."
            )
            raise SettingsRefused(f"{survey.name} has no key {quoted(wanted)}. {hint}")
    found = {field: find_keys(list(names), field, options.columns) for field in FIELDS}
    return {field: " or ".join(keys) for field, keys in found.items() if keys}


class _WrongValueError(Exception):
    def __init__(self, value: str, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason


class _Integer(str):
    """An integer as it is written, however many digits it has."""


class _Fraction(str):
    """A number with a fraction or an exponent, as it is written."""


class _Members(list[tuple[str, Any]]):
    """The members of an object, keys that are there twice included."""


def _exact(line: str) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the object on `line`, numbers as they are written, and the keys it has twice."""
    pairs = json.loads(line, object_pairs_hook=_Members, parse_int=_Integer, parse_float=_Fraction)
    members = dict(pairs)
    names = [name for name, _ in pairs]
    if len(members) == len(names):
        return members, frozenset()
    return members, frozenset(name for name in members if names.count(name) > 1)


def _text(
    field: str,
    names: Sequence[str],
    members: Mapping[str, Any],
    repeated: frozenset[str],
    line: str,
) -> str:
    """Return the text of a field, "" where it is missing or null."""
    texts: dict[str, str] = {}
    for name in names:
        if name in repeated:
            reason = f"the object has the key {quoted(name)} more than once; leave one"
            raise _WrongValueError(printable(line, 200), reason)
        value = members[name]
        if isinstance(value, float):
            # An integer beyond 64 bits comes out of orjson as a float.
            value = _exact(line)[0][name]
        if value is None or (name not in _KEYS[field] and isinstance(value, dict | list)):
            continue
        texts[name] = _text_of(value, field, name)
    if len(set(texts.values())) > 1:
        both = " and ".join(f"{quoted(name)} ({printable(texts[name], 40)})" for name in texts)
        reason = (
            f"the object has {both} for the {LABELS[field]}, which differ; "
            f"say which counts with --column {field}={quoted(next(iter(texts)))}"
        )
        raise _WrongValueError(printable(line, 200), reason)
    return next(iter(texts.values()), "")


def _text_of(value: Any, field: str, name: str) -> str:
    label = LABELS[field]
    if type(value) is str:
        return value
    if field != "tracking" and isinstance(value, int | _Integer) and not isinstance(value, bool):
        text = str(value)
        if not text.startswith("-"):
            return text
        raise _WrongValueError(text, f"the {label} is the negative number {text}; correct it")
    if isinstance(value, _Fraction):
        text = str(value)
        reason = f"the {label} {text} has a fraction or an exponent; take it from the source"
        raise _WrongValueError(text, reason)
    if isinstance(value, int | _Integer) and not isinstance(value, bool):
        text = str(value)
        reason = f"the {label} is a number; write it as a text in quotation marks"
        raise _WrongValueError(text, reason)
    kind = {bool: "true or false", dict: "an object", _Members: "an object"}.get(
        type(value), "an array"
    )
    allowed = "a text" if field == "tracking" else "a text or a whole number"
    text = printable(str(value), 200)
    raise _WrongValueError(text, f"{quoted(name)} is {kind}; the {label} must be {allowed}")


def _no_object(line: str, reason: str) -> InvalidRow:
    return InvalidRow("", None, None, "row", printable(line.strip(), 200), reason)


def _why_not_json(line: str, error: orjson.JSONDecodeError) -> str:
    text = line.strip()
    if text.endswith(","):
        return "the line ends with a comma; JSON Lines has one object a line and nothing between"
    return f"the line is not valid JSON (at column {error.colno}: {error.msg})"
