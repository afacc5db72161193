"""`LogState`: the state of every row of a log, a byte a row.

A row is known by its `n`. What is held of it besides are two hashes, of its order ID and of all
it asks for, and its status; its cells stay in the file.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

from bulkstatus.log.records import FAILURES, STATUSES, Outcome, Result, RowRecord
from bulkstatus.order import SHIPPING, OrderStatus

#: A run of consecutive rows: the first `n` and the last.
Span = tuple[int, int]


class State(IntEnum):
    """A row's state: TO_SEND without a result, else the outcome of its latest one."""

    TO_SEND = 0
    UPDATED = 1
    REJECTED = 2
    FAILED = 3
    INVALID = 4
    DUPLICATE = 5
    SUPERSEDED = 6
    WITHDRAWN = 7


#: The states of rows of which something is still to be done.
OPEN = (State.TO_SEND, State.REJECTED, State.FAILED, State.INVALID)

_STATE_OF = {outcome: int(State[outcome.name]) for outcome in Outcome}
_FAILED = int(State.FAILED)
_MASK = 0b111
# The latest result says that a request may have arrived unseen; so does a run that broke off,
# without a result; the run that is read has a result of the row; it failed for an answer about a
# limit or a permission.
_UNCERTAIN, _UNRECORDED, _ANSWERED, _DENIED = 0b1000, 0b10000, 0b100000, 0b1000000
_UNSEEN = _UNCERTAIN | _UNRECORDED

_PLAIN = bytes(byte & _MASK for byte in range(256))
_NOT_ANSWERED = bytes(byte & ~_ANSWERED for byte in range(256))
_LEFT_UNRECORDED = bytes(
    byte | _UNRECORDED if not byte & _ANSWERED and byte & _MASK in OPEN else byte
    for byte in range(256)
)

_INVALID_TO_SEND = bytes(
    byte & ~_MASK if byte & _MASK == State.INVALID else byte for byte in range(256)
)

#: What no answer about a limit or a permission comes with.
_NO_DENIAL = {None, 408, 425, 500, 501, 502, 504}

_DETAILS: dict[int | None, int] = {code: place for place, code in enumerate((*STATUSES, None))}
_TRACKED = 0x80


