"""The pipeline: rows → paced, concurrent PUTs → results → log.

One conductor starts workers as the gate allows; a worker sends one row after the other for as
long as it may. Nothing here knows of a terminal: an `Observer` is told what happens.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence

from bulkstatus.answer import Answer
from bulkstatus.errors import BulkstatusError, InputChanged, Stopped
from bulkstatus.pace import Pacer, Place, Quotas
from bulkstatus.preflight import Plan
from bulkstatus.result import FAILURES, Outcome, Result, timestamp
from bulkstatus.resultlog import EndRecord, LogState, ResultLog
from bulkstatus.run.delivery import Delivery
from bulkstatus.run.feed import Feed, Job
from bulkstatus.run.gate import Gate, Hold, HoldReason
from bulkstatus.run.interface import Ending, Observer, RunOptions, Sender, Silent
from bulkstatus.run.reader import Reader
from bulkstatus.source import Source
from bulkstatus.wording import counted

#: How often the input is looked at for changes, in seconds.
WATCH_SECONDS = 1.0

#: For how long a limit is waited for, in seconds, by rows that alone draw its answers. The
#: shorter of the windows that the vendor documents is an hour.
LIMIT_PATIENCE_SECONDS = 3900.0

#: The longest that a hold waits at a time, in seconds.
HOLD_STEP_SECONDS = 1.0

# The outcomes of rows that were due.
_SENT = {Outcome.UPDATED, Outcome.REJECTED, Outcome.FAILED}


class Run:
    """One run over a checked source; `execute` is called once."""

    def __init__(
        self,
        source: Source,
        plan: Plan,
        state: LogState,
        log: ResultLog,
        api: Sender,
        pacer: Pacer | None,
        quotas: Quotas | None,
        options: RunOptions,
        run_id: str,
        observer: Observer | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.state = state
        self._source = source
        self._plan = plan
        self._log = log
        self._api = api
        self._pacer = pacer
        self._quotas = quotas
        self._options = options
        self._run_id = run_id
        self._observer = observer or Silent()
        self._gate = Gate(options.concurrency)
        self._feed = Feed()
        self._delivery = Delivery(
            self._gate,
            self._feed,
            options,
            add=log.add,
            stop=self._stop,
            jitter=jitter,
            vouched=state.has_answers_of_the_api(),
        )
        self._wake = asyncio.Event()
        self._reader = Reader(plan, state, self._feed, log, options.limit, self._wake.set)
        self._workers: set[asyncio.Task[None]] = set()
        self._unsent: set[asyncio.Task[None]] = set()
        self._ending: Ending | None = None
        self._interrupted = False
        self._over = False
        self._crash: BaseException | None = None
        self._quota_free_at = 0.0
        self._settled = 0
        self._looked_at = 0.0
        self._held_seconds = 0.0

    # The course of a run.

    async def execute(self) -> Ending:
        """Send every row that is due, log every row's result and return how that ended."""
        self._now = asyncio.get_running_loop().time
        self._observer.started(self._quotas.coming_free() if self._quotas else [])
        try:
            return await self._execute()
        finally:
            self._over = True
            self._observer.ended()

    async def _execute(self) -> Ending:
        self._log.start(self._wrote, self._log_lost)
        helpers = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
        try:
            for line, content in self._plan.gone:
                self._log.add(Result(line, *content, Outcome.WITHDRAWN, time.time()))
            await self._conduct()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._log.finish()
        if self._crash is not None:
            raise self._crash
        return await self._close()

    @property
    def pending(self) -> int:
        """How many rows that are due have no outcome on disk yet."""
        return self._plan.due - self._settled

    def interrupt(self, exit_status: int) -> None:
        """Stop as a signal asks: let the rows on the wire finish, or the second time drop them."""
        if self._over:
            return
        if self._interrupted:
            for worker in self._workers:
                worker.cancel()
            return
        self._interrupted = True
        self._end(Ending("interrupted", exit_status, "Interrupted."))

    async def _close(self) -> Ending:
        """Write the end record and return the ending."""
        counts = self.state.counts()
        ending = self._ending
        if ending is not None and ending.reason == "stopped" and self._nothing_is_left():
            ending = None
        if ending is None and self._reader.limit_reached:
            message = f"Stopped after {counted(self._options.limit or 0, 'row')} (--limit)."
            ending = Ending("stopped", Stopped.exit_status, message)
        if ending is None:
            failed = any(counts.get(outcome) for outcome in FAILURES)
            ending = Ending("finished", 1 if failed else 0)
        record = EndRecord(
            run_id=self._run_id,
            ended_at=timestamp(time.time()),
            reason=ending.reason,
            counts={str(outcome): count for outcome, count in counts.items()},
            message=ending.message,
            perhaps_touched=sorted(set(self._feed.perhaps_touched(self._delivery.set_aside()))),
        )
        if self._log.lost is None:
            try:
                await self._log.append_record(record)
            except Stopped as error:
                return Ending("stopped", error.exit_status, str(error))
        return ending

    def _nothing_is_left(self) -> bool:
        """Tell whether a reason to stop came with the very last row, and so stopped nothing."""
        all_read = self._feed.is_complete and self._feed.is_empty
        return all_read and self.pending == 0 and self._log.lost is None

    def _end(self, ending: Ending) -> None:
        """Begin to stop; the first reason counts."""
        if self._ending is None:
            self._ending = ending
            self._delivery.stopping = self._reader.stopping = True
            self._observer.stopping(ending)
            self._call_back()
        self._wake.set()

    def _call_back(self) -> None:
        """Call back the rows that wait for their turn, which may be far away."""
        for worker in self._unsent:
            worker.cancel()

    def _stop(self, error: BulkstatusError) -> None:
        self._end(Ending("stopped", error.exit_status, str(error)))

    def _log_lost(self) -> None:
        if self._log.lost is not None:
            self._stop(self._log.lost)

    def _wrote(self, results: Sequence[Result]) -> None:
        self.state.count(results)
        self._settled += sum(result.outcome in _SENT for result in results)
        self._observer.wrote(results)

    # The input.

    async def _read(self) -> None:
        """Read rows ahead of the workers; a fault in that ends the run."""
        try:
            await self._reader.read(self._source)
        except BulkstatusError as error:
            self._stop(error)
        except Exception as error:
            self._crashed(error)

    async def _watch(self) -> None:
        """Look now and then whether the input is still the file that was checked."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if await asyncio.to_thread(self._source.has_changed):
                self._stop(
                    InputChanged(
                        f"{self._source.name} has changed since it was checked. "
                        "Look at it, then go on."
                    )
                )
                return

    # Starting workers.

    async def _conduct(self) -> None:
        """Keep as many workers at work as may be, until there is nothing left to do."""
        while True:
            self._wake.clear()
            while (job := self._take()) is not None:
                worker = asyncio.create_task(self._work(job))
                self._workers.add(worker)
                worker.add_done_callback(self._worker_done)
            if not self._workers and self._is_over():
                return
            await self._wait()

    def _is_over(self) -> bool:
        if self._ending is not None:
            return True
        if not self._feed.is_complete or not self._feed.is_empty:
            return False
        self._delivery.settle_forbidden()
        return self._feed.is_empty

    async def _wait(self) -> None:
        """Wait until something changes or something is due."""
        now = self._now()
        moments = [self._feed.next_due, self._quota_free_at]
        hold = self._gate.hold
        if hold is not None:
            # In small steps, so that time in which the machine sleeps is not counted.
            moments += [hold.until, now + HOLD_STEP_SECONDS]
        # What has become due since the last look must not be slept through.
        next_moment = min((m for m in moments if m > self._looked_at), default=math.inf)
        handle = None
        if next_moment < math.inf:
            handle = asyncio.get_running_loop().call_at(next_moment, self._wake.set)
        await (self._wake if self._log.ready.is_set() else self._log.ready).wait()
        if handle is not None:
            handle.cancel()
        if hold is not None and hold is self._gate.hold:
            self._held_seconds += min(self._now() - now, 2 * HOLD_STEP_SECONDS)
            if self._held_seconds >= self._patience(hold):
                self._give_up(hold)
        else:
            self._held_seconds = 0.0

    def _patience(self, hold: Hold) -> float:
        """Return for how long to hold before giving up, in seconds."""
        if hold.reason is HoldReason.OUTAGE:
            return self._options.give_up_after
        return max(self._options.give_up_after, LIMIT_PATIENCE_SECONDS, 2 * self._gate.quiet)

    def _give_up(self, hold: Hold) -> None:
        """End an outage; end a limit only when no row is left that could show it to be over."""
        if self._ending is not None or self._workers:
            return
        if hold.reason is HoldReason.OUTAGE:
            self._stop(Stopped(f"Gave up waiting for the API (--give-up-after): {hold.message}."))
        else:
            self._delivery.give_up_limited(hold)

    def _take(self) -> Job | None:
        """Take the next job and a place on the wire, or None when none may leave now."""
        now = self._looked_at = self._now()
        if (
            self._ending is not None
            or not self._log.ready.is_set()
            or now < self._quota_free_at
            or not self._gate.is_open(now)
        ):
            return None
        job = self._feed.next(now, self._gate.hold)
        self._reader.job_taken()
        if job is None:
            return None
        job.given = self._gate.enter()
        return job

    def _worker_done(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self._crashed(error)
        self._wake.set()

    def _crashed(self, error: BaseException) -> None:
        """Stop in good order on a fault of our own, which `execute` then raises."""
        if isinstance(error, BulkstatusError):
            self._stop(error)
            return
        self._crash = error
        self._end(Ending("stopped", 3, "Stopped by an internal error."))

    # One row's way.

    async def _work(self, job: Job | None) -> None:
        while job is not None:
            if self._pacer is not None:
                await self._wait_for_turn(self._pacer, job)
            if self._may_still_leave(job):
                job.attempts += 1
                started = time.perf_counter()
                try:
                    answer = await self._api.put(job.update)
                except asyncio.CancelledError:
                    job.elapsed_ms = (time.perf_counter() - started) * 1000
                    self._delivery.drop(job)
                    raise
                job.elapsed_ms = (time.perf_counter() - started) * 1000
                self._take_in(job, answer)
            else:
                self._put_back(job)
            job = self._take()

    def _take_in(self, job: Job, answer: Answer) -> None:
        """Do what an answer asks for, and tell of a hold that begins, goes on or ends with it."""
        if job.place is not None and self._quotas is not None:
            self._answered(job.place, self._quotas)
        held = self._gate.hold
        until = held.until if held is not None else None
        self._delivery.judge(job, answer, self._now())
        hold = self._gate.hold
        if hold is not held or (hold is not None and hold.until != until):
            self._observer.holding(hold)
            if hold is not None:
                # Their turns would pass unused, and the probe's would come only after them.
                self._call_back()
        if self._gate.limit > len(self._workers):
            self._wake.set()

    async def _wait_for_turn(self, pacer: Pacer, job: Job) -> None:
        """Wait as the rate asks, or until called back."""
        me = asyncio.current_task()
        assert me is not None
        self._unsent.add(me)
        try:
            await pacer.wait()
        except asyncio.CancelledError:
            self._put_back(job)
            raise
        finally:
            self._unsent.discard(me)
        job.given = self._gate.renewed(job.given)

    def _may_still_leave(self, job: Job) -> bool:
        """Tell whether a job may leave after its wait, and if so take its place in the quotas.

        Places are taken last: from then on they count as if the request might arrive.
        """
        if (
            self._ending is not None
            or not self._log.ready.is_set()
            or not self._gate.is_current(job.given)
        ):
            return False
        if self._quotas is None:
            return True
        try:
            place = self._quotas.try_take()
        except Stopped as error:
            self._stop(error)
            return False
        if isinstance(place, float):
            self._quota_free_at = self._now() + place
            self._observer.waiting_for_quota(place)
            return False
        job.place = place
        return True

    def _put_back(self, job: Job) -> None:
        """Undo the taking of a job that did not leave."""
        self._gate.left_unsent(job.given)
        self._feed.again(job, 0.0)

    def _answered(self, place: Place, quotas: Quotas) -> None:
        """Tell the quotas that an answer has come."""
        try:
            quotas.answered(place)
        except Stopped as error:
            self._stop(error)
