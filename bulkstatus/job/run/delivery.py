"""`Delivery`: what an attempt's answer does to its row, and to the run.

What an answer *means* is decided in `bulkstatus.api.answer`; here it is weighed against what the
run has seen besides: a 404 as the very first answer, a third order in a row that is forbidden, a
limit that only one row ever draws.
"""

import time
from collections.abc import Callable

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.errors import ActionNeeded, Stopped
from bulkstatus.job.run.backoff import backoff
from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.job.run.gate import Gate, Hold
from bulkstatus.job.run.interface import RunOptions
from bulkstatus.log.records import ErrorKind, Outcome, Result, RowError, timestamp

#: A server that asks to wait longer than this many seconds ends the run.
LONGEST_RETRY_AFTER = 86400.0

#: How many orders in a row may be forbidden before the run takes that as being about them all.
FORBIDDEN_ORDERS = 3

#: How many times a row may put the run on hold, while others get through, before it is taken
#: for the row's own doing.
STRIKES = 3


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
        self._successes = 0
        self._failures = 0
        self._tries_unanswered = 0
        self._forbidden: dict[str, tuple[Job, Answer]] = {}

    def drop(self, job: Job) -> None:
        """Settle a row whose request was on the wire when a second signal came."""
        job.unseen = True
        error = RowError(ErrorKind.CONNECTION, "interrupted before the answer came")
        self._gate.failed(job.given)
        self._settle(job, Outcome.FAILED, None, error)

    def leave(self, job: Job) -> None:
        """Say of a row that the run leaves behind that its order is perhaps changed."""
        error = job.answer.error if job.answer is not None else None
        status = job.answer.http_status if job.answer is not None else None
        self._add(result_of(job, Outcome.FAILED, status, error or UNRECORDED))

    def judge(self, job: Job, answer: Answer, now: float) -> None:
        """Do what an attempt's answer asks for; `now` is by the event loop's clock."""
        meaning = answer.meaning
        job.answer = answer
        job.unseen = job.unseen or answer.unseen
        if meaning is Meaning.UPDATED:
            self._gate.answered(job.given, now, success=True)
            self._successes += 1
            self._vouched = True
            self.settle_forbidden()
            self._settle(job, Outcome.UPDATED, answer.http_status, None)
        elif meaning is Meaning.LIMITED:
            self._judge_limited(job, answer, now)
        elif meaning is Meaning.UNANSWERED:
            self._judge_unanswered(job, answer, now)
        else:
            self._gate.answered(job.given, now, success=False)
            self._judge_answered(job, answer, now)

    def _judge_answered(self, job: Job, answer: Answer, now: float) -> None:
        """Do what an answer asks for that came, is no success and does not speak of a limit."""
        meaning = answer.meaning
        about_the_url = meaning is Meaning.UNKNOWN_PAGE and not self._vouched
        if meaning is Meaning.TRANSIENT:
            self._try_again(job, answer, now)
        elif meaning is Meaning.FORBIDDEN:
            self._judge_forbidden(job, answer)
        elif meaning is Meaning.FATAL or about_the_url:
            self._feed.again(job, 0.0)
            self._stop(ActionNeeded(_fatal(answer)))
        else:
            self._vouched = True
            if answer.error is not None and answer.error.kind is ErrorKind.API:
                self.settle_forbidden()
            self._settle(job, Outcome.REJECTED, answer.http_status, answer.error)

    def _judge_forbidden(self, job: Job, answer: Answer) -> None:
        """Set a forbidden row aside until the next answers tell what it was about."""
        self._forbidden[job.update.order_id] = (job, answer)
        if len(self._forbidden) >= FORBIDDEN_ORDERS:
            self._stop(
                ActionNeeded(f"{FORBIDDEN_ORDERS} orders in a row were forbidden. {_fatal(answer)}")
            )

    def settle_forbidden(self) -> None:
        """Reject the rows set aside: the API deals with others, or none is left to tell."""
        if self._forbidden and not self.stopping:
            for job, answer in self._forbidden.values():
                self._settle(job, Outcome.REJECTED, answer.http_status, answer.error)
            self._forbidden.clear()

    def set_aside(self) -> list[Job]:
        """Return the forbidden rows that nothing has been decided about."""
        return [job for job, _ in self._forbidden.values()]

    def _judge_limited(self, job: Job, answer: Answer, now: float) -> None:
        error = answer.error
        job.limit_answer = answer
        message = error.message if error else ""
        if answer.retry_after is not None and answer.retry_after > LONGEST_RETRY_AFTER:
            self._gate.limited(job.given, now, message, None)
            self._feed.again(job, 0.0)
            self._stop(_asked_too_long(answer.retry_after))
            return
        if job.on_trial and job.given.hold is not None:
            # Alone, and after a wait that was long enough for another row: it is about this row.
            self._gate.limited(job.given, now, message, answer.retry_after)
            self._settle(job, Outcome.REJECTED, answer.http_status, error)
            return
        if self._successes > job.successes_seen:
            job.limits += 1
        job.successes_seen = self._successes
        job.on_trial = job.limits >= STRIKES
        wait = answer.retry_after
        if job.on_trial:
            wait = max(wait or 0.0, self._gate.quiet)
        self._gate.limited(job.given, now, message, wait)
        self._feed.again(job, 0.0)

    def give_up_limited(self, hold: Hold) -> None:
        """End a hold for a limit when only rows are left that have drawn its answers.

        When others succeeded in this run, the limit may well be real, and a resume finds out.
        When none did, these rows had the run to themselves for more than an hour.
        """
        jobs = self._feed.take_if_all_limited()
        for job in jobs:
            answer = job.limit_answer
            if self._successes or answer is None:
                self._feed.again(job, 0.0)
            else:
                self._settle(job, Outcome.REJECTED, answer.http_status, answer.error)
        if jobs and self._successes:
            self._stop(
                Stopped(
                    "Gave up waiting for the API's limit; the rows that are left draw nothing "
                    f"but this answer: {hold.message}."
                )
            )

    def _judge_unanswered(self, job: Job, answer: Answer, now: float) -> None:
        message = answer.error.message if answer.error else ""
        job.suspect = job.suspect or 0 < job.unanswered_at < self._gate.last_answered
        if self._gate.answers == 0:
            self._tries_unanswered += 1
            wait = max(0.05, backoff(self._tries_unanswered, self._jitter()))
            self._gate.unreached(job.given, now, message, wait)
            self._feed.again(job, 0.0)
            if self._tries_unanswered >= self._options.attempts:
                self._stop(
                    Stopped(
                        f"The API could not be reached in {self._tries_unanswered} tries: "
                        f"{message}. Check the base URL, the network and the proxy settings."
                    )
                )
        elif self._gate.is_outage(job.given) and not self._is_its_own_doing(job):
            if self._successes > job.successes_seen:
                job.outages += 1
            job.successes_seen = self._successes
            self._gate.unreached(job.given, now, message)
            self._feed.again(job, 0.0)
        else:
            job.lagged = job.lagged or not self._gate.is_outage(job.given)
            self._gate.failed(job.given)
            self._try_again(job, answer, now)
        job.unanswered_at = self._gate.passes

    def _is_its_own_doing(self, job: Job) -> bool:
        """Tell whether what looks like an outage is about this row alone.

        It is when the row has brought about several while others got through; or when no other
        row is left to tell, and requests that left after its last failure were answered; or when
        it is the very last row, and others were answered while an attempt of it was not.
        """
        alone = self._gate.in_flight == 1 and self._feed.has_only_suspects
        last = self._gate.in_flight == 1 and self._feed.is_complete and self._feed.is_empty
        return job.outages >= STRIKES or (job.suspect and alone) or (job.lagged and last)

    def _try_again(self, job: Job, answer: Answer, now: float) -> None:
        """Count a failure against the row, and try again later or give it up."""
        job.failures += 1
        if answer.retry_after is not None and answer.retry_after > LONGEST_RETRY_AFTER:
            self._feed.again(job, 0.0)
            self._stop(_asked_too_long(answer.retry_after))
        elif job.failures >= self._options.attempts:
            self._settle(job, Outcome.FAILED, answer.http_status, answer.error)
        else:
            wait = backoff(job.failures, self._jitter(), answer.retry_after)
            self._feed.again(job, now + wait)

    def _settle(
        self, job: Job, outcome: Outcome, http_status: int | None, error: RowError | None
    ) -> None:
        """Log a row's outcome and let the next row of its order go."""
        self._add(result_of(job, outcome, http_status, error))
        if outcome is not Outcome.UPDATED:
            self._failures += 1
            if self._failures == self._options.max_failures:
                text = f"Stopped after {self._failures} failures (--max-failures)."
                self._stop(ActionNeeded(text))
        self._feed.settle(job)


