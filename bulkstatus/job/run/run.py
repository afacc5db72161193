"""`Run`: the due rows of a log from its first announcement to its end record."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence

from bulkstatus.errors import BulkstatusError, LogLost, Stopped
from bulkstatus.job.run.conductor import Conductor
from bulkstatus.job.run.feed import Job
from bulkstatus.job.run.interface import Ending, Observer, RunOptions, Sender
from bulkstatus.job.run.lead import Lead
from bulkstatus.log.reader import read_rows, rows_of
from bulkstatus.log.records import EndRecord, Result, RowRecord, timestamp
from bulkstatus.log.state import Span, State, spans_of
from bulkstatus.log.writer import ResultLog
from bulkstatus.pace import Pacer, Quotas, Rate


class Run:
    """One run over rows of a log that has begun; `execute` is called once.

    `phases` are the rows to be sent, in that order, and `left` says why others stay to be sent.
    """

    def __init__(
        self,
        log: ResultLog,
        phases: Iterable[Sequence[Span]],
        api: Sender,
        pacer: Pacer | None,
        quotas: Quotas | None,
        options: RunOptions,
        observer: Observer | None = None,
        *,
        left: str = "",
        rate: Rate | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._log = log
        self._state = log.contents.state
        self._phases = list(phases)
        self._left = left
        self._quotas = quotas
        self._observer = observer or Observer()
        self._lead = Lead(self._phases, rate)
        self._conductor = Conductor(
            log,
            api,
            pacer,
            quotas,
            options,
            self._observer,
            vouched=log.contents.has_answers_of_the_api,
            looked=self._looked,
            jitter=jitter,
        )
        self._feed = self._conductor.feed
        self._room = asyncio.Event()
        self._room.set()
        self._over = False

    async def execute(self) -> Ending:
        """Send every row that is due, log every row's result and return how that ended."""
        moved = self._log.announce(self._lead.first(asyncio.get_running_loop().time()))
        if moved is not None:
            self._conductor.stop(moved)
        self._observer.started(self._quotas.coming_free() if self._quotas else [])
        try:
            self._log.start(self._wrote, self._conductor.stop)
            reading = asyncio.create_task(self._read())
            try:
                await self._conductor.conduct()
                # What has a result is known only once that is on disk.
                await self._log.finish()
                is_done = self._feed.is_complete and self._feed.is_done
                self._leave_behind()
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                await self._log.finish()
            cause = self._conductor.cause
            if cause is not None and not isinstance(cause, BulkstatusError):
                raise cause
            return await self._close(is_done)
        finally:
            self._over = True
            self._observer.ended()

    def interrupt(self, exit_status: int) -> None:
        """Stop as a signal asks: let the rows on the wire finish, or the second time drop them."""
        if not self._over:
            self._conductor.interrupt(exit_status)

    # While it goes on.

    async def _read(self) -> None:
        """Read the due rows, a little ahead of their sending; a fault in that ends the run."""
        try:
            for phase in self._phases:
                async for rows in rows_of(self._log.contents, phase):
                    for row in rows:
                        self._feed.add(self._job(row))
                        if self._feed.is_full:
                            self._conductor.wake()
                            self._room.clear()
                            await self._room.wait()
            self._feed.is_complete = True
            self._conductor.wake()
        except Exception as error:
            self._conductor.stop(error)

    def _job(self, row: RowRecord) -> Job:
        job, state = Job(row.n, row.line, row.update), self._state
        if not state.is_new(row.n):
            job.unseen = state.is_unseen(row.n)
            job.before = state.state(row.n)
            job.denied_before = state.is_denied(row.n)
        return job

    def _looked(self, now: float) -> None:
        """Read on, and move on in the log up to where rows may leave, well ahead of them."""
        if not self._room.is_set() and self._feed.is_low:
            self._room.set()
        if (through := self._lead.look(self._feed.sent, now)) is not None:
            self._log.sending(through)

    def _wrote(self, results: Sequence[Result]) -> None:
        for result in results:
            self._state.settle(result)
            self._feed.settle(result.order_id)
        self._conductor.wake()
        self._observer.wrote(results)

    # Its end.

    def _leave_behind(self) -> None:
        """Say of each row that is left whether it is given up or its order is perhaps changed."""
        left, delivery = self._conductor.left(), self._conductor.delivery
        state, said = self._state, {job.n for job in left}
        for job in left:
            in_doubt = job.unseen and (job.attempts or state.is_unrecorded(job.n))
            if job.given_up or in_doubt:
                delivery.leave(job)
        others = spans_of(
            n
            for n in state.unseen()
            if n not in said
            and state.is_unrecorded(n)
            and state.state(n) in {State.TO_SEND, State.FAILED}
        )
        for row in read_rows(self._log.contents, others):
            delivery.leave(self._job(row))

    async def _close(self, is_done: bool) -> Ending:
        """Write the end record and return the ending; `is_done` says that no row was left."""
        counts = self._state.counts()
        ending, lost = self._conductor.ending, self._log.lost
        is_stopped = ending is not None and ending.reason == "stopped"
        if is_stopped and is_done and not isinstance(self._conductor.cause, LogLost):
            # The reason to stop came with the very last row, and so stopped nothing.
            ending = None
        if ending is None and self._left:
            ending = Ending("stopped", Stopped.exit_status, self._left)
        if ending is None:
            ending = Ending("finished", int(self._state.has_failures))
        if lost is None:
            record = EndRecord(
                run_id=self._log.contents.last_run.run_id,
                ended_at=timestamp(time.time()),
                reason=ending.reason,
                message=ending.message,
                counts={str(outcome): count for outcome, count in counts.items()},
            )
            try:
                await self._log.append_end(record)
            except Stopped as error:
                return Ending("stopped", error.exit_status, str(error))
        return ending
