"""Which column of a table is which: taken where that is certain, else in question.

A field's column is taken by itself only when its header is one of the field's own few words and no
other column could be meant as well. What could be meant is told by what a header says and by the
shape of the cells below it, never by a list of the names that exports have.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.mangled import how_mangled
from bulkstatus.order import BLANKS, SHIPPING, InvalidRow, StatusUpdate, parse_status
from bulkstatus.source.options import FIELDS, REASON, VOID, InputOptions
from bulkstatus.words import printable

if TYPE_CHECKING:
    from bulkstatus.source.layouts import SavedLayout

#: How many of the first rows the cells are taken from.
SAMPLE = 200

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

# The key `id` of an object may be the order's.
_KEY_WORDS = {**WORDS, "id": "order_id"}

# With what a word of a header begins or ends that speaks of the same thing as a field: beside an
# order number, its reference or another's ID, if not a shipment's.
_SPEAKS = {
    "order_id": ("order", "ref", "id"),
    "order": ("order", "ref"),
    "status": ("status",),
    "tracking": ("track", "consign"),
    "shipment": ("ship", "track", "consign"),
}

_IGNORED = str.maketrans("", "", ' _-.#:="\t\r\n\u00a0\u200b\ufeff')
_LETTERS = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

# An ID: one word, or two, with a digit, and with the marks that barcodes have; not an amount,
# which has a fraction.
_ID = re.compile(r"(?=.{1,50}$)(?=\D*\d)[\w#%()./-]+(?: [\w#%()./-]+)?")
_AMOUNT = re.compile(r"\D{0,4}\d[\d.,']*[.,]\d{1,3}\D{0,4}")
# What may be one at a pinch: a word of capitals, digits and marks.
_CODE = re.compile(r"[^\sa-z@:]{4,}")
# An ID by its looks alone, whatever its header says: too long, or too mixed, for a quantity.
_PLAIN_ID = re.compile(r"(?=.*[^\W\d_])\S{2,}|[\d%()]*\d{6,}")
# The texts and numbers of an object or a list in an object, of which nothing is read.
_INNER = re.compile(r'[^\s"{}\[\],:]+')
# From how many characters on it is no chance that two columns look alike.
_LONG = 4

_VOID = re.compile("void|cancel|return")
_IS_VOID = re.compile("void|cancell?ed|returned")
_TELLS_VOID = re.compile(
    r"^[^\S\n]*(?:void(?:ed)?|cancell?ed|returned)[^\S\n]*$", re.IGNORECASE | re.MULTILINE
)
_YES = {"y", "yes", "true", "t", "1", "x", "ja", "j", "oui", "si", "sí", "wahr", "vrai", "✓", "✔"}
_NO = {"n", "no", "non", "nein", "false", "f", "-", "falsch", "faux", "none", "null", "n/a"}


class Column(NamedTuple):
    """A column: its header, and its cells in the first rows, without the blanks around them."""

    header: str
    cells: Sequence[str] = ()

    @property
    def filled(self) -> list[str]:
        """The cells that are not blank."""
        return [cell for cell in self.cells if cell]

    def __str__(self) -> str:
        some = [printable(cell, 24) for cell in list(dict.fromkeys(self.filled))[:3]]
        return f"{quoted(self.header)}: {', '.join(some) or 'blank'}"


def columns_of(header: Sequence[str], records: Iterable[Sequence[str]]) -> list[Column]:
    """Return the columns of a table, with the cells of its first records.

    Records of which far less is filled than of others are left out: totals, remarks.
    """
    width = len(header)
    rows = [[cell.strip(BLANKS) for cell in row] for row in records if len(row) == width]
    filled = [sum(map(bool, row)) for row in rows]
    rows = [row for row, cells in zip(rows, filled, strict=True) if cells * 2 > max(filled)]
    cells = list(zip(*rows, strict=True)) or [()] * width
    return [Column(name.strip(BLANKS), below) for name, below in zip(header, cells, strict=True)]


class Found(NamedTuple):
    """Which column is which, by position: those of the fields, and those that say a row is void.

    `doubts` has each field in question with the columns that could be meant, the likeliest first;
    `untracked` are those that could hold the tracking where no column does, or one that is blank in
    the first rows, None where there is no question: it is one as soon as a row is shipped without.
    """

    places: dict[str, int]
    void: tuple[int, ...]
    doubts: dict[str, list[int]]
    untracked: list[int] | None


def find(
    table: Sequence[Column], options: InputOptions, kind: str, saved: "SavedLayout | None" = None
) -> Found:
    """Return which column is which, of those that `options.column` names what they say.

    The `kind` is the format. A list, "txt", may have no tracking without a question, and an object
    of "jsonl" no field. Columns that a `saved` layout knows are what it says, and a field is in
    question by those alone that it does not know.
    """
    words, is_object = (_KEY_WORDS, True) if kind == "jsonl" else (WORDS, False)
    chosen, headers = options.column, [column.header for column in table]
    called = {field: named(headers, wanted) for field, wanted in chosen.items()}
    places = {field: found[0] for field, found in called.items() if found}
    rest = [place for place in range(len(table)) if place not in places.values()]
    if rest and rest[-1] == len(table) - 1 and normalise(headers[-1]) == REASON:
        rest.pop()  # why a row was not sent, in a file of failures
    said = saved.meant(headers) if saved else {}
    meant = {p: said.get(p, words.get(normalise(headers[p]), "")) for p in rest}
    own = {place: field for place, field in meant.items() if field}
    void = called.get(VOID, [p for p in rest if p not in own and is_void_column(headers[p])])
    others = [p for p in rest if p not in {*own, *said}]
    others = [p for p in others if p not in void or looks_like_id(table[p], None)]
    doubts: dict[str, list[int]] = {}
    for field in FIELDS:
        mine = [place for place in rest if own.get(place) == field]
        if field == "order_id":
            # Every row has one, so a blank column is none; `id` alone is the less likely one.
            mine = [place for place in mine if table[place].filled] or mine
            mine.sort(key=lambda place: normalise(headers[place]) not in WORDS)
        mine.sort(key=lambda place: place not in said)
        taken = table[mine[0]] if mine else None
        could = [*mine, *(p for p in others if could_be(field, table[p], taken))]
        if saved and field == "tracking":
            known = [places.get("order_id"), *doubts.get("order_id", ())]
            orders = next((table[place] for place in known if place is not None), None)
            could += [p for p in others if p not in could and looks_like_id(table[p], orders)]
        if field in chosen:
            if field == "status" and field not in places and options.status is None:
                doubts[field] = []
        elif len(mine) == len(could) == 1 and (not saved or mine[0] in said):
            places[field] = mine[0]
        elif field == "tracking":
            doubts |= {field: could} if mine or (saved and could) else {}
        elif field == "order_id" or could or options.status is None:
            doubts[field] = could
    if "order_id" not in places and not doubts.get("order_id"):
        filled = (p for p in others if len(table[p].filled) * 2 > len(table[p].cells))
        doubts["order_id"] = [p for p in filled if _are_ids(table[p])]
    likely = places | {field: could[0] for field, could in doubts.items() if could}
    left = {p for p in (*own, *others) if headers[p] or table[p].filled} - {*likely.values()}
    own_one, untracked = likely.get("tracking"), None
    if not saved and "tracking" not in chosen and (own_one is None or not table[own_one].filled):
        orders = table[likely["order_id"]] if "order_id" in likely else None
        ids = [p for p in sorted(left) if headers[p] and looks_like_id(table[p], orders)]
        if own_one is None:
            ids += [p for p in sorted(left) if p not in ids and has_inner_id(table[p])]
        ids.sort(key=lambda place: speaks_of("order_id", headers[place]))
        if own_one is None:
            untracked = ids if ids or kind not in {"txt", "jsonl"} else None
        elif ids := [p for p in ids if len(table[p].filled) == len(table[p].cells)]:
            untracked = [*ids, own_one]
        if untracked is not None and _is_shipped(table, likely.get("status"), options):
            doubts["tracking"] = untracked
            places.pop("tracking", None)
    if is_object:
        doubts = {field: could for field, could in doubts.items() if could}
        if "tracking" not in {*places, *chosen}:
            # One that is blank in the first rows may be filled in others.
            blank = [place for place in sorted(left) if not table[place].filled]
            untracked = [*(untracked or ()), *blank] or None
        elif "tracking" not in places and chosen["tracking"]:
            # What an object lacks under the key that was said it may have under one of its own.
            untracked = [place for place, field in own.items() if field == "tracking"] or None
    return Found(places, tuple(void), doubts, untracked)


def _is_shipped(table: Sequence[Column], status: int | None, options: InputOptions) -> bool:
    """Say whether some of the first rows are about shipping, or may be, for nobody knows."""
    meant = {options.status}
    if status is not None:
        meant = {*map(options.status_of, table[status].filled), *(meant - {None})}
    return None in meant or not SHIPPING.isdisjoint(meant)


def refuse_misnamed(headers: Sequence[str], chosen: Mapping[str, str], name: str) -> None:
    """Raise SettingsRefused where --column names a column that is not there or another field's,
    InputRefused where it is there twice.
    """
    named_ones: list[int] = []
    for wanted in filter(None, chosen.values()):
        found = named(headers, wanted)
        if not found:
            raise SettingsRefused(
                f"{name} has no column {quoted(wanted)}. Its columns: {listed(headers)}."
            )
        if len(found) > 1:
            raise InputRefused(
                f"{name} has several columns {quoted(wanted)}; rename what has the same name."
            )
        named_ones += found
    if len(set(named_ones)) < len(named_ones):
        raise SettingsRefused("--column names one column for two fields. Give each its own.")


# What could be meant.


def could_be(field: str, column: Column, taken: Column | None) -> bool:
    """Say whether a column that has none of a field's own words could be meant by it as well.

    `taken` is the column that has one, None where there is none.
    """
    says = speaks_of(field, column.header)
    if field == "order_id" and speaks_of("shipment", column.header):
        return False
    if field == "status":
        are_statuses = bool(column.filled) and all(map(parse_status, column.filled))
        return are_statuses or (says and taken is None)
    if taken is None or not _are_ids(column):
        return says and _are_ids(column)
    # Beside "Waybill", "Waybill 2" speaks of the same.
    own = normalise(taken.header)
    says = says or (own != "" and normalise(column.header).startswith(own))
    is_alike = says or _is_formed_alike(column, taken)
    return bool(column.header) and is_alike and _is_distinct(column, taken.filled)


def looks_like_id(column: Column, orders: Column | None) -> bool:
    """Say whether a column could hold trackings or other IDs, whatever its header says.

    `orders` are those that it tells apart then, None where that is not known.
    """
    if not (all(map(_PLAIN_ID.fullmatch, column.filled)) and _are_ids(column)):
        return False
    pairs = zip(column.cells, orders.cells if orders else column.cells, strict=True)
    return _is_distinct(column, [order for cell, order in pairs if cell])


def has_inner_id(key: Column) -> bool:
    """Say whether something that looks like an ID stands in an object or a list of its own."""
    inner = (cell for cell in key.filled if cell[0] in "{[")
    pieces = chain.from_iterable(map(_INNER.findall, inner))
    return any(looks_like_id(Column("", [piece]), None) for piece in pieces)


def speaks_of(field: str, header: str) -> bool:
    """Say whether a word of a header is about the same thing as a field."""
    words = _LETTERS.findall(_CAMEL.sub(" ", unicodedata.normalize("NFKC", header)).casefold())
    return any(word.startswith(_SPEAKS[field]) or word.endswith(_SPEAKS[field]) for word in words)


def _are_ids(column: Column) -> bool:
    """Say whether most cells look like IDs."""
    ids = [c for c in filter(_ID.fullmatch, column.filled) if not _AMOUNT.fullmatch(c)]
    ids = [cell for cell in ids if how_mangled(cell) is None]
    return bool(ids) and len(ids) * 5 >= len(column.filled) * 4


def could_hold_ids(column: Column) -> bool:
    """Say whether every row has a code of its own in a column, be it of letters alone."""
    cells = column.cells
    codes = [
        c for c in cells if _CODE.fullmatch(c) and not (_AMOUNT.fullmatch(c) or how_mangled(c))
    ]
    return 0 < len(cells) == len(codes) and _is_distinct(column, cells)


def _is_distinct(column: Column, others: Sequence[str]) -> bool:
    """Say whether a column tells rows apart, nearly as well as other cells do."""
    return len(set(column.filled)) * 2 > len(set(others))


def _is_formed_alike(column: Column, taken: Column) -> bool:
    """Say whether most cells of two columns have their letters and digits in the same places."""
    mine, theirs = (Counter(map(_form, each.filled)).most_common(1) for each in (column, taken))
    return bool(mine and theirs) and mine[0][0] == theirs[0][0] and len(mine[0][0]) >= _LONG


def _form(cell: str) -> str:
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", cell))


# Rows that are void.


def is_void_column(header: str) -> bool:
    """Say whether a column says of rows that they are void, cancelled or returned."""
    return _VOID.search(normalise(header)) is not None


def is_void(header: str, cell: str, is_chosen: bool) -> bool:
    """Say whether a cell says that its row is void: by a yes, or by more than a no.

    Of a column that is called void itself, or is named for it, a date or a reason is a yes.
    """
    text = cell.strip(BLANKS).casefold()
    if not text.strip("0.,") or text in _NO:
        return False
    return text in _YES or is_chosen or _IS_VOID.search(normalise(header)) is not None


def tell_void(cells: Iterable[str]) -> bool:
    """Say whether one of some cells says by itself, whatever its column is called, that its row is
    void.
    """
    return _TELLS_VOID.search("\n".join(cells)) is not None


def void_row(row: StatusUpdate, header: str, cell: str) -> InvalidRow:
    """Return what stands for a row that a cell says is void.

    It has no status, lest it be taken for one to be sent where this column is missing, as in a
    file of failures.
    """
    why = (
        f"the column {quoted(header)} says {quoted(cell)}: the row is void. Take it out; if the "
        "column says something else, add --column void="
    )
    return InvalidRow(row.order_id, None, row.tracking, VOID, cell, why)


# Names.


def names_columns(cells: Iterable[str]) -> bool:
    """Say whether a record names columns. A row may well hold "order" or "status"."""
    names = {WORDS.get(word): word for word in map(normalise, cells)}
    return len(names.keys() - {None}) > 1 or names.get("order_id", "order") != "order"


def named(headers: Sequence[str], wanted: str) -> list[int]:
    """Return the positions of the columns that are called so, but for case, blanks and marks."""
    wanted, word = wanted.strip(BLANKS), normalise(wanted)
    exact = [p for p, header in enumerate(headers) if wanted and header.strip(BLANKS) == wanted]
    return exact or [p for p, header in enumerate(headers) if word and normalise(header) == word]


def normalise(name: str) -> str:
    """Return a column's name without case, blanks and the marks that people put into one."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_IGNORED)


def listed(names: Sequence[str], limit: int = 30) -> str:
    """Return the names of columns for a message."""
    shown = [quoted(name) for name in names[:limit] if name.strip(BLANKS)]
    return ", ".join(shown) + (", …" if len(names) > limit else "")


def quoted(text: str) -> str:
    """Return a piece of the file for a message: harmless, short, in quotation marks."""
    return f'"{printable(text.strip(BLANKS), 60)}"'
