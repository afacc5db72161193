"""The rows that cannot be sent: on a terminal, in a pipe, and as a CSV for the desk."""

import codecs
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from bulkstatus.preflight import Problem
from bulkstatus.source.options import LABELS
from bulkstatus.terminal import encodable, width_of
from bulkstatus.text import printable
from bulkstatus.wording import capitalised, counted

#: How much of a cell is shown, in characters; and of a reason, which may quote a whole cell.
_CELL = 40
_REASON = 400

# The narrowest terminal, in characters, that a table of three columns is drawn on.
_TABLE_WIDTH = 70

_HEADER = ("Line", "Order ID", "Column", "Cell", "What to do")


def show_problems(
    problems: Sequence[Problem], total: int, stream: TextIO, say: Callable[[str], None]
) -> None:
    """Print the first of `total` problems to `stream`, by `say` where they are plain text."""
    if not problems:
        return
    width = width_of(stream)
    if width is not None and width >= _TABLE_WIDTH:
        _draw_table(problems, stream, width)
    else:
        for problem in problems:
            say(_line(problem))
    if total > len(problems):
        say(f"and {counted(total - len(problems), 'more row')}")


def _line(problem: Problem) -> str:
    reason, value = _reason(problem), printable(problem.value, _CELL)
    if not value or value in reason or problem.field == "conflict":
        return f"line {problem.line}: {reason}"
    return f'line {problem.line}: "{value}": {reason}'


def _draw_table(problems: Sequence[Problem], stream: TextIO, width: int) -> None:
    """Draw a table; `Text` keeps what a cell holds from being read as markup."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Line", justify="right")
    table.add_column("In the cell", overflow="fold", max_width=max(16, width // 4))
    table.add_column("What to do", overflow="fold")
    for problem in problems:
        cell = printable(problem.value, _CELL) or "(empty)"
        texts = (str(problem.line), cell, capitalised(_reason(problem)))
        table.add_row(*(Text(encodable(text, stream)) for text in texts))
    Console(file=stream, width=width).print(table)


def _reason(problem: Problem) -> str:
    return printable(problem.reason, _REASON)


def write_problems(problems: Sequence[Problem], path: Path, input_path: str) -> None:
    """Write all problems as a CSV that Excel opens as it is meant.

    What a cell held stands there as it was, except that what a spreadsheet would run as a formula
    is made harmless. An earlier list of problems is replaced; any other file that is there raises
    SettingsRefused, as one does that cannot be written.
    """
    from bulkstatus.reporting.files import refuse_path, replacing

    others = {"the input": None if input_path == "-" else Path(input_path)}
    refuse_path("--problems", path, others, codecs.BOM_UTF8 + ",".join(_HEADER).encode())
    with (
        replacing("--problems", path) as new,
        new.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        writer.writerows(map(_record, problems))


def _record(problem: Problem) -> tuple[object, ...]:
    return (
        problem.line,
        _as_it_was(problem.order_id),
        LABELS.get(problem.field, problem.field),
        _as_it_was(problem.value),
        capitalised(printable(problem.reason)),
    )


def _as_it_was(cell: str) -> str:
    from bulkstatus.reporting.reasons import harmless

    text = printable(cell)
    safe = harmless(text)
    return text if safe == text.replace('"', "'") else safe
