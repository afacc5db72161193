"""What to do next, as commands that can be pasted into a shell."""

from itertools import count
from pathlib import Path

from bulkstatus.reporting.runs import How
from bulkstatus.reporting.summary import Report
from bulkstatus.result import Outcome
from bulkstatus.wording import command_line


def next_commands(report: Report) -> list[str]:
    """Return the commands that bring the log nearer to its end; none when nothing is to be done."""
    log = report.log_path
    if report.done:
        return []
    if report.how is How.RUNNING:
        return [command_line("bulkstatus", "report", log)]
    if report.how is not How.FINISHED:
        path = report.input_path
        named = [] if path is not None and path.exists() else ["INPUT"]
        return [command_line("bulkstatus", "resume", log, *named)]
    if all(result.outcome is Outcome.FAILED for result in report.failures):
        return [command_line("bulkstatus", "resume", log)]
    failures = failures_path(log)
    return [
        command_line("bulkstatus", "report", log, "--failures", failures),
        feed_back_command(report, failures),
    ]


def feed_back_command(report: Report, failures: Path) -> str:
    """Return the command that feeds the file of failures back."""
    return command_line("bulkstatus", "resume", report.log_path, failures)


def failures_path(log_path: Path) -> Path:
    """Return where the failures of a log go: `dispatch.failures.csv`, or with the next number."""
    stem = log_path.name.removesuffix(log_path.suffix).removesuffix(".results")
    first = log_path.with_name(f"{stem}.failures.csv")
    numbered = (log_path.with_name(f"{stem}.failures-{number}.csv") for number in count(2))
    return first if not first.exists() else next(path for path in numbered if not path.exists())
