"""The pacer by a simulated clock, whose timers are late and coarse."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from itertools import pairwise
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.pace import Pacer, Rate
from bulkstatus.pace.pacer import CATCH_UP, JITTER
from tests.run.simulated import SimulatedLoop

TEN = Rate(10, 1.0)
RATES = [TEN, Rate(100, 1.0), Rate(1000, 1.0), Rate(3000, 1.0)]
RATES += [Rate(30, 60.0), Rate(1000, 3600.0), Rate(1, 3600.0), Rate(1, 1.0)]


class LateLoop(SimulatedLoop):
    """Its timers are late by what `lateness` returns, and know whole milliseconds if `coarse`."""

    def __init__(self, lateness: Callable[[], float], coarse: bool) -> None:
        super().__init__(step=0)
        self.lateness = lateness
        self.coarse = coarse
        self.timers = 0

    def time(self) -> float:
        return int(self.now * 1000) / 1000 if self.coarse else self.now

    def call_at(self, when: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        self.timers += 1
        when = ceil(when * 1000) / 1000 if self.coarse else when
        return super().call_at(when + self.lateness(), *arguments, **options)


def punctual() -> float:
    return 0.0


def up_to(seconds: float) -> Callable[[], float]:
    chance = random.Random(7)
    return lambda: chance.uniform(0, seconds)


def simulate(
    main: Callable[[LateLoop], Coroutine[Any, Any, None]],
    lateness: Callable[[], float] = punctual,
    coarse: bool = False,
) -> LateLoop:
    loop = LateLoop(lateness, coarse)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main(loop))
    return loop


async def leave(pacer: Pacer) -> None:
    while seconds := pacer.wait():
        await asyncio.sleep(seconds)
    await pacer.take()


def moments_of_leaving(
    rate: Rate,
    requests: int,
    busy: float = 0.0,
    lateness: Callable[[], float] = punctual,
    coarse: bool = False,
) -> list[float]:
    """Between two requests the one who sends them is `busy` for so many seconds."""
    moments: list[float] = []

    async def run(loop: LateLoop) -> None:
        pacer = Pacer(rate)
        for _ in range(requests):
            await leave(pacer)
            moments.append(loop.now)
            await asyncio.sleep(busy)

    simulate(run, lateness, coarse)
    return moments


def most_in_a_window(moments: list[float], seconds: float) -> int:
    first = most = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def enough(rate: Rate) -> int:
    """Some windows' worth of requests."""
    return min(3 * rate.count + 2, 5000)


@pytest.mark.parametrize("coarse", [False, True], ids=["fine clock", "coarse clock"])
@pytest.mark.parametrize("late", [0.0, 0.001, 0.003, 0.05])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_no_window_holds_more_than_the_rate_not_even_squeezed_by_the_network(
    rate: Rate, late: float, coarse: bool
) -> None:
    moments = moments_of_leaving(rate, enough(rate), lateness=up_to(late), coarse=coarse)
    squeezed = JITTER - 0.0015 if coarse else JITTER * 0.99
    assert most_in_a_window(moments, rate.seconds + squeezed) <= rate.count


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 2000),
    seconds=st.sampled_from([1.0, 60.0]),
    busy=st.floats(0, 0.3),
    lateness=st.lists(st.floats(0, 0.2), min_size=1, max_size=20),
)
def test_no_window_holds_more_than_the_rate_whatever_the_delays(
    count: int, seconds: float, busy: float, lateness: list[float]
) -> None:
    delays = iter(lateness * 10_000)
    moments = moments_of_leaving(Rate(count, seconds), 250, busy, lambda: next(delays, 0.0))
    assert most_in_a_window(moments, seconds + JITTER * 0.99) <= count


@pytest.mark.parametrize("coarse", [False, True], ids=["fine clock", "coarse clock"])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_late_timers_are_made_up_for(rate: Rate, coarse: bool) -> None:
    moments = moments_of_leaving(rate, enough(rate), lateness=up_to(0.0015), coarse=coarse)
    achieved = (len(moments) - 1) / (moments[-1] - moments[0]) * rate.seconds / rate.count
    assert achieved >= rate.seconds / (rate.seconds + CATCH_UP + JITTER) - 0.001


@pytest.mark.parametrize("rate", [Rate(30, 60.0), Rate(1000, 3600.0), TEN], ids=str)
def test_requests_leave_evenly_spaced(rate: Rate) -> None:
    moments = moments_of_leaving(rate, 50, lateness=up_to(0.001))
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(gaps) > rate.seconds / rate.count - CATCH_UP
    assert max(gaps) < rate.seconds / rate.count + CATCH_UP + JITTER


def test_waiting_at_ten_a_second_wakes_up_a_few_times_per_request_only() -> None:
    async def main(loop: LateLoop) -> None:
        pacer = Pacer(TEN)
        for _ in range(100):
            await leave(pacer)

    assert simulate(main, up_to(0.001)).timers <= 10 * 100


def test_under_a_limit_that_was_found_nothing_is_made_up_for() -> None:
    async def main(loop: LateLoop) -> None:
        pacer = Pacer(TEN)
        pacer.apart = 0.5
        await leave(pacer)
        await asyncio.sleep(0.7)
        moments = []
        for _ in range(5):
            await leave(pacer)
            moments.append(loop.now)
        assert all(later - before >= 0.5 for before, later in pairwise(moments))

    simulate(main, up_to(0.003))


def test_without_a_rate_nothing_waits() -> None:
    pacer = Pacer(None)
    assert pacer.is_free
    assert pacer.wait() == 0.0
