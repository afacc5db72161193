"""What the rows of one order mean together: one pure function, `judge_order`."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from bulkstatus.order import SEQUENCE, OrderStatus, StatusUpdate


class Fate(Enum):
    """What is to become of a row."""

    SEND = auto()
    DONE = auto()  #: it is updated already: nothing is sent
    DUPLICATE = auto()
    SUPERSEDED = auto()
    CONFLICT = auto()


class Decision(NamedTuple):
    """A row's fate, and the sentence that explains a CONFLICT or SUPERSEDED.

    `place` is the other log in which a DUPLICATE is done.
    """

    fate: Fate
    reason: str = ""
    place: str = ""


SEND = Decision(Fate.SEND)
DONE = Decision(Fate.DONE)
DUPLICATE = Decision(Fate.DUPLICATE)

#: The place of each status in the only direction in which an order may move.
STEP = {status: step for step, status in enumerate(SEQUENCE)}


class Claim(NamedTuple):
    """A row that asks for something: `n` tells it from others, `line` is where it stands."""

    n: int
    line: int
    update: StatusUpdate


#: That nothing is known to be done of an order.
NOTHING: Mapping[StatusUpdate, str] = {}


def judge_order(
    rows: Sequence[Claim],
    updated: Mapping[StatusUpdate, str] = NOTHING,
    last_wins: bool = False,
    later: Iterable[StatusUpdate] = (),
) -> dict[int, Decision]:
    """Return what is to become of each of an order's rows, by its `n`.

    `rows` are all of one order, in the order of the file, and `updated` what is known to be done
    of it, each with the other log that says so, "" for the rows' own. `last_wins` is
    `--on-conflict last`: of several trackings for one status the last row counts, or that of
    `later`, which were updated since the rows were given.
    """
    decisions: dict[int, Decision] = {}
    tracked = {row.update.status for row in rows if row.update.tracking}
    done = {update.status: update for update in updated if update.tracking}
    own = (update for update, place in updated.items() if not place)
    reached = max((STEP.get(update.status, -1) for update in own), default=-1)
    seen: set[StatusUpdate] = set()
    to_send: list[Claim] = []
    for row in rows:
        update = row.update
        is_blank = update.tracking is None
        if update in seen or (is_blank and update.status in tracked):
            decisions[row.n] = DUPLICATE
            continue
        seen.add(update)
        same = done.get(update.status, update) if is_blank else update
        if same in updated:
            place = updated[same]
            words = f"it was updated before, by {place}"
            decisions[row.n] = Decision(Fate.DUPLICATE, words, place) if place else DONE
        elif 0 <= STEP.get(update.status, reached) < reached:
            decisions[row.n] = Decision(
                Fate.SUPERSEDED,
                f"the order has moved on to {SEQUENCE[reached].label} since, so "
                f"{update.status.label} would move it backwards",
            )
        else:
            to_send.append(row)
    # A blank one is no tracking that could win: it is a duplicate of one that has a tracking.
    named = [row.update for row in rows if row.update.tracking or row.update.status not in tracked]
    winner = {update.status: update for update in (*named, *later)} if last_wins else {}
    kept = [row for row in to_send if winner.get(row.update.status, row.update) == row.update]
    conflict = _conflict(kept, updated, last_wins)
    for row in to_send:
        if conflict:
            decisions[row.n] = Decision(Fate.CONFLICT, conflict)
        elif row in kept:
            decisions[row.n] = SEND
        else:
            wins = _tracking(winner[row.update.status])
            decisions[row.n] = Decision(
                Fate.SUPERSEDED, f"a later row has the tracking number {wins} for this status"
            )
    return decisions


# A log's row cannot be deleted; and an order that was held, or cancelled by mistake, goes on.
_MEANT = "Delete the row, or if it is meant, send it in a file of its own with --look-back 0"


def _conflict(rows: Sequence[Claim], updated: Mapping[StatusUpdate, str], last_wins: bool) -> str:
    """Return why rows cannot all be meant: backwards, or two trackings for one status."""
    wrong = "Delete the wrong row"
    pairs = [(row.update, f"line {row.line}", after, wrong) for row, after in pairwise(rows)]
    for done, log in updated.items():
        pairs += [(done, log or "the result log", row, _MEANT) for row in rows]
    for before, place, row, advice in pairs:
        after = row.update
        if before.status is not after.status:
            if not _forward(before.status, after.status):
                return (
                    f"order {before.order_id} cannot be {before.status.label} ({place}) and then "
                    f"{after.status.label} (line {row.line}). {advice}"
                )
        elif not (last_wins and before in updated):
            return (
                f"order {before.order_id} has two tracking numbers for {before.status.label}: "
                f"{_tracking(before)} ({place}) and {_tracking(after)} (line {row.line}). "
                "Delete the wrong row, or let the last one count with --on-conflict last"
            )
    return ""


def _forward(before: OrderStatus, after: OrderStatus) -> bool:
    return before in STEP and after in STEP and STEP[before] < STEP[after]


def _tracking(row: StatusUpdate) -> str:
    return f'"{row.tracking}"' if row.tracking else "none"
