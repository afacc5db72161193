"""What the rows of one order mean together: one pure function, `judge_order`."""

from collections import Counter
from collections.abc import Collection, Sequence
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from bulkstatus.order import SEQUENCE, OrderStatus, StatusUpdate


class Fate(Enum):
    """What is to become of a row."""

    SEND = auto()
    DONE = auto()  #: the log has it already: nothing is sent, nothing is logged
    DUPLICATE = auto()
    SUPERSEDED = auto()
    CONFLICT = auto()


class Decision(NamedTuple):
    """A row's fate, and the sentence that explains a CONFLICT or SUPERSEDED."""

    fate: Fate
    reason: str = ""


SEND = Decision(Fate.SEND)
DONE = Decision(Fate.DONE)
DUPLICATE = Decision(Fate.DUPLICATE)

_STEP = {status: step for step, status in enumerate(SEQUENCE)}


def judge_order(
    rows: Sequence[tuple[int, StatusUpdate]],
    updated: Sequence[StatusUpdate] = (),
    superseded: Collection[StatusUpdate] = (),
    duplicates: Counter[StatusUpdate] | None = None,
    last_wins: bool = False,
) -> dict[int, Decision]:
    """Return what is to become of each of an order's rows, by line.

    `rows` are all of the file's for one order, in file order. The log says which rows were
    `updated` and `superseded` before, and how many `duplicates` of a row it has. `last_wins` is
    `--on-conflict last`: of several trackings for one status the last row counts.
    """
    decisions: dict[int, Decision] = {}
    logged_duplicates = Counter(duplicates)
    first: dict[StatusUpdate, int] = {}
    for line, row in rows:
        if row not in first:
            first[row] = line
        elif logged_duplicates[row]:
            logged_duplicates[row] -= 1
            decisions[line] = DONE
        else:
            decisions[line] = DUPLICATE
    to_send: list[tuple[int, StatusUpdate]] = []
    reached = max((_STEP.get(row.status, -1) for row in updated), default=-1)
    for row, line in first.items():
        if row in updated or (updated and row in superseded):
            decisions[line] = DONE
        elif 0 <= _STEP.get(row.status, reached) < reached:
            decisions[line] = Decision(
                Fate.SUPERSEDED,
                f"the order has moved on to {SEQUENCE[reached].label} since, so "
                f"{row.status.label} would move it backwards",
            )
        else:
            to_send.append((line, row))
    winner = {row.status: row for _, row in rows} if last_wins else {}
    kept = [(line, row) for line, row in to_send if winner.get(row.status, row) == row]
    conflict = _conflict(kept, () if last_wins else updated) or _mix(kept, updated)
    for line, row in to_send:
        if conflict:
            decisions[line] = Decision(Fate.CONFLICT, conflict)
        elif (line, row) in kept:
            decisions[line] = SEND
        else:
            counts = _tracking(winner[row.status])
            decisions[line] = Decision(
                Fate.SUPERSEDED, f"a later row has the tracking number {counts} for this status"
            )
    return decisions


def _conflict(rows: Sequence[tuple[int, StatusUpdate]], updated: Sequence[StatusUpdate]) -> str:
    """Return why rows cannot all be meant: backwards, or two trackings for one status."""
    for (line, row), (next_line, next_row) in pairwise(rows):
        if row.status is next_row.status:
            return _two_trackings(row, f"line {line}", next_row, f"line {next_line}")
        if not _forward(row.status, next_row.status):
            return _not_both(row, f"line {line}", next_row, f"line {next_line}")
    for line, row in rows:
        for done in updated:
            if row.status is done.status:
                return _two_trackings(done, "the result log", row, f"line {line}")
    return ""


def _mix(rows: Sequence[tuple[int, StatusUpdate]], updated: Sequence[StatusUpdate]) -> str:
    """Return why a row does not go with what the log says is done, or ""."""
    for line, row in rows:
        for done in updated:
            if row.status is not done.status and not _forward(done.status, row.status):
                return _not_both(done, "the result log", row, f"line {line}")
    return ""


def _two_trackings(row: StatusUpdate, place: str, other: StatusUpdate, other_place: str) -> str:
    return (
        f"order {row.order_id} has two tracking numbers for {row.status.label}: "
        f"{_tracking(row)} ({place}) and {_tracking(other)} ({other_place}). "
        "Delete the wrong row, or let the last one count with --on-conflict last"
    )


def _not_both(row: StatusUpdate, place: str, other: StatusUpdate, other_place: str) -> str:
    return (
        f"order {row.order_id} cannot be {row.status.label} ({place}) and then "
        f"{other.status.label} ({other_place}). Delete the wrong row"
    )


def _forward(before: OrderStatus, after: OrderStatus) -> bool:
    return before in _STEP and after in _STEP and _STEP[before] < _STEP[after]


def _tracking(row: StatusUpdate) -> str:
    return f'"{row.tracking}"' if row.tracking else "none"
