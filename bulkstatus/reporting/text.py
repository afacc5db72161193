"""A report as text, for a terminal or a mail."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from bulkstatus.order import OrderStatus
from bulkstatus.reporting.groups import FailureGroup
from bulkstatus.reporting.runs import How, RunReport
from bulkstatus.reporting.steps import next_commands
from bulkstatus.reporting.summary import Report
from bulkstatus.result import Outcome, Result
from bulkstatus.text import printable
from bulkstatus.wording import counted, duration

# How much is shown of what may be long.
_GROUPS = 20
_ROWS_OF_A_GROUP = 3
_ORDERS = 20
_RUNS = 20
_LONGEST_ID = 60
_LONGEST_MESSAGE = 300


#: What there is to say of orders when a run has not ended, or not in good order.
UNRECORDED = (
    "perhaps also those under way when a run broke off or the log was read, which it cannot name"
)


def report_text(report: Report) -> str:
    """Return a report as lines of text, harmless for a terminal."""
    lines = [state_sentence(report), "", *_figures(report)]
    if report.groups:
        lines += ["", failures_text(report.groups)]
    if report.orders.perhaps_touched:
        shown = _some(report.orders.perhaps_touched, _ORDERS)
        lines += ["", "Perhaps touched: a request may have arrived, but no answer was seen", *shown]
    lines += ["", *_runs(report), "", _line("Log", report.log_path)]
    if report.input_path is not None:
        lines.append(_line("Input", report.input_path))
    lines += [_line("" if index else "Next", text) for index, text in enumerate(_next(report))]
    return "\n".join(lines)


def failures_text(groups: Sequence[FailureGroup]) -> str:
    """Return grouped failures as lines of text: what was said, how often, and a few rows each."""
    lines = ["Failures"]
    for group in groups[:_GROUPS]:
        lines.append(f"  {len(group.results):,} {group.kind.outcome}: {group_label(group)}")
        lines += (f"      {_row(result)}" for result in group.results[:_ROWS_OF_A_GROUP])
        if len(group.results) > _ROWS_OF_A_GROUP:
            lines.append(f"      … and {len(group.results) - _ROWS_OF_A_GROUP:,} more")
    if len(groups) > _GROUPS:
        lines.append(f"  … and {len(groups) - _GROUPS:,} more kinds")
    return "\n".join(lines)


def group_label(group: FailureGroup) -> str:
    """Return what was said of a group of failures."""
    status, code = group.kind.http_status, group.kind.code
    origin = [f"HTTP {status}"] if status else []
    origin += [f"code {printable(str(code), 20)}"] if code not in {None, 0} else []
    message = printable(group.kind.message, _LONGEST_MESSAGE)
    if message.startswith("HTTP "):
        del origin[:1]
    return f"{message} ({', '.join(origin)})" if origin else message


def state_sentence(report: Report) -> str:
    """Return in a sentence how the last run ended, or that it has not."""
    run = report.runs[-1]
    what = "The rehearsal in the sandbox" if report.sandbox else "The run"
    when = moment(run.ended)
    if run.how is How.RUNNING:
        return f"{what} is going on: this is how far it had come."
    if run.how is How.CRASHED:
        torn = " Its last line is cut off; what it held is sent again." if _torn(report) else ""
        return (
            f"{what} broke off at about {when} without a word: a crash, a kill, a full disk or a "
            f"power cut.{torn}"
        )
    if run.how is How.UNKNOWN:
        return f"{what} has written no end: it is still going on, or broke off at about {when}."
    message = printable(run.message, _LONGEST_MESSAGE)
    ended = "was interrupted" if run.how is How.INTERRUPTED else run.how
    detail = f": {message}" if message and run.how is How.STOPPED else "."
    return f"{what} {ended} on {when}{detail}"


def outcomes_text(counts: Mapping[Outcome, int], pending: int | None = 0) -> str:
    """Return counts by outcome, such as "1,190 updated, 14 rejected, 3 pending"."""
    parts = [f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts.get(outcome)]
    if pending:
        parts.append(f"{pending:,} pending")
    return ", ".join(parts) or "none settled yet"


def status_name(status: int | None) -> str:
    """Return a status as people read it: "Dispatched (8)"."""
    if status is None:
        return "no status"
    return f"{OrderStatus(status).label} ({status})" if status in set(OrderStatus) else f"{status}"


def moment(seconds: float) -> str:
    """Return a time, given in seconds since the epoch, by the clock of this machine."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def exact_duration(seconds: float) -> str:
    """Return how long something took, to the second below an hour: "0.8 s", "2 min 3 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return duration(seconds)


def time_text(report: Report) -> str:
    """Return how long the runs took and how fast they were."""
    took = exact_duration(report.seconds)
    if not report.answers:
        return took
    rate = f", {report.answers / report.seconds:,.1f} rows a second" if report.seconds else ""
    waited = f", {exact_duration(report.waited)} of it waiting" if report.waited else ""
    return f"{took}{waited}{rate} ({counted(report.requests, 'request')})"


def run_text(run: RunReport) -> str:
    """Return when a run went on and how it ended."""
    record = run.record
    ended = {
        How.RUNNING: "still going on",
        How.CRASHED: "broke off",
        How.UNKNOWN: "has written no end",
    }.get(run.how, str(run.how))
    message = f": {printable(run.message, _LONGEST_MESSAGE)}" if run.message else ""
    who = printable(f"{record.user} on {record.host}", _LONGEST_ID)
    return f"{moment(run.started)}  {who}, {ended} after {exact_duration(run.seconds)}{message}"


def _torn(report: Report) -> bool:
    return report.contents.torn > 0


def _figures(report: Report) -> Iterator[str]:
    pending = report.pending
    yield _line("Rows", f"{report.rows:,} in the input: {outcomes_text(report.counts, pending)}")
    if pending is None:
        yield _line("", "some may be pending: the input is another one than before")
    label = "By status"
    for status, counts in report.by_status.items():
        yield _line(label, f"{status_name(status)}: {outcomes_text(counts)}")
        label = ""
    orders = report.orders
    yield _line(
        "Orders",
        f"{orders.touched:,} touched, {len(orders.perhaps_touched):,} perhaps touched, "
        f"{len(orders.untouched):,} not touched",
    )
    if report.unrecorded:
        yield _line("", UNRECORDED)
    yield _line("Time", time_text(report))
    if report.latency is not None:
        median, p95, p99 = report.latency
        yield _line("Latency", f"median {median:,} ms, 95 % within {p95:,} ms, 99 % {p99:,} ms")


def _runs(report: Report) -> Iterator[str]:
    label = "Runs"
    hidden = len(report.runs) - _RUNS
    if hidden > 0:
        yield _line(label, f"… {counted(hidden, 'earlier run')}")
        label = ""
    for run in report.runs[-_RUNS:]:
        yield _line(label, run_text(run))
        label = ""


def _next(report: Report) -> list[str]:
    commands = next_commands(report)
    if len(commands) > 1:
        commands.insert(1, "mend the rows in that file, then")
    if not commands:
        return ["nothing is left to do"]
    if report.pending and report.failures:
        commands.append("and then mend the failures")
    return commands


def _row(result: Result) -> str:
    tracking = f", {printable(result.tracking, _LONGEST_ID)}" if result.tracking else ""
    uncertain = " (may have been changed all the same)" if result.uncertain else ""
    order_id = printable(result.order_id, _LONGEST_ID) or "(none)"
    return (
        f"line {result.line}: order {order_id}, {status_name(result.status)}{tracking}{uncertain}"
    )


def _some(order_ids: Iterable[str], most: int) -> Iterator[str]:
    remaining = iter(order_ids)
    for order_id in islice(remaining, most):
        yield f"  {printable(order_id, _LONGEST_ID)}"
    hidden = sum(1 for _ in remaining)
    if hidden:
        yield f"  … and {hidden:,} more; --json lists them all"


def _line(label: str, text: object) -> str:
    return f"{label:11}{printable(str(text))}"
