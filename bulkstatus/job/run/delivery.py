"""`Delivery`: what an attempt's answer does to its row, and to the run.

What an answer *means* is decided in `bulkstatus.api.answer`; here it is weighed against what the
run has seen besides.

Whose fault is it? For lost answers, 403 and 5xx there is one rule. Once a request that left after
a row's failed one has got through, the row is suspect: its failures are its own and use up its
attempts (a 403 is rejected at once), and are evidence against nobody else. Three different rows
that are not suspect, failing one after the other while none gets through, are the API's fault: the
run holds, or stops where all three are forbidden, and the failures that led there are forgotten.
Until that is known, a row whose attempts are used up is set aside.
While it holds, one probe at a time looks whether that is over, each with another row, rows never
sent before those tried again.
"""

import time
from collections.abc import Callable
from math import log

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.errors import ActionNeeded, Stopped
from bulkstatus.job.run.feed import STRIKES, Feed, Job
from bulkstatus.job.run.gate import Gate, Hold
from bulkstatus.job.run.interface import RunOptions
from bulkstatus.log.records import ErrorKind, Outcome, Result, RowError, timestamp

#: A server that asks to wait longer than this many seconds ends the run.
LONGEST_RETRY_AFTER = 86400.0

#: What is too unlikely to be chance.
BY_CHANCE = 1e-7

#: From this many answers about a limit that are its own a row waits no longer for the next try.
SLOWEST_LIMITED = 5

#: Seconds: the longest wait after the first failure, and after any.
BASE_SECONDS = 0.5
CAP_SECONDS = 30.0


