"""A report as text, for a terminal or a mail."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from bulkstatus.order import OrderStatus
from bulkstatus.reporting.groups import FailureGroup
from bulkstatus.reporting.layout import kept_whole, labelled, laid_out
from bulkstatus.reporting.notes import numbered, order_notes, row_notes
from bulkstatus.reporting.reasons import said_status
from bulkstatus.reporting.runs import How, RunReport
from bulkstatus.reporting.steps import Step, next_steps, other_steps, rows_command
from bulkstatus.reporting.summary import Report
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog.inputs import input_name
from bulkstatus.text import printable
from bulkstatus.wording import counted, duration

# How much is shown of what may be long.
_GROUPS = 20
_ROWS_OF_A_GROUP = 3
_ORDERS = 20
_RUNS = 20
_LONGEST_ID = 60
_LONGEST_MESSAGE = 300

PERHAPS_TOUCHED = "Perhaps touched: a request may have arrived, but no answer was seen"
SUPERSEDED = "Superseded: overtaken by a later row or a later status of the order"


def report_text(report: Report, width: int | None = None) -> str:
    """Return a report as lines of text, harmless for a terminal and not longer than `width`."""
    lines = [state_sentence(report), "", *_figures(report)]
    if report.groups:
        lines += ["", *failures_text(report.groups, report.input_of_row).split("\n")]
    if report.superseded:
        lines += ["", *_superseded(report)]
    if report.orders.perhaps_touched:
        shown = _some(report.orders.perhaps_touched, _ORDERS)
        lines += ["", PERHAPS_TOUCHED, *shown]
    lines += ["", *_runs(report), "", *_sent_to(report), kept_whole("Log", report.log_path)]
    lines += _inputs(report)
    steps = [*next_steps(report), *other_steps(report)]
    steps = steps or [Step(nothing_left(report), is_command=False)]
    lines += [
        (kept_whole if step.is_command else labelled)("" if index else "Next", step.text)
        for index, step in enumerate(steps)
    ]
    return laid_out(lines, width)


def failures_text(
    groups: Sequence[FailureGroup], input_of_row: Callable[[Result], str] = lambda result: ""
) -> str:
    """Return grouped failures as lines of text: what was said, how often, and a few rows each.

    `input_of_row` returns the input that a row's line is of, "" where that goes without saying.
    """
    lines = ["Failures"]
    for group in groups[:_GROUPS]:
        lines.append(f"  {len(group.results):,} {group.kind.outcome}: {group_label(group)}")
        some = group.results[:_ROWS_OF_A_GROUP]
        lines += (f"      {row_text(result, input_of_row(result))}" for result in some)
        if len(group.results) > _ROWS_OF_A_GROUP:
            lines.append(f"      … and {len(group.results) - _ROWS_OF_A_GROUP:,} more")
    if len(groups) > _GROUPS:
        lines.append(f"  … and {len(groups) - _GROUPS:,} more kinds")
    return "\n".join(lines)


def _superseded(report: Report) -> Iterator[str]:
    yield SUPERSEDED
    for result in report.superseded[:_GROUPS]:
        yield f"  {row_text(result, report.input_of_row(result))}"
    hidden = len(report.superseded) - _GROUPS
    if hidden > 0:
        yield f"  … and {hidden:,} more; --rows FILE.csv lists them all"


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
    ended = "was interrupted" if run.how is How.INTERRUPTED else run.how
    failed = f"; {len(report.failures):,} of {counted(report.rows, 'row')} failed"
    end = f"{failed if report.failures else ''}."
    return f"{what} {ended} on {when}{_why_stopped(run) or end}"


def outcomes_text(counts: Mapping[Outcome, int], pending: int | None = 0) -> str:
    """Return counts by outcome, such as "1,190 updated, 14 rejected, 3 pending"."""
    parts = [f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts.get(outcome)]
    if pending:
        parts.append(f"{pending:,} pending")
    return ", ".join(parts) or "none settled yet"


def status_name(status: int | None) -> str:
    """Return a status as people read it: "Dispatched (8)"."""
    if status is None:
        return "no valid status"
    return f"{OrderStatus(status).label} ({status})" if status in set(OrderStatus) else f"{status}"


def status_text(result: Result) -> str:
    """Return a row's status as people read it: where it is none, what the row says in its place."""
    said = said_status(result)
    return f'status "{said}"' if said is not None else status_name(result.status)


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


