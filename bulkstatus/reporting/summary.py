"""`summarise`: a result log → `Summary`, all that is said of it, made in one pass over it.

`add_up` makes one of several logs.
"""

import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bulkstatus.errors import LogLost, LogRefused
from bulkstatus.log import (
    FAILURES,
    LogContents,
    LogState,
    Outcome,
    Result,
    RowRecord,
    RunRecord,
    State,
    read_log,
)
from bulkstatus.log.reader import read_rows
from bulkstatus.log.records import Record
from bulkstatus.log.state import numbers, spans_of
from bulkstatus.log.writer import try_lock
from bulkstatus.order import OrderStatus
from bulkstatus.words import printable

#: A log that no run holds and whose last run has no end, and one that a run is writing.
BROKEN_OFF, RUNNING = "broken off", "running"

# What is to be sent is told last.
_BY_STATE = sorted(State, key=lambda state: state is State.TO_SEND)

# A row of several logs as one number: which log it is of, and its `n` there.
_LOG = 1 << 48


@dataclass(frozen=True)
class RunSummary:
    """One run; times are in seconds since the epoch.

    `how` is "finished", "stopped", "interrupted", "running" or "broken off"; `ended` is the last
    that the log knows of a run without an end. `answered` has how many rows were answered in each
    second in which one was, in order.
    """

    record: RunRecord
    started: float
    ended: float
    how: str
    message: str
    answered: Mapping[int, int]

    @property
    def seconds(self) -> float:
        """How long the run went on."""
        return self.ended - self.started

    @property
    def answers(self) -> int:
        """How many rows were answered in the run."""
        return sum(self.answered.values())


class Orders(NamedTuple):
    """Orders, each by the number of one row of it, in the order of the files.

    `touched` have an updated row. Of the others, `perhaps` have a row for which a request may have
    reached the API without its answer being seen; `untouched` have none.
    """

    touched: Sequence[int]
    perhaps: Sequence[int]
    untouched: Sequence[int]


