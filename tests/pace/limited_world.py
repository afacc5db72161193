"""Servers with limits of many shapes, and a run's gate in front of them, in virtual time.

A server is a function of a moment in seconds: whether it lets a request through that arrives then.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

from bulkstatus.job.run.gate import Gate

Server = Callable[[float], bool]


def leaky(rate: float) -> Server:
    """Without burst, as nginx's limit_req: a request passes 1/rate after the last that did."""
    free_at = -math.inf

    def passes(now: float) -> bool:
        nonlocal free_at
        if now < free_at:
            return False
        free_at = now + 1 / rate
        return True

    return passes


def bucket(rate: float, burst: float) -> Server:
    left, at = burst, 0.0

    def passes(now: float) -> bool:
        nonlocal left, at
        left, at = min(burst, left + (now - at) * rate), now
        if left < 1:
            return False
        left -= 1
        return True

    return passes


def fixed(most: int, seconds: float, begun: float = 0.0) -> Server:
    """Windows one after the other, the first of which has `begun` so many seconds ago."""
    window, used = -1, 0

    def passes(now: float) -> bool:
        nonlocal window, used
        if (current := int((now + begun) // seconds)) != window:
            window, used = current, 0
        used += 1
        return used <= most

    return passes


def sliding(most: int, seconds: float) -> Server:
    passed: deque[float] = deque()

    def passes(now: float) -> bool:
        while passed and passed[0] <= now - seconds:
            passed.popleft()
        if len(passed) >= most:
            return False
        passed.append(now)
        return True

    return passes


def both(first: Server, second: Server) -> Server:
    """What the first refuses uses nothing up of the second, a window."""
    return lambda now: first(now) and second(now)


def shedding(share: float, seed: int = 0) -> Server:
    chance = random.Random(f"shed {seed}")
    return lambda now: chance.random() >= share


def shared(server: Server, rate: float, since: float) -> Server:
    """Another client sends to it too, at `rate`."""
    moments = (since + number / rate for number in count())
    due = next(moments)

    def passes(now: float) -> bool:
        nonlocal due
        while due <= now:
            server(due)
            due = next(moments)
        return server(now)

    return passes


def changing(first: Server, moment: float, second: Server) -> Server:
    return lambda now: (first if now < moment else second)(now)


def asking(seconds: float) -> Callable[[float], float]:
    """The Retry-After of fixed windows, in whole seconds."""
    return lambda now: math.ceil(seconds - now % seconds)


class Went(NamedTuple):
    """What came of it: moments of passes and refusals, as the server saw them."""

    passed: list[float]
    refused: list[float]
    gate: Gate

    @property
    def speed(self) -> float:
        return len(self.passed) / max(self.passed)

    @property
    def share_refused(self) -> float:
        return len(self.refused) / (len(self.passed) + len(self.refused))


def send(
    server: Server,
    most: float,
    *,
    rows: float = math.inf,
    seconds: float = math.inf,
    latency: float = 0.01,
    jitter: float = 0.001,
    asks: Callable[[float], float] | None = None,
    constant: bool = False,
    seed: int = 0,
) -> Went:
    """Send `rows`, or for so many `seconds`, at up to `most` a second, by the gate's rules.

    With `constant` at just that pace. An answer takes `latency`, timers are late by up to
    `jitter`, and each arrives in the order in which it left.
    """
    chance = random.Random(seed)
    gate = Gate(16, most)
    went = Went([], [], gate)
    answers: list[tuple[float, int, bool, float | None, object]] = []
    now, left_at, arrived = 0.0, -math.inf, 0.0
    while len(went.passed) < rows and now < seconds:
        hold = gate.hold
        pace = most if constant else min(most, gate.found.rate)
        leave = max(now, left_at + 1 / pace, hold.until if hold else 0.0)
        waits = not constant and (hold.probing if hold else gate.in_flight >= gate.limit)
        if answers and (waits or answers[0][0] <= leave):
            now, _, passed, wait, given = heapq.heappop(answers)
            if passed:
                gate.answered(given, now, success=True)  # type: ignore[arg-type]
            else:
                gate.limited(given, now, "", wait, overloaded=False)  # type: ignore[arg-type]
            if constant:
                gate.hold = None
            continue
        now = left_at = leave + chance.random() * jitter
        given = gate.enter()
        arrived = max(arrived, now + latency / 2 * chance.uniform(0.95, 1.05))
        passed = server(arrived)
        (went.passed if passed else went.refused).append(arrived)
        wait = asks(arrived) if asks and not passed else None
        answer_at = arrived + latency / 2 + chance.random() * jitter
        heapq.heappush(answers, (answer_at, given.number, passed, wait, given))
    return went


def best_constant_speed(
    server: Callable[[], Server], limit: float, parts: Sequence[float]
) -> float:
    """Return how many a second get through at the best constant pace around a limit."""
    return max(send(server(), limit * part, rows=300, constant=True).speed for part in parts)
