"""`Beginning`: the rows that a run begins with, and the order in which they are to be sent.

`of_input` makes that of a first run, `of_log` that of a resume, `withdrawal` that of one which
gives up what is open, and `bulkstatus.job.merge` that of one with a mended file. Nothing here is
on disk yet: a beginning that nobody says yes to leaves no trace.
"""

import time
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice

from bulkstatus.conflict import STEP, Claim, Fate
from bulkstatus.job.check import OUTCOMES, Checked
from bulkstatus.job.known import Known
from bulkstatus.job.plan import SAMPLE_ROWS, Plan
from bulkstatus.job.worklist import LOT, WorkList
from bulkstatus.log.reader import LogContents, read_rows
from bulkstatus.log.records import Outcome, Result, RowRecord, timestamp
from bulkstatus.log.state import OPEN, LogState, Span, State, count_of, joined, numbers, spans_of
from bulkstatus.order import OrderStatus

#: How many orders are named of those that are withdrawn or left.
NAMED = 20

#: A row that is not sent: its outcome, and the reason, "" for none.
Unsent = tuple[RowRecord, Outcome, str]

# In the order in which they are sent: rows never sent, failed ones, rejected ones. An invalid row
# is due where a mended file makes it good again.
_PHASES = {State.TO_SEND: 0, State.INVALID: 0, State.FAILED: 1, State.REJECTED: 2}


@dataclass
class Beginning:
    """What a run begins with.

    `work` has the lines to be added to the log: new rows, and results of rows that are not sent.
    `state` is that of the log with them. `phases` are the due rows, in the order in which they
    are to be sent. `plan` counts all that.
    """

    work: WorkList
    state: LogState
    plan: Plan
    phases: list[list[Span]] = field(default_factory=list)
    log: LogContents | None = None

    @property
    def due(self) -> list[Span]:
        """The due rows, rising."""
        return joined(sorted(span for phase in self.phases for span in phase))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do: neither to send nor to write."""
        return not self.plan.due and not self.work.size

    async def count(self, limit: int | None) -> None:
        """Count what is due, and leave only the first `limit` rows where there is one."""
        plan, state = self.plan, self.state
        plan.all_due = sum(map(count_of, self.phases))
        if limit is not None and limit < plan.all_due:
            self.phases = _limited(self.phases, limit)
        due = self.due
        plan.due = count_of(due)
        plan.orders = len(set().union(*(state.orders[first - 1 : last] for first, last in due)))
        plan.without_tracking = state.without_tracking(due)
        for (status, was), count in state.tally(due).items():
            if status is not None:
                plan.by_status[status] += count
            plan.failed += count * (was is State.FAILED)
            plan.rejected += count * (was is State.REJECTED)
        plan.untold_cancellations = self._untold(due) if plan.cancellations else 0
        plan.sample = [(row.line, row.update) for row in await self._first(due)]

    async def settle(self, rows: Iterable[Unsent]) -> None:
        """Add the results of rows of the log that are not sent."""
        at = timestamp(time.time())
        of_log = iter(rows)
        while some := [*islice(of_log, LOT)]:
            unseen = (self.state.is_unseen(row.n) for row, _, _ in some)
            results = [
                Result.unsent(*each, at, uncertain)
                for each, uncertain in zip(some, unseen, strict=True)
            ]
            for result in results:
                self.state.settle(result)
            await self.work.add_results(results)

    def _untold(self, due: Sequence[Span]) -> int:
        """Return how many of the due cancellations no run of the log was told of."""
        told = bytearray(len(self.state))
        for run in self.log.runs if self.log is not None else ():
            due_then = run.record.due
            if due_then is None:
                due_then = [(1, run.first + run.rows - 1)]
            for first, last in due_then:
                told[first - 1 : last] = b"\x01" * (last - first + 1)
        return sum(
            not told[n - 1] and self.state.status(n) is OrderStatus.CANCELLED for n in numbers(due)
        )

    async def _first(self, due: Sequence[Span]) -> list[RowRecord]:
        """Return the first few due rows."""
        wanted = spans_of(islice(numbers(due), SAMPLE_ROWS))
        found = list(read_rows(self.log, wanted)) if self.log is not None else []
        return found + [row async for row in self.work.rows(wanted)]

    def order(self, due: Sequence[int]) -> None:
        """Put the due rows into phases.

        Those of one order follow each other by their statuses: a row never goes before one of an
        earlier status that failed, nor one that a mended file brought before an older row.
        """
        state = self.state
        by_phase: list[list[int]] = [[], [], []]
        several = _repeated(state, due)
        of_order: dict[int, list[int]] = {}
        for n in due:
            if state.orders[n - 1] in several:
                of_order.setdefault(state.orders[n - 1], []).append(n)
            else:
                by_phase[_PHASES[state.state(n)]].append(n)
        for rows in of_order.values():
            phase = before = 0
            for n in sorted(rows, key=lambda n: (_step(state.status(n)), n)):
                # Within a phase rows go by their numbers.
                phase = max(phase + (n < before), _PHASES[state.state(n)])
                before = n
                if phase == len(by_phase):
                    by_phase.append([])
                by_phase[phase].append(n)
        self.phases = [spans_of(sorted(rows)) for rows in by_phase]


def _repeated(state: LogState, rows: Iterable[int]) -> set[int]:
    """Return the orders of which there are several rows."""
    seen: set[int] = set()
    repeated: set[int] = set()
    for n in rows:
        order = state.orders[n - 1]
        (repeated if order in seen else seen).add(order)
    return repeated


def _step(status: OrderStatus | None) -> int:
    return STEP.get(status, -1) if status is not None else -1


def _limited(phases: Iterable[list[Span]], limit: int) -> list[list[Span]]:
    """Return the first `limit` rows of some phases."""
    cut = []
    for phase in phases:
        cut.append(spans_of(islice(numbers(phase), limit)))
        limit -= count_of(cut[-1])
    return cut


async def of_input(checked: Checked, limit: int | None) -> Beginning:
    """Return the beginning of a log's first run: all rows of its input."""
    state, work = checked.state, checked.work
    await work.add_results(checked.judged)
    beginning = Beginning(work, state, checked.plan, [state.spans(State.TO_SEND)])
    await beginning.count(limit)
    return beginning


