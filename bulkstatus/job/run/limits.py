"""`Limits`: whether an answer about a limit speaks of the API's, or of one that a row has alone.

It is the row's own when others got through since it drew the last one, or where an earlier run of
the log has failed it for such answers. No chance explains more of those than `_by_chance` says: the
row fails. All other answers are the API's, and slow the run down.

The very last rows have none after them that could get through. Where some rows were found to draw
limits of their own, one or two more are likelier than a limit that is met just there.
"""

from collections.abc import Callable
from math import log

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.job.run.backoff import backoff
from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.job.run.gate import Gate
from bulkstatus.log.records import Outcome

#: What is too unlikely to be chance. So many answers of its own are needed at the least, and from
#: then on a row waits no longer for each next try.
BY_CHANCE = 1e-7
LEAST = 5

#: The highest share of rows that draw such answers which is told from one of all.
MOST = 0.7

#: How many rows at the very end are taken to be like those before that drew limits of their own.
LIKE_OTHERS = 2


class Limits:
    """`settle` gives a row its outcome, and `jitter` random numbers from 0 to 1.

    A row of which an earlier run has found it has `attempts`.
    """

    def __init__(
        self,
        gate: Gate,
        feed: Feed,
        attempts: int,
        settle: Callable[[Job, Outcome], None],
        jitter: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._feed = feed
        self._attempts = attempts
        self._settle = settle
        self._jitter = jitter
        self._limited = 0  # rows that have drawn such an answer
        self._some_are_own = False

    def judge(self, job: Job, answer: Answer, now: float) -> None:
        """Slow down or hold, unless the answer is the row's own; fail a row that draws too many."""
        gate, wait = self._gate, answer.retry_after
        self._limited += not job.limited
        got_through = gate.got_through_after(job.limited)
        job.limited = job.given.number
        if got_through or job.limited_before:
            job.has_own_limit = self._some_are_own = True
        if not job.has_own_limit and not self._is_like_others(job):
            overloaded = answer.meaning is Meaning.OVERLOADED
            gate.limited(job.given, now, answer.message, wait, overloaded)
            self._feed.again(job, 0.0)
            return
        job.limits += 1
        gate.failed(job.given, now, wait)
        if job.limits >= self._by_chance(job):
            self._settle(job, Outcome.FAILED)
        else:
            again = backoff(min(job.limits, LEAST), self._jitter(), wait)
            # Where nothing got through, that can be since a limit is not over yet.
            self._feed.again(job, now + (again if got_through else max(again, gate.quiet)))

    def _is_like_others(self, job: Job) -> bool:
        """Tell whether a row is one of the last, and some before it drew limits of their own."""
        feed = self._feed
        if not self._some_are_own or not feed.is_at_end or self._gate.in_flight > 1:
            return False
        in_doubt = [other for other in (job, *feed.waiting) if not other.has_own_limit]
        return len(in_doubt) <= LIKE_OTHERS and all(other.limited for other in in_doubt)

    def _by_chance(self, job: Job) -> float:
        """Return how many answers about a limit no chance explains, by the share that draws one."""
        if job.limited_before:
            return self._attempts
        share = min(self._limited / (self._feed.sent + 1), MOST)
        return max(LEAST, log(BY_CHANCE) / log(share))
