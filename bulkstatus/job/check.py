"""The check of a whole input before anything is sent: `check_source`.

The input is read once, into a private work list. What is kept of each row besides is a few bytes:
a hash of its order ID, by which orders are found that occur more than once, or that are known to
be done. Only those are read back and judged exactly.
"""

import operator
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress, count

from bulkstatus.conflict import Claim, Decision, Fate
from bulkstatus.job.known import Known
from bulkstatus.job.plan import Plan, Problem
from bulkstatus.job.worklist import LOT, WorkList
from bulkstatus.log.records import Outcome, Result, RowRecord, timestamp
from bulkstatus.log.state import LogState, State, spans_of
from bulkstatus.order import InvalidRow, OrderStatus
from bulkstatus.shard import Shard
from bulkstatus.source import Batch, Source
from bulkstatus.source.alike import FEW, Alike
from bulkstatus.source.few import Few
from bulkstatus.source.options import LABELS
from bulkstatus.source.rounded import Rounded

# How many rows are kept that are sent and may be wrong.
_ODD = 3

# A member of an enum takes its time to be made a number.
_CODES = {None: None} | {status: int(status) for status in OrderStatus}

#: The outcome of a row that is judged not to be sent.
OUTCOMES = {
    Fate.DUPLICATE: Outcome.DUPLICATE,
    Fate.SUPERSEDED: Outcome.SUPERSEDED,
    Fate.CONFLICT: Outcome.INVALID,
}


class Checked:
    """A checked input.

    `rows` are its rows, numbered from 1, in `state`: those to be sent are TO_SEND, those known to
    be done UPDATED, and the others have their result: in `work` with the rows, or in `judged`.
    `plan` counts them all, before anything is due.
    """

    def __init__(self, source: Source, work: WorkList) -> None:
        self.source = source
        self.work = work
        self.state = LogState()
        self.judged: list[Result] = []
        self.plan = Plan()
        self.others = bytearray()
        """Which rows are another shard's, one byte for each, where there are shards."""


async def check_source(
    source: Source,
    work: WorkList,
    known: Known,
    *,
    shard: Shard | None = None,
    keep: int | None = 20,
) -> Checked:
    """Read the whole of `source` into `work`, and return what is to become of its rows.

    `known` is what is known to be done; of a `shard`, the rows of others are checked as well.
    `keep` is how many problems to hold on to, None for all of them. Raises InputRefused, as the
    source does.
    """
    check = _Check(source, work, known, shard, keep)
    async for batch in source.batches():
        await check.look(batch)
    await check.judge()
    return check.finish()


