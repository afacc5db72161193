"""The check of the whole file before anything is sent: `check_source` makes a `Plan`.

The file is read once for what each row is, with a hash per order to find those that occur more
than once; only those are then read again and judged exactly. So the memory that a million orders
need is that of their hashes.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import NamedTuple

from bulkstatus.conflict import DONE, SEND, Decision, Fate, judge_order
from bulkstatus.order import SHIPPING, InvalidRow, OrderStatus, Row, StatusUpdate
from bulkstatus.result import FAILURES, Outcome
from bulkstatus.resultlog.state import Content, LogState
from bulkstatus.rounding import RoundedColumn
from bulkstatus.source import Batch, Source

#: How many rows are shown as they were understood, before sending.
SAMPLE_ROWS = 3


class Problem(NamedTuple):
    """A row that cannot be sent: an invalid one, or one of a conflict."""

    line: int
    order_id: str
    field: str
    value: str
    reason: str


@dataclass
class Plan:
    """What is to become of every row of a source.

    The numbers are of rows. `due` are those to be sent; `tried` has those of them that the log
    knows, by what became of them. `done` need nothing, since the log has them; `gone` are the
    log's open rows that the file has no more. `by_status`, `orders` and `without_tracking` are
    about the due rows alone. `sample` has a few of those, with their lines, before all such as
    were not tried yet. `problems` holds the first of them in file order, up to the number asked
    for.
    """

    rows: int = 0
    due: int = 0
    done: int = 0
    duplicates: int = 0
    superseded: int = 0
    invalid: int = 0
    conflicts: int = 0
    orders: int = 0
    without_tracking: int = 0
    tried: Counter[Outcome] = field(default_factory=Counter)
    by_status: Counter[OrderStatus] = field(default_factory=Counter)
    sample: list[tuple[int, StatusUpdate]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    gone: list[tuple[int, Content]] = field(default_factory=list)
    decisions: dict[int, Decision] = field(default_factory=dict)
    """The fate of each row of an order that occurs more than once, by line."""
    batches_done: set[int] = field(default_factory=set)
    """The numbers of the source's batches in which every row is done."""
    rounded: dict[str, str] = field(default_factory=dict)
    """The fields whose long numbers all look cut to 15 digits, each with one of them."""

    @property
    def cancellations(self) -> int:
        """How many of the due rows cancel their order."""
        return self.by_status[OrderStatus.CANCELLED]

    @property
    def again(self) -> int:
        """How many of the due rows were tried before."""
        return self.tried.total()

    @property
    def refused(self) -> int:
        """How many rows cannot be sent."""
        return self.invalid + self.conflicts

    def take(self, rows: Sequence[StatusUpdate], sign: int = 1) -> None:
        """Count rows as due, or with a `sign` of -1 take them back."""
        self.due += sign * len(rows)
        statuses = [row.status for row in rows]
        bare = [row.status for row in rows if row.tracking is None]
        for status in OrderStatus:
            self.by_status[status] += sign * statuses.count(status)
            if status in SHIPPING:
                self.without_tracking += sign * bare.count(status)

    def fate(self, line: int, row: StatusUpdate, log: LogState) -> Decision:
        """Return what is to become of a valid row."""
        decision = self.decisions.get(line)
        if decision is None:
            decision = DONE if row in log.updated else SEND
        return decision


async def check_source(
    source: Source,
    log: LogState | None = None,
    *,
    last_wins: bool = False,
    keep: int | None = 20,
) -> Plan:
    """Read the whole of `source` and return what is to become of its rows.

    `log` is the state of the log that a resumed run goes on with. `last_wins` is
    `--on-conflict last`. `keep` is how many problems to hold on to, None for all of them.
    Raises InputRefused and InputChanged, as the source does.
    """
    check = _Check(log or LogState(), last_wins, keep)
    async for batch in source.batches():
        check.look(batch)
    if check.repeated:
        orders: dict[str, list[tuple[int, StatusUpdate]]] = {}
        async for batch in source.batches():
            keys = [hash(row[0]) for row in batch.rows]
            for line, row, key in zip(batch.lines, batch.rows, keys, strict=True):
                if key in check.repeated and isinstance(row, StatusUpdate):
                    orders.setdefault(row.order_id, []).append((line, row))
        for rows in orders.values():
            check.judge(rows)
    check.finish()
    return check.plan


async def remaining_rows(
    source: Source, plan: Plan, log: LogState
) -> AsyncIterator[tuple[int, Row, Decision]]:
    """Read the source again and yield each row that is not done, with its fate, in file order.

    An invalid row comes with the fate CONFLICT: like those of a conflict it is never sent.
    """
    async with aclosing(remaining_batches(source, plan, log)) as batches:
        async for rows in batches:
            for row in rows:
                yield row