class LogState:
    """The rows of a log: what they ask for, in short, and what became of them.

    `contents[n - 1]` is the hash of what row `n` asks for (order ID, status and tracking) and
    `orders[n - 1]` that of its order ID.
    """

    def __init__(self) -> None:
        self.contents = array("q")
        self.orders = array("q")
        self._lines = array("I")
        self._states = bytearray()
        self._details = bytearray()
        self._due: list[Span] | None = None
        self._through = 0

    def __len__(self) -> int:
        return len(self._states)

    # Taking in what the log says.

    def add(
        self,
        lines: Sequence[int],
        order_ids: Sequence[str],
        statuses: Sequence[int | None],
        trackings: Sequence[str | None],
    ) -> None:
        """Take in new rows by their columns, all at once for speed."""
        details = zip(map(_DETAILS.__getitem__, statuses), trackings, strict=True)
        self._details += bytes([d | _TRACKED if tracking else d for d, tracking in details])
        self._states += bytes(len(lines))
        self.contents.fromlist([*map(hash, zip(order_ids, statuses, trackings, strict=True))])
        self.orders.fromlist([*map(hash, order_ids)])
        self._lines.fromlist([*lines])

    def add_rows(self, rows: Sequence[RowRecord]) -> int:
        """Take in new rows; return how many there are before one that is not numbered as the
        next, or has a status that is none.
        """
        numbered = enumerate(rows, len(self) + 1)
        wrong = [row.n != n or row.status not in _DETAILS for n, row in numbered]
        if True in wrong:
            rows = rows[: wrong.index(True)]
        self.add(
            [row.line for row in rows],
            [row.order_id for row in rows],
            [row.status for row in rows],
            [row.tracking for row in rows],
        )
        return len(rows)

    def add_results(self, results: Sequence[Result]) -> int:
        """Take in results that were read; return how many there are before one of no row."""
        for place, result in enumerate(results):
            content = hash((result.order_id, result.status, result.tracking))
            at = result.n - 1
            is_there = at < len(self) and self._lines[at] == result.line
            if not is_there or self.contents[at] != content:
                return place
            self.settle(result)
        return len(results)

    def settle(self, result: Result) -> None:
        """Take in a result of the run that goes on."""
        state = _STATE_OF[result.outcome]
        byte = state | _ANSWERED
        if result.uncertain:
            byte |= _UNCERTAIN
        elif state == _FAILED and result.http_status not in _NO_DENIAL:
            byte |= _DENIED
        self._states[result.n - 1] = byte

    def mark(self, n: int, state: State) -> None:
        """Say what is to become of a row that is checked, without a result of its own."""
        self._states[n - 1] = state

    def begin_run(self, due: list[Span] | None) -> None:
        """A run begins that is to send the rows of `due`, all open ones for None."""
        self.break_off()
        self._states = self._states.translate(_NOT_ANSWERED)
        for first, last in due or ():
            # What a mended file makes good again is to be sent, until a result says otherwise.
            asked = slice(first - 1, last)
            self._states[asked] = self._states[asked].translate(_INVALID_TO_SEND)
        self._due, self._through = due, 0

    def sending(self, through: int) -> None:
        """Rows up to this `n` may leave in the run."""
        self._through = max(self._through, through)

    def end_run(self) -> None:
        """The run has ended in good order: what it left unseen it has said."""
        self._through = 0

    def break_off(self) -> None:
        """The run has no end: what it may have sent without a result is perhaps touched."""
        for first, last in self._due if self._due is not None else [(1, len(self))]:
            reached = slice(first - 1, min(last, self._through))
            self._states[reached] = self._states[reached].translate(_LEFT_UNRECORDED)
        self._through = 0

    # What is known of the rows.

    def state(self, n: int) -> State:
        """Return a row's state."""
        return State(self._states[n - 1] & _MASK)

    def is_new(self, n: int) -> bool:
        """Tell whether nothing is known of a row: neither a result nor that it may have left."""
        return not self._states[n - 1]

    def is_denied(self, n: int) -> bool:
        """Tell whether a row failed for what the API said of a limit, or of a permission."""
        return bool(self._states[n - 1] & _DENIED)

    def is_unseen(self, n: int) -> bool:
        """Tell whether a request for a row may have reached the API without an answer seen."""
        return bool(self._states[n - 1] & _UNSEEN)

    def is_unrecorded(self, n: int) -> bool:
        """Tell whether a row is unseen since a run broke off, and no result says so yet."""
        return bool(self._states[n - 1] & _UNRECORDED)

    def counts(self) -> dict[Outcome, int]:
        """Return the number of rows by outcome, those that there are."""
        plain = self._states.translate(_PLAIN)
        counts = {outcome: plain.count(state) for outcome, state in _STATE_OF.items()}
        return {outcome: count for outcome, count in counts.items() if count}

    @property
    def has_failures(self) -> bool:
        """Whether a row is rejected, failed or invalid: where all is done, exit status 1."""
        return not FAILURES.isdisjoint(self.counts())

    def given_up(self) -> list[int]:
        """Return the withdrawn rows without a later row of their order that stands for them."""
        orders, others = self.orders, set(State) - {State.WITHDRAWN}
        gone = self.spans(State.WITHDRAWN)
        asked = {orders[n - 1] for n in numbers(gone)}
        rows = numbers(self.spans(*others)) if asked else ()
        last = {order: n for n in rows if (order := orders[n - 1]) in asked}
        last[hash("")] = len(self) + 1  # a row without an order is missed by nobody
        return [n for n in numbers(gone) if last.get(orders[n - 1], 0) < n]

    @property
    def to_send(self) -> int:
        """How many rows have no result."""
        return self._states.translate(_PLAIN).count(State.TO_SEND)

    def spans(self, *states: State) -> list[Span]:
        """Return the rows that are in one of some states, in order."""
        wanted = b"".join(re.escape(bytes([state])) for state in states)
        plain = self._states.translate(_PLAIN)
        return [
            (found.start() + 1, found.end())
            for found in re.compile(b"[" + wanted + b"]+").finditer(plain)
        ]

    def unseen(self) -> Iterator[int]:
        """Yield the rows for which a request may have reached the API unseen."""
        for found in re.finditer(_ANY_UNSEEN, self._states):
            yield from range(found.start() + 1, found.end() + 1)

    def tally(
        self, spans: Iterable[Span] | None = None
    ) -> Counter[tuple[OrderStatus | None, State]]:
        """Return the number of rows by status and state, of all rows or those of some spans."""
        all_states = self._states.translate(_PLAIN)
        spans = [(1, len(self))] if spans is None else spans
        rows = [slice(first - 1, last) for first, last in spans]
        details = b"".join([self._details[each] for each in rows])
        states = b"".join([all_states[each] for each in rows])
        # Both in one byte of each row: counting bytes is far faster than counting pairs.
        pairs = (int.from_bytes(details) | int.from_bytes(states) << 4).to_bytes(len(details))
        tally: Counter[tuple[OrderStatus | None, State]] = Counter()
        for pair in set(pairs):
            tally[_STATUS_AT[pair & 0xF], State(pair >> 4 & _MASK)] += pairs.count(pair)
        return tally

    def without_tracking(self, spans: Iterable[Span]) -> int:
        """Return how many rows have a shipping status and no tracking."""
        return sum(
            self._details[first - 1 : last].count(_DETAILS[int(status)])
            for first, last in spans
            for status in SHIPPING
        )

    def status(self, n: int) -> OrderStatus | None:
        """Return a row's status, None where it could not be read."""
        return _STATUS_AT[self._details[n - 1] & ~_TRACKED]


_ANY_UNSEEN = b"[" + b"".join(re.escape(bytes([b])) for b in range(256) if b & _UNSEEN) + b"]+"
_STATUS_AT = [STATUSES.get(code) for code in _DETAILS]


def numbers(spans: Iterable[Span]) -> Iterator[int]:
    """Yield each `n` of some spans."""
    for first, last in spans:
        yield from range(first, last + 1)


def spans_of(sorted_numbers: Iterable[int]) -> list[Span]:
    """Return rising numbers as spans."""
    return joined((n, n) for n in sorted_numbers)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return rising spans that do not overlap, neighbours made one."""
    found: list[Span] = []
    for first, last in spans:
        if found and found[-1][1] == first - 1:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def count_of(spans: Iterable[Span]) -> int:
    """Return how many rows some spans have."""
    return sum(last - first + 1 for first, last in spans)
