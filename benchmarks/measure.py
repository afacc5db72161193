"""`Measurement`: one line of the table, a figure beside the bar it has to clear."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Bar:
    """What a figure has to reach: at least (`least`), or at most, `limit`."""

    limit: float
    least: bool

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.limit:,g}"

    def is_met(self, value: float) -> bool:
        """Say whether `value` is on the right side of the bar."""
        return value >= self.limit if self.least else value <= self.limit


def at_least(limit: float) -> Bar:
    """Return the bar that asks for `limit` or more."""
    return Bar(limit, least=True)


def at_most(limit: float) -> Bar:
    """Return the bar that asks for `limit` or less."""
    return Bar(limit, least=False)


@dataclass(frozen=True)
class Measurement:
    """A figure: `value` in `unit`, taken from `samples`, one of each run.

    `bar` is None where nothing is asked of the figure. `note` says how it came about.
    """

    benchmark: str
    what: str
    value: float
    unit: str
    samples: Sequence[float]
    bar: Bar | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return "met" or "missed", and "" where there is no bar."""
        if self.bar is None:
            return ""
        return "met" if self.bar.is_met(self.value) else "missed"


@dataclass(frozen=True)
class Bench:
    """How much to measure, and where: `folder` is a temporary one, `rows` overrides defaults.

    `say` tells the user what is going on.
    """

    folder: Path
    runs: int
    rows: int | None
    say: Callable[[str], None]

    def rows_or(self, default: int) -> int:
        """Return how many rows a benchmark is to use whose bar speaks of `default` rows."""
        return default if self.rows is None else min(self.rows, default)


def in_turn(runs: int, first: Callable[[], _T], second: Callable[[], _T]) -> list[tuple[_T, _T]]:
    """Run two things A B A B …, so that what disturbs one disturbs the other of its pair."""
    return [(first(), second()) for _ in range(runs)]


def median(samples: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(samples)