async def remaining_batches(
    source: Source, plan: Plan, log: LogState
) -> AsyncGenerator[Iterable[tuple[int, Row, Decision]], None]:
    """Yield what `remaining_rows` does in batches, for speed."""
    all_due = plan.due == plan.rows and not log.updated
    logged = Counter({content: len(lines) for content, lines in log.invalid.items()})
    number = -1
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            number += 1
            if number in plan.batches_done:
                continue
            if all_due:
                yield zip(batch.lines, batch.rows, repeat(SEND))
            else:
                yield _remaining(batch, plan, log, logged)


def _remaining(
    batch: Batch, plan: Plan, log: LogState, logged: Counter[Content]
) -> Iterator[tuple[int, Row, Decision]]:
    """Yield the rows of a batch that are not done; `logged` counts those the log has as invalid."""
    for line, row in zip(batch.lines, batch.rows, strict=True):
        if isinstance(row, StatusUpdate):
            decision = plan.fate(line, row, log)
        else:
            decision = Decision(Fate.CONFLICT, row.reason)
        if decision.fate is Fate.CONFLICT and logged:
            content = Content.of(row)
            if logged[content]:
                logged[content] -= 1
                continue
        if decision.fate is not Fate.DONE:
            yield line, row, decision


async def limit_plan(source: Source, plan: Plan, log: LogState, limit: int) -> Plan:
    """Return the plan with only the first `limit` of its due rows counted as due."""
    if plan.due <= limit:
        return plan
    first: list[tuple[int, StatusUpdate]] = []
    async with aclosing(remaining_batches(source, plan, log)) as batches:
        async for rows in batches:
            due = [(line, row) for line, row, decision in rows if decision.fate is Fate.SEND]
            first += [(line, row) for line, row in due if isinstance(row, StatusUpdate)]
            if len(first) >= limit:
                del first[limit:]
                break
    updates = [row for _, row in first]
    limited = replace(plan, due=0, without_tracking=0, by_status=Counter())
    limited.take(updates)
    limited.orders = len({row.order_id for row in updates})
    outcomes = [_outcome_before(Content.of(row), log) for row in updates]
    limited.tried = Counter(filter(None, outcomes))
    untried = [pair for pair, outcome in zip(first, outcomes, strict=True) if outcome is None]
    limited.sample = _sample(untried, first)
    return limited


def _outcome_before(content: Content, log: LogState) -> Outcome | None:
    """Return what became of a row that the log knows and that is not updated, else None."""
    before = log.open.get(content)
    if before is not None:
        return before.outcome
    return Outcome.INVALID if content in log.invalid else None


def _sample(
    untried: Sequence[tuple[int, StatusUpdate]], due: Sequence[tuple[int, StatusUpdate]]
) -> list[tuple[int, StatusUpdate]]:
    """Return a few rows in file order, those that are not `untried` only where these are few."""
    return sorted(list(dict.fromkeys((*untried, *due)))[:SAMPLE_ROWS])


# Some of the first due rows may turn out not to be, once their orders are judged.
_SAMPLE_CANDIDATES = 20

# How many rows of each batch are looked at for numbers that Excel has cut off.
_ROUNDED_ROWS = 50


