"""Which column is which: the words of a header and what they stand for."""

import unicodedata
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS
from bulkstatus.source.options import FIELDS, LABELS, InputOptions
from bulkstatus.text import printable

_NUMBER_WORDS = ("", "no", "num", "nr", "number", "ref", "reference", "id")

# `id` alone is not an order ID: in a courier's export it is the shipment.
_WORDS: dict[str, str] = {
    **{f"order{word}": "order_id" for word in _NUMBER_WORDS},
    **dict.fromkeys(("status", "statuscode", "orderstatus", "orderstatuscode"), "status"),
    **{f"tracking{word}": "tracking" for word in (*_NUMBER_WORDS, "code")},
    **{f"shippingtracking{word}": "tracking" for word in (*_NUMBER_WORDS, "code")},
    **{f"consignment{word}": "tracking" for word in _NUMBER_WORDS},
}

_IGNORED = str.maketrans("", "", " _-.#:\t\r\n\u00a0\u200b\ufeff")


# How alike two words are of which one may be the other mistyped ("sttaus"; not "statusdate").
_ALIKE = 0.82


class Columns(NamedTuple):
    """The positions of the three fields in a record; None where the file has no such column."""

    order_id: int
    status: int | None
    tracking: int | None


def normalise(name: str) -> str:
    """Return a column's name without case, blanks and the marks that people put into one."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_IGNORED)


def field_of(name: str) -> str | None:
    """Return the field that a column of this name holds."""
    return _WORDS.get(normalise(name))


def find(header: Sequence[str], field: str, chosen: Mapping[str, str]) -> list[int]:
    """Return the positions of all columns of `header` that fit `field`."""
    wanted = chosen.get(field)
    if wanted == "":
        return []
    if wanted is not None:
        wanted = wanted.strip(BLANKS)
        exact = [i for i, name in enumerate(header) if name.strip(BLANKS) == wanted]
        word = normalise(wanted)
        return exact or [i for i, name in enumerate(header) if word and normalise(name) == word]
    taken = {i for other in chosen for i in (find(header, other, chosen) if other != field else ())}
    return [i for i, name in enumerate(header) if field_of(name) == field and i not in taken]


def is_header(record: Sequence[str], chosen: Mapping[str, str]) -> bool:
    """Say whether a record is a header: it has a column for the order ID."""
    return bool(find(record, "order_id", chosen))


def choose(header: Sequence[str], options: InputOptions, name: str) -> Columns:
    """Return the columns of the three fields.

    Raises SettingsRefused when a column that --column names is not there, InputRefused when a
    field has no column that it needs, or several.
    """
    found: dict[str, int | None] = {}
    for field in FIELDS:
        positions = find(header, field, options.columns)
        wanted = options.columns.get(field)
        if wanted and not positions:
            raise SettingsRefused(_no_such_column(header, field, wanted, name))
        if len(positions) > 1:
            both = " and ".join(quoted(header[i]) for i in positions)
            advice = (
                "Rename one of them"
                if wanted or len({header[i] for i in positions}) == 1
                else f"Say which with --column {field}={quoted(header[positions[0]])}"
            )
            raise InputRefused(
                f"{name} has {len(positions)} columns that could be the {LABELS[field]}: "
                f"{both}. {advice}."
            )
        found[field] = positions[0] if positions else None
    order_id, status, tracking = (found[field] for field in FIELDS)
    if order_id is None:
        raise InputRefused(no_order_id(header, name))
    for field in ("status", "tracking"):
        if found[field] is None and (alike := lookalike(header, field, options.columns)):
            raise InputRefused(
                f"{name} has a column {quoted(alike)}, which could be the {LABELS[field]} but is "
                f"not known as such. If it is, add --column {field}={quoted(alike)}; if not, add "
                f"--column {field}= to say that there is none."
            )
    places = [place for place in (order_id, status, tracking) if place is not None]
    if len(set(places)) < len(places):
        raise SettingsRefused("--column names one column for two fields. Give each its own.")
    if status is None and options.default_status is None:
        raise InputRefused(
            f"{name} has no status column (its columns: {listed(header)}). Give one status for "
            'all rows with --status, or say which column holds it with --column status="…".'
        )
    return Columns(order_id, status, tracking)


def lookalike(names: Sequence[str], field: str, chosen: Mapping[str, str]) -> str | None:
    """Return the name that could be one of `field`'s, mistyped, when none of `names` is.

    A column that is passed over for a slip of the pen would set orders without what it holds.
    """
    if field in chosen:
        return None
    known = [word for word, known in _WORDS.items() if known == field]
    for name in names:
        word = normalise(name)
        if field_of(name) is None and (
            get_close_matches(word, known, n=1, cutoff=_ALIKE)
            or (field == "tracking" and "tracking" in word)
        ):
            return name
    return None


def no_order_id(header: Sequence[str], name: str) -> str:
    """Return the sentence for a header without an order ID."""
    return (
        f"{name} has no column that is known to hold the order ID (its columns: "
        f'{listed(header)}). Say which one does with --column order_id="…".'
    )


def _no_such_column(header: Sequence[str], field: str, wanted: str, name: str) -> str:
    by_word = {normalise(column): column for column in header}
    close = get_close_matches(normalise(wanted), by_word, n=1)
    hint = (
        f"Did you mean --column {field}={quoted(by_word[close[0]])}?"
        if close
        else f"Its columns: {listed(header)}."
    )
    return f"{name} has no column {quoted(wanted)}. {hint}"


def listed(header: Sequence[str], limit: int = 30) -> str:
    """Return the names of columns for a message."""
    names = [quoted(column) for column in header[:limit] if column.strip(BLANKS)]
    return ", ".join(names) + (", …" if len(header) > limit else "")


def quoted(text: str) -> str:
    """Return a piece of the file for a message: harmless, short, in quotation marks."""
    return f'"{printable(text.strip(BLANKS), 60)}"'
