import asyncio
import time
from typing import Any, NamedTuple

from bulkstatus.job.run import Hold, HoldReason
from bulkstatus.log.records import Outcome
from bulkstatus.pace import Rate
from bulkstatus.progress.course import Course

#: The time of day when a course begins, in the middle of a second so that nothing is on its edge.
NOW = 1_764_000_000.5


def at(seconds: float, pattern: str = "%H:%M:%S") -> str:
    """Return the time of day so many seconds after a course began."""
    return time.strftime(pattern, time.localtime(NOW + seconds))


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds

    def wall(self) -> float:
        return NOW + self.now - 1000.0

    def course(self, due: int, rate: Rate | None = None, give_up_after: float = 900.0) -> Course:
        return Course(due, rate, give_up_after, self, self.wall)

    def work(self, course: Course, seconds: int, rows: int, attempts: int = 1) -> None:
        """Let so many rows through in each of some seconds."""
        for _ in range(seconds):
            self.go(1.0)
            course.wrote(results(rows, attempts=attempts))
            course.sample()


class Told(NamedTuple):
    """What progress reads of a result."""

    outcome: Outcome
    attempts: int


def results(count: int, outcome: Outcome = Outcome.UPDATED, attempts: int = 1) -> list[Any]:
    return [Told(outcome, attempts)] * count


def hold(reason: HoldReason, wait: float | None, message: str = "") -> Hold:
    """Return a hold that begins now; nobody asked for a `wait` of None."""
    return Hold(reason, message, asyncio.get_running_loop().time(), wait)
