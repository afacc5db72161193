"""The nine order statuses, and `StatusUpdate`: what one row of the input asks for."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from enum import IntEnum
from itertools import repeat
from typing import NamedTuple

import orjson

from bulkstatus.mangled import WHOLE, ZEROS, how_mangled, why_no_tracking
from bulkstatus.words import INVISIBLE, printable


class OrderStatus(IntEnum):
    """A status code of the Order Status API (its page, "Other supported order status codes")."""

    DISPATCHED = 8
    QC_QUERY = 32
    DISPATCHED_RETAILER_NOTIFIED = 64
    CANCELLED = 128
    ON_HOLD = 256
    SENT_TO_SUPPLIER = 512
    RECEIVED_BY_SUPPLIER = 513
    SENT_TO_SHIPPER = 515
    RECEIVED_BY_SHIPPER = 516

    @property
    def label(self) -> str:
        """The status's name as the API's page writes it."""
        return _LABELS[self][0]

    @property
    def description(self) -> str:
        """What the status says about an order, in one sentence."""
        return _LABELS[self][1]


_LABELS = {
    OrderStatus.DISPATCHED: ("Dispatched", "The whole order has left."),
    OrderStatus.QC_QUERY: ("QC Query", "Quality control has a question about the order."),
    OrderStatus.DISPATCHED_RETAILER_NOTIFIED: (
        "Dispatched (Retailer Notified)",
        "The order has left and the retailer was told.",
    ),
    OrderStatus.CANCELLED: ("Cancelled", "The order will not be fulfilled."),
    OrderStatus.ON_HOLD: ("On Hold", "The order waits."),
    OrderStatus.SENT_TO_SUPPLIER: ("Sent to Supplier", "The order was passed to a supplier."),
    OrderStatus.RECEIVED_BY_SUPPLIER: ("Received by Supplier", "The supplier has the order."),
    OrderStatus.SENT_TO_SHIPPER: ("Sent to Shipper", "The courier was told of the shipment."),
    OrderStatus.RECEIVED_BY_SHIPPER: (
        "Received by Shipper",
        "The courier has confirmed the shipment.",
    ),
}

#: The only direction in which an order may move through several statuses of one file.
SEQUENCE = (
    OrderStatus.SENT_TO_SUPPLIER,
    OrderStatus.RECEIVED_BY_SUPPLIER,
    OrderStatus.SENT_TO_SHIPPER,
    OrderStatus.RECEIVED_BY_SHIPPER,
    OrderStatus.DISPATCHED,
    OrderStatus.DISPATCHED_RETAILER_NOTIFIED,
)

#: The statuses that are about shipping, and so may carry a tracking number.
SHIPPING = frozenset(SEQUENCE[2:])


class StatusUpdate(NamedTuple):
    """One order's new status: what one PUT sets."""

    order_id: str
    status: OrderStatus
    tracking: str | None = None

    def body(self) -> bytes:
        """Return the JSON body of the PUT, as in the API page's own calls."""
        if self.tracking is None:
            return orjson.dumps({"status": self.status})
        return orjson.dumps({"status": self.status, "shipping_tracking": self.tracking})


class InvalidRow(NamedTuple):
    """Why a row is not a `StatusUpdate`.

    The first three fields hold what could be read, `field` names the one at fault, `value` is
    what its cell held, and `reason` is a sentence for the person who mends the file.
    """

    order_id: str
    status: OrderStatus | None
    tracking: str | None
    field: str
    value: str
    reason: str


Row = StatusUpdate | InvalidRow

# What may surround a cell's text without being part of it: Unicode's blanks, tabs, line ends.
# `str.strip()` alone would also take off control characters, which must be seen and refused.
BLANKS = " \t\r\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
BLANKS += "\u202f\u205f\u3000"

# A text as it is written for Excel, so that it makes no number of it.
_TEXT_FORMULA = re.compile(r'=\s*("+)([^"]*)\1')
_OTHER_BLANK = re.compile(r"[^\S ]")