async def of_log(
    log: LogContents, work: WorkList, known: Known, again: bool, limit: int | None
) -> Beginning:
    """Return the beginning of a resume: what is to be sent or failed, rejected too with `again`.

    A due row that by now is done elsewhere, or contradicts what was done of its order, or a later
    row of it, gets its result instead.
    """
    state = log.state
    states = [State.TO_SEND, State.FAILED, *([State.REJECTED] if again else [])]
    due = list(numbers(state.spans(*states)))
    plan = Plan(rows=len(state), done=state.counts().get(Outcome.UPDATED, 0))
    beginning = Beginning(work, state, plan, log=log)
    overtaken = _overtaken(log, due, known, plan)
    await beginning.settle(overtaken)
    settled = {row.n for row, _, _ in overtaken}
    beginning.order([n for n in due if n not in settled])
    await beginning.count(limit)
    return beginning


def _overtaken(log: LogContents, due: Sequence[int], known: Known, plan: Plan) -> list[Unsent]:
    """Return those due rows that no longer go with what else is of their order, and why."""
    state = log.state
    several = _several(state, due) | known.look({state.orders[n - 1] for n in due})
    if not several:
        return []
    spans = state.spans(State.TO_SEND, State.FAILED, State.REJECTED, State.UPDATED)
    orders: dict[str, list[RowRecord]] = {}
    wanted = spans_of(n for n in numbers(spans) if state.orders[n - 1] in several)
    for row in read_rows(log, wanted):
        orders.setdefault(row.order_id, []).append(row)
    are_due = set(due)
    results = []
    for rows in orders.values():
        updated = [row.update for row in rows if state.state(row.n) is State.UPDATED]
        still = [row for row in rows if state.state(row.n) is not State.UPDATED]
        # A mended file may have brought an earlier status after a later one.
        still.sort(key=lambda row: (_step(row.update.status), row.n))
        claims = [Claim(row.n, row.line, row.update) for row in still]
        decisions = known.judge(claims, updated) if claims else {}
        for row in still:
            decision = decisions[row.n]
            if row.n in are_due and decision.fate is not Fate.SEND:
                plan.duplicates += decision.fate in {Fate.DUPLICATE, Fate.DONE}
                plan.superseded += decision.fate is Fate.SUPERSEDED
                plan.conflicts += decision.fate is Fate.CONFLICT
                if decision.place:
                    plan.elsewhere[decision.place] += 1
                outcome = OUTCOMES.get(decision.fate, Outcome.DUPLICATE)
                results.append((row, outcome, decision.reason))
    return results


def _several(state: LogState, due: Sequence[int]) -> set[int]:
    """Return the orders with a due row and another one that is updated, or could still be."""
    live = state.spans(State.TO_SEND, State.FAILED, State.REJECTED, State.UPDATED)
    several = _repeated(state, numbers(live))
    return several.intersection(state.orders[n - 1] for n in due) if several else several


async def withdrawal(log: LogContents, work: WorkList) -> Beginning:
    """Return the beginning of a run that sends nothing and withdraws all that is open."""
    beginning = Beginning(work, log.state, Plan(rows=len(log.state)), log=log)
    await withdraw(beginning, log.state.spans(*OPEN))
    await beginning.count(None)
    return beginning


async def withdraw(
    beginning: Beginning, spans: Sequence[Span], sent: Set[int] = frozenset()
) -> None:
    """Add the results of rows of the log that are withdrawn.

    `sent` are the orders, as `LogState.orders` has them, of which another row is sent instead.
    """
    plan = beginning.plan

    def rows() -> Iterator[Unsent]:
        for row in read_rows(beginning.log, spans) if beginning.log is not None else ():
            plan.withdrawn += 1
            if len(plan.withdrawn_orders) < NAMED and hash(row.order_id) not in sent:
                plan.withdrawn_orders.append(row.order_id)
            yield row, Outcome.WITHDRAWN, ""

    await beginning.settle(rows())
