"""`Faults`: whose fault is it, the row's own or the API's?

1. A kept connection that turns out closed before a byte of the answer is nobody's fault: the row
   goes again at once, on a new one.
2. A row is *suspect* once a request that left after its failed one got through, or where an earlier
   run of the log left it as failed, or for a 403 as rejected. A suspect's failures use up its
   attempts (a 403 is rejected at once) and are evidence against nobody else. A connection that was
   not even made is no row's own failure.
3. Other rows that fail are evidence against the API until something that left later gets through.
   Three different ones are enough: the run holds, and the failures that led there are forgotten.
   Until it is known whose fault they are, rows whose attempts are used up are set aside.
4. Three that are forbidden stop the run, where the API has dealt with no row in this run or an
   earlier one. Where it has, they may be orders of somebody else, side by side: then rows from
   behind them go first, and only as many of those as BEHIND, all forbidden, stop it.
5. While the run holds, one probe at a time looks whether that is over, each with another row, rows
   never sent first, and of those the ones furthest behind, since all that come next can be bad
   ones. Those set aside get their results when no other row is left.
6. A page or a redirect stops the run where nothing has got through in it.
7. An answer about a limit is the API's, slows the run down and is counted against no row, unless
   others got through since the row drew the last one, or an earlier run of the log has failed it
   for such an answer: then the row has a limit of its own. No chance explains more of those than
   `_by_chance` says: the row fails. Where all rows that drew such answers have limits of their own
   the API has none. The very last rows have none after them that could get through: where only
   rows are left that have limits of their own, and one or two more, these are likelier to be like
   those than that a limit is met just there.
8. Where nothing got through in a run that gives up, or it leaves nothing else, nothing tells any
   more: the rows that drew what it gives up for are left as failed, if the API has dealt with
   others, and a resume finds them suspect. So they have their results in the end, however many
   they are.
"""

from collections.abc import Callable, Iterable
from math import log

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.errors import ActionNeeded, Stopped
from bulkstatus.job.run.backoff import backoff
from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.job.run.gate import Gate
from bulkstatus.log.records import Outcome
from bulkstatus.log.state import State

#: How many different rows that fail one after the other are the API's fault.
STRIKES = 3

#: How many rows from behind three forbidden ones must be forbidden as well to stop the run.
BEHIND = 6

#: What is too unlikely to be chance. So many answers about a limit that are its own fail a row at
#: the least, and from then on it waits no longer for each next try.
BY_CHANCE = 1e-7
LEAST = 5

#: The highest share of rows that draw such answers which is told from one of all.
MOST = 0.7

#: How many rows at the very end are taken to be like those before that drew limits of their own.
LIKE_OTHERS = 2


