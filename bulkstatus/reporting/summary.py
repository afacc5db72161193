"""`summarise`: a result log → `Report`, all that can be said of it."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from bulkstatus.errors import LogRefused
from bulkstatus.order import OrderStatus
from bulkstatus.reporting.groups import FailureGroup, group_failures
from bulkstatus.reporting.orders import Orders, OrdersSeen
from bulkstatus.reporting.runs import How, RunReport, describe_runs, how_unended
from bulkstatus.reporting.timeline import Percentiles, Timeline
from bulkstatus.reporting.unfinished import UnfinishedInput, unfinished_inputs
from bulkstatus.result import FAILURES, Outcome, Result
from bulkstatus.resultlog import LogContents, RunRecord, read_log
from bulkstatus.resultlog.inputs import input_name, input_path
from bulkstatus.resultlog.state import Content


@dataclass(frozen=True)
class Report:
    """What a result log says; counts are of rows, times in seconds and since the epoch.

    `pending` rows of the inputs that no run has finished are in no record; None says that the log
    alone does not tell, since it has several inputs. `unread` are the inputs that would name some
    of them, the latest first. `answers` counts the rows that were sent,
    `requests` their attempts, and `seconds` how long the runs went on. `failures` are the
    rejected, failed and invalid rows by line, `superseded` those that a later row or status of
    their order replaces, and `mend` the file that the failures have been written to.
    """

    log_path: Path
    made_at: float
    contents: LogContents
    runs: list[RunReport]
    counts: dict[Outcome, int]
    pending: int | None
    unread: tuple[UnfinishedInput, ...]
    by_status: dict[OrderStatus | None, Counter[Outcome]]
    orders: Orders
    failures: list[Result]
    superseded: list[Result]
    groups: list[FailureGroup]
    uncertain: int
    answers: int
    requests: int
    latency: Percentiles | None
    timeline: Timeline
    mend: Path | None = None

    @property
    def rows(self) -> int:
        """How many rows the log is about: those that it has a record of, and the pending ones.

        A row that was withdrawn is no longer one of them: a mended one stands in its place.
        """
        return _recorded(self.counts) + (self.pending or 0)

    @property
    def left_behind(self) -> int:
        """How many rows of an earlier input, at the least, have no record and are in no later one.

        It is 0 where it is not known what is pending of the last one. Mended rows may stand for
        some more.
        """
        last = self.contents.last_run.input_sha256
        unfinished = (
            run.record.rows
            for run in self.runs
            if run.how is not How.FINISHED and run.record.input_sha256 != last
        )
        if self.pending is None and self.how is not How.FINISHED:
            return 0
        named = self.pending or 0
        return max(0, max(unfinished, default=0) - sum(self.counts.values()) - named)

    @property
    def how(self) -> How:
        """How the last run ended, or that it has not."""
        return self.runs[-1].how

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: no failure, nothing pending, no unfinished input."""
        return self.how is How.FINISHED and not self.failures and self.unfinished is None

    @property
    def unfinished(self) -> RunRecord | None:
        """The latest run over the log's own input that no run has finished, where the last did."""
        unfinished = self.contents.unfinished
        return unfinished[-1] if unfinished and self.how is How.FINISHED else None

    @property
    def unrecorded(self) -> bool:
        """Whether orders are perhaps touched only because a run broke off, or is going on.

        It had requests under way of which it left no record.
        """
        orders = self.orders
        unread = any(there.broken_off for there in self.unread)
        return unread or bool(orders.unspoken or orders.refused_later)

    @property
    def seconds(self) -> float:
        """How long the runs went on."""
        return sum(run.seconds for run in self.runs)

    @property
    def waited(self) -> float:
        """How many of the seconds were waits."""
        return sum(wait.seconds for run in self.runs for wait in run.waits)

    @property
    def sandbox(self) -> bool:
        """Whether the last run was a rehearsal."""
        return bool(self.contents.last_run.settings.get("sandbox"))

    @property
    def input_path(self) -> Path | None:
        """The last run's input; None when it was standard input."""
        return self.path_of_input(self.contents.last_run)

    @property
    def first_input_path(self) -> Path | None:
        """The input that the log was made for; None when it was standard input."""
        return self.path_of_input(self.contents.runs[0])

    def input_of_row(self, result: Result) -> str:
        """Return the input in which a failed row has its line, "" where the log has but one."""
        runs = self.contents.runs
        content = Content.of(result)
        number = self.contents.run_numbers.get(content)
        if number is None or len({run.input for run in runs}) == 1:
            return ""
        return input_name(runs[number - 1])

    def path_of_input(self, run: RunRecord) -> Path | None:
        """Return the input of one of the runs; None when it was standard input."""
        return None if run.input == "-" else input_path(run, self.log_path)


