"""The time limit of a request, in simulated time."""

import asyncio

import pytest

from bulkstatus.api.client import Deadlines
from tests.run.simulated import simulate


def limits_of_30() -> Deadlines:
    return Deadlines(30, asyncio.get_running_loop())


async def sleep(deadlines: Deadlines, wait: float, seconds: float) -> str:
    """After `wait` sleep under a limit, and say how that ended, and when."""
    await asyncio.sleep(wait)
    try:
        with deadlines:
            await asyncio.sleep(seconds)
            how = "done"
    except TimeoutError:
        how = "late"
    return f"{how} at {asyncio.get_running_loop().time():.0f}"


def test_each_limit_counts_from_its_own_beginning() -> None:
    async def work() -> list[str]:
        deadlines = limits_of_30()
        plan = [(0, 100), (5, 10), (10, 29), (20, 31), (200, 29), (240, 31)]
        return await asyncio.gather(*(sleep(deadlines, *times) for times in plan))

    ends = "late at 30, done at 15, done at 39, late at 50, done at 229, late at 270"
    assert simulate(work()) == ends.split(", ")


def test_a_task_that_was_late_goes_on_as_if_nothing_had_been() -> None:
    async def work() -> tuple[str, str, int]:
        deadlines = limits_of_30()
        task = asyncio.current_task()
        assert task is not None
        return await sleep(deadlines, 0, 99), await sleep(deadlines, 0, 9), task.cancelling()

    assert simulate(work()) == ("late at 30", "done at 39", 0)


@pytest.mark.parametrize("moment", [10, 30])
def test_a_task_that_is_cancelled_from_outside_is_not_late(moment: float) -> None:
    """Also when that happens in the very step in which its time is over."""

    async def work() -> bool:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(sleep(limits_of_30(), 0, 99))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.call_at(loop.time() + moment, task.cancel)
        await asyncio.wait([task])
        return task.cancelled()

    assert simulate(work(), step=0)
