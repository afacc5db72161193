"""The axes of pictures: time that is broken between one run and the next, and round numbers."""

import math
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from bulkstatus.reporting.runs import RunReport
from bulkstatus.wording import duration

# The part of the axis that a break takes, and that all of them take at the most.
_BREAK = 0.03
_BREAKS = 0.25

# How wide a letter of a label is, as a part of the axis: as good as needed to keep labels apart.
_LETTER = 7.5 / 330

# Clock times are told to the second on an axis of fewer seconds than this.
_SHORT = 600.0

_MOST_STEPS = 4


class Break(NamedTuple):
    """Where an axis is broken, from `start` to `end`: the `seconds` between two runs."""

    start: float
    end: float
    seconds: float


class Label(NamedTuple):
    """A text and its place on an axis."""

    place: float
    text: str


class TimeAxis:
    """The time for which runs went on, in seconds, with a break between one and the next."""

    def __init__(self, runs: Sequence[RunReport]) -> None:
        self._runs = runs
        seconds = sum(run.seconds for run in runs)
        room = seconds * min(_BREAK, _BREAKS / max(1, len(runs) - 1))
        self._places = [0.0, *accumulate(run.seconds + room for run in runs[:-1])]
        self.total = self._places[-1] + runs[-1].seconds
        self.breaks = [
            Break(place - room, place, max(0.0, following.started - run.ended))
            for place, (run, following) in zip(self._places[1:], pairwise(runs), strict=True)
        ]

    def place(self, moment: float, index: int) -> float:
        """Return the place of a moment of run `index`."""
        run = self._runs[index]
        return self._places[index] + min(max(0.0, moment - run.started), run.seconds)

    def times(self) -> list[Label]:
        """Return the clock times of the beginning, of the end and of some places between them.

        What follows the longest breaks comes first.
        """
        ends = [moment for run in self._runs for moment in (run.started, run.ended)]
        form = "%H:%M:%S" if self.total < _SHORT else "%H:%M"
        if len({time.localtime(moment)[:3] for moment in ends}) > 1:
            form = "%d %b %H:%M"
        after_breaks = [gap.end for gap in self._longest_breaks()]
        between = [self.total * part for part in (1 / 3, 2 / 3, 1 / 2)]
        return self._apart(
            Label(place, time.strftime(form, time.localtime(self._moment(place))))
            for place in (0.0, self.total, *after_breaks, *between)
        )

    def later(self) -> list[Label]:
        """Return the breaks' middles, with how much later it went on."""
        return self._apart(
            Label((gap.start + gap.end) / 2, f"{duration(gap.seconds)} later")
            for gap in self._longest_breaks()
        )

    def _longest_breaks(self) -> list[Break]:
        return sorted(self.breaks, key=lambda gap: -gap.seconds)

    def _moment(self, place: float) -> float:
        """Return the moment at a place, in seconds since the epoch."""
        index = bisect_right(self._places, place) - 1
        run = self._runs[index]
        return run.started + min(place - self._places[index], run.seconds)

    def _apart(self, labels: Iterable[Label]) -> list[Label]:
        """Return those labels that are not in the way of an earlier one."""
        kept: list[Label] = []
        for label in labels:
            if all(
                abs(label.place - other.place)
                > (len(label.text) + len(other.text) + 2) / 2 * _LETTER * self.total
                for other in kept
            ):
                kept.append(label)
        return kept


def round_scale(top: float, least: float = 0.0) -> list[float]:
    """Return round numbers from 0 to `top`, evenly spaced by a step of `least` or more."""
    step = least
    if top / _MOST_STEPS > least:
        tens = 10.0 ** math.floor(math.log10(top / _MOST_STEPS))
        step = next(tens * n for n in (1, 2, 5, 10) if tens * n * _MOST_STEPS >= top)
    return [step * n for n in range(math.floor(top / step) + 1)] if step else [0.0]
