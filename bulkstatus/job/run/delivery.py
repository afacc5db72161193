"""`Delivery`: what an attempt's answer does to its row, and to the run.

What an answer *means* is decided in `bulkstatus.api.answer`; here it is weighed against what the
run has seen besides, by `fault`.
"""

import time
from collections.abc import Callable

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.errors import ActionNeeded, Stopped
from bulkstatus.job.run.backoff import backoff
from bulkstatus.job.run.fault import Faults
from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.job.run.gate import Gate, Hold, HoldReason
from bulkstatus.job.run.interface import RunOptions
from bulkstatus.log.records import ErrorKind, Outcome, Result, RowError, timestamp
from bulkstatus.words import counted

#: A server that asks to wait longer than this many seconds ends the run.
LONGEST_RETRY_AFTER = 86400.0

# What is weighed by whose fault it is, and what stops the run.
_WEIGHED = {Meaning.UNANSWERED, Meaning.FORBIDDEN, Meaning.TRANSIENT}
_STOPS = {Meaning.FATAL, Meaning.ELSEWHERE}


class Delivery:
    """Takes in answers; `add` gets the results, and `stop` the reasons to end the run.

    `jitter` gives random numbers from 0 to 1.
    """

    def __init__(
        self,
        gate: Gate,
        feed: Feed,
        options: RunOptions,
        add: Callable[[Result], None],
        stop: Callable[[Stopped], None],
        jitter: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._feed = feed
        self._options = options
        self._add = add
        self._stop = stop
        self._jitter = jitter
        self.faults = Faults(gate, feed, options.attempts, self._settle, stop, jitter)
        self._reached = False
        self._tries = 0
        self._failures = 0

    def drop(self, job: Job) -> None:
        """Settle a row whose request was on the wire when a second signal came."""
        job.unseen = True
        job.answer = DROPPED
        self._gate.left_unsent(job.given)
        self._settle(job, Outcome.FAILED)

    def leave(self, job: Job) -> None:
        """Say of a row that the run leaves behind what came of it, and if it is in doubt."""
        job.answer = job.answer or UNRECORDED
        self._add(result_of(job, Outcome.FAILED))

    def judge(self, job: Job, answer: Answer, now: float) -> None:
        """Do what an attempt's answer asks for; `now` is by the event loop's clock."""
        meaning = answer.meaning
        job.answer = answer
        job.unseen = job.unseen or answer.unseen
        if meaning is Meaning.UPDATED:
            self._reached = True
            self._gate.answered(job.given, now, success=True)
            self.faults.got_through(job)
            self._settle(job, Outcome.UPDATED)
            return
        if meaning is Meaning.HUNG_UP:
            self._gate.left_unsent(job.given)
            self._feed.again(job, 0.0)
            return
        self._reached |= meaning is not Meaning.UNANSWERED or self.faults.is_suspect(job, answer)
        if not self._reached:
            self._judge_unreached(job, answer, now)
            return
        if answer.retry_after is not None and answer.retry_after > LONGEST_RETRY_AFTER:
            self._gate.left_unsent(job.given)
            self._feed.again(job, 0.0)
            self._stop(
                Stopped(
                    f"The API asks to wait for {answer.retry_after / 3600:.0f} hours before the "
                    "next request. Go on after that."
                )
            )
        elif meaning in {Meaning.LIMITED, Meaning.OVERLOADED}:
            self.faults.judge_limit(job, answer, now)
        elif meaning in _WEIGHED or (meaning is Meaning.ELSEWHERE and self._gate.last_answered):
            self.faults.judge(job, answer, now)
        elif meaning in _STOPS or (meaning is Meaning.UNKNOWN_PAGE and not self._gate.is_vouched):
            self._gate.left_unsent(job.given)
            self._feed.again(job, 0.0)
            self._stop(ActionNeeded(answer.sentence))
        else:
            self._gate.answered(job.given, now, success=False)
            if answer.error is not None and answer.error.kind is ErrorKind.API:
                self.faults.absolve()
            self._settle(job, Outcome.REJECTED)

    def _judge_unreached(self, job: Job, answer: Answer, now: float) -> None:
        """Hold, and stop after some tries, where nothing has been answered in this run."""
        self._tries += 1
        wait = max(0.05, backoff(self._tries, self._jitter()))
        self._gate.out_of_order(job.given, now, answer.message, wait)
        self._feed.again(job, 0.0)
        if self._tries >= self._options.attempts:
            self._stop(
                Stopped(
                    f"The API could not be reached in {self._tries} tries: {answer.message}. "
                    "Check the base URL, the network and the proxy settings."
                )
            )

    def give_up(self, hold: Hold) -> None:
        """End a hold that has lasted too long; a limit only when no row is left to show it over."""
        feed, is_outage = self._feed, hold.reason is HoldReason.OUTAGE
        drew = [job for job in feed.waiting if (job.probed is hold if is_outage else job.limited)]
        are_all = feed.is_at_end and len(drew) == len(feed.waiting)
        if hold.reason is not HoldReason.LIMIT:
            why = f"Gave up waiting for the API (--give-up-after): {hold.message}."
        elif are_all:
            why = (
                "Gave up waiting for the API's limit; the rows that are left draw nothing but this "
                f"answer: {hold.message}."
            )
        else:
            return
        self.faults.leave(drew, are_all)
        self._stop(Stopped(why))

    def _settle(self, job: Job, outcome: Outcome) -> None:
        """Log a row's outcome."""
        self.faults.settled(job)
        self._add(result_of(job, outcome))
        if outcome is not Outcome.UPDATED:
            self._failures += 1
            if self._failures == self._options.max_failures:
                text = f"Stopped after {counted(self._failures, 'failure')} (--max-failures)."
                self._stop(ActionNeeded(text))


def result_of(job: Job, outcome: Outcome) -> Result:
    """Return the result of a job that is over, as of now, with what its last answer said."""
    order_id, status, tracking = job.update
    answer = job.answer
    return Result(
        job.n,
        job.line,
        order_id,
        int(status),
        tracking,
        outcome,
        answer.http_status if answer else None,
        job.attempts,
        # A third of what `round` to one digit takes.
        round(job.elapsed_ms * 10) / 10 if job.attempts else None,
        timestamp(time.time()),
        answer.error if answer else None,
        job.unseen and outcome is not Outcome.UPDATED,
    )


def _unanswered(message: str) -> Answer:
    return Answer(Meaning.UNANSWERED, None, RowError(ErrorKind.CONNECTION, message))


#: What stands for the answer of a row whose request a second signal dropped, and of one that only
#: a run which broke off may have sent.
DROPPED = _unanswered("interrupted before the answer came")
UNRECORDED = _unanswered("an earlier run broke off and may have sent it; no answer was seen")
