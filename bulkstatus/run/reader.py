"""`Reader`: rows from the source into the feed, a little ahead of their sending."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing

from bulkstatus.conflict import Decision, Fate
from bulkstatus.order import Row, StatusUpdate
from bulkstatus.preflight import Plan, remaining_batches
from bulkstatus.result import ErrorKind, Outcome, Result, RowError
from bulkstatus.resultlog import LogState, ResultLog
from bulkstatus.run.feed import Feed, Job
from bulkstatus.source import Source


class Reader:
    """Puts the rows that are due into the feed, and logs those that are not to be sent.

    It stops after `limit` rows that are due; `limit_reached` says that there are more of them.
    `wake` is called when there is something new to send.
    """

    def __init__(
        self,
        plan: Plan,
        state: LogState,
        feed: Feed,
        log: ResultLog,
        limit: int | None,
        wake: Callable[[], None],
    ) -> None:
        self.limit_reached = False
        self.stopping = False
        self._plan = plan
        self._state = state
        self._feed = feed
        self._log = log
        self._limit = limit
        self._wake = wake
        self._taken = 0
        self._room = asyncio.Event()
        self._waits = False

    async def read(self, source: Source) -> None:
        """Read to the end, or to the limit. Raises InputRefused and InputChanged."""
        async with aclosing(remaining_batches(source, self._plan, self._state)) as batches:
            async for rows in batches:
                if not await self._take_in(rows):
                    break
        self._feed.is_complete = not self.stopping
        self._wake()

    def job_taken(self) -> None:
        """Go on reading, if the jobs that were taken from the feed have made room for many more."""
        if self._waits and self._feed.is_low:
            self._room.set()

    async def _take_in(self, rows: Iterable[tuple[int, Row, Decision]]) -> bool:
        """Take in rows as there is room for them; return False when no more are wanted."""
        for line, row, decision in rows:
            if self.stopping:
                return False
            if decision.fate is Fate.SEND and isinstance(row, StatusUpdate):
                if self._taken == self._limit:
                    self.limit_reached = True
                    return False
                self._taken += 1
                job = Job(line, row)
                job.unseen = self._state.may_have_arrived(row)
                self._feed.add(job)
            else:
                self._log.add(_unsent(line, row, decision))
                await self._log.room()
            if self._feed.is_full:
                await self._wait_for_room()
        return True

    async def _wait_for_room(self) -> None:
        self._wake()
        self._waits = True
        while not self._feed.is_low:
            self._room.clear()
            await self._room.wait()
        self._waits = False


def _unsent(line: int, row: Row, decision: Decision) -> Result:
    """Return the result of a row that is not to be sent."""
    outcome = {
        Fate.DUPLICATE: Outcome.DUPLICATE,
        Fate.SUPERSEDED: Outcome.SUPERSEDED,
    }.get(decision.fate, Outcome.INVALID)
    error = RowError(ErrorKind.ROW, decision.reason) if decision.reason else None
    return Result(line, row.order_id, row.status, row.tracking, outcome, time.time(), error=error)
