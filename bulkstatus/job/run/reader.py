"""`Reader`: rows from the log into the feed, a little ahead of their sending."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.log.reader import LogContents
from bulkstatus.log.rows import rows_of
from bulkstatus.log.state import Span


class Reader:
    """Puts the due rows into the feed; `wake` is called when there is something new to send."""

    def __init__(self, log: LogContents, feed: Feed, wake: Callable[[], None]) -> None:
        self._log = log
        self._feed = feed
        self._wake = wake
        self._room = asyncio.Event()
        self._waits = False

    async def read(self, phases: Iterable[Sequence[Span]]) -> None:
        """Read to the end. Raises LogLost when the log can no longer be read."""
        state = self._log.state
        for phase in phases:
            async for rows in rows_of(self._log, phase):
                for row in rows:
                    job = Job(row.n, row.line, row.update)
                    if state.is_unseen(row.n):
                        job.unseen = True
                    self._feed.add(job)
                    if self._feed.is_full:
                        await self._wait_for_room()
        self._feed.is_complete = True
        self._wake()

    def job_taken(self) -> None:
        """Go on reading, if the jobs that were taken from the feed have made room for many more."""
        if self._waits and self._feed.is_low:
            self._room.set()

    async def _wait_for_room(self) -> None:
        self._wake()
        self._waits = True
        while not self._feed.is_low:
            self._room.clear()
            await self._room.wait()
        self._waits = False
