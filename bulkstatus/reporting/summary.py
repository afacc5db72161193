"""`summarise`: a result log → `Summary`, all that is said of it, made in one pass over it."""

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Final, Literal, NamedTuple

from bulkstatus.errors import LogLost, LogRefused
from bulkstatus.log import (
    FAILURES,
    EndRecord,
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


@dataclass
class RunSummary:
    """One run; times are in seconds since the epoch.

    `ended` is the last that the log knows of a run without an end. `answered` has how many rows
    were answered in each second in which one was; `requests` is how many left for rows that have a
    result of the run, which are all where it finished.
    """

    record: RunRecord
    started: float
    ended: float
    how: How = BROKEN_OFF
    message: str = ""
    answered: Mapping[int, int] = field(default_factory=dict)
    requests: int = 0

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
    reached the API without its answer being seen; `untouched` have none. `before` are those of the
    untouched that were not sent since another log has done them.
    """

    touched: Sequence[int]
    perhaps: Sequence[int]
    untouched: Sequence[int]
    before: Sequence[int]


@dataclass(frozen=True)
class Summary:
    """What a log says, or several logs together.

    `tally` counts rows by status, None where it could not be read, and state. `failures` are the
    latest results of the rejected, failed and invalid rows, in file order. `latencies` counts the
    answers by how many milliseconds they took. `run_of` has for each row the number, from 1, of the
    run that its latest result is of, 0 for none. `given_up` are the withdrawn rows without a later
    row of their order that stands for them. `parts` are the summaries of several logs, in the order
    in which their last runs began, of which the last has `log`, `contents` and `run_of`.

    Two things for the commands to type next: `typed` are options that were typed and that no log
    keeps, and `mend` is the file that the failures have just been written to.
    """

    log: Path
    contents: LogContents
    tally: Counter[tuple[OrderStatus | None, State]]
    failures: Sequence[Result]
    orders: Orders
    runs: Sequence[RunSummary]
    latencies: Counter[int]
    run_of: Sequence[int]
    given_up: int = 0
    parts: Sequence["Summary"] = ()
    typed: Sequence[str] = ()
    mend: Path | None = None

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

    def row_state(self, number: int) -> State:
        """Return the state of a row by its number in `orders`."""
        return self.logs[number // LOG].contents.state.state(number % LOG)

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


def summarise(path: Path, taken: "Taken | None" = None, typed: Sequence[str] = ()) -> Summary:
    """Read a result log, also one that is being written, and say what is in it.

    `taken` counts, and may take in more than that; `typed` is the summary's. Raises LogRefused
    when the log cannot be read, or holds a time that is none.
    """
    taken, how = taken or Taken(), None
    try:
        while how is None:
            taken.reset()
            contents = read_log(path, taken.take)
            how = contents.runs[-1].end.reason if contents.runs[-1].end else _how_unended(contents)
    except ValueError as error:
        raise LogRefused(
            f"{path}: a time in it is none ({printable(str(error), 100)}). Restore the log from a "
            "copy, or repair that line by hand."
        ) from None
    taken.runs[-1].how = how
    state = contents.state
    failures = sorted(taken.failures.values(), key=lambda result: result.n)
    return Summary(
        log=path,
        contents=contents,
        tally=state.tally(),
        # Some have another result since, or are to be sent: a mended file makes them good.
        failures=[each for each in failures if state.state(each.n).name == each.outcome.name],
        orders=divided([contents]),
        runs=taken.runs,
        latencies=taken.latencies,
        run_of=taken.run_of,
        given_up=len(state.given_up()),
        typed=typed,
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


class Taken:
    """What is counted while the log is read; nothing is kept of a row that is updated."""

    def reset(self) -> None:
        """Begin, also anew where the log was written to while it was read."""
        self.runs: list[RunSummary] = []
        self.failures: dict[int, Result] = {}
        self.latencies: Counter[int] = Counter()
        self.run_of = array("I")
        self._answered: dict[int, int] = {}

    def take(self, records: Sequence[Record]) -> None:
        """Take in records. Raises ValueError for a time that is none."""
        latencies = []
        for record in records:
            if type(record) is Result:
                run = self.runs[-1]
                run.requests += record.attempts
                self.run_of[record.n - 1] = len(self.runs)
                if record.outcome in FAILURES:
                    self.failures[record.n] = record
                if record.elapsed_ms is not None:
                    second = _second(record.at[:19])
                    if second not in self._answered:
                        self._answered[second] = 0
                        run.ended = max(run.ended, second + 1.0)
                    self._answered[second] += 1
                    latencies.append(int(record.elapsed_ms))
            elif type(record) is RowRecord:
                self.run_of.append(0)
            elif type(record) is RunRecord:
                self._begin(record)
            elif type(record) is EndRecord:
                run = self.runs[-1]
                run.how, run.message = record.reason, record.message
                run.ended = max(run.started, seconds_of(record.ended_at))
        self.latencies.update(latencies)

    def _begin(self, record: RunRecord) -> None:
        started, self._answered = seconds_of(record.started_at), {}
        if self.runs and self.runs[-1].how == BROKEN_OFF:
            before = self.runs[-1]
            before.ended = max(before.started, min(before.ended, started))
        self.runs.append(RunSummary(record, started, started, answered=self._answered))


def divided(logs: Sequence[LogContents]) -> Orders:
    """Return the orders of logs, each of an account in the first of the parts with a row of it."""
    # A row without an ID is of no order.
    seen = {log.account: {hash("")} for log in logs}
    parts = []
    others = set(State) - {State.UPDATED, State.DUPLICATE}
    # Where the file itself repeats an order, a row of it is something else.
    for rows in (_in(State.UPDATED), LogState.unseen, _in(*others), _in(State.DUPLICATE)):
        first = array("q")
        for place, log in enumerate(logs):
            hashes, there = log.state.orders, seen[log.account]
            for n in rows(log.state):
                order = hashes[n - 1]
                if order not in there:
                    there.add(order)
                    first.append(place * LOG + n)
        parts.append(first)
    touched, perhaps, untouched, before = parts
    return Orders(touched, perhaps, array("q", merge(untouched, before)), before)


def _in(*states: State) -> Callable[[LogState], Iterator[int]]:
    return lambda log: numbers(log.spans(*states))


@lru_cache(maxsize=8)  # It is that of many results in a row.
def _second(text: str) -> int:
    return int(seconds_of(text))


def seconds_of(text: str) -> float:
    """Return a time, without whose zone it is UTC, in seconds since the epoch."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