def bare(cell: str) -> str:
    """Return a cell's text, without the blanks around it and without `="…"`."""
    text = cell.strip(BLANKS)
    if text.startswith("=") and (formula := _TEXT_FORMULA.fullmatch(text)):
        return formula[2].strip(BLANKS)
    return text


_IGNORED_IN_NAMES = str.maketrans("", "", " _-\u00a0\t")


def normalise(name: str) -> str:
    """Return a status's or a column's name without case, spaces, `_` and `-`."""
    return name.casefold().translate(_IGNORED_IN_NAMES)


_CODES = {str(int(status)): status for status in OrderStatus}
_ALIASES = {
    "canceled": OrderStatus.CANCELLED,
    "cancel": OrderStatus.CANCELLED,
    "dispatch": OrderStatus.DISPATCHED,
    "despatched": OrderStatus.DISPATCHED,
}
_NAMES = {
    **{normalise(status.label): status for status in OrderStatus},
    "dispatchedretailernotified": OrderStatus.DISPATCHED_RETAILER_NOTIFIED,
    **_ALIASES,
}


def parse_status(text: str) -> OrderStatus | None:
    """Return the status that a code ("8") or a name ("received by shipper") stands for."""
    text = bare(text)
    return _CODES.get(text) or _NAMES.get(normalise(text))


# How alike a word must be to the one that it is mistyped for.
_ALIKE = 0.85
_WORD = re.compile(r"[^\W_]+")
_SPELT = {
    tuple(_WORD.findall(name.casefold())): status
    for name, status in ({s.label: s for s in OrderStatus} | _ALIASES).items()
}


def is_mistyped(text: str) -> OrderStatus | None:
    """Return the status whose name `text` is but for a slip in a word.

    One more word, or another beginning, can turn a status into its opposite: "not dispatched".
    """
    words = _WORD.findall(text.casefold())
    for known, status in _SPELT.items():
        if len(known) == len(words) and all(
            mine[0] == theirs[0] and SequenceMatcher(None, mine, theirs).ratio() >= _ALIKE
            for mine, theirs in zip(words, known, strict=True)
        ):
            return status
    return None


def unknown_status(text: str, hint: str = "") -> str:
    """Return the sentence that says `text` is no status, with the one that it is like or a hint."""
    unknown = f'the status "{text}" is not one of the nine'
    if meant := is_mistyped(text):
        return f"{unknown}; did you mean {meant.label} ({meant:d})?"
    return f"{unknown} (`bulkstatus statuses` lists them){hint}"


_TRACKING = "tracking number"


def _wrong(label: str, text: str) -> str | None:
    """Return why `text` cannot be sent as the order ID or tracking number that `label` names."""
    if mangled := how_mangled(text):
        return f'the {label} "{text}" {mangled}'
    if '"' in text:
        return f"the {label} holds a quotation mark; take it out"
    if "\ufffd" in text:
        return f"the {label} holds a character that was lost in an earlier conversion"
    if label == _TRACKING and (why := why_no_tracking(text)):
        return f'the {label} "{printable(text)}" {why}'
    if INVISIBLE.search(text):
        return f"the {label} holds a line break, an invisible or control character; type it afresh"
    if _OTHER_BLANK.search(text):
        return f"the {label} holds a blank that only looks like a space; type it afresh"
    return None


