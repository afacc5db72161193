"""What a run's end looks like: on a terminal, and as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulkstatus.cli.records import print_json, utf8_text
from bulkstatus.errors import LogRefused
from bulkstatus.result import Outcome
from bulkstatus.resultlog import RunRecord
from bulkstatus.resultlog.inputs import input_name
from bulkstatus.run import Ending
from bulkstatus.sending import Summary
from bulkstatus.terminal import say, tell
from bulkstatus.text import printable
from bulkstatus.wording import capitalised, counted

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
        if summary.log_path is None or not (ending.exit_status or summary.unfinished):
            return
    elif ending.reason != "finished":
        say(_why_it_ended(ending))
    if quiet:
        if ending.exit_status:
            say(_in_one_line(summary))
        if summary.unfinished is not None:
            say(_unfinished(summary.unfinished))
        return
    if advice:
        say(f"{advice}.")
    tell(_in_one_line(summary))
    is_left = bool(ending.exit_status or summary.unfinished)
    report = _report(summary.log_path) if is_left else None
    if report is not None and report.groups:
        from bulkstatus.reporting import failures_text

        tell(f"\n{failures_text(report.groups, report.input_of_row)}")
    if report is not None and (perhaps := len(report.orders.perhaps_touched)):
        them = "it" if perhaps == 1 else "them"
        tell(
            f"\n{counted(perhaps, 'order')} perhaps touched: a request may have arrived, but no "
            f"answer was seen. A resume sends {them} again; report names {them}."
        )
    tell(f"\nLog   {printable(str(summary.log_path))}", whole=True)
    if report is not None and "bulkstatus resume" not in ending.message:  # it says so itself
        for line in _next(report, summary.pending):
            tell(line)
    if ending.reason == "interrupted":
        from bulkstatus.reporting.steps import rows_command

        tell("To see which orders were changed:")
        tell(f"  {printable(rows_command(summary.log_path))}", whole=True)


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
    places = " and ".join(map(printable, summary.updated_at))
    done = f"Every row of {name} is done already{f' (at {places})' if places else ''}"
    text = f"{done}, so there was nothing to send."
    if summary.elsewhere is None:
        return text
    base_url, command = map(printable, summary.elsewhere)
    return (
        f"{text}\nYour settings say another base URL, {base_url}. Nothing was sent there; to send "
        f"it there too, give it a log of its own:\n  {command}"
    )


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
        if outcome in _WORDS and counts.get(outcome)
    ]
    if summary.pending:
        others.append(f"{summary.pending} not sent yet")
    gone = counts.get(Outcome.WITHDRAWN, 0)
    # The log may hold rows of other files than the last, such as one of mended failures.
    known = max(summary.rows, sum(counts.values()) - gone + summary.pending)
    rows = f"{updated} of {counted(known, 'row')}"
    if updated == known:
        rows = counted(updated, "row")
    if others:
        text = f"{rows} updated; {', '.join(others)}."
    elif summary.unfinished is not None:
        text = f"{rows} updated so far."
    else:
        text = "The row is updated." if updated == 1 else f"All {updated} rows are updated."
    if not gone:
        return text
    from bulkstatus.reporting.notes import withdrawn_note

    return f"{text} {capitalised(withdrawn_note(gone))}."


_WORDS = {
    Outcome.REJECTED: "rejected by the API",
    Outcome.FAILED: "failed",
    Outcome.INVALID: "invalid (not sent)",
    Outcome.DUPLICATE: "repeated (sent once)",
    Outcome.SUPERSEDED: "superseded by a later row or status",
}


def _next(report: "Report", pending: int) -> Iterator[str]:
    """Yield what to type next, where there is anything to do."""
    from bulkstatus.reporting.steps import next_commands, other_steps

    commands = [f"  {printable(command)}" for command in next_commands(report)]
    if report.unfinished is not None:
        yield _unfinished(report.unfinished)
        yield "Next, to go on with that:"
    elif len(commands) > 1:
        yield "Next, write the rows that failed into a file:"
        yield commands[0]
        yield "Correct them there, then send that file:"
    elif commands:
        yield "Next, to go on:" if pending else "Next, to try the failed ones again:"
    yield from commands[-1:]
    for step in other_steps(report):
        text = printable(step.text)
        if step.is_command:
            yield f"  {text}"
        else:
            yield capitalised(text if text.endswith(":") else f"{text}.")


def _unfinished(run: RunRecord) -> str:
    return (
        f"No run has finished {printable(input_name(run))}, an earlier input of this log: rows of "
        "it may never have been sent."
    )


def _summary_record(summary: Summary) -> dict[str, Any]:
    return {
        "reason": summary.ending.reason,
        "exit_status": summary.ending.exit_status,
        "message": utf8_text(summary.ending.message),
        "rows": summary.rows,
        "counts": {str(outcome): count for outcome, count in summary.counts.items()},
        "pending": summary.pending,
        "unfinished_input": utf8_text(summary.unfinished.input) if summary.unfinished else None,
        "log": utf8_text(str(summary.log_path)) if summary.log_path else None,
    }
