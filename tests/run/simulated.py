"""An event loop whose clock jumps: an hour of waiting takes no time, and every wait is exact."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: The seconds after which a run is taken to be without end.
LONGEST = 20_000.0


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for a time-out, moves the loop's clock to it."""

    loop: "SimulatedLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self.loop.threads:
            # Work in a thread is real, and no simulated time passes while it goes on.
            return super().select(None)
        self.loop.now += timeout
        if self.loop.now > LONGEST:
            raise AssertionError("the run goes on for ever")
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`step` is the time that passes with each look at the clock, in seconds."""

    def __init__(self, step: float = 1e-6) -> None:
        self.step = step
        selector = _Selector()
        selector.loop = self
        self.now = 0.0
        self.threads = 0
        super().__init__(selector)

    def time(self) -> float:
        # Time passes while code runs, too: what is due may become so at any point.
        self.now += self.step
        return self.now

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> Any:
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        # To join the threads is real work as well, whose time limit must not be jumped to.
        self.threads += 1
        await super().shutdown_default_executor()

    def _thread_done(self, _: object) -> None:
        self.threads -= 1


def simulate(work: Coroutine[Any, Any, T], step: float = 1e-6) -> T:
    """Run `work` to its end in simulated time."""
    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(step)) as runner:
        return runner.run(work)
