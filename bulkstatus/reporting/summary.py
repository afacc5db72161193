"""`summarise`: a result log → `Summary`, all that is said of it, made in one pass over it."""

import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final, Literal, NamedTuple

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
from bulkstatus.log.reader import Take, read_rows
from bulkstatus.log.records import Reason, Record
from bulkstatus.log.state import numbers, spans_of
from bulkstatus.log.writer import try_lock
from bulkstatus.order import OrderStatus
from bulkstatus.words import printable

#: How a run ended; or no run holds its log and it has no end; or it goes on.
How = Reason | Literal["broken off", "running"]
BROKEN_OFF: Final = "broken off"
RUNNING: Final = "running"

#: A row of several logs is one number: which log it is of, times this, and its `n` there.
LOG = 1 << 48

# What is to be sent is told last.
_BY_STATE = sorted(State, key=lambda state: state is State.TO_SEND)


@dataclass(frozen=True)
class RunSummary:
    """One run; times are in seconds since the epoch.

    `ended` is the last that the log knows of a run without an end. `answered` has how many rows
    were answered in each second in which one was, in order; `requests` is how many left.
    """

    record: RunRecord
    started: float
    ended: float
    how: How
    message: str
    answered: Mapping[int, int]
    requests: int

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
class Summary:
    """What a log says, or several logs together.

    `tally` counts rows by status, None where it could not be read, and state. `failures` are the
    latest results of the rejected, failed and invalid rows, in file order. `latencies` counts the
    answers by how many milliseconds they took. `parts` are the summaries of several logs, in the
    order in which their last runs began, of which the last has `log` and `contents`.
    """

    log: Path
    contents: LogContents
    tally: Counter[tuple[OrderStatus | None, State]]
    failures: Sequence[Result]
    orders: Orders
    runs: Sequence[RunSummary]
    latencies: Counter[int]
    parts: Sequence["Summary"] = ()

    @property
    def logs(self) -> Sequence["Summary"]:
        """The summary of each log."""
        return self.parts or (self,)

    @property
    def state(self) -> How:
        """How the last run ended, or that it goes on.

        Of several logs, that of the last one that did not finish.
        """
        states = [each.runs[-1].how for each in self.logs]
        return next((how for how in reversed(states) if how != "finished"), "finished")

    @property
    def rows(self) -> int:
        """How many rows there are; of several logs, how many statuses of orders."""
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

    def done_before(self) -> int:
        """Return how many of the untouched orders were not sent since another log has done them."""
        states = [each.contents.state for each in self.logs]
        rows = ((states[number // LOG], number % LOG) for number in self.orders.untouched)
        found = {log.orders[n - 1] for log, n in rows if log.state(n) is State.DUPLICATE}
        # Where the file itself repeats an order, a row of it is something else.
        others = [state for state in State if state is not State.DUPLICATE]
        for log in states if found else ():
            found.difference_update(log.orders[n - 1] for n in numbers(log.spans(*others)))
        return len(found)

    def ids_of(self, orders: Sequence[int]) -> Iterator[str]:
        """Yield the IDs of orders by their numbers in `orders`, which rise. Raises LogRefused."""
        for place, of_log in groupby(orders, lambda number: number // LOG):
            for row in self.logs[place].rows_of([number % LOG for number in of_log]):
                yield row.order_id

    def rows_of(self, rows: Sequence[int]) -> Iterator[RowRecord]:
        """Yield rows of the one log by their `n`, which rise, as they stand there.

        Raises LogRefused when the log can no longer be read.
        """
        try:
            yield from read_rows(self.contents, spans_of(rows))
        except LogLost:
            raise LogRefused(f"The result log {self.log} can no longer be read.") from None


def summarise(path: Path, take: Take | None = None) -> Summary:
    """Read a result log, also one that is being written, and say what is in it.

    `take` is told the records too, again from the first where one was written meanwhile. Raises
    LogRefused when the log cannot be read, or holds a time that is none.
    """
    how: How | None = None
    try:
        while how is None:
            gathered = _Gathered(take)
            contents = read_log(path, gathered.take)
            how = contents.runs[-1].end.reason if contents.runs[-1].end else _how_unended(contents)
        runs = list(_runs(contents, gathered.of_runs, how))
    except ValueError as error:
        raise LogRefused(
            f"{path}: a time in it is none ({printable(str(error), 100)}). Restore the log from a "
            "copy, or repair that line by hand."
        ) from None
    state = contents.state
    failures = sorted(gathered.failures.values(), key=lambda result: result.n)
    return Summary(
        log=path,
        contents=contents,
        tally=state.tally(),
        # Some have another result since, or are to be sent: a mended file makes them good.
        failures=[each for each in failures if state.state(each.n).name == each.outcome.name],
        orders=divided([state]),
        runs=runs,
        latencies=gathered.latencies,
    )


def _how_unended(contents: LogContents) -> How | None:
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
class _OfRun:
    requests: int = 0
    answered: dict[str, int] = field(default_factory=dict)
    """By the second, as the first 19 characters of a time have it."""


@dataclass
class _Gathered:
    """What is counted while the log is read; nothing is kept of a row that is updated."""

    also: Take | None
    failures: dict[int, Result] = field(default_factory=dict)
    of_runs: list[_OfRun] = field(default_factory=list)
    latencies: Counter[int] = field(default_factory=Counter)

    def take(self, records: Sequence[Record]) -> None:
        latencies = []
        for record in records:
            if type(record) is Result:
                run = self.of_runs[-1]
                run.requests += record.attempts
                if record.outcome in FAILURES:
                    self.failures[record.n] = record
                if record.elapsed_ms is not None:
                    second = record.at[:19]
                    run.answered[second] = run.answered.get(second, 0) + 1
                    latencies.append(int(record.elapsed_ms))
            elif type(record) is RunRecord:
                self.of_runs.append(_OfRun())
        self.latencies.update(latencies)
        if self.also is not None:
            self.also(records)


def divided(states: Sequence[LogState]) -> Orders:
    """Return the orders of logs, each in the first of the three parts that has a row of it."""
    # A row without an ID is of no order.
    seen = {hash("")}
    parts = []
    for rows_of in (_updated, LogState.unseen, not_updated):
        first = array("q")
        for place, state in enumerate(states):
            hashes = state.orders
            for n in rows_of(state):
                order = hashes[n - 1]
                if order not in seen:
                    seen.add(order)
                    first.append(place * LOG + n)
        parts.append(first)
    return Orders(*parts)


def _updated(state: LogState) -> Iterator[int]:
    return numbers(state.spans(State.UPDATED))


def not_updated(state: LogState) -> Iterator[int]:
    """Yield the rows that are not updated."""
    return numbers(state.spans(*(other for other in State if other is not State.UPDATED)))


def _runs(contents: LogContents, gathered: Sequence[_OfRun], how: How) -> Iterator[RunSummary]:
    """Yield the runs; a run without an end, before the last, has broken off."""
    starts = [seconds_of(run.record.started_at) for run in contents.runs]
    for place, (run, of_run) in enumerate(zip(contents.runs, gathered, strict=True)):
        answered = {int(seconds_of(text)): n for text, n in sorted(of_run.answered.items())}
        # The second in which an answer came, to its end, which the next run may cut short.
        ended = min([max(answered, default=starts[place] - 1.0) + 1.0, *starts[place + 1 :][:1]])
        if run.end is not None:
            ended = seconds_of(run.end.ended_at)
        unended: How = how if place == len(starts) - 1 else BROKEN_OFF
        yield RunSummary(
            record=run.record,
            started=starts[place],
            ended=max(starts[place], ended),
            how=run.end.reason if run.end else unended,
            message=run.end.message if run.end else "",
            answered=answered,
            requests=of_run.requests,
        )


def seconds_of(text: str) -> float:
    """Return a time, without whose zone it is UTC, in seconds since the epoch."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
