"""`bulkstatus report`."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from bulkstatus.cli.options import refuse_file
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
    callback=refuse_file,
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
def report(
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
    from bulkstatus.reporting import summarise, summary_lines
    from bulkstatus.reporting.as_json import report_of
    from bulkstatus.reporting.several import add_up
    from bulkstatus.reporting.tables import Latest
    from bulkstatus.terminal import tell

    if files["not_in"] and not (files["touched"] or files["untouched"]):
        raise click.UsageError("--not-in goes with --touched or --untouched.")
    if order is not None:
        if failures is not None or any(files.values()):
            raise click.UsageError("--order goes with no file.")
        _tell_order(logs, order, as_json)
        return
    latest = Latest() if files["rows"] else None
    summaries = of_logs(logs, lambda path: summarise(path, latest))
    told = summaries[0] if len(summaries) == 1 else add_up(summaries)
    if told.parts and (failures is not None or files["rows"] or files["html"]):
        raise click.UsageError("--failures, --rows and --html are about one log.")
    told = replace(told, mend=_write_files(told, latest, failures, **files))
    if as_json:
        print_json(report_of(told))
    else:
        tell(summary_lines(told))


def of_logs(paths: Sequence[Path], make: Callable[[Path], _T]) -> list[_T]:
    """Return what `make` makes of each of the logs that paths name.

    A folder stands for all logs in it but for rehearsals and for those that no run has begun.
    Raises LogRefused for a folder without any or that cannot be read, and what `make` raises.
    """
    from bulkstatus.errors import LogRefused, NoLog
    from bulkstatus.job.names import is_log, is_rehearsal

    made: dict[Path, _T] = {}
    for path in paths:
        try:
            there = sorted(path.iterdir()) if path.is_dir() else None
        except OSError as error:
            raise LogRefused(f"{path} cannot be read: {error.strerror}.") from None
        logs = [path]
        if there is not None:
            logs = [log for log in there if is_log(log) and not is_rehearsal(log)]
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
    from bulkstatus.cli.output import print_json
    from bulkstatus.reporting.as_json import Histories, history_of
    from bulkstatus.reporting.text import history_lines
    from bulkstatus.terminal import tell

    if utf8(order) != order:
        # What the locale could make nothing of is most likely the UTF-8 that logs are in.
        order = os.fsencode(order).decode("utf-8", "backslashreplace")
    found = of_logs(logs, lambda path: history_of(path, order))
    if as_json:
        print_json(Histories(order, found))
    else:
        tell(line for history in found for line in history_lines(history, order))


def _write_files(
    told: "Summary", latest: "Latest | None", failures: str | None, **files: Path | None
) -> Path | None:
    """Write the files that are asked for, and return the one with the failures."""
    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.reporting import mend, page, tables
    from bulkstatus.reporting.failures import mend_path
    from bulkstatus.terminal import say

    to_mend = None
    if failures is not None and told.failures:
        to_mend = Path(failures) if failures else mend_path(told.log)
        is_original = run_in_loop(mend.write_failures(to_mend, told))
        say(mend.written_sentences(to_mend, len(told.failures), is_original))
    elif failures is not None:
        say("There is nothing to mend, so that no file was written.")
    if (rows := files["rows"]) and latest is not None:
        tables.write_rows(rows, told, latest)
        say(f"Wrote {rows}: {counted(told.rows, 'row')}.")
    other = files["not_in"]
    leave_out = run_in_loop(mend.orders_in(other, told)) if other else frozenset()
    for name in ("touched", "untouched"):
        if path := files[name]:
            written, left_out = tables.write_orders(f"--{name}", path, told, leave_out)
            without = f", without {left_out:,} that are in {other}" if other else ""
            say(f"Wrote {path}: {counted(written, 'order')}{without}.")
    if html := files["html"]:
        page.write_page(html, told)
        say(f"Wrote {html}.")
    return to_mend
