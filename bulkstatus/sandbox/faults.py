"""The faults that the sandbox injects when asked to."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """What goes wrong on purpose.

    `latency` is in seconds and is added before each answer to a PUT. `limit` is (N, SECONDS): at
    most N requests in any window of that length, those over it not counted. `fail` and `drop` are
    shares, 0 to 1, of the requests that would have been answered with success: `fail` answers 500
    and changes nothing, `drop` closes the connection without an answer, half of the time after
    the order was changed. The same `seed` and the same requests give the same faults. The first
    `refuse` orders are unknown, however often they come.

    Raises ValueError, with a sentence, for shares of together more than all.
    """

    latency: float = 0.0
    limit: tuple[int, float] | None = None
    fail: float = 0.0
    drop: float = 0.0
    seed: int | None = None
    refuse: int = 0

    def __post_init__(self) -> None:
        if self.fail + self.drop > 1:
            raise ValueError("What fails and what is dropped is together more than 100%.")


def draws(faults: Faults) -> Iterator[tuple[int | None, bool]]:
    """Yield what befalls each request that would have succeeded, in order of arrival.

    That is the HTTP status of its answer, None for no answer, and whether the order is changed.
    """
    draw = random.Random(faults.seed).random  # noqa: S311 - no secret hangs on it
    while True:
        drawn = draw() - faults.fail
        if drawn < 0:
            yield 500, False
        elif drawn < faults.drop:
            yield None, drawn >= faults.drop / 2
        else:
            yield 200, True


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
