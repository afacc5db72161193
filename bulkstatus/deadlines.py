"""`Deadlines`: the same time limit for many requests at once, with one timer among them."""

import asyncio
from types import TracebackType
from typing import Any, Self


class Deadlines:
    """Makes time limits of `seconds` each, for tasks of the event loop `loop`.

    `asyncio.timeout` and aiohttp set a timer for each request and take it back, which is a
    fifteenth of all the work at thousands of requests a second. Here the limit is the same for
    all, so that the one which began first is the first to be over, and one timer waits for that.
    """

    def __init__(self, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._seconds = seconds
        self._running: dict[TimeLimit, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def limit(self) -> "TimeLimit":
        """Return a limit for what a `with` of it holds, which then raises TimeoutError."""
        return TimeLimit(self)

    def close(self) -> None:
        """Stop the timer: no limit is over any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def begin(self, limit: "TimeLimit") -> None:
        """Start the time of a limit."""
        deadline = self._running[limit] = self.loop.time() + self._seconds
        if self._timer is None:
            self._timer = self.loop.call_at(deadline, self._look)

    def end(self, limit: "TimeLimit") -> None:
        """Stop the time of a limit that may be over already."""
        self._running.pop(limit, None)

    def _look(self) -> None:
        """End the limits whose time is over, and wait for the next."""
        self._timer = None
        while self._running:
            limit, deadline = next(iter(self._running.items()))
            if deadline > self.loop.time():
                self._timer = self.loop.call_at(deadline, self._look)
                return
            del self._running[limit]
            limit.pass_by()


class TimeLimit:
    """One limit, entered once; as `asyncio.timeout` it leaves the cancellations of others alone."""

    __slots__ = ("_cancelled_before", "_deadlines", "_is_over", "_task")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._is_over = False

    def __enter__(self) -> Self:
        # Without the loop it would have to be looked up, which takes longer than all the rest.
        task: asyncio.Task[Any] | None = asyncio.current_task(self._deadlines.loop)
        assert task is not None
        self._task = task
        self._cancelled_before = task.cancelling()
        self._deadlines.begin(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._deadlines.end(self)
        if self._is_over:
            own = self._task.uncancel() <= self._cancelled_before
            if own and exc_type is asyncio.CancelledError:
                raise TimeoutError from exc

    def pass_by(self) -> None:
        """Cancel what the task waits for, since its time is over."""
        self._is_over = True
        self._task.cancel()
