"""Which orders the runs of a log touched, perhaps touched, and did not touch."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from bulkstatus.reporting.positions import Positions, in_file_order
from bulkstatus.reporting.unfinished import broken_off
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog import LogContents
from bulkstatus.resultlog.state import Content

_SENT_IN_VAIN = {Outcome.REJECTED, Outcome.FAILED}


@dataclass(frozen=True)
class Orders:
    """The orders that the log names, by whether a request of these runs reached them.

    `touched` have an update. `perhaps_touched` have none, but an attempt that may have reached
    the API without its answer being seen; a later refusal does not undo that. `untouched` have
    neither, and `withdrawn` are those of them that no row asks for any more. `unnamed` is how many
    pending rows there are that the log does not name, so that their orders may be in none of
    these; None says that it does not even tell how many.

    Of those perhaps touched, `attempted` have an attempt in the log. The others are so because a
    run broke off that may have sent them: `unspoken` many are pending since, and `refused_later`
    have a later answer, but no update. `positions` says where the first row of an order stands, if
    it was not updated; see `Positions`.
    """

    touched: int
    perhaps_touched: tuple[str, ...]
    untouched: tuple[str, ...]
    withdrawn: frozenset[str]
    unnamed: int | None
    positions: dict[str, int]
    attempted: frozenset[str]
    unspoken: int
    refused_later: frozenset[str]


class OrdersSeen:
    """What tells of the orders, gathered while the log is read."""

    def __init__(self) -> None:
        # A hash is a third of the size of an ID, and no two of a million are alike.
        self._touched = array("q")
        self._uncertain: dict[str, None] = {}
        # When each row that was refused or failed was so for the first time, by its hash.
        self._first_refused: dict[int, float] = {}

    def take(self, result: Result) -> None:
        """Take in a record, in the order of the log."""
        if result.outcome is Outcome.UPDATED:
            self._touched.append(hash(result.order_id))
        elif result.outcome in _SENT_IN_VAIN:
            self._first_refused.setdefault(hash(Content.of(result)), result.at)
        if result.uncertain:
            self._uncertain[result.order_id] = None

    def divided(
        self, contents: LogContents, unsettled: Sequence[Result], pending: int | None
    ) -> Orders:
        """Return the orders of the log, of whose rows `unsettled` are those without an update."""
        updated = contents.state.updated
        named = (order_id for end in contents.ends for order_id in end.perhaps_touched)
        known = dict.fromkeys(
            order_id for order_id in chain(self._uncertain, named) if not updated.of(order_id)
        )
        later = _refused_later(contents, self._first_refused, unsettled)
        refused_later = dict.fromkeys(
            order_id for order_id in later if order_id not in known and not updated.of(order_id)
        )
        perhaps = known | refused_later
        wanted: dict[str, bool] = {}
        for result in unsettled:
            still = wanted.get(result.order_id, False)
            wanted[result.order_id] = still or result.outcome is not Outcome.WITHDRAWN
        wanted |= {content.order_id: True for content in contents.state.duplicates}
        untouched = [
            order_id
            for order_id in wanted
            if order_id and order_id not in perhaps and not updated.of(order_id)
        ]
        positions = _positions(contents, unsettled)
        return Orders(
            touched=_distinct(self._touched),
            perhaps_touched=in_file_order(perhaps, positions),
            untouched=in_file_order(untouched, positions),
            withdrawn=frozenset(order_id for order_id in untouched if not wanted[order_id]),
            unnamed=pending,
            positions=positions,
            attempted=frozenset(known),
            unspoken=0,
            refused_later=frozenset(refused_later),
        )


def _refused_later(
    contents: LogContents, first_refused: dict[int, float], unsettled: Iterable[Result]
) -> Iterator[str]:
    """Yield the orders of rows that had no record yet when a run over their input broke off.

    It may have sent them, which a refusal by a later run does not undo.
    """
    if len(contents.ends) == len(contents.runs):
        return
    starts = [datetime.fromisoformat(run.started_at).timestamp() for run in contents.runs]
    before = [
        bool(broken_off(contents, run, contents.runs[:place]))
        for place, run in enumerate(contents.runs)
    ]
    for result in unsettled:
        first = first_refused.get(hash(Content.of(result)))
        if first is not None and before[max(0, bisect_right(starts, first) - 1)]:
            yield result.order_id


def _positions(contents: LogContents, unsettled: Iterable[Result]) -> dict[str, int]:
    """Return where the first row of each order stands, of those that were not updated."""
    positions = Positions(contents.runs)
    found: dict[str, int] = {}
    for result in unsettled:
        number = contents.run_numbers[Content.of(result)]
        if result.outcome is Outcome.WITHDRAWN:
            # Its line is that of its failure, in an earlier input.
            number = max(1, number - 1)
        position = positions.of(number, result.line)
        found[result.order_id] = min(position, found.get(result.order_id, position))
    return found


def _distinct(hashes: "array[int]") -> int:
    """Return how many different numbers there are, a part at a time to spare memory."""
    return sum(len({number for number in hashes if number & 3 == part}) for part in range(4))
