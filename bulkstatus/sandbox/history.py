"""What the sandbox has received, kept within bounds."""

from collections import Counter, deque
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from bulkstatus.order import OrderStatus

#: How many of the latest changes are kept for the page.
RECENT = 500

#: How many PUTs are kept, over all orders; beyond it the orders seen first are forgotten.
KEPT = 300_000


class Received(NamedTuple):
    """One PUT for an order that the API could follow.

    `answered` is the HTTP status, or None where the connection was dropped instead. `applied`
    says whether the order was changed.
    """

    status: OrderStatus
    tracking: str | None
    answered: int | None = 200
    applied: bool = True


class Change(NamedTuple):
    """One PUT that changed an order, for the page.

    `put` is its number among the order's PUTs, from 1; `at` is in seconds since the epoch.
    """

    order_id: str
    status: OrderStatus
    tracking: str | None
    put: int
    at: float


class Ending(StrEnum):
    """How a PUT ended; each is counted once."""

    UPDATED = "updated"  # answered with success
    REFUSED = "refused"  # an error about the order or the body
    UNAUTHORISED = "unauthorised"  # an error about the credentials
    LIMITED = "limited"  # over the limit
    FAILED = "failed"  # answered 500, as asked
    DROPPED = "dropped"  # not answered, as asked


class History:
    """The PUTs of each order, in order of arrival, and what the page shows of them.

    `received` maps an order ID to its PUTs. `counts` says how all PUTs ended. `by_status` counts
    the orders by the status they are in now. `changes` is how many PUTs have changed an order so
    far, `recent` the latest of them, oldest first. `forgotten` is how many orders were dropped
    to stay within `kept` PUTs.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.received: dict[str, list[Received]] = {}
        self.counts: Counter[Ending] = Counter()
        self.by_status: Counter[OrderStatus] = Counter()
        self.recent: deque[Change] = deque(maxlen=RECENT)
        self.changes = 0
        self.forgotten = 0
        self._most = kept
        self._kept = 0

    def add(self, order_id: str, put: Received, at: float) -> None:
        """Take in one PUT that arrived at the time `at`, in seconds since the epoch."""
        puts = self.received.get(order_id)
        if puts is None:
            puts = self.received[order_id] = []
        if put.applied:
            before = _current(puts)
            if before is not None:
                self.by_status[before.status] -= 1
            self.by_status[put.status] += 1
            self.changes += 1
            self.recent.append(Change(order_id, put.status, put.tracking, len(puts) + 1, at))
        puts.append(put)
        self._kept += 1
        if self._kept > self._most:
            self._forget()

    def current(self, order_id: str) -> Received | None:
        """Return the PUT that gave the order its present status, or None."""
        return _current(self.received.get(order_id, ()))

    def _forget(self) -> None:
        # A tenth at once: taking the first key of a dict costs a walk over those deleted before.
        for order_id, puts in list(self.received.items()):
            if self._kept <= self._most * 9 // 10:
                break
            last = _current(puts)
            if last is not None:
                self.by_status[last.status] -= 1
            self._kept -= len(puts)
            self.forgotten += 1
            del self.received[order_id]


def _current(puts: Sequence[Received]) -> Received | None:
    for put in reversed(puts):
        if put.applied:
            return put
    return None
