"""What commands print: JSON, the rows that cannot be sent, and what an error looks like."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from bulkstatus.errors import BulkstatusError
from bulkstatus.terminal import said, say
from bulkstatus.words import capitalised, command_line, printable, utf8

if TYPE_CHECKING:
    from bulkstatus.job.plan import Problem

_HEADER = ("Line", "Order ID", "Column", "Cell", "What to do")


def print_json(record: object) -> None:
    """Print one JSON value to stdout: UTF-8 everywhere, whatever the console's encoding."""
    click.echo(msgspec.json.encode(record))


def write_problems(problems: "Sequence[Problem]", path: Path, input_path: str) -> None:
    """Write all problems as a CSV that Excel opens as it is meant.

    What a cell held stands there as it was, except that what a spreadsheet would run as a formula
    is made harmless. An earlier list of problems is replaced; any other file that is there raises
    SettingsRefused, as one does that cannot be written.
    """
    from bulkstatus.reporting.tables import harmless, write_csv
    from bulkstatus.source.options import LABELS

    def lines() -> Iterator[Sequence[object]]:
        for each in problems:
            order_id, value = (harmless(printable(cell)) for cell in (each.order_id, each.value))
            field, what = LABELS.get(each.field, each.field), capitalised(printable(each.reason))
            yield each.line, order_id, field, value, what

    others = [] if input_path == "-" else [Path(input_path)]
    write_csv("--problems", path, others, _HEADER, lines())


def show_refusal(error: Exception, as_json: bool) -> int:
    """Print why the program ends, to stderr or as JSON to stdout, and return the exit status."""
    from bulkstatus.job import RowsRefused
    from bulkstatus.job.wording import problem_lines
    from bulkstatus.source import InQuestion

    status, message = 130, "Interrupted. What was sent until then, if anything, is in the log."
    if isinstance(error, BulkstatusError):
        status, message = error.exit_status, str(error)
        if isinstance(error, InQuestion):
            command = command_line("bulkstatus", *sys.argv[1:], *error.options)
            message += f"\nThe command, for example:\n  {command}"
    elif isinstance(error, click.ClickException):
        status, message = error.exit_code, error.format_message()
    # A file that comes after another run is refused by what that error comes from.
    refusal = error.__cause__ or error
    plan = refusal.plan if isinstance(refusal, RowsRefused) else None
    if as_json:
        from bulkstatus.cli.as_json import refusal_record

        reasons = {130: "interrupted", 3: "stopped", 4: "stopped"}
        with said():
            print_json(refusal_record(reasons.get(status, "refused"), status, utf8(message), plan))
    elif isinstance(error, click.ClickException):
        with said():
            error.show()
        return status
    elif plan is not None:
        say(problem_lines(plan.problems, plan.refused))
    say("\n".join(printable(line) for line in message.split("\n")))
    return status