class _Check:
    """The check under way: what has been seen of the file so far."""

    def __init__(self, log: LogState, last_wins: bool, keep: int | None) -> None:
        self.plan = Plan()
        self.repeated: set[int] = set()
        """The hashes of the orders that must be judged exactly, and perhaps of a few others."""
        self._log = log
        self._last_wins = last_wins
        self._keep = keep
        self._resumed = bool(log.counts())
        self._batches = -1
        self._seen: set[int] = set()
        self._tried_seen: Counter[Content] = Counter()
        self._candidates: list[tuple[int, StatusUpdate]] = []
        self._untried_candidates: list[tuple[int, StatusUpdate]] = []
        self._columns = {"order_id": RoundedColumn(), "tracking": RoundedColumn()}

    def look(self, batch: Batch) -> None:
        """Take in a batch on the first reading, all of its rows at once for speed."""
        plan = self.plan
        plan.rows += len(batch.rows)
        rows = [row for row in batch.rows if isinstance(row, StatusUpdate)]
        if len(rows) < len(batch.rows):
            self._look_at_invalid(batch)
        self._batches += 1
        if self._resumed:
            before = plan.done
            rows = self._not_done(rows)
            if plan.done - before == len(batch.rows):
                plan.batches_done.add(self._batches)
        keys = [hash(row.order_id) for row in rows]
        new = set(keys)
        if len(new) < len(keys):
            self.repeated.update(key for key, times in Counter(keys).items() if times > 1)
        self.repeated |= new & self._seen
        self._seen |= new
        plan.take(rows)
        some = rows[:_ROUNDED_ROWS]
        self._columns["order_id"].look(dict.fromkeys(row.order_id for row in some))
        self._columns["tracking"].look(dict.fromkeys(row.tracking for row in some))
        if rows and len(self._untried_candidates) < _SAMPLE_CANDIDATES:
            self._look_for_sample(batch, rows)

    def _look_for_sample(self, batch: Batch, due: list[StatusUpdate]) -> None:
        untried = [row for row in due if not self._log.was_tried(Content.of(row))]
        for candidates, rows in ((self._candidates, due), (self._untried_candidates, untried)):
            if len(candidates) < _SAMPLE_CANDIDATES:
                wanted = set(rows[:_SAMPLE_CANDIDATES])
                candidates += [
                    (line, row)
                    for line, row in zip(batch.lines, batch.rows, strict=True)
                    if row in wanted and isinstance(row, StatusUpdate)
                ]

    def _look_at_invalid(self, batch: Batch) -> None:
        for line, row in zip(batch.lines, batch.rows, strict=True):
            if isinstance(row, InvalidRow):
                self.plan.invalid += 1
                self._note(Content.of(row))
                if self._keep is None or len(self.plan.problems) < self._keep:
                    problem = Problem(line, row.order_id, row.field, row.value, row.reason)
                    self.plan.problems.append(problem)

    def _not_done(self, rows: list[StatusUpdate]) -> list[StatusUpdate]:
        """Return the rows whose order the log has no update for; have the others judged."""
        matched = self._log.updated.match(rows)
        self.plan.done += matched.done
        if self._log.open or self._log.invalid:
            self.plan.tried.update(
                filter(None, (self._note(Content.of(row)) for row in matched.new))
            )
        self.repeated.update(hash(row.order_id) for row in matched.other)
        return matched.new

    def _note(self, content: Content) -> Outcome | None:
        """Return what became of a row that the log knows, and note that the file has the row."""
        before = _outcome_before(content, self._log)
        if before is not None:
            self._tried_seen[content] += 1
        return before

    def judge(self, rows: list[tuple[int, StatusUpdate]]) -> None:
        """Judge all rows of one order together, in place of what the first reading made of them."""
        plan, log = self.plan, self._log
        order_id = rows[0][1].order_id
        updated = [
            StatusUpdate(content.order_id, OrderStatus(content.status or 0), content.tracking)
            for content in log.updated.of(order_id)
        ]
        contents = [Content.of(row) for _, row in rows]
        if not updated:
            plan.take([row for _, row in rows], sign=-1)
            before = (_outcome_before(content, log) for content in contents)
            plan.tried.subtract(filter(None, before))
            plan.orders -= 1
        elif len(updated) == 1 and updated[0] in (row for _, row in rows):
            plan.done -= 1
        superseded = {
            row
            for (_, row), content in zip(rows, contents, strict=True)
            if content in log.open and log.open[content].outcome is Outcome.SUPERSEDED
        }
        duplicates = Counter(
            {row: log.duplicates[content] for (_, row), content in zip(rows, contents, strict=True)}
        )
        decisions = judge_order(rows, updated, superseded, duplicates, self._last_wins)
        plan.decisions |= decisions
        plan.orders += any(decision is SEND for decision in decisions.values())
        for line, row in rows:
            self._count(line, row, decisions[line], bool(updated))

    def _count(self, line: int, row: StatusUpdate, decision: Decision, first_time: bool) -> None:
        """Count a row of a judged order; `first_time` when the first reading did not look it up."""
        plan = self.plan
        content = Content.of(row)
        before = self._note(content) if first_time else _outcome_before(content, self._log)
        if decision.fate is Fate.SEND:
            plan.take([row])
            if before is not None:
                plan.tried[before] += 1
        elif decision.fate is Fate.DONE:
            plan.done += 1
        elif decision.fate is Fate.DUPLICATE:
            plan.duplicates += 1
        elif decision.fate is Fate.SUPERSEDED:
            plan.superseded += 1
        else:
            plan.conflicts += 1
            shown = f"{row.status.label} {row.tracking or ''}".rstrip()
            plan.problems.append(Problem(line, row.order_id, "conflict", shown, decision.reason))

    def finish(self) -> None:
        """Put the plan in order once every row has been looked at and judged."""
        plan = self.plan
        plan.orders += len(self._seen)
        for name, column in self._columns.items():
            if column.example is not None:
                plan.rounded[name] = column.example
        plan.problems.sort()
        if self._keep is not None:
            del plan.problems[self._keep :]
        plan.sample = _sample(self._due(self._untried_candidates), self._due(self._candidates))
        for content, result in self._log.open.items():
            if result.outcome in FAILURES and not self._tried_seen[content]:
                plan.gone.append((result.line, content))
        for content, lines in self._log.invalid.items():
            missing = len(lines) - self._tried_seen[content]
            plan.gone += [(line, content) for line in list(lines)[: max(0, missing)]]

    def _due(self, rows: list[tuple[int, StatusUpdate]]) -> list[tuple[int, StatusUpdate]]:
        """Return those of the rows that are to be sent."""
        return [row for row in rows if self.plan.fate(*row, self._log).fate is Fate.SEND]