class Faults:
    """Weighs failures by the rules above, of which 1 and 6 are the delivery's.

    `settle` gives a row its outcome, `stop` ends the run, and `jitter` gives random numbers from 0
    to 1. A row has `attempts`.
    """

    def __init__(
        self,
        gate: Gate,
        feed: Feed,
        attempts: int,
        settle: Callable[[Job, Outcome], None],
        stop: Callable[[Stopped], None],
        jitter: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._feed = feed
        self._attempts = attempts
        self._settle = settle
        self._stop = stop
        self._jitter = jitter
        self._strikes: dict[Job, Answer] = {}
        self._enough = STRIKES
        # Rows that have drawn an answer about a limit, and those that have one of their own.
        self._limited = self._own = 0
        self.stopping = False
        """Whether the run stops: what is set aside stays to be sent then."""

    def judge(self, job: Job, answer: Answer, now: float) -> None:
        """Do what a failure asks for. The numbers are those of the rule above."""
        gate, forbidden = self._gate, answer.meaning is Meaning.FORBIDDEN
        if gate.is_in_outage() and not forbidden:
            # It is what the run holds for already.
            gate.failed(job.given, now, answer.retry_after)
            job.probed = job.given.hold if _was_sent(answer) else None
            self._feed.again(job, 0.0)
            return
        job.failures = self._attempts if forbidden else job.failures + 1
        job.failed = job.failed or job.given.number
        suspect = self.is_suspect(job, answer)
        if not suspect:
            self._strikes[job] = answer
            if self._feed.from_behind and not job.from_behind:
                # It was on the wire already, among those that are to be seen from behind.
                self._enough += 1
            if len(self._strikes) >= self._enough:  # 3
                self._blame_the_api(job, answer, now)
                return
        gate.failed(job.given, now, answer.retry_after)
        if job.failures < self._attempts:
            self._feed.again(job, now + backoff(job.failures, self._jitter(), answer.retry_after))
        elif suspect:
            self._settle_failed(job)

    def is_suspect(self, job: Job, answer: Answer) -> bool:
        """Tell whether a failure is the row's own, by rule 2."""
        if answer.meaning is Meaning.FORBIDDEN:
            was_found = job.before is State.REJECTED or job.denied_before
        else:
            was_found = job.before is State.FAILED
        return _was_sent(answer) and (was_found or self._gate.got_through_after(job.failed))

    def _blame_the_api(self, job: Job, answer: Answer, now: float) -> None:
        """Hold, and forget what led there; or stop, if all were forbidden."""
        if all(answer.meaning is Meaning.FORBIDDEN for answer in self._strikes.values()):
            self._gate.failed(job.given, now, None)
            if self._gate.is_vouched and not self._feed.from_behind:  # 4
                self._feed.from_behind = True
                self._enough += BEHIND
                return
            self.leave(self._strikes, are_all=False)
            count = len(self._strikes)
            self._stop(ActionNeeded(f"{count} orders in a row were forbidden. {answer.sentence}"))
            return
        aside = self.set_aside()
        for other in aside if job in aside else [*aside, job]:
            self._feed.again(other, 0.0)
        strikes = self._strikes.copy()
        for other in strikes:
            other.failed = other.failures = 0
        self._forget(list(strikes))
        self._gate.out_of_order(job.given, now, answer.message, answer.retry_after)
        for other, drawn in strikes.items():
            other.probed = self._gate.hold if _was_sent(drawn) else None

    def judge_limit(self, job: Job, answer: Answer, now: float) -> None:
        """Do what an answer about a limit asks for, by rule 7."""
        gate, feed, wait = self._gate, self._feed, answer.retry_after
        self._limited += not job.limited
        got_through = gate.got_through_after(job.limited)
        job.limited = job.given.number
        is_like_others = feed.is_at_end and (job.own_limits or self._is_like_others(job))
        if not (got_through or job.denied_before or is_like_others):
            overloaded = answer.meaning is Meaning.OVERLOADED
            gate.limited(job.given, now, answer.message, wait, overloaded)
            # After another, which says more than the same one would.
            feed.again(job, now + 2 * gate.found.first_wait)
            return
        self._own += not job.own_limits
        job.own_limits += 1
        gate.failed(job.given, now, wait)
        if self._own == self._limited:
            gate.unlimited()
        if job.own_limits >= self._by_chance(job):
            self._settle(job, Outcome.FAILED)
            return
        again = backoff(min(job.own_limits, LEAST), self._jitter(), wait)
        # Where nothing got through, that can be since a limit is not over yet.
        feed.again(job, now + (again if got_through else max(again, gate.quiet)))

    def _is_like_others(self, job: Job) -> bool:
        """Tell whether a row is one of the last, and some before it drew limits of their own."""
        if not self._own or self._gate.in_flight > 1:
            return False
        in_doubt = [other for other in (job, *self._feed.waiting) if not other.own_limits]
        return len(in_doubt) <= LIKE_OTHERS and all(other.limited for other in in_doubt)

    def _by_chance(self, job: Job) -> float:
        """Return how many answers about a limit no chance explains, by the share that draws one."""
        if job.denied_before:
            return self._attempts
        share = min(self._limited / (self._feed.sent + 1), MOST)
        return max(LEAST, log(BY_CHANCE) / log(share))

    def leave(self, jobs: Iterable[Job], are_all: bool) -> None:
        """Leave rows as failed that drew what the run gives up for, by rule 8.

        `are_all` says that no others are left.
        """
        if self._gate.is_vouched and (are_all or not self._gate.last_answered):
            for job in jobs:
                job.given_up = True

    def got_through(self, job: Job) -> None:
        """The API has set a row's status: what left before it is no evidence any more."""
        self._own -= job.own_limits > 0
        self.absolve()

    def absolve(self) -> None:
        """The API deals with others: what left before those is no evidence any more."""
        if not self._strikes or self.stopping:
            return
        jobs = [job for job in self._strikes if self._gate.got_through_after(job.failed)]
        if jobs:
            self._forget(jobs)

    def conclude(self) -> None:
        """Settle the rows set aside: none is left to tell."""
        if not self.stopping:
            self._forget(list(self._strikes))

    def set_aside(self) -> list[Job]:
        """Return the rows whose attempts are used up, if that was their own doing."""
        return [job for job in self._strikes if job.failures >= self._attempts]

    def settled(self, job: Job) -> None:
        """Take out a row that has its outcome."""
        self._strikes.pop(job, None)

    def _forget(self, jobs: list[Job]) -> None:
        """Take rows out of the evidence, and settle those of them that were set aside."""
        self._enough, self._feed.from_behind = STRIKES, False
        for job in jobs:
            del self._strikes[job]
            if job.failures >= self._attempts:
                self._settle_failed(job)

    def _settle_failed(self, job: Job) -> None:
        forbidden = job.answer is not None and job.answer.meaning is Meaning.FORBIDDEN
        self._settle(job, Outcome.REJECTED if forbidden else Outcome.FAILED)


def _was_sent(answer: Answer) -> bool:
    return answer.meaning is not Meaning.UNANSWERED or answer.unseen
