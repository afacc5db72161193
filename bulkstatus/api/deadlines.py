"""`Deadlines`: the same time limit for many tasks at once, with one timer among them."""

import asyncio
from types import TracebackType
from typing import Any


class Deadlines:
    """A limit of `seconds` for what a task does in a `with` of it, which then raises TimeoutError.

    `asyncio.timeout` and aiohttp set a timer for each request and take it back, which is a
    fifteenth of all the work at thousands of requests a second. Here the limit is the same for
    all tasks of the event loop `loop`, so that the one which began first is the first to be over,
    and one timer waits for that. As `asyncio.timeout` it leaves the cancellations of others alone.
    A task is in one such `with` at a time.
    """

    def __init__(self, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        self._seconds = seconds
        self._loop = loop
        # Of each task that is in time: its deadline, and how often it was cancelled before; of
        # each that is late: the latter alone.
        self._running: dict[asyncio.Task[Any], tuple[float, int]] = {}
        self._late: dict[asyncio.Task[Any], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Stop the timer: no limit is over any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        task = self._current_task()
        deadline = self._loop.time() + self._seconds
        self._running[task] = (deadline, task.cancelling())
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task = self._current_task()
        if self._running.pop(task, None) is None:
            own = task.uncancel() <= self._late.pop(task)
            if own and exc_type is asyncio.CancelledError:
                raise TimeoutError from exc

    def _current_task(self) -> asyncio.Task[Any]:
        # Without the loop it would have to be looked up, which takes longer than all the rest.
        task: asyncio.Task[Any] | None = asyncio.current_task(self._loop)
        assert task is not None
        return task

    def _look(self) -> None:
        """Cancel what the tasks wait for whose time is over, and wait for the next."""
        self._timer = None
        while self._running:
            task, (deadline, cancelled_before) = next(iter(self._running.items()))
            if deadline > self._loop.time():
                self._timer = self._loop.call_at(deadline, self._look)
                return
            del self._running[task]
            self._late[task] = cancelled_before
            task.cancel()