class Delivery:
    """Takes in answers; `add` gets the results, and `stop` the reasons to end the run.

    `vouched` says that the log has an update already, so the base URL is known to be right.
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
        vouched: bool,
    ) -> None:
        self._gate = gate
        self._feed = feed
        self._options = options
        self._add = add
        self._stop = stop
        self._jitter = jitter
        self._vouched = vouched
        self.stopping = False
        self._reached = False
        self._tries = 0
        self._failures = 0
        self._strikes: dict[Job, Answer] = {}
        self._limited = 0  # rows that have drawn a limit's answer
        self._own_limits = False  # whether a row has failed by those of its own

    def drop(self, job: Job) -> None:
        """Settle a row whose request was on the wire when a second signal came."""
        job.unseen = True
        job.answer = DROPPED
        self._gate.left_unsent(job.given)
        self._settle(job, Outcome.FAILED)

    def leave(self, job: Job) -> None:
        """Say of a row that the run leaves behind that its order is perhaps changed."""
        job.answer = job.answer or UNRECORDED
        self._add(result_of(job, Outcome.FAILED))

    def judge(self, job: Job, answer: Answer, now: float) -> None:
        """Do what an attempt's answer asks for; `now` is by the event loop's clock."""
        meaning = answer.meaning
        job.answer = answer
        job.unseen = job.unseen or answer.unseen
        if meaning is Meaning.UNANSWERED and not self._reached:
            self._judge_unreached(job, answer, now)
            return
        self._reached = True
        if meaning is Meaning.UPDATED:
            self._gate.answered(job.given, now, success=True)
            self._vouched = True
            self.end_strikes()
            self._settle(job, Outcome.UPDATED)
        elif answer.retry_after is not None and answer.retry_after > LONGEST_RETRY_AFTER:
            self._gate.left_unsent(job.given)
            self._feed.again(job, 0.0)
            self._stop(
                Stopped(
                    f"The API asks to wait for {answer.retry_after / 3600:.0f} hours before the "
                    "next request. Go on after that."
                )
            )
        elif meaning in {Meaning.LIMITED, Meaning.OVERLOADED}:
            self._judge_limited(job, answer, now)
        elif meaning in {Meaning.UNANSWERED, Meaning.FORBIDDEN, Meaning.TRANSIENT}:
            self._judge_failed(job, answer, now)
        elif meaning is Meaning.FATAL or (meaning is Meaning.UNKNOWN_PAGE and not self._vouched):
            self._gate.left_unsent(job.given)
            self._feed.again(job, 0.0)
            self._stop(ActionNeeded(_fatal(answer)))
        else:
            self._gate.answered(job.given, now, success=False)
            self._vouched = True
            if answer.error is not None and answer.error.kind is ErrorKind.API:
                self.end_strikes()
            self._settle(job, Outcome.REJECTED)

    def _judge_unreached(self, job: Job, answer: Answer, now: float) -> None:
        """Hold, and stop after some tries, where nothing has been answered in this run."""
        self._tries += 1
        wait = max(0.05, backoff(self._tries, self._jitter()))
        self._gate.out_of_order(job.given, now, _message(answer), wait)
        self._feed.again(job, 0.0)
        if self._tries >= self._options.attempts:
            self._stop(
                Stopped(
                    f"The API could not be reached in {self._tries} tries: {_message(answer)}. "
                    "Check the base URL, the network and the proxy settings."
                )
            )

    # Whose fault is it?

    def _judge_failed(self, job: Job, answer: Answer, now: float) -> None:
        """Weigh a failure by the rule above."""
        gate, forbidden = self._gate, answer.meaning is Meaning.FORBIDDEN
        in_outage, suspect = gate.is_in_outage(), gate.got_through_after(job.failed)
        if in_outage and not forbidden:
            # It is what the run holds for already.
            gate.failed(job.given, now, answer.retry_after)
            self._feed.again(job, 0.0)
            return
        job.failures = self._options.attempts if forbidden else job.failures + 1
        if not suspect:
            job.failed = job.failed or job.given.number
            self._strikes[job] = answer
            if len(self._strikes) >= STRIKES:
                self._blame_the_api(job, answer, now)
                return
        gate.failed(job.given, now, answer.retry_after)
        if job.failures < self._options.attempts:
            self._feed.again(job, now + backoff(job.failures, self._jitter(), answer.retry_after))
        elif suspect:
            self._settle_failed(job)

    def _blame_the_api(self, job: Job, answer: Answer, now: float) -> None:
        """Stop, if all were forbidden, or hold; what led there is forgotten."""
        if all(answer.meaning is Meaning.FORBIDDEN for answer in self._strikes.values()):
            self._gate.failed(job.given, now, None)
            self._stop(ActionNeeded(f"{STRIKES} orders in a row were forbidden. {_fatal(answer)}"))
            return
        aside = self.set_aside()
        for other in aside if job in aside else [*aside, job]:
            self._feed.again(other, 0.0)
        for other in self._strikes:
            other.failed = other.failures = 0
        self._strikes.clear()
        self._gate.out_of_order(job.given, now, _message(answer), answer.retry_after)

    def end_strikes(self) -> None:
        """Settle the rows set aside: the API deals with others, or none is left to tell."""
        if self._strikes and not self.stopping:
            jobs = self.set_aside()
            self._strikes.clear()
            for job in jobs:
                self._settle_failed(job)

    def set_aside(self) -> list[Job]:
        """Return the rows whose attempts are used up, if that was their own doing."""
        return [job for job in self._strikes if job.failures >= self._options.attempts]

    def _settle_failed(self, job: Job) -> None:
        forbidden = job.answer is not None and job.answer.meaning is Meaning.FORBIDDEN
        self._settle(job, Outcome.REJECTED if forbidden else Outcome.FAILED)

    # Limits.

    def _judge_limited(self, job: Job, answer: Answer, now: float) -> None:
        """Slow down or hold, unless the answer is the row's own; fail a row that draws too many.

        It is the row's own when others got through since it drew the last; and where only such
        rows are left, after the time that a limit has taken to be over.
        """
        gate, wait = self._gate, answer.retry_after
        if not job.limited:
            self._limited += 1
        own = gate.got_through_after(job.limited)
        job.limited = job.given.number
        if own or (self._feed.is_all_limited() and (job.had_failed or self._some_are_own(job))):
            job.limits += 1
        if not job.limits:
            overloaded = answer.meaning is Meaning.OVERLOADED
            gate.limited(job.given, now, _message(answer), wait, overloaded)
            self._feed.again(job, 0.0)
            return
        gate.failed(job.given, now, wait)
        if job.limits >= self._limits_by_chance(job):
            self._own_limits = True
            self._settle(job, Outcome.FAILED)
        else:
            again = backoff(min(job.limits, SLOWEST_LIMITED), self._jitter(), wait)
            self._feed.again(job, now + (again if own else max(again, gate.quiet)))

    def _some_are_own(self, job: Job) -> bool:
        """Tell whether a row draws limits of its own, or has failed by them."""
        return self._own_limits or job.limits > 0 or self._feed.has_limited_alone()

    def _limits_by_chance(self, job: Job) -> float:
        """Return how many answers about a limit no chance explains, by the share that draws one."""
        if job.had_failed:
            return self._options.attempts
        share = min(self._limited / (self._feed.sent + 1), 0.7)
        return max(5.0, log(BY_CHANCE) / log(share))

    def give_up_limited(self, hold: Hold) -> None:
        """End a hold for a limit when only rows are left that have drawn its answers.

        When others succeeded in this run, the limit may well be real, and a resume finds out.
        When none did, these rows had the run to themselves for more than an hour.
        """
        jobs = self._feed.take_if_all_limited()
        for job in jobs:
            if self._gate.last_answered:
                self._feed.again(job, 0.0)
            else:
                self._settle(job, Outcome.FAILED)
        if jobs and self._gate.last_answered:
            self._stop(
                Stopped(
                    "Gave up waiting for the API's limit; the rows that are left draw nothing "
                    f"but this answer: {hold.message}."
                )
            )

    def _settle(self, job: Job, outcome: Outcome) -> None:
        """Log a row's outcome and let the next row of its order go."""
        self._add(result_of(job, outcome))
        if outcome is not Outcome.UPDATED:
            self._failures += 1
            if self._failures == self._options.max_failures:
                text = f"Stopped after {self._failures} failures (--max-failures)."
                self._stop(ActionNeeded(text))
        self._feed.settle(job)


def backoff(failures: int, jitter: float, retry_after: float | None = None) -> float:
    """Return the seconds to wait after a row's `failures`-th failure: exponential backoff.

    `jitter` is a random number from 0 to 1: spreading the waits over the whole span keeps rows
    that failed together from coming back together. `retry_after`, the seconds that the server
    asked for, is a floor.
    """
    span = min(CAP_SECONDS, BASE_SECONDS * 2.0 ** (failures - 1))
    return max(jitter * span, retry_after or 0.0)


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


def _message(answer: Answer) -> str:
    return answer.error.message if answer.error else ""


def _fatal(answer: Answer) -> str:
    """Return what an answer says that no row can get past, and what to check."""
    message = _message(answer)
    where = f"HTTP {answer.http_status}" if answer.http_status else "no answer"
    if not message.startswith("HTTP "):
        message = f"{where}: {message}"
    return f"The API answered {message}. {answer.advice}"
