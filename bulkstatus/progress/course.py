"""`Course`: what is known of a run under way. The run tells it, a view reads it."""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

from bulkstatus.pace import Rate
from bulkstatus.progress.advice import LIMITS, REFUSALS, all_refused, steadier
from bulkstatus.progress.outlook import Held, seconds_left
from bulkstatus.result import Outcome, Result
from bulkstatus.run import Ending, Hold, HoldReason

# The outcomes of rows that were sent, in the order in which they are shown.
SENT = (Outcome.UPDATED, Outcome.REJECTED, Outcome.FAILED)

#: Over how many seconds the rate is measured that is shown, and the speed that is expected.
_NOW_SECONDS = 5.0
_SPEED_SECONDS = 60.0

# How many samples are kept at the most.
_SAMPLES = 512

#: How often the time left is worked out anew, in seconds; between, it just passes.
_OUTLOOK_SECONDS = 2.0

# For how many of its seconds a hold for a limit counts as a part of the pace: the short ones come
# again and again.
_RECURRING = 10.0

#: A wait that is shorter, in seconds, is a part of the pace: most answers that are lost on the way
#: hold the run for a second, until a probe is answered.
SHORTEST_SHOWN = 2.0

_outcome_of = attrgetter("outcome")
_attempts_of = attrgetter("attempts")


class Waiting(NamedTuple):
    """What a run waits for; moments are by the course's clock.

    `reason` is None for a quota. At `until` the run goes on where `has_known_end`, else it tries
    whether it can. `gives_up` is None where it never does, or after some tries rather than a time.
    """

    reason: HoldReason | None
    message: str
    since: float
    until: float
    has_known_end: bool
    gives_up: float | None = None


class _Sample(NamedTuple):
    """How far a run was at a moment; `active` is for how many seconds nothing had held it."""

    moment: float
    active: float
    attempts: int


