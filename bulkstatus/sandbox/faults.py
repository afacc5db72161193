"""The faults that the sandbox injects when asked to, and how they are written."""

import random
import re
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True)
class Faults:
    """What goes wrong on purpose.

    `latency` is in seconds and is added before each answer to a PUT. `limit` is (N, SECONDS): at
    most N requests in any window of that length, those over it not counted. `fail` and `drop` are
    shares, 0 to 1, of the requests that would have been answered with success: `fail` answers 500
    and changes nothing, `drop` closes the connection without an answer, half of the time after
    the order was changed. The same `seed` and the same requests give the same faults.

    Raises ValueError with a sentence when a figure makes no sense.
    """

    latency: float = 0.0
    limit: tuple[int, float] | None = None
    fail: float = 0.0
    drop: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.latency <= _LONGEST:
            raise ValueError(f"A latency lies between 0 and {_LONGEST} seconds.")
        if self.limit is not None and not (self.limit[0] >= 1 and self.limit[1] > 0):
            raise ValueError("A limit lets at least 1 request through in a time above 0 seconds.")
        if not (self.fail >= 0 and self.drop >= 0 and self.fail + self.drop <= 1):
            raise ValueError(
                "The shares that fail and that are dropped lie between 0% and 100%, "
                "and so does their sum."
            )


_LONGEST = 3600


class Fault(Enum):
    """What befalls one request that would have succeeded."""

    NONE = auto()
    FAIL = auto()
    DROP_BEFORE = auto()
    DROP_AFTER = auto()


class Dice:
    """Draws what befalls each request, in order of arrival."""

    def __init__(self, faults: Faults) -> None:
        self._random = random.Random(faults.seed).random  # noqa: S311 - no secret hangs on it
        self._failed = faults.fail
        self._dropped_before = faults.fail + faults.drop / 2
        self._dropped_after = faults.fail + faults.drop

    def throw(self) -> Fault:
        """Return what befalls the next request."""
        drawn = self._random()
        if drawn >= self._dropped_after:
            return Fault.NONE
        if drawn < self._failed:
            return Fault.FAIL
        return Fault.DROP_BEFORE if drawn < self._dropped_before else Fault.DROP_AFTER


class Window:
    """Lets at most `count` requests through in any window of `seconds`."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._seconds = seconds
        self._granted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Say whether a request at the time `now`, in seconds, is within the limit."""
        while self._granted and self._granted[0] <= now - self._seconds:
            self._granted.popleft()
        if len(self._granted) >= self._count:
            return False
        self._granted.append(now)
        return True


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)", re.ASCII | re.IGNORECASE)
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)


def parse_duration(text: str) -> float:
    """Return the seconds that a text such as "50ms" or "0.5s" stands for.

    Raises ValueError with a sentence.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f'"{text}" is not a duration: write a number and its unit, such as 50ms or 0.5s.'
        )
    number = float(match[1])
    return number / 1000 if match[2].lower() == "ms" else number


def parse_share(text: str) -> float:
    """Return the share, 0 to 1, that a text such as "2%" stands for.

    Raises ValueError with a sentence.
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None or float(match[1]) > 100:
        raise ValueError(
            f'"{text}" is not a share: write a percentage between 0% and 100%, such as 2% or 0.5%.'
        )
    return float(match[1]) / 100
