"""`bulkstatus report`."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from bulkstatus.words import counted, utf8

if TYPE_CHECKING:
    from bulkstatus.reporting.summary import Summary
    from bulkstatus.reporting.tables import Latest

_T = TypeVar("_T")
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
    from bulkstatus.reporting.several import add_up
    from bulkstatus.reporting.tables import Latest
    from bulkstatus.terminal import tell, width_of

    if files["not_in"] and not (files["touched"] or files["untouched"]):
        raise click.UsageError("--not-in goes with --touched or --untouched.")
    if order is not None:
        if failures is not None or any(files.values()):
            raise click.UsageError("--order goes with no file.")
        _tell_order(logs, order, as_json)
        return
    latest = Latest() if files["rows"] else None
    summaries = of_logs(logs, lambda path: summarise(path, latest.take if latest else None))
    told = summaries[0] if len(summaries) == 1 else add_up(summaries)
    mend = None
    if told.parts and (failures is not None or files["rows"] or files["html"]):
        raise click.UsageError("--failures, --rows and --html are about one log.")
    if failures is not None:
        mend = _write_failures(told, failures)
    _write_files(told, latest, **files)
    if as_json:
        print_json(summary_record(told, mend))
    else:
        tell(summary_text(told, width_of(sys.stdout), mend), whole=True)


def of_logs(paths: Sequence[Path], make: Callable[[Path], _T]) -> list[_T]:
    """Return what `make` makes of each of the logs that paths name.

    A folder stands for all logs in it but for rehearsals and for those that no run has begun.
    Raises LogRefused for a folder without any, and what `make` raises.
    """
    from bulkstatus.errors import LogRefused, NoLog
    from bulkstatus.job.names import is_log

    made: dict[Path, _T] = {}
    for path in paths:
        logs = [path]
        if path.is_dir():
            there = sorted(log for log in path.glob("*.jsonl") if is_log(log))
            logs = [log for log in there if not log.name.endswith(".sandbox.results.jsonl")]
        for log in logs:
            try:
                made[log] = made[log] if log in made else make(log)
            except NoLog:
                if log is path:
                    raise
        if made.keys().isdisjoint(logs):
            raise LogRefused(f"There is no result log in the folder {path}.")
    return list(made.values())


def _tell_order(logs: Sequence[Path], order: str, as_json: bool) -> None:
    import msgspec

    from bulkstatus.cli.output import print_json
    from bulkstatus.reporting.as_json import Histories, history_of
    from bulkstatus.reporting.text import history_lines
    from bulkstatus.terminal import tell

    if utf8(order) != order:
        # What the locale could make nothing of is most likely the UTF-8 that logs are in.
        order = os.fsencode(order).decode("utf-8", "backslashreplace")
    found = of_logs(logs, lambda path: history_of(path, order))
    if as_json:
        print_json(msgspec.to_builtins(Histories(order, found)))
    else:
        tell(line for history in found for line in history_lines(history, order))


def _write_files(told: "Summary", latest: "Latest | None", **files: Path | None) -> None:
    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.reporting.mend import orders_in
    from bulkstatus.reporting.page import write_page
    from bulkstatus.reporting.tables import write_orders, write_rows
    from bulkstatus.terminal import say

    if (rows := files["rows"]) and latest is not None:
        write_rows(rows, told, latest)
        say(f"Wrote {rows}: {counted(told.rows, 'row')}.")
    other = files["not_in"]
    leave_out = run_in_loop(orders_in(other, told)) if other else frozenset()
    for name in ("touched", "untouched"):
        if path := files[name]:
            written, left_out = write_orders(f"--{name}", path, told, leave_out)
            without = f", without {left_out:,} that are in {other}" if other else ""
            say(f"Wrote {path}: {counted(written, 'order')}{without}.")
    if page := files["html"]:
        write_page(page, told)
        say(f"Wrote {page}.")


def _write_failures(summary: "Summary", name: str) -> Path | None:
    """Write the failures, and return the file that they were written to."""
    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.reporting.failures import mend_path
    from bulkstatus.reporting.mend import write_failures, written_sentences
    from bulkstatus.terminal import say

    if not summary.failures:
        say("There is nothing to mend, so that no file was written.")
        return None
    path = Path(name) if name else mend_path(summary.log)
    is_original = run_in_loop(write_failures(path, summary))
    say(written_sentences(path, len(summary.failures), is_original))
    return path