def result_of(
    job: Job, outcome: Outcome, http_status: int | None, error: RowError | None
) -> Result:
    """Return the result of a job that is over, as of now."""
    order_id, status, tracking = job.update
    return Result(
        job.n,
        job.line,
        order_id,
        int(status),
        tracking,
        outcome,
        http_status,
        job.attempts,
        # A third of what `round` to one digit takes.
        round(job.elapsed_ms * 10) / 10 if job.attempts else None,
        timestamp(time.time()),
        error,
        job.unseen and outcome is not Outcome.UPDATED,
    )


#: Why a row is in doubt that only a run which broke off may have sent.
UNRECORDED = RowError(
    ErrorKind.CONNECTION, "an earlier run broke off and may have sent it; no answer was seen"
)


def _fatal(answer: Answer) -> str:
    """Return what an answer says that no row can get past, and what to check."""
    message = answer.error.message if answer.error else ""
    where = f"HTTP {answer.http_status}" if answer.http_status else "no answer"
    if not message.startswith("HTTP "):
        message = f"{where}: {message}"
    return f"The API answered {message}. {answer.advice}"


def _asked_too_long(seconds: float) -> Stopped:
    return Stopped(
        f"The API asks to wait for {seconds / 3600:.0f} hours before the next request. "
        "Go on after that."
    )
