"""`bulkstatus report`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkstatus.words import counted, some_of, utf8

if TYPE_CHECKING:
    from bulkstatus.reporting.summary import Summary

_FILE = click.Path(path_type=Path)


@click.command("report", short_help="Say what happened, from the log alone.")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
@click.option(
    "--failures",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Write the rows to mend, with the reason, to be fed back with `bulkstatus resume LOG "
    "FILE`: a workbook (.xlsx, by default beside the log) or CSV. Never replaces a file.",
)
@click.option("--rows", type=_FILE, metavar="FILE.csv", help="Write the state of every row.")
@click.option(
    "--touched", type=_FILE, metavar="FILE.csv", help="Write the orders touched, surely or perhaps."
)
@click.option("--untouched", type=_FILE, metavar="FILE.csv", help="Write the orders not touched.")
@click.option(
    "--not-in",
    type=_FILE,
    metavar="FILE",
    help="Leave out the orders of another file: what a wrong list did beyond the right one.",
)
@click.option("--html", type=_FILE, metavar="FILE.html", help="Write one page, to show or print.")
@click.option("--order", metavar="ID", help="Tell all that the logs know of one order.")
def command(
    logs: tuple[Path, ...],
    as_json: bool,
    failures: str | None,
    order: str | None,
    **files: Path | None,
) -> None:
    """Say what happened, from the result log alone, also while a run is writing it. Several logs,
    or those of a folder, are added up by order and status, the latest counting. Files are replaced
    where they are earlier ones of their kind, and nothing else is.

    Exit status 0 when the log could be read, whatever it says; `state` in the JSON says how things
    stand.

    \b
    Examples:
      bulkstatus report dispatch.results.jsonl
      bulkstatus report dispatch.results.jsonl --failures
      bulkstatus report dispatch.results.jsonl --touched touched.csv --not-in right.csv
    """
    from bulkstatus.cli.output import print_json
    from bulkstatus.reporting import summarise, summary_record, summary_text
    from bulkstatus.reporting.as_json import history_record
    from bulkstatus.reporting.summary import add_up
    from bulkstatus.reporting.text import history_lines
    from bulkstatus.terminal import tell, width_of

    if files["not_in"] and not (files["touched"] or files["untouched"]):
        raise click.UsageError("--not-in goes with --touched or --untouched.")
    paths = logs_of(logs)
    is_written = failures is not None or any(files.values())
    if (len(paths) > 1 or order is not None) and is_written:
        raise click.UsageError("A file is written about one log, and about all of it.")
    if order is not None:
        if utf8(order) != order:
            # What the locale could make nothing of is most likely the UTF-8 that logs are in.
            order = os.fsencode(order).decode("utf-8", "backslashreplace")
        found = [history_record(path, order) for path in paths]
        if as_json:
            print_json({"order_id": order, "logs": found})
        else:
            tell(line for history in found for line in history_lines(history))
        return
    summaries = [summarise(path) for path in paths]
    mend = None
    if len(paths) == 1:
        mend = _write_failures(summaries[0], failures) if failures is not None else None
        if any(files.values()):
            _write_files(summaries[0], **files)
    told = summaries[0] if len(paths) == 1 else add_up(summaries)
    if as_json:
        print_json(summary_record(told, mend))
    else:
        tell(summary_text(told, width_of(sys.stdout), mend), whole=True)


def logs_of(paths: Sequence[Path]) -> list[Path]:
    """Return the logs that paths name: of a folder all those in it but for rehearsals.

    Raises LogRefused for a folder without any.
    """
    from bulkstatus.errors import LogRefused

    found: list[Path] = []
    for path in paths:
        logs = [path]
        if path.is_dir():
            there = sorted(path.glob("*.results.jsonl"))
            logs = [log for log in there if not log.name.endswith(".sandbox.results.jsonl")]
        if not logs:
            raise LogRefused(f"There is no result log in the folder {path}.")
        found += logs
    return list(dict.fromkeys(found))


def _write_files(summary: "Summary", **files: Path | None) -> None:
    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.reporting.mend import orders_in
    from bulkstatus.reporting.page import write_page
    from bulkstatus.reporting.tables import write_orders, write_rows
    from bulkstatus.terminal import say

    if rows := files["rows"]:
        write_rows(rows, summary)
        say(f"Wrote {rows}: {counted(summary.rows, 'row')}.")
    other = files["not_in"]
    leave_out = run_in_loop(orders_in(other, summary)) if other else frozenset()
    for name in ("touched", "untouched"):
        if path := files[name]:
            written, left_out = write_orders(f"--{name}", path, summary, leave_out)
            without = f", without {left_out:,} that are in {other}" if other else ""
            say(f"Wrote {path}: {counted(written, 'order')}{without}.")
    if page := files["html"]:
        write_page(page, summary)
        say(f"Wrote {page}.")


def _write_failures(summary: "Summary", name: str) -> Path | None:
    """Write the failures, and return the file that they were written to."""
    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.reporting.failures import mend_path
    from bulkstatus.reporting.mend import write_failures
    from bulkstatus.terminal import say

    if not summary.failures:
        say("There is nothing to mend, so that no file was written.")
        return None
    path = Path(name) if name else mend_path(summary.log)
    written = run_in_loop(write_failures(path, summary))
    say(f"Wrote {path}: {counted(written.rows, 'row')}.")
    if not written.original:
        say(
            "The input is no longer beside the log as it was sent, so that its other columns are "
            "missing."
        )
    if written.left_out:
        lines = some_of([str(result.line) for result in written.left_out])
        say(
            f"{counted(len(written.left_out), 'row')} would not be read back from it as before, "
            f"and so left out; write them into it by hand: line {lines} of the input."
        )
    return path
