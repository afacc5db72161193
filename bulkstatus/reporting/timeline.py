"""When answers came, how many and how fast: gathered record by record in bounded memory."""

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import heappush, heappushpop
from itertools import accumulate, chain
from typing import NamedTuple, TypeVar

_Place = TypeVar("_Place")

# The width of a slice at first, and how many there may be before two become one. Slices are
# powers of two of a second wide, so that the edges of the wide ones are edges of the narrow ones.
_FIRST_WIDTH = 2.0**-4
_MOST_SLICES = 512

# A picture wants no more points than this, and each to stand for enough answers to have a rate
# and a 95th percentile.
_MOST_POINTS = 96
_ANSWERS_PER_POINT = 20

# Pauses shorter than this are never looked at, and only the longest are kept.
_SHORTEST_PAUSE = 1.0
_MOST_PAUSES = 1000


class Percentiles(NamedTuple):
    """Times in milliseconds within which half, 95 % and 99 % of the answers came (nearest rank)."""

    median: float
    p95: float
    p99: float


class Pause(NamedTuple):
    """A time without a result, in seconds since the epoch."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start


class Slice(NamedTuple):
    """The answers of a stretch of time; `start` and `end` are in seconds since the epoch."""

    start: float
    end: float
    answers: int
    latency: Percentiles


class Timeline:
    """The answers of a log over time.

    It holds four bytes for each answer, whatever the length of the log. Time in which nothing
    came costs nothing, so a log that was resumed a week later is told as finely as another.
    """

    def __init__(self) -> None:
        self._width = _FIRST_WIDTH
        self._slices: dict[int, array[float]] = {}
        self._pauses: list[tuple[float, Pause]] = []
        self._first = -math.inf
        self._latest = math.inf

    def add(self, at: float, elapsed_ms: float) -> None:
        """Take in an answer: when it came, and after how long."""
        if at - self._latest >= _SHORTEST_PAUSE:
            self._note_pause(Pause(self._latest, at))
        self._latest = at
        key = int(at / self._width)
        found = self._slices.get(key)
        if found is None:
            found = self._begin(at)
        found.append(elapsed_ms)

    def _note_pause(self, pause: Pause) -> None:
        item = (pause.seconds, pause)
        if len(self._pauses) < _MOST_PAUSES:
            heappush(self._pauses, item)
        else:
            heappushpop(self._pauses, item)

    def _begin(self, at: float) -> "array[float]":
        """Return a new slice for `at`; where there are too many, join those there are in pairs."""
        if not self._slices:
            self._first = at
        if len(self._slices) >= _MOST_SLICES:
            self._slices = _joined(self._slices, lambda key: key >> 1)
            self._width *= 2
        return self._slices.setdefault(int(at / self._width), array("f"))

    def pauses(self) -> list[Pause]:
        """Return the times without an answer, in order: also before the first and after the last.

        Those last two reach to infinity.
        """
        if not self._slices:
            return [Pause(-math.inf, math.inf)]
        between = sorted(pause for _, pause in self._pauses)
        return [Pause(-math.inf, self._first), *between, Pause(self._latest, math.inf)]

    def slices(self, spans: Sequence[tuple[float, float]]) -> list[list[Slice]]:
        """Return for each span of time the answers in it, in slices few and full for a picture.

        `spans` are (start, end) in seconds since the epoch, in order and apart from one another.
        """
        starts = [start for start, _ in spans]
        # A slice in which a span begins belongs to that span.
        placed = {
            (max(0, bisect_left(starts, (key + 1) * self._width) - 1), key): values
            for key, values in self._slices.items()
        }
        width = self._width
        longest = max((end - start for start, end in spans), default=0.0)
        answers = sum(map(len, placed.values()))
        most = max(1, min(_MOST_POINTS, answers // _ANSWERS_PER_POINT))
        while len(placed) > most and width < longest:
            placed = _joined(placed, lambda place: (place[0], place[1] >> 1))
            width *= 2
        slices: list[list[Slice]] = [[] for _ in spans]
        for (index, key), values in sorted(placed.items()):
            start = max(key * width, spans[index][0])
            end = max(start + width / 4, min((key + 1) * width, spans[index][1]))
            slices[index].append(Slice(start, end, len(values), percentiles(Counter(values))))
        return slices

    def latency(self) -> Percentiles | None:
        """Return the percentiles over all answers; None when there are none."""
        values = Counter(chain.from_iterable(self._slices.values()))
        return percentiles(values) if values else None


def _joined(
    slices: Mapping[_Place, "array[float]"], wider: Callable[[_Place], _Place]
) -> "dict[_Place, array[float]]":
    """Return the slices by their places among wider ones."""
    joined: dict[_Place, array[float]] = {}
    for place, values in slices.items():
        joined.setdefault(wider(place), array("f")).extend(values)
    return joined


def percentiles(counted: Mapping[float, int]) -> Percentiles:
    """Return the percentiles of times that occur so many times each."""
    values = sorted(counted)
    ranks = list(accumulate(counted[value] for value in values))
    total = ranks[-1]
    return Percentiles(
        *(
            # Single precision, in which they are kept, has seven digits.
            round(values[bisect_left(ranks, math.ceil(share * total))], 1)
            for share in (0.5, 0.95, 0.99)
        )
    )
