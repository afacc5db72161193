"""The check of a whole input before anything is sent: `check_source`.

The input is read once, into a private work list. What is kept of each row besides is a few bytes:
a hash of its order ID, by which orders are found that occur more than once, or that are known to
be done. Only those are read back and judged exactly.
"""

import operator
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, count, islice

from bulkstatus.conflict import Decision, Fate
from bulkstatus.job.known import Known
from bulkstatus.job.plan import Plan, Problem
from bulkstatus.job.worklist import LOT, Unsent, WorkList
from bulkstatus.log.records import Outcome, RowRecord
from bulkstatus.log.state import LogState, State, spans_of
from bulkstatus.order import InvalidRow, OrderStatus
from bulkstatus.shard import Shard
from bulkstatus.source import Batch, Source
from bulkstatus.source.alike import FEW, Alike, Coded
from bulkstatus.source.few import Few
from bulkstatus.source.options import LABELS
from bulkstatus.source.rounded import Rounded

# How many rows are kept that are sent and may be wrong.
_ODD = 3

# A member of an enum takes its time to be made a number.
_CODES = {None: None} | {status: int(status) for status in OrderStatus}

#: The outcome of a row that is judged not to be sent.
OUTCOMES = {
    Fate.DONE: Outcome.DUPLICATE,
    Fate.DUPLICATE: Outcome.DUPLICATE,
    Fate.SUPERSEDED: Outcome.SUPERSEDED,
    Fate.CONFLICT: Outcome.INVALID,
}


async def check_source(
    source: Source,
    work: WorkList,
    known: Known,
    *,
    shard: Shard | None = None,
    keep: int | None = 20,
) -> "Checked":
    """Read the whole of `source` into `work`, and return what is to become of its rows.

    `known` is what is known to be done; of a `shard`, the rows of others are checked as well.
    `keep` is how many problems to hold on to, None for all of them. Raises InputRefused, as the
    source does.
    """
    checked = Checked(source, work, known, shard, keep)
    async for batch in source.batches():
        await checked.look(batch)
    await checked.judge()
    return checked


