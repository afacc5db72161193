"""`Calls`: updates that come one at a time from a program, sent by the rules of a run."""

import asyncio
import sys
from typing import NamedTuple

from bulkstatus.errors import ActionNeeded, LedgerLost, Stopped
from bulkstatus.job.run.conductor import Conductor
from bulkstatus.job.run.delivery import result_of
from bulkstatus.job.run.feed import Job
from bulkstatus.job.run.interface import RunOptions, Sender, Silent
from bulkstatus.log.records import Outcome, Result
from bulkstatus.order import StatusUpdate
from bulkstatus.pace import Pacer, Quotas


class Sent(NamedTuple):
    """What became of an update.

    `advice` says what to check, where the last answer had some. `stop` is why no more is sent,
    where that is the reason that the update has no result of its own.
    """

    result: Result
    advice: str
    stop: Stopped | None


class _Call(Job):
    """An update that is waited for: `done` gets its result, or why it can have none."""

    def __init__(self, n: int, update: StatusUpdate) -> None:
        super().__init__(n, n, update)
        self.done: asyncio.Future[Result | BaseException] = asyncio.Future()


class Calls:
    """Sends what `send` is called with; the `Book` of its own conductor.

    The conductor is at work while an update waits. One that was stopped is followed by a new
    one, but for a reason that somebody has to put right.
    """

    through = sys.maxsize

    def __init__(
        self, api: Sender, pacer: Pacer | None, quotas: Quotas | None, options: RunOptions
    ) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self._way = api, pacer, quotas, options
        self._waiting: dict[int, _Call] = {}
        self._count = 0
        self._vouched = False
        self._conductor = self._new_conductor()
        self._sending: asyncio.Task[None] | None = None

    def _new_conductor(self) -> Conductor:
        conductor = Conductor(self, *self._way, Silent(), vouched=self._vouched)
        # As far as anybody knows; it is woken when there is more.
        conductor.feed.is_complete = True
        return conductor

    async def send(self, update: StatusUpdate) -> Sent:
        """Send an update; to cancel that takes it back, unless its request is on the wire.

        Raises LedgerLost when the ledger of the quota cannot be used any more.
        """
        self._count += 1
        call = self._waiting[self._count] = _Call(self._count, update)
        self._conductor.feed.add(call)
        self._conductor.wake()
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        try:
            end = await call.done
        except asyncio.CancelledError:
            self._waiting.pop(call.n, None)
            self._conductor.take_back(call)
            raise
        answer = call.answer
        advice = answer.advice if answer else ""
        if isinstance(end, Result):
            return Sent(end, advice, None)
        if isinstance(end, LedgerLost) or not isinstance(end, Stopped):
            raise end
        status, error = (answer.http_status, answer.error) if answer else (None, None)
        return Sent(result_of(call, Outcome.FAILED, status, error), advice, end)

    async def close(self) -> None:
        """Wait for what is on the wire, and send nothing more."""
        self._conductor.stop(Stopped("The client was closed."))
        if self._sending is not None:
            await self._sending

    async def _send(self) -> None:
        """Send what waits; where that is stopped, tell those that are left the reason."""
        conductor = self._conductor
        try:
            await conductor.conduct()
        finally:
            if conductor.cause is not None:
                for call in list(self._waiting.values()):
                    conductor.take_back(call)
                    self._end(call.n, conductor.cause)
                if not isinstance(conductor.cause, ActionNeeded):
                    self._conductor = self._new_conductor()

    # The book of results.

    def add(self, result: Result) -> None:
        """See Book."""
        self._vouched = self._vouched or result.outcome is Outcome.UPDATED
        self._end(result.n, result)

    def look(self) -> None:
        """See Book: nothing here can get lost."""

    def _end(self, n: int, end: Result | BaseException) -> None:
        call = self._waiting.pop(n, None)
        if call is not None and not call.done.done():
            call.done.set_result(end)
