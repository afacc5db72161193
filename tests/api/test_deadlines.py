"""The time limit of a request, in simulated time."""

import asyncio

import pytest

from bulkstatus.deadlines import Deadlines
from tests.run.simulated import simulate


def _limits_of_30() -> Deadlines:
    return Deadlines(30, asyncio.get_running_loop())


async def _sleep(deadlines: Deadlines, seconds: float) -> str:
    """Sleep under a limit and say how that ended, and when."""
    try:
        with deadlines:
            await asyncio.sleep(seconds)
            how = "done"
    except TimeoutError:
        how = "late"
    return f"{how} at {asyncio.get_running_loop().time():.0f}"


async def _later(deadlines: Deadlines, wait: float, seconds: float) -> str:
    await asyncio.sleep(wait)
    return await _sleep(deadlines, seconds)


def test_each_limit_counts_from_its_own_beginning() -> None:
    async def work() -> list[str]:
        deadlines = _limits_of_30()
        plan = [(0, 100), (5, 10), (10, 29), (20, 31), (200, 29), (240, 31)]
        return await asyncio.gather(*(_later(deadlines, *times) for times in plan))

    assert simulate(work()) == [
        "late at 30",
        "done at 15",
        "done at 39",
        "late at 50",
        "done at 229",
        "late at 270",
    ]


def test_a_task_that_was_late_goes_on_as_if_nothing_had_been() -> None:
    async def work() -> tuple[str, str, int]:
        deadlines = _limits_of_30()
        task = asyncio.current_task()
        assert task is not None
        return await _sleep(deadlines, 99), await _sleep(deadlines, 9), task.cancelling()

    assert simulate(work()) == ("late at 30", "done at 39", 0)


@pytest.mark.parametrize("moment", [10, 30])
def test_a_task_that_is_cancelled_from_outside_is_not_late(moment: float) -> None:
    """Also when that happens in the very step in which its time is over."""

    async def work() -> bool:
        deadlines = _limits_of_30()
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(_sleep(deadlines, 99))
        await asyncio.sleep(0)
        loop.call_at(loop.time() + moment, task.cancel)
        await asyncio.wait([task])
        return task.cancelled()

    assert simulate(work(), step=0)


def test_other_errors_pass_through() -> None:
    async def work() -> None:
        with _limits_of_30():
            raise ValueError("other")

    with pytest.raises(ValueError, match="other"):
        simulate(work())


def test_a_thousand_limits_share_a_timer() -> None:
    async def work() -> int:
        deadlines = _limits_of_30()
        loop = asyncio.get_running_loop()
        timers = 0
        call_at = loop.call_at

        def counted(*arguments: object, **options: object) -> asyncio.TimerHandle:
            nonlocal timers
            timers += 1
            return call_at(*arguments, **options)  # type: ignore[arg-type]  # passed on as they are

        loop.call_at = counted  # type: ignore[method-assign]  # counts what is asked of the loop
        for _ in range(1000):
            with deadlines:
                await asyncio.sleep(0)
        deadlines.close()
        return timers

    assert simulate(work()) == 1
