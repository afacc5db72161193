"""What commands print: JSON, the rows that cannot be sent, and what an error looks like."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from bulkstatus.errors import BulkstatusError
from bulkstatus.terminal import said, say
from bulkstatus.words import capitalised, command_line, counted, printable, utf8

if TYPE_CHECKING:
    from bulkstatus.job.plan import Plan, Problem

#: How much of a cell or a header is shown, in characters; and of a reason, which may quote one.
CELL = 40
_REASON = 400

_HEADER = ("Line", "Order ID", "Column", "Cell", "What to do")


def print_json(record: dict[str, Any] | list[Any]) -> None:
    """Print one JSON value to stdout: UTF-8 everywhere, whatever the console's encoding."""
    click.echo(orjson.dumps(record))


def plan_record(plan: "Plan") -> dict[str, Any]:
    """Return a plan as JSON has it."""
    counts = ("rows", "due", "orders", "duplicates", "superseded", "invalid", "conflicts")
    return {
        **{name: getattr(plan, name) for name in counts},
        "by_status": {str(int(status)): count for status, count in plan.by_status.items() if count},
        "without_tracking": plan.without_tracking,
        "odd": [problem._asdict() for problem in plan.odd],
        "values": plan.values,
        "problems": [problem._asdict() for problem in plan.problems],
    }


def problem_lines(problems: "Sequence[Problem]", total: int) -> Iterator[str]:
    """Yield the first of `total` problems, a line each."""
    for problem in problems:
        reason, value = printable(problem.reason, _REASON), printable(problem.value, CELL)
        is_told = not value or value in reason or problem.field == "conflict"
        cell = "" if is_told else f'"{value}": '
        yield f"line {problem.line}: {cell}{reason}"
    if total > len(problems):
        yield f"and {counted(total - len(problems), 'more row')}"


def write_problems(problems: "Sequence[Problem]", path: Path, input_path: str) -> None:
    """Write all problems as a CSV that Excel opens as it is meant.

    What a cell held stands there as it was, except that what a spreadsheet would run as a formula
    is made harmless. An earlier list of problems is replaced; any other file that is there raises
    SettingsRefused, as one does that cannot be written.
    """
    from bulkstatus.reporting.tables import harmless, write_csv
    from bulkstatus.source.options import LABELS

    def lines() -> Iterator[Sequence[object]]:
        for line, order_id, field, value, reason in problems:
            cells = [harmless(printable(cell)) for cell in (order_id, value)]
            what = capitalised(printable(reason))
            yield line, cells[0], LABELS.get(field, field), cells[1], what

    others = [] if input_path == "-" else [Path(input_path)]
    write_csv("--problems", path, others, _HEADER, lines())


def show_refusal(error: Exception, as_json: bool) -> int:
    """Print why the program ends, to stderr or as JSON to stdout, and return the exit status."""
    from bulkstatus.job import RowsRefused
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
        reasons = {130: "interrupted", 3: "stopped", 4: "stopped"}
        record: dict[str, Any] = {
            "reason": reasons.get(status, "refused"),
            "exit_status": status,
            "message": utf8(message),
        }
        with said():
            print_json(record | (plan_record(plan) if plan is not None else {}))
    elif isinstance(error, click.ClickException):
        with said():
            error.show()
        return status
    elif plan is not None:
        say(problem_lines(plan.problems, plan.refused))
    say("\n".join(printable(line) for line in message.split("\n")))
    return status
