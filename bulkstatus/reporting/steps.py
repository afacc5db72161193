"""What to do next: commands that can be pasted into a shell, and what to do between them."""

from collections.abc import Iterator
from itertools import count, takewhile
from pathlib import Path
from typing import NamedTuple

from bulkstatus.answer import CHECK_CREDENTIALS
from bulkstatus.reporting.reasons import REASON
from bulkstatus.reporting.runs import How
from bulkstatus.reporting.summary import Report
from bulkstatus.result import Outcome
from bulkstatus.resultlog.inputs import input_name, resume_command
from bulkstatus.wording import command_line

_LONGEST_HEADER = 2**16


class Step(NamedTuple):
    """A command to be typed, or else a sentence that says what to do by hand."""

    text: str
    is_command: bool


def next_commands(report: Report) -> list[str]:
    """Return the commands that bring the log nearer to its end; none when nothing is to be done."""
    return [step.text for step in next_steps(report) if step.is_command]


def next_steps(report: Report) -> list[Step]:
    """Return the steps that bring the log nearer to its end; none when nothing is to be done."""
    log = report.log_path
    if report.done:
        return []
    if report.how is How.RUNNING:
        return [_command("report", log)]
    kinds = kinds_to_mend(report)
    if report.how is not How.FINISHED or report.unfinished is not None:
        mending = [Step(f"and then mend the {kinds} rows", is_command=False)] if kinds else []
        return [*_going_on(report), *mending]
    if not kinds:
        return [retry_step(report)]
    written = report.mend or _written_since(report)
    mend = written or failures_path(log)
    writing = [] if written else [_command("report", log, "--failures", mend)]
    are_mixed = any(result.outcome is Outcome.FAILED for result in report.failures)
    which = (
        f"the {kinds} rows in {mend} (the failed ones are tried again as they are)"
        if are_mixed
        else f"the rows in {mend}"
    )
    return [
        *writing,
        Step(f"mend {which}, then", is_command=False),
        Step(feed_back_command(report, mend), is_command=True),
    ]


def kinds_to_mend(report: Report) -> str:
    """Return which failures somebody has to mend, such as "rejected and invalid"; "" for none.

    Those that failed did so for a passing reason: a resume tries them again as they are.
    """
    outcomes = {result.outcome for result in report.failures} - {Outcome.FAILED}
    return " and ".join(outcome for outcome in Outcome if outcome in outcomes)


def retry_step(report: Report) -> Step:
    """Return the command that goes on with the log and tries again what failed, as it is."""
    run = report.contents.run_to_resume
    return Step(resume_command(run, report.log_path), is_command=True)


def other_steps(report: Report) -> list[Step]:
    """Return what to do instead where the next steps may go on with a mistake.

    Where the last run stopped, not for its credentials, and nothing was changed by any, the base
    URL may be wrong. Where it was over another input than the log's own and did not finish, that
    file may be; where it finished and the log's own has not, that one may be.
    """
    log, own, last = report.log_path, report.first_input_path, report.input_path
    steps = []
    is_credentials = CHECK_CREDENTIALS in report.runs[-1].message
    if report.how is How.STOPPED and report.contents.changed_nothing and not is_credentials:
        steps += [
            Step("if the base URL is wrong:", is_command=False),
            _command("resume", log, "--base-url", "URL"),
        ]
    if report.how not in {How.FINISHED, How.RUNNING} and last != own:
        steps += [
            Step(f"if {last or 'standard input'} was the wrong file:", is_command=False),
            _command("resume", log, own or "INPUT"),
        ]
    if report.unfinished is not None:
        name = input_name(report.unfinished)
        text = f"if {name} was the wrong file, leave it, and do not resume this log again"
        steps.append(Step(text, is_command=False))
    return steps


def _going_on(report: Report) -> Iterator[Step]:
    if report.unfinished is not None:
        name = input_name(report.unfinished)
        yield Step(
            f"go on with {name}, an earlier input that no run has finished:", is_command=False
        )
    yield retry_step(report)


def _command(*words: object) -> Step:
    return Step(command_line("bulkstatus", *words), is_command=True)


def rows_command(log_path: Path) -> str:
    """Return the command that writes what became of each row of a log."""
    return command_line("bulkstatus", "report", log_path, "--rows", "rows.csv")


def feed_back_command(report: Report, failures: Path) -> str:
    """Return the command that feeds the file of failures back."""
    return command_line("bulkstatus", "resume", report.log_path, failures)


def failures_path(log_path: Path) -> Path:
    """Return where the failures of a log go: `dispatch.failures.csv`, or with the next number."""
    return next(path for path in _failures_paths(log_path) if not path.exists())


def _written_since(report: Report) -> Path | None:
    """Return the file of failures that was written, or worked on, after the last run's end.

    A file of that name which does not look like one is somebody's own.
    """
    there = list(takewhile(Path.exists, _failures_paths(report.log_path)))
    if not there:
        return None
    last = there[-1]
    try:
        if last.stat().st_mtime < report.runs[-1].ended:
            return None
        with last.open("rb") as file:
            header = file.readline(_LONGEST_HEADER)
    except OSError:
        return None
    return last if header.rstrip(b'\r\n"').endswith(REASON.encode()) else None


def _failures_paths(log_path: Path) -> Iterator[Path]:
    stem = log_path.name.removesuffix(log_path.suffix).removesuffix(".results")
    yield log_path.with_name(f"{stem}.failures.csv")
    for number in count(2):
        yield log_path.with_name(f"{stem}.failures-{number}.csv")
