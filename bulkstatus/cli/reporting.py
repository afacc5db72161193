"""What `report` does: the summary to stdout, and the files that were asked for.

What writes the files, and what reads the input, is not imported before it is needed: a report on
a million rows has no memory to spare for it.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from bulkstatus.reporting import Report, report_record, report_text, summarise
from bulkstatus.reporting.steps import feed_back_command, kinds_to_mend, retry_step
from bulkstatus.resultlog.inputs import input_name
from bulkstatus.terminal import say, tell, width_of
from bulkstatus.text import printable
from bulkstatus.wording import counted

if TYPE_CHECKING:
    from bulkstatus.config import Settings
    from bulkstatus.reporting.failures import FailuresWritten
    from bulkstatus.source import Source

# How much is shown of what may be long.
_SHOWN = 5


def report(
    log_path: Path, as_json: bool, failures: Path | None, rows: Path | None, html: Path | None
) -> None:
    """Print what a log says and write the files that were asked for."""
    made = summarise(log_path)
    if failures is not None or rows is not None or made.unread:
        from bulkstatus.cli.execute import run_in_loop
        from bulkstatus.reporting.pending import report_with_input

        if failures is None and rows is None:
            made = run_in_loop(report_with_input(made))
        else:
            made = run_in_loop(_with_tables(made, failures, rows))
    if html is not None:
        from bulkstatus.reporting.page import write_page

        write_page(html, made)
        say(f"Wrote {html}.")
    if as_json:
        tell(orjson.dumps(report_record(made)).decode(), whole=True)
    else:
        tell(report_text(made, width_of(sys.stdout)), whole=True)


async def _with_tables(made: Report, failures: Path | None, rows: Path | None) -> Report:
    """Write the tables, and return the report with what only the inputs tell: what is pending."""
    from bulkstatus.reporting.inputs import input_of
    from bulkstatus.reporting.pending import pending_inputs, settings_of_input, with_pending
    from bulkstatus.reporting.rows import write_rows

    last = made.contents.last_run
    settings = settings_of_input(last)
    if failures is not None:
        async with input_of(made, last, settings.input) as source:
            if await _write_failures(failures, made, source, settings):
                made = replace(made, mend=failures)
    async with pending_inputs(made) as inputs:
        made = with_pending(made, inputs)
        if rows is not None:
            await write_rows(rows, made, inputs)
            say(f"Wrote {rows}.")
            for unread in made.unread:
                name = printable(input_name(unread.run))
                say(f"The pending rows of {name} are not in it: it is gone, or not what it was.")
    return made


async def _write_failures(
    path: Path, made: Report, source: "Source | None", settings: "Settings"
) -> bool:
    from bulkstatus.reporting.failures import write_failures

    if not made.failures:
        say(f"There are no failures, so {path} was not written.")
        return False
    written = await write_failures(path, made, source, settings.input, settings.last_wins)
    say(f"Wrote {path}: {_what_to_mend(written, kinds_to_mend(made))}.")
    for note in _notes(written, made):
        say(printable(note))
    if made.pending != 0:
        say("Some rows are still pending and not in it. Resume the run with its input first.")
    if kinds_to_mend(made):
        say(f"When the rows are mended:\n  {feed_back_command(made, path)}", whole=True)
    else:
        say(f"To try them again:\n  {retry_step(made).text}", whole=True)
    return True


def _what_to_mend(written: "FailuresWritten", kinds: str) -> str:
    """Return how many rows were written, and which of them are to be mended."""
    if not written.failed:
        return f"{counted(written.rows, 'row')} to mend"
    again = "is tried again as it is" if written.failed == 1 else "are tried again as they are"
    passing = f"failed for a passing reason and {again}"
    if not kinds:
        return f"{counted(written.rows, 'row')} with nothing to mend, which {passing}"
    to_mend = counted(written.rows - written.failed, f"{kinds} row")
    return f"{to_mend} to mend, and {written.failed} that {passing}"


def _notes(written: "FailuresWritten", made: Report) -> list[str]:
    notes = []
    if not written.original:
        notes.append(
            "It has the order ID, status and tracking alone: the input is gone, not what it was, "
            "or not a text table."
        )
    if written.left_out:
        lines = ", ".join(str(result.line) for result in written.left_out[:_SHOWN])
        notes.append(
            f"{counted(len(written.left_out), 'row')} would not be read back from it as before, "
            f"and so left out; write them into it by hand: line {lines}"
            f"{_more(len(written.left_out))} of the input."
        )
    if written.formulas:
        shown = ", ".join(written.formulas[:_SHOWN])
        notes.append(
            f"Excel would take these for formulas: {shown}{_more(len(written.formulas))}. Format "
            "the columns as text when you open the file there."
        )
    if written.numbers:
        shown = ", ".join(written.numbers[:_SHOWN])
        notes.append(
            f"Excel would change these numbers: {shown}{_more(len(written.numbers))}. Open the "
            "file there with Data > From Text/CSV, and choose text for their columns."
        )
    return notes


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""