def summarise(log_path: Path) -> Report:
    """Read a result log, also one that is being written, and say what is in it.

    Raises LogRefused when it cannot be read.
    """
    while True:
        gathered = _Gathered()
        contents = read_log(log_path, gathered.take)
        how: How | None = How.UNKNOWN
        if not any(end.run_id == contents.last_run.run_id for end in contents.ends):
            try:
                how = how_unended(log_path, contents)
            except OSError as error:
                raise LogRefused(
                    f"The result log {log_path} cannot be read: {error.strerror}."
                ) from None
        if how is not None:
            break
    try:
        runs = describe_runs(contents, gathered.timeline.pauses(), how)
    except ValueError:
        raise LogRefused(
            f"{log_path}: the record that opens or closes a run is damaged. "
            "Restore the log from a copy, or repair that line by hand."
        ) from None
    return _report(log_path, contents, runs, gathered)


class _Gathered:
    """What is counted while the log is read."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.requests = 0
        self.answers = 0
        self.updated: Counter[int | None] = Counter()
        self.orders = OrdersSeen()

    def take(self, result: Result) -> None:
        if result.elapsed_ms is not None:
            self.timeline.add(result.at, result.elapsed_ms)
            self.answers += 1
            self.requests += result.attempts
        if result.outcome is Outcome.UPDATED:
            self.updated[result.status] += 1
        self.orders.take(result)


def _report(
    log_path: Path, contents: LogContents, runs: list[RunReport], gathered: _Gathered
) -> Report:
    state = contents.state
    invalid = (result for lines in state.invalid.values() for result in lines.values())
    unsettled = [*state.open.values(), *invalid]
    failures = _by_line(unsettled, FAILURES)
    others = Counter((result.status, result.outcome) for result in unsettled)
    for content, count in state.duplicates.items():
        others[content.status, Outcome.DUPLICATE] += count
    for status, count in gathered.updated.items():
        others[status, Outcome.UPDATED] += count
    unfinished = unfinished_inputs(contents)
    pending = _pending(contents, unfinished)
    return Report(
        log_path=log_path,
        made_at=time.time(),
        contents=contents,
        runs=runs,
        counts=state.counts(),
        pending=pending,
        unread=() if pending == 0 else tuple(unfinished),
        by_status=_by_status(others),
        orders=gathered.orders.divided(contents, unsettled, pending),
        failures=failures,
        superseded=_by_line(unsettled, {Outcome.SUPERSEDED}),
        groups=group_failures(failures),
        uncertain=sum(result.uncertain for result in unsettled),
        answers=gathered.answers,
        requests=gathered.requests,
        latency=gathered.timeline.latency(),
        timeline=gathered.timeline,
    )


def _by_line(results: Iterable[Result], outcomes: Set[Outcome]) -> list[Result]:
    """Return the results of some outcomes in the order of their lines."""
    found = (result for result in results if result.outcome in outcomes)
    return sorted(found, key=lambda result: (result.line, result.order_id))


def _by_status(
    counted: Counter[tuple[int | None, Outcome]],
) -> dict[OrderStatus | None, Counter[Outcome]]:
    """Return the counts by status, statuses in order and rows without one last."""
    found: dict[OrderStatus | None, Counter[Outcome]] = {}
    for status in (*OrderStatus, None):
        counts = Counter(
            {outcome: counted[status, outcome] for outcome in Outcome if counted[status, outcome]}
        )
        if counts:
            found[status] = counts
    return found


def _pending(contents: LogContents, unfinished: Sequence[UnfinishedInput]) -> int | None:
    if not unfinished:
        return 0
    if len({run.input_sha256 for run in contents.runs}) > 1:
        return None
    return max(0, contents.last_run.rows - _recorded(contents.state.counts()))


def _recorded(counts: dict[Outcome, int]) -> int:
    return sum(counts.values()) - counts.get(Outcome.WITHDRAWN, 0)
