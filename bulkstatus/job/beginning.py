"""`Beginning`: the rows that a run begins with, and the order in which they are to be sent.

`merged` makes that of a run with a file, `of_log` that of a resume of the log alone, and
`withdrawal` that of a run which gives up what is open. Nothing here is on disk yet: a beginning
that nobody says yes to leaves no trace.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice

from msgspec.structs import replace

from bulkstatus.conflict import STEP, Fate
from bulkstatus.job.check import OUTCOMES, Checked
from bulkstatus.job.known import Known
from bulkstatus.job.plan import SAMPLE_ROWS, Plan
from bulkstatus.job.worklist import Unsent, WorkList
from bulkstatus.log.reader import LogContents, read_rows
from bulkstatus.log.records import Outcome
from bulkstatus.log.state import OPEN, LogState, Span, State, count_of, joined, numbers, spans_of
from bulkstatus.order import OrderStatus

#: How many orders are named of those that are withdrawn or left.
NAMED = 20

# In the order in which they are sent: rows never sent, failed ones, rejected ones. An invalid row
# is due where a mended file makes it good again.
_PHASES = {State.TO_SEND: 0, State.INVALID: 0, State.FAILED: 1, State.REJECTED: 2}

# What counts of an order where its rows are judged.
_COUNTING = (State.TO_SEND, State.FAILED, State.REJECTED, State.UPDATED)


@dataclass
class Beginning:
    """What a run begins with.

    `log` is what was there before, `work` has the lines to be added to it: new rows, and results of
    rows that are not sent. `state` is that of the log with them. `phases` are the due rows, in the
    order in which they are to be sent. `plan` counts all that. `has_repeats` says that an order may
    have several rows.
    """

    log: LogContents
    work: WorkList
    state: LogState
    plan: Plan
    phases: list[list[Span]] = field(default_factory=list)
    has_repeats: bool = True

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
        plan.orders = plan.due
        if self.has_repeats:
            plan.orders = len({state.orders[n - 1] for n in numbers(due)})
        plan.without_tracking = state.without_tracking(due)
        for (status, was), count in state.tally(due).items():
            if status is not None:
                plan.by_status[status] += count
            plan.failed += count * (was is State.FAILED)
            plan.rejected += count * (was is State.REJECTED)
        plan.untold_cancellations = self._untold(due) if plan.cancellations else 0
        first = spans_of(islice(numbers(due), SAMPLE_ROWS))
        rows = [*read_rows(self.log, first), *[row async for row in self.work.rows(first)]]
        plan.sample = [(row.line, row.update) for row in rows]

    async def withdraw(self, spans: Sequence[Span], sent: Set[int] = frozenset()) -> None:
        """Add the results of rows of the log that are withdrawn.

        `sent` are the orders, as `LogState.orders` has them, of which another row is sent instead.
        """
        self.plan.withdrawn = count_of(spans)
        self.plan.withdrawn_orders = self.named(spans, sent)
        rows = ((row, Outcome.WITHDRAWN, "") for row in read_rows(self.log, spans))
        await self.work.settle(self.state, rows)

    def named(self, spans: Sequence[Span], others: Set[int] = frozenset()) -> list[str]:
        """Return the orders of the first rows of the log, but for those of `others`."""
        rows = read_rows(self.log, spans)
        others = {hash(""), *others}  # A row without an ID is of no order.
        orders = (row.order_id for row in rows if hash(row.order_id) not in others)
        return list(islice(orders, NAMED))

    def _untold(self, due: Sequence[Span]) -> int:
        """Return how many of the due cancellations no run of the log was told of."""
        told, rows = bytearray(len(self.state)), 0
        for run in self.log.runs:
            rows += run.rows
            for first, last in [(1, rows)] if run.record.due is None else run.record.due:
                told[first - 1 : last] = b"\x01" * (last - first + 1)
        return sum(
            not told[n - 1] and self.state.status(n) is OrderStatus.CANCELLED for n in numbers(due)
        )

    def order(self, due: Sequence[Span]) -> None:
        """Put the due rows into phases.

        Those of one order follow each other by their statuses: a row never goes before one of an
        earlier status that failed, nor one that a mended file brought before an older row.
        """
        state, phases = self.state, defaultdict[int, list[int]](list)
        several, rows = _repeated(state, numbers(due)), numbers(due)
        before: dict[int, tuple[int, int]] = {}
        for n in sorted(rows, key=lambda n: _step(state.status(n))) if several else rows:
            phase = _PHASES[state.state(n)]
            if (order := state.orders[n - 1]) in several:
                then, last = before.get(order, (0, 0))
                # Within a phase rows go by their numbers.
                phase = max(then + (n < last), phase)
                before[order] = phase, n
            phases[phase].append(n)
        self.phases = [spans_of(sorted(phases[at])) for at in range(max(phases, default=-1) + 1)]


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


async def of_log(known: Known, work: WorkList, again: bool, limit: int | None) -> Beginning:
    """Return the beginning of a resume: what is to be sent or failed, rejected too with `again`.

    A due row that by now is done elsewhere, or contradicts what was done of its order, or a later
    row of it, gets its result instead.
    """
    log, state = known.log, known.log.state
    states = [State.TO_SEND, State.FAILED, *([State.REJECTED] if again else [])]
    due = state.spans(*states)
    plan = Plan(rows=len(state), done=state.counts().get(Outcome.UPDATED, 0))
    beginning = Beginning(log, work, state, plan)
    if overtaken := _overtaken(known, states, plan):
        await work.settle(state, overtaken)
        settled = {row.n for row, _, _ in overtaken}
        due = spans_of(n for n in numbers(due) if n not in settled)
    beginning.order(due)
    await beginning.count(limit)
    return beginning


def _overtaken(known: Known, due: Sequence[State], plan: Plan) -> list[Unsent]:
    """Return the rows in due states that no longer go with what else is of their order, and why."""
    state = known.log.state
    several = _repeated(state, numbers(state.spans(*_COUNTING)))
    orders = {state.orders[n - 1] for n in numbers(state.spans(*due))}
    if not (several := several & orders | known.look(orders)):
        return []
    known.recall(several)
    rows = [*read_rows(known.log, state.spans_among(several, *_COUNTING))]
    # A mended file may have brought an earlier status after a later one.
    rows.sort(key=lambda row: _step(row.update.status))
    results = []
    for row, decision in known.judge(rows, of_log=True):
        if state.state(row.n) in due and decision.fate is not Fate.SEND:
            plan.tell(decision)
            results.append((row, OUTCOMES[decision.fate], decision.reason))
    return results


async def withdrawal(log: LogContents, work: WorkList) -> Beginning:
    """Return the beginning of a run that sends nothing and withdraws all that is open."""
    beginning = Beginning(log, work, log.state, Plan(rows=len(log.state)))
    await beginning.withdraw(log.state.spans(*OPEN))
    await beginning.count(None)
    return beginning


class _Match:
    """Which of a log's rows each row of a file is, and what that asks for.

    `due` are rows of the log that are to be sent, `settled` those that get the result of a row of
    the file, by `n`, and `new` the rows of the file that the log does not have.
    """

    def __init__(self, log: LogState, file: LogState, others: bytearray) -> None:
        self.due: list[int] = []
        self.settled: dict[int, int] = {}
        self.new: list[int] = []
        self._log = log
        self._there: dict[int, list[int]] = {}
        self._matched = bytearray(len(log))
        asked = set(file.contents) if len(log) else set()
        for n, content in enumerate(log.contents, 1):
            if content in asked and log.state(n) not in {State.UPDATED, State.WITHDRAWN}:
                self._there.setdefault(content, []).append(n)
        for number, content in enumerate(file.contents, 1):
            if not others or not others[number - 1]:
                self._match(number, content, file.state(number))

    def _match(self, number: int, content: int, fate: State) -> None:
        is_judged = fate not in {State.TO_SEND, State.UPDATED}
        if is_judged and self._take(content, (fate,)) is not None:
            return
        n = self._take(content, OPEN)
        if n is None:
            if fate is not State.UPDATED:
                self.new.append(number)
        elif fate is State.TO_SEND:
            self.due.append(n)
        else:
            # Where it is done, that was by another row, which has the tracking that this one lacks.
            self.settled[n] = number

    def _take(self, content: int, states: Sequence[State]) -> int | None:
        """Take the first row of the log with this content that is in one of some states."""
        there = self._there.get(content, [])
        for n in there:
            if self._log.state(n) in states:
                there.remove(n)
                self._matched[n - 1] = 1
                return n
        return None

    def unmatched(self, *states: State) -> list[Span]:
        """Return the rows of the log in some states that the file does not have."""
        rows = numbers(self._log.spans(*states))
        return spans_of(n for n in rows if not self._matched[n - 1])


async def merged(checked: Checked, work: WorkList, limit: int | None) -> Beginning:
    """Return the beginning of a run with a file; `work` takes what is new, unless all of it is.

    Of the file's rows those that are updated are done; those that are open in the log keep their
    `n` and are sent; all others are new rows, but for those of other shards. Rows of the log that
    were rejected, failed or invalid and that the file has no more are withdrawn. Rows never sent
    that it does not have stay as they are.
    """
    log, plan = checked.known.log, checked.plan
    if checked.are_all_new:
        beginning = Beginning(log, checked.work, checked.state, plan)
        beginning.phases = [checked.state.spans(State.TO_SEND)]
        beginning.has_repeats = checked.has_repeats
        await beginning.count(limit)
        return beginning
    state = log.state
    match = _Match(state, checked.state, checked.others)
    beginning = Beginning(log, work, state, plan)
    mended = sum(state.state(n) is State.INVALID for n in match.due)
    sent = {checked.state.orders[n - 1] for n in numbers(checked.state.spans(State.TO_SEND))}
    await beginning.withdraw(match.unmatched(State.REJECTED, State.FAILED, State.INVALID), sent)
    left = match.unmatched(State.TO_SEND)
    plan.left, plan.left_orders = count_of(left), beginning.named(left)
    await work.settle(state, _settled(checked, match))
    before = len(state)
    await _add(beginning, checked, match.new)
    plan.new = len(match.new) + mended
    new = [n for n in numbers(state.spans(State.TO_SEND)) if n > before]
    beginning.order(spans_of([*sorted(match.due), *new]))
    await beginning.count(limit)
    return beginning


def _settled(checked: Checked, match: _Match) -> Iterator[Unsent]:
    """Yield the log's rows that the file says are not to be sent."""
    for row in read_rows(checked.known.log, spans_of(sorted(match.settled))):
        # What was not judged is done.
        done = (row, Outcome.DUPLICATE, "")
        yield row, *checked.judged.get(match.settled[row.n], done)[1:]


async def _add(beginning: Beginning, checked: Checked, new: Sequence[int]) -> None:
    """Add the rows of the file that are new to the log, with the results they have at once."""
    state, judged = beginning.state, checked.judged
    async for rows in checked.work.lots(spans_of(new)):
        added = [replace(row, n=n) for n, row in enumerate(rows, len(state) + 1)]
        state.add_rows(added)
        await beginning.work.add_rows(added)
        pairs = zip(added, rows, strict=True)
        unsent = ((row, *judged[old.n][1:]) for row, old in pairs if old.n in judged)
        await beginning.work.settle(state, unsent)