class Checked:
    """An input under check, and in the end a checked one.

    `work` has its rows, numbered from 1, and `state` their states: those to be sent are TO_SEND,
    those known to be done UPDATED, and the others have theirs in `judged`, by number, or
    where `are_all_new` in `work`. `plan` counts them all, before anything is due.
    """

    def __init__(
        self,
        source: Source,
        work: WorkList,
        known: Known,
        shard: Shard | None,
        keep: int | None,
    ) -> None:
        self.source = source
        self.work = work
        self.known = known
        self.state = LogState()
        self.judged: dict[int, Unsent] = {}
        self.plan = Plan()
        self.others = bytearray()
        """Which rows are another shard's, one byte for each, where there are shards."""
        self._shard = shard
        self._keep = keep
        self._seen: set[int] = set()
        self._repeated: set[int] = set()
        # A status of its own speaks for a row.
        self._alike = Alike(FEW if "status" in source.columns else 2, source.options.odd_ids)
        self._coded = Coded()
        self._few = Few(source.others)
        self._rounded = {"order_id": Rounded(), "tracking": Rounded()}

    @property
    def are_all_new(self) -> bool:
        """Whether all rows are new ones of the log, as they are numbered."""
        return not self.known.log.runs and self._shard is None

    @property
    def has_repeats(self) -> bool:
        """Whether an order has several rows."""
        return bool(self._repeated)

    async def look(self, batch: Batch) -> None:
        """Take in a batch, all of its rows at once for speed."""
        if not batch.rows:
            return
        self._few.look(batch.cells)
        first = len(self.state) + 1
        order_ids, statuses, trackings = list(zip(*batch.rows, strict=False))[:3]
        columns = (batch.lines, order_ids, [*map(_CODES.__getitem__, statuses)], trackings)
        self.state.add(*columns)
        rows = list(map(RowRecord, count(first), *columns))
        await self.work.add_rows(rows)
        if self._shard is not None:
            self.others.extend(map(operator.not_, map(self._shard.has, order_ids)))
        orders = self.state.orders[first - 1 :]
        if InvalidRow in set(map(type, batch.rows)):
            invalid = {n: r for n, r in enumerate(batch.rows, first) if isinstance(r, InvalidRow)}
            for n, row in invalid.items():
                self._refuse(rows[n - first], row.field, row.value, row.reason)
            await self._write()
            valid = (order for n, order in enumerate(orders, first) if n not in invalid)
            orders = array("q", valid)
            # A row whose tracking alone is wrong has an ID to compare others with.
            order_ids = tuple(
                row.order_id
                for row in rows
                if row.n not in invalid or invalid[row.n].field == "tracking"
            )
        self._compare(order_ids, trackings, (first, len(self.state)))
        new = set(orders)
        if len(new) < len(orders):
            times = Counter(orders)
            self._repeated.update(order for order in new if times[order] > 1)
        self._repeated |= new & self._seen
        self._seen |= new

    def _compare(
        self,
        order_ids: Sequence[str],
        trackings: Sequence[str | None],
        span: tuple[int, int] | None = None,
    ) -> None:
        """Take in what tells which rows are not like the others."""
        self._alike.look(order_ids, span)
        self._coded.look(trackings, span)
        self._rounded["order_id"].look(order_ids, span)
        self._rounded["tracking"].look(trackings, span)

    def _set_aside(self, row: RowRecord, outcome: Outcome, reason: str) -> None:
        self.state.mark(row.n, State[outcome.name])
        self.judged[row.n] = row, outcome, reason

    def _refuse(self, row: RowRecord, field: str, value: str, reason: str) -> None:
        """Make a row invalid for what is wrong with a field of it."""
        self._set_aside(row, Outcome.INVALID, reason)
        self.plan.invalid += 1
        self._note(Problem(row.line, row.order_id, field, value, reason))

    def _note(self, problem: Problem) -> None:
        """Hold on to a problem; they do not all come in file order."""
        self.plan.problems.append(problem)
        if self._keep is not None and len(self.plan.problems) > LOT + self._keep:
            self._trim()

    def _trim(self) -> None:
        self.plan.problems.sort()
        if self._keep is not None:
            del self.plan.problems[self._keep :]

    async def _write(self) -> None:
        """Write what is judged, where it is the log's as it stands."""
        if self.are_all_new:
            await self.work.settle(self.state, self.judged.values())
            self.judged.clear()

    async def judge(self) -> None:
        """Judge together the rows of each order that has several, or something done."""
        state, known, plan = self.state, self.known, self.plan
        asked = self._seen
        if self.others:
            asked = set(compress(state.orders, map(operator.not_, self.others)))
        done, exact = known.done(state, asked)
        for n in done:
            state.mark(n, State.UPDATED)
        if exact := exact | self._repeated:
            await self._judge_exactly(exact)
        await self._refuse_odd()
        plan.rows, plan.values = len(state), self._few.values()
        plan.done = state.counts().get(Outcome.UPDATED, 0)
        plan.overtaken.sort()
        self._trim()
        await self._write()
        self._seen.clear()  # they take more room than all the rest, which is needed yet

    async def _judge_exactly(self, orders: set[int]) -> None:
        """Judge the rows of some orders, those at once that are the only one of theirs."""
        valid = [state for state in State if state is not State.INVALID]
        self.known.recall(orders)
        several: list[RowRecord] = []
        async for row in self.work.rows(self.state.spans_among(orders, *valid)):
            if self.state.orders[row.n - 1] in self._repeated:
                several.append(row)
                continue
            self._decide([row])
            if len(self.judged) >= LOT:
                await self._write()
        self._decide(several)

    def _decide(self, rows: Iterable[RowRecord]) -> None:
        for row, decision in self.known.judge(rows):
            if decision.fate is Fate.DONE:
                self.state.mark(row.n, State.UPDATED)
            elif decision.fate is Fate.SEND:
                self.state.mark(row.n, State.TO_SEND)
            else:
                self._settle(row, decision)

    def _settle(self, row: RowRecord, decision: Decision) -> None:
        """Set a row aside that is judged not to be sent."""
        self._set_aside(row, OUTCOMES[decision.fate], decision.reason)
        self.plan.tell(decision)
        if decision.fate in {Fate.CONFLICT, Fate.SUPERSEDED}:
            shown = f"{row.update.status.label} {row.tracking or ''}".rstrip()
            problem = Problem(row.line, row.order_id, "conflict", shown, decision.reason)
            if decision.fate is Fate.CONFLICT:
                self._note(problem)
            else:
                self.plan.overtaken.append(problem)

    async def _refuse_odd(self) -> None:
        """Make those new rows invalid that are unlike the others, the log's among them."""
        state, known = self.state, self.known
        new: set[int] | None = None
        if known.log.runs:
            new = set(known.new(state))
            rows = [row async for row in self.work.rows(spans_of(sorted(new)))]
            for row, reason in known.lost_zeros(rows):
                self._settle(row, Decision(Fate.CONFLICT, reason))
            there = known.valid()
            while lot := [*islice(there, LOT)]:
                self._compare([row.order_id for row in lot], [row.tracking for row in lot])
        spans = {*self._alike.spans(), *self._coded.spans(), *self._rounded["order_id"].spans()}
        spans.update(self._rounded["tracking"].spans())
        async for row in self.work.rows(sorted(spans)):
            if state.state(row.n) is not State.TO_SEND or (new is not None and row.n not in new):
                continue
            for field, value, is_refused, reason in self._oddities(row):
                if is_refused:
                    self._refuse(row, field, value, reason)
                    break
                if len(self.plan.odd) < _ODD:
                    odd = Problem(row.line, row.order_id, field, value, reason)
                    self.plan.odd.append(odd)

    def _oddities(self, row: RowRecord) -> Iterator[tuple[str, str, bool, str]]:
        """Yield what is odd about a row: the field, its value, whether it is refused, and why."""
        if reason := self._alike.why_odd(row.order_id):
            yield "order_id", row.order_id, True, reason
        if reason := self._coded.why_odd(row.tracking):
            yield "tracking", row.tracking or "", True, reason
        for field, value in (("order_id", row.order_id), ("tracking", row.tracking)):
            is_refused, reason = self._rounded[field].why_odd(value)
            if value and reason:
                yield field, value, is_refused, f"the {LABELS[field]} {reason}"