@dataclass(frozen=True)
class Figures:
    """What became of rows: of those of a log, or of several logs together.

    `tally` counts them by status, None where it could not be read, and state. `failures` are the
    latest results of the rejected, failed and invalid rows, in file order.
    """

    tally: Counter[tuple[OrderStatus | None, State]]
    failures: Sequence[Result]
    orders: Orders

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.tally.total()

    @property
    def to_send(self) -> int:
        """How many rows have no outcome yet."""
        return self.count(State.TO_SEND)

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many rows there are of each outcome, of those that there are."""
        counts = {outcome: self.count(State[outcome.name]) for outcome in Outcome}
        return {outcome: count for outcome, count in counts.items() if count}

    @property
    def by_status(self) -> dict[OrderStatus | None, dict[State, int]]:
        """How many rows there are by status, then by state; none, and what is to be sent, last."""
        found: dict[OrderStatus | None, dict[State, int]] = {}
        for status in (*OrderStatus, None):
            counts = {state: self.tally[status, state] for state in _BY_STATE}
            if any(counts.values()):
                found[status] = {state: count for state, count in counts.items() if count}
        return found

    def count(self, *states: State) -> int:
        """Return how many rows are in one of some states."""
        return sum(count for (_, state), count in self.tally.items() if state in states)


@dataclass(frozen=True)
class Summary(Figures):
    """What a log says; counts are of rows, times in seconds and since the epoch.

    `requests` is how many left. `records` is how many lines of the log this is about; more may have
    been written since.
    """

    log: Path
    contents: LogContents
    runs: Sequence[RunSummary]
    requests: int
    records: int

    @property
    def state(self) -> str:
        """How the last run ended, or that it goes on: see `RunSummary`."""
        return self.runs[-1].how

    @property
    def answers(self) -> int:
        """How many rows were answered, in all runs."""
        return sum(run.answers for run in self.runs)

    @property
    def seconds(self) -> float:
        """How long the runs went on."""
        return sum(run.seconds for run in self.runs)

    def rows_of(self, rows: Sequence[int]) -> Iterator[RowRecord]:
        """Yield rows by their `n`, which rise, as they stand in the log.

        Raises LogRefused when the log can no longer be read.
        """
        try:
            yield from read_rows(self.contents, spans_of(rows))
        except LogLost:
            raise LogRefused(f"The result log {self.log} can no longer be read.") from None

    def order_ids(self, rows: Sequence[int]) -> list[str]:
        """Return the order IDs of rows by their `n`, which rise. Raises LogRefused."""
        return [row.order_id for row in self.rows_of(rows)]


def summarise(path: Path) -> Summary:
    """Read a result log, also one that is being written, and say what is in it.

    Raises LogRefused when it cannot be read, or holds a time that is none.
    """
    how = None
    while how is None:
        gathered = _Gathered()
        contents = read_log(path, gathered.take)
        how = contents.runs[-1].end.reason if contents.runs[-1].end else _how_unended(contents)
    state = contents.state
    try:
        runs = list(_runs(contents, gathered.answered, how))
    except ValueError as error:
        raise LogRefused(
            f"{path}: a time in it is none ({printable(str(error), 100)}). Restore the log from a "
            "copy, or repair that line by hand."
        ) from None
    failures = sorted(gathered.failures.values(), key=lambda result: result.n)
    return Summary(
        log=path,
        contents=contents,
        tally=state.tally(),
        # Some have another result since, or are to be sent: a mended file makes them good.
        failures=[each for each in failures if state.state(each.n).name == each.outcome.name],
        orders=_divided([state]),
        runs=runs,
        requests=gathered.requests,
        records=gathered.records,
    )


def _how_unended(contents: LogContents) -> str | None:
    """Return what became of a last run that wrote no end; None when the log has grown since."""
    try:
        with contents.path.open("rb") as file:
            is_free = try_lock(file.fileno())
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise LogRefused(
            f"The result log {contents.path} cannot be read: {error.strerror}."
        ) from None
    if not is_free:
        return RUNNING
    return BROKEN_OFF if size == contents.size + contents.cut_off else None


@dataclass
class _Gathered:
    """What is counted while the log is read; nothing is kept of a row that is updated."""

    failures: dict[int, Result] = field(default_factory=dict)
    answered: list[dict[str, int]] = field(default_factory=list)
    requests: int = 0
    records: int = 0

    def take(self, records: Sequence[Record]) -> None:
        self.records += len(records)
        for record in records:
            if type(record) is Result:
                self.requests += record.attempts
                if record.outcome in FAILURES:
                    self.failures[record.n] = record
                if record.elapsed_ms is not None:
                    # To the second, as the first 19 characters of a time have it.
                    answered, second = self.answered[-1], record.at[:19]
                    answered[second] = answered.get(second, 0) + 1
            elif type(record) is RunRecord:
                self.answered.append({})


def _divided(states: Sequence[LogState]) -> Orders:
    """Return the orders of logs, each in the first of the three parts that has a row of it."""
    # A row without an ID is of no order.
    seen = {hash("")}
    divided = []
    for rows_of in (_updated, LogState.unseen, _not_updated):
        first = array("q")
        for place, state in enumerate(states):
            hashes = state.orders
            for n in rows_of(state):
                order = hashes[n - 1]
                if order not in seen:
                    seen.add(order)
                    first.append(place * _LOG + n)
        divided.append(first)
    return Orders(*divided)


def _updated(state: LogState) -> Iterator[int]:
    return numbers(state.spans(State.UPDATED))


def _not_updated(state: LogState) -> Iterator[int]:
    return numbers(state.spans(*(other for other in State if other is not State.UPDATED)))


def _runs(contents: LogContents, answered: list[dict[str, int]], how: str) -> Iterator[RunSummary]:
    """Yield the runs; a run without an end, before the last, has broken off."""
    for place, (run, texts) in enumerate(zip(contents.runs, answered, strict=True)):
        seconds = {int(seconds_of(text)): count for text, count in sorted(texts.items())}
        started = seconds_of(run.record.started_at)
        if run.end is not None:
            ended = seconds_of(run.end.ended_at)
        else:
            # The second in which an answer came, to its end, which the next run may cut short.
            ended = max(seconds) + 1.0 if seconds else started
            if place + 1 < len(contents.runs):
                after = seconds_of(contents.runs[place + 1].record.started_at)
                ended = min(ended, after)
        is_last = place == len(contents.runs) - 1
        yield RunSummary(
            record=run.record,
            started=started,
            ended=max(started, ended),
            how=run.end.reason if run.end else how if is_last else BROKEN_OFF,
            message=run.end.message if run.end else "",
            answered=seconds,
        )


def seconds_of(text: str) -> float:
    """Return a time, without whose zone it is UTC, in seconds since the epoch."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


# Several logs together: a week, or the parts of one job.


@dataclass(frozen=True)
class Total(Figures):
    """Several logs together: each order and status counts once, as the latest log has it.

    `summaries` are in the order in which the logs' last runs began. An order touched by one log is
    touched.
    """

    summaries: Sequence[Summary]

    def order_ids(self, rows: Sequence[int]) -> list[str]:
        """Return the IDs of orders by their numbers in `orders`, which rise. Raises LogRefused."""
        of_log: dict[int, list[int]] = {}
        for place, n in (divmod(row, _LOG) for row in rows):
            of_log.setdefault(place, []).append(n)
        return [
            order_id
            for place, numbers_there in of_log.items()
            for order_id in self.summaries[place].order_ids(numbers_there)
        ]


def add_up(summaries: Sequence[Summary]) -> Total:
    """Return several logs together."""
    summaries = sorted(summaries, key=lambda summary: summary.runs[-1].started)
    latest: dict[int, int] = {}
    no_order = hash("")
    for place, summary in enumerate(summaries):
        state = summary.contents.state
        for n, order in enumerate(state.orders, 1):
            row = place * _LOG + n
            key = hash((order, state.status(n)) if order != no_order else (order, row))
            # A repeated row says nothing new of its order.
            if state.state(n) is not State.DUPLICATE or key not in latest:
                latest[key] = row
    tally = Counter(
        (state.status(n), state.state(n))
        for place, n in (divmod(row, _LOG) for row in latest.values())
        for state in [summaries[place].contents.state]
    )
    rows = set(latest.values())
    return Total(
        tally=tally,
        failures=[
            result
            for place, summary in enumerate(summaries)
            for result in summary.failures
            if place * _LOG + result.n in rows
        ],
        orders=_divided([summary.contents.state for summary in summaries]),
        summaries=summaries,
    )
