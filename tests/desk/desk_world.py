import asyncio
import io
import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bulkstatus.result import Outcome, Result
from bulkstatus.run import Hold, HoldReason
from bulkstatus.sending import Proposal

Propose = Callable[..., Awaitable[Proposal]]


class Done(NamedTuple):
    """A run of the program that has ended."""

    returncode: int
    stdout: str
    stderr: str


Program = Callable[..., Done]


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def results(count: int, outcome: Outcome = Outcome.UPDATED, attempts: int = 1) -> list[Result]:
    return [Result(2, "1", 8, None, outcome, 0.0, 200, attempts, 1.0)] * count


def hold(reason: HoldReason, wait: float | None, message: str = "") -> Hold:
    """Return a hold that begins now; nobody asked for a `wait` of None."""
    return Hold(reason, message, asyncio.get_running_loop().time(), wait)


def plain(text: str) -> list[str]:
    """Return the lines of what was drawn on a terminal, without its escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()