def runs_text(runs: Sequence[RunReport]) -> list[str]:
    """Return of each run when it went on and how it ended.

    Why the last one stopped is left to `state_sentence`.
    """
    return [*(_run_text(run, _why_stopped(run)) for run in runs[:-1]), _run_text(runs[-1], "")]


def _why_stopped(run: RunReport) -> str:
    stopped = run.message and run.how is How.STOPPED
    return f": {printable(run.message, _LONGEST_MESSAGE)}" if stopped else ""


def _run_text(run: RunReport, why: str) -> str:
    record = run.record
    ended = {
        How.RUNNING: "still going on",
        How.CRASHED: "broke off",
        How.UNKNOWN: "has written no end",
    }.get(run.how, str(run.how))
    who = printable(f"{record.user} on {record.host}", _LONGEST_ID)
    name = printable(input_name(record), _LONGEST_ID)
    what = f"{name} by {who}, {ended} after {exact_duration(run.seconds)}{why}"
    return f"{moment(run.started)}  {what}"


def _torn(report: Report) -> bool:
    return report.contents.torn > 0


def _figures(report: Report) -> Iterator[str]:
    counts = {**report.counts, Outcome.WITHDRAWN: 0}
    least = "at least " if report.pending is None else ""
    yield labelled("Rows", f"{least}{report.rows:,}: {outcomes_text(counts, report.pending)}")
    for note in row_notes(report):
        yield labelled("", note)
    label = "By status"
    for status, counts in report.by_status.items():
        yield labelled(label, f"{status_name(status)}: {outcomes_text(counts)}")
        label = ""
    orders = report.orders
    yield labelled(
        "Orders",
        f"{orders.touched:,} touched, {len(orders.perhaps_touched):,} perhaps touched, "
        f"{len(orders.untouched):,} not touched",
    )
    for note in order_notes(report):
        yield labelled("", note)
    yield labelled("", "which, row by row, with the run and the file of each:")
    yield kept_whole("", rows_command(report.log_path))
    yield labelled("Time", time_text(report))
    if report.latency is not None:
        median, p95, p99 = report.latency
        yield labelled("Latency", f"median {median:,} ms, 95 % within {p95:,} ms, 99 % {p99:,} ms")


def _runs(report: Report) -> Iterator[str]:
    label = "Runs"
    hidden = len(report.runs) - _RUNS
    if hidden > 0:
        yield labelled(label, f"… {counted(hidden, 'earlier run')}")
        label = ""
    for text in runs_text(report.runs[-_RUNS:]):
        yield labelled(label, text)
        label = ""


def _inputs(report: Report) -> Iterator[str]:
    first, last = report.first_input_path, report.input_path
    if first is not None:
        yield kept_whole("Input", first)
    if last is not None and last != first:
        yield kept_whole("" if first else "Input", f"{last} in the last run")


def sent_to(report: Report) -> list[str]:
    """Return where the rows were sent, and for which account; of which runs, where these differ."""
    targets: dict[tuple[str, str], list[int]] = {}
    for number, run in enumerate(report.contents.runs, 1):
        targets.setdefault((run.base_url, run.ref_id), []).append(number)
    return [
        f"{base_url}, ref ID {ref_id}" + (f", in {numbered(numbers)}" if len(targets) > 1 else "")
        for (base_url, ref_id), numbers in targets.items()
    ]


def _sent_to(report: Report) -> Iterator[str]:
    for index, text in enumerate(sent_to(report)):
        yield labelled("" if index else "Sent to", text)


def nothing_left(report: Report) -> str:
    """Return what to say when there is no next step."""
    if report.left_behind:
        return "nothing is left to do, but for the rows left behind: resume with a file of them"
    return "nothing is left to do"


def row_text(result: Result, name: str) -> str:
    """Return which row a result is of, `name` being its input where that has to be said."""
    tracking = f", {printable(result.tracking, _LONGEST_ID)}" if result.tracking else ""
    uncertain = " (may have been changed all the same)" if result.uncertain else ""
    order_id = printable(result.order_id, _LONGEST_ID) or "(none)"
    status = printable(status_text(result), _LONGEST_ID)
    of_input = f" of {printable(name, _LONGEST_ID)}" if name else ""
    return f"line {result.line}{of_input}: order {order_id}, {status}{tracking}{uncertain}"


def _some(order_ids: Iterable[str], most: int) -> Iterator[str]:
    remaining = iter(order_ids)
    for order_id in islice(remaining, most):
        yield f"  {printable(order_id, _LONGEST_ID)}"
    hidden = sum(1 for _ in remaining)
    if hidden:
        yield f"  … and {hidden:,} more; --json lists them all"
