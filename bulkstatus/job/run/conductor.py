"""`Conductor`: jobs from the feed → paced, concurrent PUTs → results.

It starts workers as the gate allows; a worker sends one row after the other for as long as it
may. Nothing here knows of a terminal: an `Observer` is told what happens.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable

from bulkstatus.api.answer import Answer
from bulkstatus.errors import BulkstatusError, LogLost, Stopped
from bulkstatus.job.run.delivery import Delivery
from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.job.run.gate import Gate, Hold, HoldReason
from bulkstatus.job.run.interface import Book, Ending, Observer, RunOptions, Sender
from bulkstatus.pace import Pacer, Quotas

#: By how much the wall clock may run ahead of time as it passes here, in seconds, before the book
#: is looked at: the machine has slept, or somebody has set the clock.
CLOCK_JUMP_SECONDS = 60.0

#: For how long a limit is waited for, in seconds, by rows that alone draw its answers. The
#: shorter of the windows that the vendor documents is an hour.
LIMIT_PATIENCE_SECONDS = 3900.0

#: The longest that a hold waits at a time, in seconds.
HOLD_STEP_SECONDS = 1.0


class Conductor:
    """Sends what is in `feed` and enters the results in `book`.

    `vouched` says that the API has answered at this base URL before, and `looked` is called each
    time that the feed was asked for a job, with the moment by the event loop's clock. When it
    stops early `ending` says how, and `cause` is the error that it stopped for, where there is one;
    what is no BulkstatusError is a fault of our own.
    """

    def __init__(
        self,
        book: Book,
        api: Sender,
        pacer: Pacer | None,
        quotas: Quotas | None,
        options: RunOptions,
        observer: Observer,
        *,
        vouched: bool,
        looked: Callable[[float], None] = lambda now: None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._book = book
        self._api = api
        self._pacer = pacer or Pacer(None)
        # What one before it has found, which shares the pacer, went with it.
        self._pacer.apart = 0.0
        self._quotas = quotas
        self._options = options
        self._observer = observer
        self._looked = looked
        self._gate = Gate(options.concurrency, self._pacer.most, vouched=vouched)
        self.feed = Feed()
        self.delivery = Delivery(
            self._gate,
            self.feed,
            options,
            add=book.add,
            stop=self.stop,
            jitter=jitter,
        )
        self.ending: Ending | None = None
        self.cause: BaseException | None = None
        self._wake = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()
        self._interrupted = False
        self._quota_free_at = self._turn_at = 0.0
        self._looked_at = 0.0
        self._held_seconds = 0.0

    # From outside.

    def left(self) -> list[Job]:
        """Return the jobs without a result that are not on the wire."""
        return [*self.feed.unsettled(), *self.delivery.faults.set_aside()]

    def wake(self) -> None:
        """Look again whether something can be sent."""
        self._wake.set()

    def take_back(self, job: Job) -> None:
        """Send a job no more: what is on the wire finishes, and what did not leave will not."""
        self.feed.take_back(job)
        self.wake()

    def stop(self, error: BaseException) -> None:
        """Begin to stop, for a reason to or for a fault of our own; the first reason counts."""
        if isinstance(error, BulkstatusError):
            ending = Ending("stopped", error.exit_status, str(error))
        else:
            ending = Ending("stopped", 3, "Stopped by an internal error.")
        is_own = not isinstance(error, BulkstatusError)
        if self.ending is None or (is_own and isinstance(self.cause, BulkstatusError | None)):
            self.cause = error
        self._end(ending)

    def interrupt(self, exit_status: int) -> None:
        """Stop as a signal asks: let the rows on the wire finish, or the second time drop them."""
        if self._interrupted:
            for worker in self._workers:
                worker.cancel()
            return
        self._interrupted = True
        self._end(Ending("interrupted", exit_status, "Interrupted."))

    async def conduct(self) -> None:
        """Keep as many workers at work as may be, until there is nothing left to do.

        It can be called again when there is more. To cancel it drops the rows on the wire.
        """
        self._now = asyncio.get_running_loop().time
        self._wall_ahead = time.time() - self._now()
        self._held_seconds = 0.0
        try:
            while True:
                self._wake.clear()
                while (job := self._take()) is not None:
                    await self._pacer.take()
                    worker = asyncio.create_task(self._work(job))
                    self._workers.add(worker)
                    worker.add_done_callback(self._worker_done)
                if not self._workers and self._is_over():
                    return
                await self._wait()
        except Exception as error:
            self.stop(error)
        finally:
            dropped = list(self._workers)
            for worker in dropped:
                worker.cancel()
            await asyncio.gather(*dropped, return_exceptions=True)

    def _end(self, ending: Ending) -> None:
        if self.ending is None:
            self.ending = ending
            self.delivery.faults.stopping = True
            self._observer.stopping(ending)
        self._wake.set()

    # Starting workers.

    def _is_over(self) -> bool:
        if self.ending is not None:
            return True
        if not self.feed.is_at_end or self.feed.waiting:
            return False
        # Also where an order's next row waits for one that is set aside.
        self.delivery.faults.conclude()
        return self.feed.is_empty

    async def _wait(self) -> None:
        """Wait until something changes or something is due."""
        now = self._now()
        moments = [self.feed.next_due, self._quota_free_at, self._turn_at]
        hold = self._gate.hold
        if hold is not None:
            # In small steps, so that time in which the machine sleeps is not counted.
            moments += [hold.until, now + HOLD_STEP_SECONDS]
        # What has become due since the last look must not be slept through.
        next_moment = min((m for m in moments if m > self._looked_at), default=math.inf)
        handle = None
        if next_moment < math.inf:
            handle = asyncio.get_running_loop().call_at(next_moment, self._wake.set)
        await (self._wake if self._book.ready.is_set() else self._book.ready).wait()
        if handle is not None:
            handle.cancel()
        if hold is not None and hold is self._gate.hold:
            self._held_seconds += min(self._now() - now, 2 * HOLD_STEP_SECONDS)
            is_over = self.ending is not None or self._workers
            if self._held_seconds >= self._patience(hold) and not is_over:
                self.delivery.give_up(hold)
        else:
            self._held_seconds = 0.0

    def _patience(self, hold: Hold) -> float:
        """Return for how long to hold before giving up, in seconds."""
        if hold.reason is not HoldReason.LIMIT:
            return self._options.give_up_after
        return max(self._options.give_up_after, LIMIT_PATIENCE_SECONDS, 2 * self._gate.quiet)

    def _take(self) -> Job | None:
        """Take the next job and all that it needs to leave at once, or None when none may now."""
        now = self._looked_at = self._now()
        if (
            self.ending is not None
            or not self._book.ready.is_set()
            or now < self._quota_free_at
            or not self._gate.is_open(now)
        ):
            return None
        if wait := self._pacer.wait():
            self._turn_at = now + wait
            return None
        if not self._book_is_there(now):
            return None
        job = self.feed.next(now, self._gate.hold, self._book.through)
        self._looked(now)
        if job is None:
            return None
        if self._quotas is not None and not self._take_place(job, self._quotas):
            self.feed.again(job, 0.0)
            return None
        job.given = self._gate.enter()
        return job

    def _take_place(self, job: Job, quotas: Quotas) -> bool:
        """Take a place in the quotas, or tell that there is none.

        Places are taken last: from then on they count as if the request might arrive.
        """
        try:
            place = quotas.try_take()
        except Stopped as error:
            self.stop(error)
            return False
        if isinstance(place, float):
            self._quota_free_at = self._now() + place
            assert quotas.full is not None
            self._observer.waiting_for_quota(place, quotas.full)
            return False
        job.place = place
        return True

    def _book_is_there(self, now: float) -> bool:
        """Look at the book where the wall clock has jumped: before another request leaves."""
        ahead = time.time() - now
        if abs(ahead - self._wall_ahead) > CLOCK_JUMP_SECONDS:
            self._wall_ahead = ahead
            try:
                self._book.look()
            except LogLost as error:
                self.stop(error)
                return False
        return True

    def _worker_done(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self.stop(error)
        self._wake.set()

    # One row's way.

    async def _work(self, job: Job | None) -> None:
        while job is not None:
            job.attempts += 1
            started = time.perf_counter()
            try:
                answer = await self._api.put(job.update)
            except asyncio.CancelledError:
                job.elapsed_ms = (time.perf_counter() - started) * 1000
                self.delivery.drop(job)
                raise
            job.elapsed_ms = (time.perf_counter() - started) * 1000
            self._take_in(job, answer)
            job = self._take() if self._pacer.is_free else None

    def _take_in(self, job: Job, answer: Answer) -> None:
        """Do what an answer asks for, and tell of a hold that begins, goes on or ends with it."""
        if job.place is not None and self._quotas is not None:
            try:
                self._quotas.answered(job.place)
            except Stopped as error:
                self.stop(error)
        held = self._gate.hold
        until = held.until if held is not None else None
        rate = self._gate.found.rate
        self.delivery.judge(job, answer, self._now())
        hold = self._gate.hold
        if hold is not held or (hold is not None and hold.until != until):
            self._observer.holding(hold)
        if self._gate.found.rate != rate:
            self._pacer.apart = 1 / self._gate.found.rate
            self._observer.found(self._gate.found.rate)
        if self._gate.limit > len(self._workers):
            self._wake.set()
