"""`Delivery`: what an attempt's answer does to its row, and to the run.

What an answer *means* is decided in `bulkstatus.api.answer`; here it is weighed against what the
run has seen besides.

Whose fault is it? For lost answers, pages and redirects in place of the API's, 5xx and 403 there is
one rule.

1. A kept connection that turns out closed before a byte of the answer is nobody's fault: the row
   goes again at once, on a new one.
2. A row is *suspect* once a request that left after its failed one got through, or where an earlier
   run of the log had found its failures to be its own. A suspect's failures use up its attempts (a
   403 is rejected at once) and are evidence against nobody else. A connection that was not even
   made is no row's own failure.
3. Other rows that fail are evidence against the API until something that left later gets through.
   Three different ones are enough: the run holds, and the failures that led there are forgotten.
   Until it is known whose fault they are, rows whose attempts are used up are set aside.
4. Three that are forbidden stop the run, where the API has dealt with no row in this run or an
   earlier one. Where it has, they may be orders of somebody else, side by side: then rows from
   behind them go first, and only as many of those as BEHIND, all forbidden, stop it.
5. While the run holds, one probe at a time looks whether that is over, each with another row, rows
   never sent first. Where each that is left has probed in vain until the run would give up, they
   get their results, if the API has dealt with others. So do those set aside when none is left.
6. A page or a redirect stops the run where nothing has got through in it.
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

#: How many rows from behind three forbidden ones must be forbidden as well to stop the run.
BEHIND = 6

#: Seconds: the longest wait after the first failure, and after any.
BASE_SECONDS = 0.5
CAP_SECONDS = 30.0


FAILURES = {Meaning.UNANSWERED, Meaning.FORBIDDEN, Meaning.TRANSIENT}
FATAL = {Meaning.FATAL, Meaning.ELSEWHERE}


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
        self._enough = STRIKES
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
        if meaning is Meaning.HUNG_UP:
            self._gate.left_unsent(job.given)
            self._feed.again(job, 0.0)
            return
        suspect = job.suspect and answer.unseen
        if meaning is Meaning.UNANSWERED and not self._reached and not suspect:
            self._judge_unreached(job, answer, now)
            return
        self._reached = True
        if meaning is Meaning.UPDATED:
            self._gate.answered(job.given, now, success=True)
            self._vouched = True
            self._absolve()
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
        elif meaning in FAILURES or (meaning is Meaning.ELSEWHERE and self._gate.last_answered):
            self._judge_failed(job, answer, now)
        elif meaning in FATAL or (meaning is Meaning.UNKNOWN_PAGE and not self._vouched):
            self._gate.left_unsent(job.given)
            self._feed.again(job, 0.0)
            self._stop(ActionNeeded(_fatal(answer)))
        else:
            self._gate.answered(job.given, now, success=False)
            self._vouched = True
            if answer.error is not None and answer.error.kind is ErrorKind.API:
                self._absolve()
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

    # Whose fault is it? The numbers are those of the rule above.

    def _judge_failed(self, job: Job, answer: Answer, now: float) -> None:
        gate, forbidden = self._gate, answer.meaning is Meaning.FORBIDDEN
        was_sent = answer.meaning is not Meaning.UNANSWERED or answer.unseen
        suspect = was_sent and (job.suspect or gate.got_through_after(job.failed))  # 2
        if gate.is_in_outage() and not forbidden:
            # It is what the run holds for already.
            gate.failed(job.given, now, answer.retry_after)
            job.probed = job.given.hold if was_sent else None
            self._feed.again(job, 0.0)
            return
        job.failures = self._options.attempts if forbidden else job.failures + 1
        if not suspect:
            job.failed = job.failed or job.given.number
            self._strikes[job] = answer
            if self._feed.from_behind and not job.from_behind:
                # It was on the wire already, among those that are to be seen from behind.
                self._enough += 1
            if len(self._strikes) >= self._enough:  # 3
                self._blame_the_api(job, answer, now)
                return
        gate.failed(job.given, now, answer.retry_after)
        if job.failures < self._options.attempts:
            self._feed.again(job, now + backoff(job.failures, self._jitter(), answer.retry_after))
        elif suspect:
            self._settle_failed(job)

    def _blame_the_api(self, job: Job, answer: Answer, now: float) -> None:
        """Hold, and forget what led there; or stop, if all were forbidden."""
        if all(answer.meaning is Meaning.FORBIDDEN for answer in self._strikes.values()):
            self._gate.failed(job.given, now, None)
            if self._vouched and not self._feed.from_behind:  # 4
                self._feed.from_behind = True
                self._enough += BEHIND
                return
            count = len(self._strikes)
            self._stop(ActionNeeded(f"{count} orders in a row were forbidden. {_fatal(answer)}"))
            return
        aside = self.set_aside()
        for other in aside if job in aside else [*aside, job]:
            self._feed.again(other, 0.0)
        for other in self._strikes:
            other.failed = other.failures = 0
        self._forget(list(self._strikes))
        self._gate.out_of_order(job.given, now, _message(answer), answer.retry_after)

    def _absolve(self) -> None:
        """The API deals with others: what left before those is no evidence any more."""
        jobs = [job for job in self._strikes if self._gate.got_through_after(job.failed)]
        if jobs and not self.stopping:
            self._forget(jobs)

    def end_strikes(self) -> None:
        """Settle the rows set aside: none is left to tell."""
        if not self.stopping:
            self._forget(list(self._strikes))

    def _forget(self, jobs: list[Job]) -> None:
        """Take rows out of the evidence, and settle those of them that were set aside."""
        self._enough, self._feed.from_behind = STRIKES, False
        for job in jobs:
            del self._strikes[job]
            if job.failures >= self._options.attempts:
                self._settle_failed(job)

    def set_aside(self) -> list[Job]:
        """Return the rows whose attempts are used up, if that was their own doing."""
        return [job for job in self._strikes if job.failures >= self._options.attempts]

    def give_up_outage(self, hold: Hold) -> bool:
        """Settle what is left, if all of it has probed in vain and the API deals with others."""
        jobs = self._feed.take_if_all(lambda job: job.probed is hold) if self._vouched else []  # 5
        for job in jobs:
            self._settle_failed(job)
        return bool(jobs)

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
        jobs = self._feed.take_if_all(lambda job: job.limited)
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
        self._strikes.pop(job, None)
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
