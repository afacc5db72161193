"""What a run's end looks like: on a terminal, and as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulkstatus.cli.records import print_json, utf8_text
from bulkstatus.errors import LogRefused
from bulkstatus.result import Outcome
from bulkstatus.run import Ending
from bulkstatus.sending import Summary
from bulkstatus.sending.refusal import changed_nothing
from bulkstatus.terminal import say, tell
from bulkstatus.text import printable
from bulkstatus.wording import command_line, counted

if TYPE_CHECKING:
    from bulkstatus.reporting import Report


def show_summary(summary: Summary, advice: str, as_json: bool, quiet: bool) -> None:
    """Print the summary to stdout, and to stderr what kept the run from its end and `advice`."""
    if as_json:
        print_json(_summary_record(summary))
        return
    ending = summary.ending
    if summary.log_path is None or not summary.ran:
        if not quiet:
            say(_nothing_sent(summary))
        return
    if ending.reason != "finished":
        say(_why_it_ended(ending))
    if quiet:
        if ending.exit_status:
            say(_in_one_line(summary))
        return
    if advice:
        say(f"{advice}.")
    tell(_in_one_line(summary))
    report = _report(summary.log_path) if ending.exit_status else None
    if report is not None and report.groups:
        from bulkstatus.reporting import failures_text

        tell(f"\n{failures_text(report.groups)}")
    tell(f"\nLog   {printable(str(summary.log_path))}", whole=True)
    if report is not None and "bulkstatus resume" not in ending.message:  # it says so itself
        for line in _next(report, summary.pending):
            tell(line, whole=True)
        if ending.reason == "stopped" and changed_nothing(report.contents):
            for line in _to_another_place(report):
                tell(line, whole=True)


def _report(log_path: Path) -> "Report | None":
    """Return what the log says, None where it cannot be read any more."""
    from bulkstatus.reporting import summarise

    try:
        return summarise(log_path)
    except LogRefused:
        return None


def _nothing_sent(summary: Summary) -> str:
    if summary.pending:
        return f"Nothing was sent; {counted(summary.pending, 'row')} would be."
    name = printable(summary.input_name)
    if not summary.rows:
        return f"There are no rows in {name}, so there was nothing to send."
    return f"Every row of {name} is done already, so there was nothing to send."


def _why_it_ended(ending: Ending) -> str:
    if ending.reason != "interrupted":
        return printable(ending.message)
    who = "by Ctrl-C" if ending.exit_status == 130 else "by the system (SIGTERM)"
    return f"Stopped {who}. Every answer that came is in the log."


def _in_one_line(summary: Summary) -> str:
    """Return such as "1150 of 1204 rows updated; 12 rejected by the API, 42 not sent yet."."""
    counts = summary.counts
    updated = counts.get(Outcome.UPDATED, 0)
    others = [
        f"{counts[outcome]} {_WORDS[outcome]}"
        for outcome in Outcome
        if outcome is not Outcome.UPDATED and counts.get(outcome)
    ]
    if summary.pending:
        others.append(f"{summary.pending} not sent yet")
    if not others:
        return "The row is updated." if updated == 1 else f"All {updated} rows are updated."
    # The log may hold rows of other files than the last, such as one of mended failures.
    gone = counts.get(Outcome.WITHDRAWN, 0)
    known = max(summary.rows, sum(counts.values()) - gone + summary.pending)
    rows = f"{updated} of {counted(known, 'row')}"
    if updated == known:
        rows = counted(updated, "row")
    return f"{rows} updated; {', '.join(others)}."


_WORDS = {
    Outcome.REJECTED: "rejected by the API",
    Outcome.FAILED: "failed",
    Outcome.INVALID: "invalid (not sent)",
    Outcome.DUPLICATE: "repeated (sent once)",
    Outcome.SUPERSEDED: "replaced by a later status",
    Outcome.WITHDRAWN: "no longer in the file",
}


def _next(report: "Report", pending: int) -> Iterator[str]:
    """Yield what to type next, where there is anything to do."""
    from bulkstatus.reporting.steps import next_commands

    commands = [f"  {printable(command)}" for command in next_commands(report)]
    if len(commands) > 1:
        yield "Next, write the rows that failed into a file:"
        yield commands[0]
        yield "Correct them there, then send that file:"
    elif commands:
        yield "Next, to go on:" if pending else "Next, to try the failed ones again:"
    yield from commands[-1:]


def _to_another_place(report: "Report") -> Iterator[str]:
    """Yield what to type where the base URL or the account is the culprit."""
    log = report.log_path
    yield "If the base URL is wrong:"
    yield f"  {printable(command_line('bulkstatus', 'resume', log, '--base-url', 'URL'))}"
    yield f"If the ref ID is wrong, correct it, delete {printable(str(log))} and send anew:"
    yield f"  {printable(command_line('bulkstatus', 'send', report.input_path or 'INPUT'))}"


def _summary_record(summary: Summary) -> dict[str, Any]:
    return {
        "reason": summary.ending.reason,
        "exit_status": summary.ending.exit_status,
        "message": utf8_text(summary.ending.message),
        "rows": summary.rows,
        "counts": {str(outcome): count for outcome, count in summary.counts.items()},
        "pending": summary.pending,
        "log": utf8_text(str(summary.log_path)) if summary.log_path else None,
    }
