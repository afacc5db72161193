"""`Beginning`: the rows that a run begins with, and the order in which they are to be sent.

`merged` makes that of a run with a file, `of_log` that of a resume of the log alone, and
`withdrawal` that of a run which gives up what is open. Nothing here is on disk yet: a beginning
that nobody says yes to leaves no trace.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, compress, count, islice

from msgspec.structs import replace

from bulkstatus.conflict import STEP, Fate
from bulkstatus.job.check import OUTCOMES, Checked
from bulkstatus.job.known import Known
from bulkstatus.job.plan import SAMPLE_ROWS, Plan
from bulkstatus.job.worklist import LOT, Unsent, WorkList
from bulkstatus.log.reader import LogContents, read_rows, rows_of
from bulkstatus.log.records import Outcome
from bulkstatus.log.state import OPEN, LogState, Span, State, count_of, joined, numbers, spans_of
from bulkstatus.order import OrderStatus

#: How many orders are named of those that are withdrawn or left.
NAMED = 20

# In the order in which they are sent: rows never sent, failed ones, rejected ones. An invalid row
# is due where a mended file makes it good again.
_PHASES = {State.TO_SEND: 0, State.INVALID: 0, State.FAILED: 1, State.REJECTED: 2}

# What is withdrawn where a mended file does not have it any more.
_GOES = (State.REJECTED, State.FAILED, State.INVALID)

# What counts of an order where its rows are judged.
_COUNTING = (State.TO_SEND, State.FAILED, State.REJECTED, State.UPDATED)

# Orders are looked for that have several rows in so many parts, and rows are matched so many at a
# time: to hold all would take more room than all the rest.
_PARTS = 4
_LOT = 65536


@dataclass
class Beginning:
    """What a run begins with.

    `log` is what was there before, `work` has the lines to be added to it: new rows, and results of
    rows that are not sent. `state` is that of the log with them. `phases` are the due rows, in the
    order in which they are to be sent. `plan` counts all that. `has_repeats` says that an order may
    have several rows, and `withdraws` that nothing is sent and all that is open given up.
    """

    log: LogContents
    work: WorkList
    state: LogState
    plan: Plan
    phases: list[list[Span]] = field(default_factory=list)
    has_repeats: bool = True
    withdraws: bool = False

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
        if self.has_repeats and (several := _repeated(state, due)):
            mixed = sum(state.orders[n - 1] in several for n in numbers(due))
            plan.orders += len(several) - mixed
        plan.without_tracking = state.without_tracking(due)
        for (status, was), rows in state.tally(due).items():
            if status is not None:
                plan.by_status[status] += rows
            plan.failed += rows * (was is State.FAILED)
            plan.rejected += rows * (was is State.REJECTED)
        plan.untold_cancellations = self._untold(due) if plan.cancellations else 0
        first = spans_of(islice(numbers(due), SAMPLE_ROWS))
        sample = [*read_rows(self.log, first), *[row async for row in self.work.rows(first)]]
        plan.sample = [(row.line, row.update) for row in sample]

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
        state = self.state
        phases: dict[int, array[int]] = defaultdict(lambda: array("q"))
        several = _repeated(state, due)
        mixed = [n for n in numbers(due) if several and state.orders[n - 1] in several]
        before: dict[int, tuple[int, int]] = {}
        at: dict[int, int] = {}
        for n in sorted(mixed, key=lambda n: _step(state.status(n))):
            then, last = before.get(state.orders[n - 1], (0, 0))
            # Within a phase rows go by their numbers.
            at[n] = max(then + (n < last), _PHASES[state.state(n)])
            before[state.orders[n - 1]] = at[n], n
        for n in numbers(due):
            phases[at[n] if n in at else _PHASES[state.state(n)]].append(n)
        self.phases = [spans_of(phases[at]) for at in range(max(phases, default=-1) + 1)]


def _repeated(state: LogState, spans: Sequence[Span]) -> set[int]:
    """Return the orders of which there are several rows among some, a part of them at a time."""
    repeated: set[int] = set()
    for part in range(_PARTS):
        seen: set[int] = set()
        for first, last in spans:
            for order in memoryview(state.orders)[first - 1 : last]:
                if order % _PARTS == part:
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
    states = {State.TO_SEND, State.FAILED, *([State.REJECTED] if again else [])}
    due, counting = state.spans(*states), state.spans(*_COUNTING)
    plan = Plan(rows=len(state), done=state.counts().get(Outcome.UPDATED, 0))
    beginning = Beginning(log, work, state, plan)
    repeated = _repeated(state, counting)
    if repeated:
        repeated &= {state.orders[n - 1] for n in numbers(due)}
    _, judged = known.look(state, due, counting, repeated)
    overtaken: list[Unsent] = []
    async for row, decision in known.judge(rows_of(log, judged)):
        if state.state(row.n) in states and decision.fate is not Fate.SEND:
            plan.tell(decision)
            overtaken.append((row, OUTCOMES[decision.fate], decision.reason))
            if len(overtaken) >= LOT:
                await work.settle(state, overtaken)
                overtaken.clear()
    await work.settle(state, overtaken)
    beginning.order(state.spans(*states))
    await beginning.count(limit)
    return beginning


async def withdrawal(log: LogContents, work: WorkList) -> Beginning:
    """Return the beginning of a run that sends nothing and withdraws all that is open."""
    beginning = Beginning(log, work, log.state, Plan(rows=len(log.state)), withdraws=True)
    await beginning.withdraw(log.state.spans(*OPEN))
    await beginning.count(None)
    return beginning


class _Match:
    """Which of a log's rows each row of a file is, and what that asks for.

    `due` says of each row of the log whether it is to be sent, `settled` has those that get the
    result of a row of the file, by `n`, and `new` says of each row of the file whether the log does
    not have it.
    """

    def __init__(self, log: LogState, file: LogState, others: bytearray) -> None:
        self.due, self.new = bytearray(len(log)), bytearray(len(file))
        self.settled: dict[int, int] = {}
        self._log = log
        self._matched = bytearray(len(log))
        there = log.spans(*(set(State) - {State.UPDATED, State.WITHDRAWN}))
        # Rows with the same content are always in the same part.
        parts = 1 + count_of(there) // _LOT
        for part in range(parts):
            self._there: dict[int, list[int]] = {}
            for n in numbers(there):
                if log.contents[n - 1] % parts == part:
                    self._there.setdefault(log.contents[n - 1], []).append(n)
            for number, content in enumerate(file.contents, 1):
                if content % parts == part and not (others and others[number - 1]):
                    self._match(number, content, file.state(number))

    def _match(self, number: int, content: int, fate: State) -> None:
        is_judged = fate not in {State.TO_SEND, State.UPDATED}
        if is_judged and self._take(content, (fate,)) is not None:
            return
        n = self._take(content, OPEN)
        if n is None:
            if fate is not State.UPDATED:
                self.new[number - 1] = True
        elif fate is State.TO_SEND:
            self.due[n - 1] = True
        else:
            # Where it is done, that was by another row, which has the tracking that this one lacks.
            self.settled[n] = number

    def _take(self, content: int, states: Sequence[State]) -> int | None:
        """Take the first row of the log with this content that is in one of some states."""
        there = self._there.get(content, [])
        for n in there:
            if self._log.state(n) in states:
                there.remove(n)
                self._matched[n - 1] = True
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
    state, file = log.state, checked.state
    match = _Match(state, file, checked.others)
    beginning = Beginning(log, work, state, plan)
    due, new = (spans_of(compress(count(1), marks)) for marks in (match.due, match.new))
    plan.new = count_of(new) + sum(state.state(n) is State.INVALID for n in numbers(due))
    gone, to_send = match.unmatched(*_GOES), numbers(file.spans(State.TO_SEND))
    orders = {state.orders[n - 1] for n in numbers(gone)}
    await beginning.withdraw(gone, orders.intersection(file.orders[n - 1] for n in to_send))
    left = match.unmatched(State.TO_SEND)
    plan.left, plan.left_orders = count_of(left), beginning.named(left)
    await work.settle(state, _settled(checked, match))
    before = len(state)
    await _add(beginning, checked, new)
    added = (n for n in numbers(state.spans(State.TO_SEND)) if n > before)
    beginning.order(spans_of(chain(numbers(due), added)))
    await beginning.count(limit)
    return beginning


def _settled(checked: Checked, match: _Match) -> Iterator[Unsent]:
    """Yield the log's rows that the file says are not to be sent."""
    for row in read_rows(checked.known.log, spans_of(sorted(match.settled))):
        # What was not judged is done.
        done = (row, Outcome.DUPLICATE, "")
        yield row, *checked.judged.get(match.settled[row.n], done)[1:]


async def _add(beginning: Beginning, checked: Checked, new: Sequence[Span]) -> None:
    """Add the rows of the file that are new to the log, with the results they have at once."""
    state, judged = beginning.state, checked.judged
    async for rows in checked.work.lots(new):
        added = [replace(row, n=n) for n, row in enumerate(rows, len(state) + 1)]
        state.add_rows(added)
        await beginning.work.add_rows(added)
        pairs = zip(added, rows, strict=True)
        unsent = ((row, *judged[old.n][1:]) for row, old in pairs if old.n in judged)
        await beginning.work.settle(state, unsent)
