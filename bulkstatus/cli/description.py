"""What a file holds and what is to become of it, as a person looks it over."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from bulkstatus.config import Settings
from bulkstatus.conflict import Fate
from bulkstatus.order import StatusUpdate
from bulkstatus.preflight import Plan
from bulkstatus.source import Source
from bulkstatus.source.options import FIELDS, LABELS
from bulkstatus.terminal import width_of
from bulkstatus.text import printable
from bulkstatus.wording import counted

#: A heading, and the lines that stand under it.
Section = tuple[str, Sequence[str]]


class Whole(str):
    """A line that is not broken, since it is there to be pasted."""

    __slots__ = ()


#: How much of a cell or a header is shown, in characters.
CELL = 40

_HEADING = 10

# How many of the rows that are overtaken are named.
_SUPERSEDED = 3


def laid_out(sections: Iterable[Section], stream: TextIO) -> str:
    """Return the sections as text for `stream`, each heading to the left of its lines."""
    width = width_of(stream)
    return "\n".join(line for section in sections for line in _laid_out(section, width))


def _laid_out(section: Section, width: int | None) -> Iterator[str]:
    heading, lines = section
    for line in lines:
        if width is None or isinstance(line, Whole):
            wrapped = [line]
        else:
            room = max(20, width - _HEADING - 1)
            hanging = "  " + " " * (len(line) - len(line.lstrip()))
            wrapped = textwrap.wrap(
                line, room, subsequent_indent=hanging, break_on_hyphens=False
            ) or [""]
        for part in wrapped:
            yield f"{heading:{_HEADING}}{part}".rstrip()
            heading = ""


def input_sections(source: Source, plan: Plan, settings: Settings) -> Iterator[Section]:
    """Yield how the file was understood: its columns and a few rows."""
    yield "File", [f"{printable(source.name)}, {counted(plan.rows, 'row')}", *source.notes]
    yield "Columns", [_column(field, source.columns, settings) for field in FIELDS]
    if plan.sample:
        yield (
            "Rows",
            [_row(line, row) for line, row in plan.sample]
            + (["and so on"] if plan.due > len(plan.sample) else []),
        )


def _column(field: str, columns: Mapping[str, str], settings: Settings) -> str:
    """Return where a field comes from."""
    label = LABELS[field]
    status = settings.input.default_status
    given = f"{status.label} ({status:d})" if field == "status" and status is not None else ""
    if field not in columns:
        return f"{label}: {f'{given} for every row (--status)' if given else 'none'}"
    words = f'{label}: "{printable(columns[field], CELL)}"'
    return f"{words}, {given} where that is blank (--status)" if given else words


def _row(line: int, row: StatusUpdate) -> str:
    words = f"line {line}: order {printable(row.order_id, CELL)} → {row.status.label}"
    return f"{words}, tracking {printable(row.tracking, CELL)}" if row.tracking else words


def plan_sections(plan: Plan, heading: str) -> Iterator[Section]:
    """Yield what can be sent, under `heading`, what cannot and what to look at twice."""
    yield heading, [_to_send(plan), *by_status(plan)]
    if not_sent := _not_sent(plan):
        yield "Not sent", not_sent
    if notes := [*_without_tracking(plan), *_rounded(plan)]:
        yield "Look at", notes


def _to_send(plan: Plan) -> str:
    if not plan.due:
        return "nothing"
    if plan.orders == plan.due:
        return counted(plan.due, "row")
    return f"{counted(plan.due, 'row')}, for {counted(plan.orders, 'order')}"


def by_status(plan: Plan) -> list[str]:
    """Return how many of the due rows there are of each status."""
    counts = [(count, status) for status, count in sorted(plan.by_status.items()) if count]
    width = len(str(max((count for count, _ in counts), default=0)))
    return [f"  {count:{width}} {status.label} ({status:d})" for count, status in counts]


def _not_sent(plan: Plan) -> list[str]:
    told = [
        words
        for count, words in (
            (plan.duplicates, f"{counted(plan.duplicates, 'repeated row')}: each is sent once"),
            (
                plan.superseded,
                f"{counted(plan.superseded, 'superseded row')}: a later row or status counts",
            ),
            (plan.invalid, f"{counted(plan.invalid, 'row')} with a mistake in it"),
            (plan.conflicts, f"{counted(plan.conflicts, 'row')} that contradict each other"),
        )
        if count
    ]
    return told + _superseded(plan)


def _superseded(plan: Plan) -> list[str]:
    """Return the first rows that are not sent since their order is further on, and why."""
    decisions = sorted(plan.decisions.items())
    reasons = [(line, fate.reason) for line, fate in decisions if fate.fate is Fate.SUPERSEDED]
    shown = [f"  line {line}: {printable(reason)}" for line, reason in reasons[:_SUPERSEDED]]
    return shown + (["  and so on"] if len(reasons) > _SUPERSEDED else [])


def _without_tracking(plan: Plan) -> list[str]:
    count = plan.without_tracking
    if not count:
        return []
    have = "has" if count == 1 else "have"
    return [f"{counted(count, 'row')} with a shipping status {have} no tracking number"]


def _rounded(plan: Plan) -> list[str]:
    """Return a warning for each column that looks as if Excel had cut its numbers off."""
    return [
        f"the long numbers of the {LABELS[field]} column all end in zeros, such as "
        f"{printable(example, CELL)}: Excel keeps 15 digits of a number and makes zeros of the "
        "others. If these are not the true numbers, format the column as text and export it again"
        for field, example in plan.rounded.items()
    ]