class Course:
    """A run under way, as far as its observer is told.

    The run calls the first group of methods, which are those of `run.Observer`, in its event
    loop; a view reads the others, from a thread of its own. Moments and seconds are by `clock`.
    """

    def __init__(
        self,
        due: int,
        rate: Rate | None = None,
        quotas: Sequence[Rate] = (),
        clock: Callable[[], float] = time.monotonic,
        *,
        host: str = "the API",
        give_up_after: float = 900.0,
    ) -> None:
        self.due = due
        self.rate = rate
        self.quotas = tuple(quotas)
        self.clock = clock
        self.host = host
        self._give_up_after = give_up_after
        self.counts: Counter[Outcome] = Counter()
        self.ending: Ending | None = None
        self.notices: list[str] = []
        """What the user should know from some moment on, as sentences without their full stop."""
        self.began = clock()
        self._attempts = 0
        self._limits = 0
        self._outages = 0.0
        self._is_doubted = due <= REFUSALS
        self._answered: deque[tuple[float, int]] = deque()
        self._places: list[Held] = []
        self._hold: Waiting | None = None
        self._held_by: Hold | None = None
        self._hold_from = self.began
        self._quota_from = self._quota_until = self.began
        # What tells the time at work is touched by both threads.
        self._lock = threading.Lock()
        self._noted = self.began
        self._active = 0.0
        self._samples = deque([_Sample(self.began, 0.0, 0)], _SAMPLES)
        self._finish: float | None = None
        self._worked_out: float | None = None

    # What the run tells.

    def started(self, places: Sequence[tuple[Rate, Sequence[float]]]) -> None:
        """See `run.Observer`."""
        now = self.began = self._noted = self.clock()
        self._samples = deque([_Sample(now, 0.0, 0)], _SAMPLES)
        self._places = [(quota, [(now + seconds, 1) for seconds in held]) for quota, held in places]

    def wrote(self, results: Sequence[Result]) -> None:
        """See `run.Observer`; thousands of results come in a second."""
        self.counts.update(map(_outcome_of, results))
        attempts = sum(map(_attempts_of, results))
        self._attempts += attempts
        if self._places and attempts:
            self._count_answered(attempts)
        if not self._is_doubted and (settled := self.settled) >= REFUSALS:
            self._is_doubted = True
            if self.counts[Outcome.REJECTED] == settled < self.due:
                self.notices.append(all_refused(settled))

    def _count_answered(self, attempts: int) -> None:
        """Note what the run itself adds to the quotas' windows, a thousandth of each together."""
        now = self.clock()
        answered = self._answered
        windows = [quota.seconds for quota, _ in self._places]
        if answered and now - answered[-1][0] < min(windows) / 1000:
            answered[-1] = (answered[-1][0], answered[-1][1] + attempts)
        else:
            answered.append((now, attempts))
        while now - answered[0][0] > max(windows):
            answered.popleft()

    def holding(self, hold: Hold | None) -> None:
        """See `run.Observer`."""
        now = self.clock()
        self._note(now)
        self._worked_out = None
        before, self._held_by = self._held_by, hold
        if before is not None and before is not hold and before.reason is HoldReason.OUTAGE:
            self._outage_over(now - self._hold_from)
        if hold is None:
            self._hold = None
            return
        if hold is not before:
            self._hold_from = now
            if hold.reason is HoldReason.LIMIT:
                self._limit_reached(now)
        is_outage = hold.reason is HoldReason.OUTAGE
        gives_up = self._hold_from + self._give_up_after
        self._hold = Waiting(
            hold.reason,
            hold.message,
            self._hold_from,
            until=now + hold.until - asyncio.get_running_loop().time(),
            has_known_end=hold.asked and not is_outage,
            # Before the first answer it is the number of tries that counts.
            gives_up=gives_up if is_outage and self._attempts else None,
        )

    def _outage_over(self, lasted: float) -> None:
        if lasted >= SHORTEST_SHOWN:
            self._outages += lasted
        else:
            with self._lock:
                self._active += lasted

    def _limit_reached(self, now: float) -> None:
        self._limits += 1
        if self._limits == LIMITS:
            self.notices.append(self.advice(now))

    def waiting_for_quota(self, seconds: float) -> None:
        """See `run.Observer`."""
        now = self.clock()
        self._note(now)
        if now >= self._quota_until:
            self._quota_from = now
        self._quota_until = now + seconds

    def stopping(self, ending: Ending) -> None:
        """See `run.Observer`."""
        self.ending = ending

    # What a view reads.

    @property
    def settled(self) -> int:
        """How many of the due rows have their outcome."""
        return sum(self.counts[outcome] for outcome in SENT)

    def waiting(self, now: float) -> Waiting | None:
        """Return what the run waits for, None when it goes on or will in a moment."""
        wait = self._hold
        if wait is None and now < self._quota_until:
            wait = Waiting(None, "", self._quota_from, self._quota_until, has_known_end=True)
        if wait is None or max(wait.until, now) - wait.since < SHORTEST_SHOWN:
            return None
        return wait

    def advice(self, now: float) -> str:
        """Return how the next run would go better, as a sentence without its full stop, or ""."""
        outages = self._outages
        if self._hold is not None and self._hold.reason is HoldReason.OUTAGE:
            outages += now - self._hold_from
        speed = self.settled / max(now - self.began - outages, 1.0)
        return steadier(self._limits, self.rate, speed)

    def sample(self, now: float) -> None:
        """Note how far the run is; to be called now and then, so that its speed can be told."""
        self._note(now)
        samples = self._samples
        samples.append(_Sample(now, self._active, self._attempts))
        while (
            len(samples) > 2
            and self._active - samples[1].active >= _SPEED_SECONDS
            and now - samples[1].moment >= _NOW_SECONDS
        ):
            samples.popleft()

    def requests_per_second(self, now: float) -> float:
        """Return how many requests were answered a second over the last few seconds."""
        since = self._samples[0]
        for sample in reversed(self._samples):
            if now - sample.moment >= _NOW_SECONDS:
                since = sample
                break
        return (self._attempts - since.attempts) / max(now - since.moment, 1.0)

    def seconds_left(self, now: float) -> float | None:
        """Return in how many seconds the last due row will be settled; None when nothing tells.

        This knows of the rate, the quotas and the hold that there is, not of holds to come.
        """
        wait = self.waiting(now)
        if wait is not None and not wait.has_known_end:
            return None
        if self._worked_out is None or now - self._worked_out >= _OUTLOOK_SECONDS:
            self._worked_out = now
            left = self._work_out(now)
            self._finish = None if left is None else now + left
        return None if self._finish is None else max(0.0, self._finish - now)

    def _work_out(self, now: float) -> float | None:
        self._note(now)
        since = self._samples[0]
        active = self._active - since.active
        attempts = self._attempts - since.attempts
        speed = attempts / active if active >= 1.0 and attempts else None
        settled = self.settled
        tries = self._attempts / settled if settled else 1.0
        requests = round((self.due - settled) * tries)
        left = seconds_left(requests, self.rate, self._held(now), speed)
        if left is not None and self._hold is not None:
            left += max(0.0, self._hold.until - now)
        return left

    def _held(self, now: float) -> list[Held]:
        """Return for each quota in how many seconds its places come free, the run's own last."""
        own = tuple(self._answered)
        return [
            (
                quota,
                [(free - now, count) for free, count in others if free > now]
                + [
                    (answered + quota.seconds - now, count)
                    for answered, count in own
                    if answered + quota.seconds > now
                ],
            )
            for quota, others in self._places
        ]

    def _note(self, now: float) -> None:
        """Add the time since the last note to the time at work, as far as it was that."""
        with self._lock:
            since, self._noted = self._noted, max(now, self._noted)
            if self._hold is None:
                waited = _overlap(since, now, self._quota_from, self._quota_until)
                self._active += max(0.0, now - since) - waited
            elif self._hold.reason is HoldReason.LIMIT:
                recurring_until = self._hold_from + _RECURRING
                self._active += _overlap(since, now, self._hold_from, recurring_until)


def _overlap(since: float, until: float, begin: float, end: float) -> float:
    """Return for how long two spans of time overlap."""
    return max(0.0, min(until, end) - max(since, begin))