def parse_update(
    order_id: str,
    status: str,
    tracking: str,
    default_status: OrderStatus | None = None,
    require_tracking: bool = False,
) -> Row:
    """Return what the three cells of a row ask for, or why they cannot be followed.

    A blank `status` takes `default_status`; another status than the default is invalid, never
    overridden. A blank `tracking` means none, which `require_tracking` refuses for a shipping
    status.
    """
    is_whole = WHOLE.fullmatch(tracking) and tracking not in ZEROS
    tracking = tracking if is_whole else bare(tracking)
    parsed = _CODES.get(status) or parse_status(status)

    def invalid(field: str, value: str, reason: str) -> InvalidRow:
        return InvalidRow(order_id, parsed, tracking or None, field, value, reason)

    if not WHOLE.fullmatch(order_id):
        order_id = bare(order_id)
        if not order_id:
            return invalid("order_id", "", "the order ID is empty; fill it in or delete the row")
        if order_id in {".", ".."}:
            return invalid("order_id", order_id, f'"{order_id}" is not an order ID')
        if reason := _wrong("order ID", order_id):
            return invalid("order_id", order_id, reason)
    status = bare(status)
    if status and parsed is None:
        hint = f'; say what it means with --word "{status}=CODE"'
        return invalid("status", status, unknown_status(status, hint))
    if parsed is None and default_status is None:
        return invalid("status", "", _NO_STATUS)
    if default_status and parsed and parsed is not default_status:
        reason = f"the row says {parsed.label}, and --status says {default_status.label}"
        return invalid("status", status, f"{reason}; correct the row or leave --status out")
    parsed = parsed or default_status
    assert parsed is not None
    if tracking and parsed not in SHIPPING:
        reason = f"a tracking number goes with a shipping status, not with {parsed.label}"
        return invalid("tracking", tracking, f"{reason}; clear its cell or correct the status")
    if tracking and not is_whole and (reason := _wrong(_TRACKING, tracking)):
        return invalid("tracking", tracking, reason)
    if not tracking and require_tracking and parsed in SHIPPING:
        return invalid("tracking", "", _NO_TRACKING)
    return StatusUpdate(order_id, parsed, tracking or None)


_NO_STATUS = "the row has no status; fill it in, or give one for all such rows with --status"
_NO_TRACKING = "the row has no tracking number, and --require-tracking asks for one"


def parse_plain(
    order_ids: Sequence[str],
    statuses: Sequence[str],
    trackings: Sequence[str],
    default_status: OrderStatus | None = None,
    require_tracking: bool = False,
) -> list[StatusUpdate] | None:
    """Return `parse_update` of every row at once, or None when a row needs a closer look.

    It answers when all IDs and trackings are such that no rule can speak against them
    (`mangled.WHOLE`), every status is valid, and each tracking stands where one may.
    """
    if "" in order_ids or not all_whole(order_ids):
        return None
    meant = {}
    for text in set(statuses):
        row = parse_update("0", text, "", default_status)
        if isinstance(row, InvalidRow):
            return None
        meant[text] = row.status
    tracked: Sequence[str | None] = trackings
    if not any(trackings):
        tracked = [None] * len(order_ids)
    elif not (all_whole(trackings) and ZEROS.isdisjoint(trackings)):
        return None
    elif not SHIPPING.issuperset(meant.values()):
        others = {text for text, status in meant.items() if status not in SHIPPING}
        pairs = zip(statuses, trackings, strict=True)
        if any(tracking for status, tracking in pairs if status in others):
            return None
    if "" in tracked:
        tracked = [tracking or None for tracking in trackings]
    if require_tracking and None in tracked and not SHIPPING.isdisjoint(meant.values()):
        return None
    found = zip(order_ids, map(meant.__getitem__, statuses), tracked, strict=True)
    # What `StatusUpdate._make` does for each, without a Python call per row.
    return list(map(tuple.__new__, repeat(StatusUpdate), found))


def all_whole(values: Sequence[str]) -> bool:
    """Say whether every one of `values` is blank or whole beyond doubt (`mangled.WHOLE`)."""
    joined = "".join(values)
    if not joined.isascii():
        return False
    # The common case, letters and digits alone, is found out without a look at each.
    if joined.isalnum() and True not in map(str.isalpha, values):
        return True
    return all(map(WHOLE.fullmatch, filter(None, values)))