class _Check:
    """The check under way: what has been seen of the input so far."""

    def __init__(
        self,
        source: Source,
        work: WorkList,
        known: Known,
        shard: Shard | None,
        keep: int | None,
    ) -> None:
        self._checked = Checked(source, work)
        self._known = known
        self._shard = shard
        self._keep = keep
        self._seen: set[int] = set()
        self._repeated: set[int] = set()
        # A status of its own speaks for a row.
        self._alike = Alike(FEW if "status" in source.columns else 2, source.options.odd_ids)
        self._few = Few(source.others)
        self._rounded = {"order_id": Rounded(), "tracking": Rounded()}

    async def look(self, batch: Batch) -> None:
        """Take in a batch, all of its rows at once for speed."""
        if not batch.rows:
            return
        self._few.look(batch.cells)
        state, work = self._checked.state, self._checked.work
        first = len(state) + 1
        order_ids = [row[0] for row in batch.rows]
        statuses = [_CODES[row[1]] for row in batch.rows]
        trackings = [row[2] for row in batch.rows]
        rows = list(map(RowRecord, count(first), batch.lines, order_ids, statuses, trackings))
        state.add_rows(rows)
        await work.add_rows(rows)
        if self._shard is not None:
            self._checked.others.extend(map(operator.not_, map(self._shard.has, order_ids)))
        invalid = {}
        if InvalidRow in set(map(type, batch.rows)):
            for n, row in enumerate(batch.rows, first):
                if isinstance(row, InvalidRow):
                    invalid[n] = row
        if invalid:
            await self._take_invalid(rows, invalid, first)
        orders, read_ids = state.orders[first - 1 :], order_ids
        if invalid:
            valid = (order for n, order in enumerate(orders, first) if n not in invalid)
            orders = array("q", valid)
            # A row whose tracking alone is wrong has an ID to compare others with.
            read = (
                row for row in rows if row.n not in invalid or invalid[row.n].field == "tracking"
            )
            read_ids = [row.order_id for row in read]
        self._compare(read_ids, trackings, (first, len(state)))
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
        self._rounded["order_id"].look(order_ids, span)
        self._rounded["tracking"].look(trackings, span)

    async def _take_invalid(
        self, rows: Sequence[RowRecord], invalid: dict[int, InvalidRow], first: int
    ) -> None:
        checked, at = self._checked, timestamp(time.time())
        results = []
        for n, row in invalid.items():
            record = rows[n - first]
            result = Result.unsent(record, Outcome.INVALID, row.reason, at)
            results.append(result)
            checked.state.settle(result)
            self._note(Problem(record.line, row.order_id, row.field, row.value, row.reason))
        checked.plan.invalid += len(invalid)
        checked.judged += results
        await self._write()

    async def _write(self) -> None:
        """Write what is judged where all rows are new ones of the log, as they are numbered."""
        if not self._known.log.runs and self._shard is None:
            await self._checked.work.add_results(self._checked.judged)
            self._checked.judged.clear()

    def _note(self, problem: Problem) -> None:
        problems = self._checked.plan.problems
        if self._keep is None or len(problems) < self._keep:
            problems.append(problem)

    async def judge(self) -> None:
        """Judge together the rows of each order that has several, or something done."""
        state, known, exact = self._checked.state, self._known, self._repeated
        asked = self._seen
        if self._shard is not None:
            asked = set(compress(state.orders, map(operator.not_, self._checked.others)))
        done, others = known.done(state, exact, asked)
        for n in done:
            state.mark(n, State.UPDATED)
        if exact := exact | others:
            await self._judge_exactly(exact)
        if known.log.runs:
            await self._refuse_lost_zeros(known)
        await self._refuse_odd()

    async def _judge_exactly(self, orders: set[int]) -> None:
        """Judge the rows of some orders, those at once that are the only one of theirs."""
        state, known = self._checked.state, self._known
        updates = known.updates(orders)
        spans = spans_of(
            n
            for n, order in enumerate(state.orders, 1)
            if order in orders and state.state(n) is not State.INVALID
        )
        several: dict[str, dict[Claim, RowRecord]] = {}
        async for row in self._checked.work.rows(spans):
            claims = {Claim(row.n, row.line, row.update): row}
            if state.orders[row.n - 1] in self._repeated:
                several.setdefault(row.order_id, {}).update(claims)
            else:
                self._decide(claims, known.judge([*claims], updates.get(row.order_id, ())))
            if len(self._checked.judged) >= LOT:
                await self._write()
        for order_id, claims in several.items():
            self._decide(claims, known.judge([*claims], updates.get(order_id, ())))

    def _decide(self, claims: dict[Claim, RowRecord], decisions: dict[int, Decision]) -> None:
        checked, at = self._checked, timestamp(time.time())
        for claim, row in claims.items():
            decision = decisions[claim.n]
            if decision.fate is Fate.DONE:
                checked.state.mark(row.n, State.UPDATED)
            elif decision.fate is Fate.SEND:
                checked.state.mark(row.n, State.TO_SEND)
            else:
                result = Result.unsent(row, OUTCOMES[decision.fate], decision.reason, at)
                checked.state.settle(result)
                checked.judged.append(result)
                if decision.place:
                    checked.plan.elsewhere[decision.place] += 1
                if decision.fate is Fate.SUPERSEDED:
                    overtaken = Problem(row.line, row.order_id, "conflict", "", decision.reason)
                    checked.plan.overtaken.append(overtaken)
                elif decision.fate is Fate.CONFLICT:
                    self._conflict(row, decision.reason)

    def _conflict(self, row: RowRecord, reason: str) -> None:
        plan = self._checked.plan
        plan.conflicts += 1
        shown = f"{row.update.status.label} {row.tracking or ''}".rstrip()
        # All of them are kept until the end, since they do not come in file order.
        plan.problems.append(Problem(row.line, row.order_id, "conflict", shown, reason))

    async def _refuse_lost_zeros(self, known: Known) -> None:
        """Make those new rows invalid that differ from one of the log by lost zeros alone."""
        checked, at = self._checked, timestamp(time.time())
        new = known.new(checked.state)
        if not new:
            return
        rows = [row async for row in checked.work.rows(spans_of(new))]
        for row, reason in known.lost_zeros(rows):
            result = Result.unsent(row, Outcome.INVALID, reason, at)
            checked.state.settle(result)
            checked.judged.append(result)
            self._conflict(row, reason)

    async def _refuse_odd(self) -> None:
        """Make those new rows invalid that are unlike the others, the log's among them."""
        checked, at = self._checked, timestamp(time.time())
        state = checked.state
        new = None
        if self._known.log.runs:
            self._known.compare(self._compare)
            new = set(self._known.new(state))
        spans = set(self._alike.spans())
        spans.update(*(column.spans() for column in self._rounded.values()))
        async for row in checked.work.rows(sorted(spans)):
            if state.state(row.n) is not State.TO_SEND or (new is not None and row.n not in new):
                continue
            for field, value, is_refused, reason in self._oddities(row):
                problem = Problem(row.line, row.order_id, field, value, reason)
                if not is_refused:
                    if len(checked.plan.odd) < _ODD:
                        checked.plan.odd.append(problem)
                    continue
                result = Result.unsent(row, Outcome.INVALID, reason, at)
                state.settle(result)
                checked.judged.append(result)
                checked.plan.invalid += 1
                checked.plan.problems.append(problem)
                break

    def _oddities(self, row: RowRecord) -> Iterator[tuple[str, str, bool, str]]:
        """Yield what is odd about a row: the field, its value, whether it is refused, and why."""
        if reason := self._alike.why_odd(row.order_id):
            yield "order_id", row.order_id, True, reason
        for field, value in (("order_id", row.order_id), ("tracking", row.tracking)):
            is_refused, reason = self._rounded[field].why_odd(value)
            if value and reason:
                yield field, value, is_refused, f"the {LABELS[field]} {reason}"

    def finish(self) -> Checked:
        """Put things in order once every row has been looked at and judged."""
        checked, plan = self._checked, self._checked.plan
        plan.values = self._few.values()
        plan.problems.sort()
        plan.overtaken.sort()
        if self._keep is not None:
            del plan.problems[self._keep :]
        plan.count(checked.state)
        return checked
