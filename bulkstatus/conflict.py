"""What the rows of one order mean together: one pure function, `judge_order`."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from bulkstatus.order import SEQUENCE, SHIPPING, OrderStatus, StatusUpdate


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


class Place(NamedTuple):
    """Where an update is known from: another log, "" for the rows' own.

    `is_later` says that it was asked for after the rows were.
    """

    log: str = ""
    is_later: bool = False


#: That nothing is known to be done of an order.
NOTHING: Mapping[StatusUpdate, Place] = {}


def judge_order(
    rows: Sequence[Claim],
    updated: Mapping[StatusUpdate, Place] = NOTHING,
    last_wins: bool = False,
) -> dict[int, Decision]:
    """Return what is to become of each of an order's rows, by its `n`.

    `rows` are all of one order, in the order of the file, and `updated` what is known to be done
    of it. `last_wins` is `--on-conflict last`: of several trackings for one status the last row
    counts, or that of a later update.
    """
    decisions: dict[int, Decision] = {}
    tracked = {row.update.status for row in rows if row.update.tracking}
    done = {update.status: update for update in updated if update.tracking}
    own = (update for update, place in updated.items() if not place.log)
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
            place = updated[same].log
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
    later = (update for update, place in updated.items() if place.is_later and update.tracking)
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


def may_follow(before: OrderStatus, after: OrderStatus, place: Place) -> bool:
    """Tell whether an order that has a status, known from a place, may get another one.

    In one list, or where the place is a later one, it only goes on along SEQUENCE. What another log
    did before is of no list of its own: an order that was held or queried there goes on, and one
    that is not with the courier yet may be held, queried or cancelled.
    """
    if before in STEP and after in STEP:
        return STEP[before] < STEP[after]
    is_past = bool(place.log) and not place.is_later
    return is_past and before is not OrderStatus.CANCELLED and before not in SHIPPING


# A log's row cannot be deleted; and an order that was cancelled by mistake goes on.
_MEANT = "Delete the row, or if it is meant, send it in a file of its own with --look-back 0"


def _conflict(rows: Sequence[Claim], updated: Mapping[StatusUpdate, Place], last_wins: bool) -> str:
    """Return why rows cannot all be meant: backwards, or two trackings for one status."""
    pairs = [(row.update, Place(f"line {row.line}", True), after) for row, after in pairwise(rows)]
    pairs += [(done, place, row) for done, place in updated.items() for row in rows]
    for before, place, row in pairs:
        after, where = row.update, place.log or "the result log"
        if before.status is not after.status:
            if not may_follow(before.status, after.status, place):
                return (
                    f"order {before.order_id} cannot be {before.status.label} ({where}) and then "
                    f"{after.status.label} (line {row.line}). "
                    f"{_MEANT if before in updated else 'Delete the wrong row'}"
                )
        elif not (last_wins and before in updated):
            return (
                f"order {before.order_id} has two tracking numbers for {before.status.label}: "
                f"{_tracking(before)} ({where}) and {_tracking(after)} (line {row.line}). "
                "Delete the wrong row, or let the last one count with --on-conflict last"
            )
    return ""


def _tracking(row: StatusUpdate) -> str:
    return f'"{row.tracking}"' if row.tracking else "none"
