"""`Known`: what logs know of the orders of an input, or of a log, whose rows are judged."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import islice

from bulkstatus.conflict import Claim, Decision, judge_order
from bulkstatus.job.elsewhere import Elsewhere, Updates
from bulkstatus.job.worklist import LOT
from bulkstatus.log.reader import LogContents, read_rows
from bulkstatus.log.records import RowRecord
from bulkstatus.log.state import LogState, State, numbers, spans_of
from bulkstatus.order import StatusUpdate

_SEVERAL = object()


class Known:
    """What is updated by the log that the rows belong to, which may be a new one, and `elsewhere`.

    With `again` what is updated elsewhere is sent once more. `last_wins` is as in `judge_order`.
    """

    def __init__(
        self,
        log: LogContents,
        elsewhere: Elsewhere | None = None,
        *,
        again: bool = False,
        last_wins: bool = False,
    ) -> None:
        self.log = log
        self._elsewhere = elsewhere
        self._again = again
        self._last_wins = last_wins
        self._others: Updates = {}

    @property
    def has_updates(self) -> bool:
        """Whether something is known that no check of a file alone could know."""
        return bool(self.log.runs or self._others)

    def look(self, orders: Set[int]) -> set[int]:
        """Look for orders in other logs; return those of which something is updated there."""
        self._others = self._elsewhere.updates(orders) if self._elsewhere is not None else {}
        return set(map(hash, self._others))

    def judge(self, claims: Sequence[Claim], own: Iterable[StatusUpdate]) -> dict[int, Decision]:
        """Return what is to become of an order's rows, of which the log has updated `own`."""
        there = self._others.get(claims[0].update.order_id, {})
        if self._again:
            asked = {claim.update for claim in claims}
            # A row without a tracking is the same as any of its status, beside none that has one.
            blank = {row.status for row in asked if row.tracking is None}
            blank -= {row.status for row in asked if row.tracking}
            there = {
                update: place
                for update, place in there.items()
                if update not in asked and update.status not in blank
            }
        return judge_order(claims, there | dict.fromkeys(own, ""), self._last_wins)

    def done(
        self, rows: LogState, repeated: set[int], asked: Set[int]
    ) -> tuple[list[int], set[int]]:
        """Return the rows that are plainly done, and the orders that must be judged exactly.

        A row is plainly done when it is the only one of its order in the input, and the only
        update of that order is the same. `asked` are the orders that count.
        """
        exact = self.look(asked)
        log = self.log.state
        updated: dict[int, object] = {}
        for n in numbers(log.spans(State.UPDATED)):
            order = log.orders[n - 1]
            if order in asked:
                updated[order] = _SEVERAL if order in updated else log.contents[n - 1]
        done: list[int] = []
        for n, order in enumerate(rows.orders if updated else (), 1):
            if order in updated and order not in repeated and rows.state(n) is State.TO_SEND:
                if updated[order] != rows.contents[n - 1]:
                    exact.add(order)
                elif order not in exact:
                    done.append(n)
        return done, exact

    def updates(self, orders: set[int]) -> dict[str, list[StatusUpdate]]:
        """Return what the log has updated of some orders, by order ID."""
        log = self.log.state
        updated = numbers(log.spans(State.UPDATED))
        spans = spans_of(n for n in updated if log.orders[n - 1] in orders)
        found: dict[str, list[StatusUpdate]] = {}
        for row in read_rows(self.log, spans):
            found.setdefault(row.order_id, []).append(row.update)
        return found

    def new(self, rows: LogState) -> list[int]:
        """Return the rows to be sent that the log does not have, or has as invalid.

        What was wrong with those is wrong still, where they come back as they were.
        """
        log = self.log.state
        states = (state for state in State if state is not State.INVALID)
        there = {log.contents[n - 1] for n in numbers(log.spans(*states))}
        return [n for n in numbers(rows.spans(State.TO_SEND)) if rows.contents[n - 1] not in there]

    def compare(self, look: Callable[[list[str], list[str | None]], None]) -> None:
        """Show the IDs and trackings of the log: by all of them a few rows are judged."""
        valid = (State.TO_SEND, State.UPDATED, State.REJECTED, State.FAILED, State.DUPLICATE)
        rows = read_rows(self.log, self.log.state.spans(*valid))
        while lot := list(islice(rows, LOT)):
            look([row.order_id for row in lot], [row.tracking for row in lot])

    def lost_zeros(self, rows: Sequence[RowRecord]) -> Iterator[tuple[RowRecord, str]]:
        """Yield each new row that is one of the log's without its leading zeros, and why so."""
        by_id: dict[str, list[RowRecord]] = {}
        for row in rows:
            by_id.setdefault(row.order_id.lstrip("0"), []).append(row)
        reasons: dict[int, str] = {}
        for there in read_rows(self.log, [(1, len(self.log.state))]):
            for row in by_id.get(there.order_id.lstrip("0"), ()):
                if _has_lost_zeros(row.order_id, there.order_id):
                    reasons[row.n] = _lost_zeros("order", row.order_id, there.order_id)
                elif row.order_id == there.order_id and _has_lost_zeros(
                    row.tracking or "", there.tracking or ""
                ):
                    reasons[row.n] = _lost_zeros("tracking", row.tracking, there.tracking)
        for row in rows:
            if row.n in reasons:
                yield row, reasons[row.n]


def _has_lost_zeros(text: str, whole: str) -> bool:
    return len(text) < len(whole) and whole == text.zfill(len(whole)) and text != ""


def _lost_zeros(what: str, text: str | None, whole: str | None) -> str:
    return (
        f'the {what} "{text}" is "{whole}" in the result log: a spreadsheet took its zeros off. '
        "Format the column as text and type them in again"
    )
