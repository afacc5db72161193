"""`Known`: what a result log knows of the orders of an input that is checked."""

from collections.abc import Iterator, Sequence
from itertools import islice

from bulkstatus.log.reader import LogContents, read_rows
from bulkstatus.log.records import RowRecord
from bulkstatus.log.state import LogState, State, numbers, spans_of
from bulkstatus.order import StatusUpdate
from bulkstatus.source.alike import Alike

_SEVERAL = object()

# How many rows of the log are looked at together.
_LOT = 4096


class Known:
    """What a log has updated, and which rows it has."""

    def __init__(self, log: LogContents) -> None:
        self._log = log

    def done(self, rows: LogState, repeated: set[int]) -> tuple[list[int], set[int]]:
        """Return the rows that are plainly done, and the orders that must be judged exactly.

        A row is plainly done when it is the only one of its order in the input, and the only
        update of that order is the same.
        """
        log = self._log.state
        asked = set(rows.orders)
        updated: dict[int, object] = {}
        for n in numbers(log.spans(State.UPDATED)):
            order = log.orders[n - 1]
            if order in asked:
                updated[order] = _SEVERAL if order in updated else log.contents[n - 1]
        done: list[int] = []
        exact: set[int] = set()
        for n, order in enumerate(rows.orders, 1):
            if order in updated and order not in repeated and rows.state(n) is State.TO_SEND:
                if updated[order] == rows.contents[n - 1]:
                    done.append(n)
                else:
                    exact.add(order)
        return done, exact

    def updates(self, orders: set[int]) -> dict[str, list[StatusUpdate]]:
        """Return what was updated of some orders, by order ID."""
        log = self._log.state
        updated = numbers(log.spans(State.UPDATED))
        spans = spans_of(n for n in updated if log.orders[n - 1] in orders)
        found: dict[str, list[StatusUpdate]] = {}
        for row in read_rows(self._log, spans):
            found.setdefault(row.order_id, []).append(row.update)
        return found

    def new(self, rows: LogState) -> list[int]:
        """Return the rows to be sent that the log does not have."""
        there = set(self._log.state.contents)
        return [n for n in numbers(rows.spans(State.TO_SEND)) if rows.contents[n - 1] not in there]

    def compare(self, alike: Alike) -> None:
        """Show the IDs of the log: a few rows, such as its failures, are judged by all of them."""
        valid = (State.TO_SEND, State.UPDATED, State.REJECTED, State.FAILED, State.DUPLICATE)
        rows = read_rows(self._log, self._log.state.spans(*valid))
        while order_ids := [row.order_id for row in islice(rows, _LOT)]:
            alike.look(order_ids)

    def lost_zeros(self, rows: Sequence[RowRecord]) -> Iterator[tuple[RowRecord, str]]:
        """Yield each new row that is one of the log's without its leading zeros, and why so."""
        by_id: dict[str, list[RowRecord]] = {}
        for row in rows:
            by_id.setdefault(row.order_id.lstrip("0"), []).append(row)
        reasons: dict[int, str] = {}
        for there in read_rows(self._log, [(1, len(self._log.state))]):
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
