"""`Course`: what is known of a run under way, in words. The run tells it, a view reads it."""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from math import inf

from bulkstatus.job.run import Ending, Hold, HoldReason, Observer
from bulkstatus.log.records import Outcome, Result
from bulkstatus.pace import Full, Rate, seconds_needed
from bulkstatus.words import clock_time, counted, duration, printable

# The outcomes of rows that were sent, in the order in which they are shown.
_SENT = (Outcome.UPDATED, Outcome.REJECTED, Outcome.FAILED)

#: How many answers, the first ones of a run, are all refusals before the file is doubted.
REFUSALS = 20

#: Over how many seconds the rate is measured.
_MEASURED = 10.0

#: Waits that are shorter, in seconds, are not told: most answers that are lost on the way hold the
#: run for a second, until a probe is answered.
_SHORTEST_TOLD = 2.0


class Course(Observer):
    """A run of `due` rows, as far as its observer is told; `rate` is the one asked for.

    The run calls the first group of methods, which are those of `run.Observer`, in its event
    loop; a view reads the others, from a thread of its own. Seconds are by `clock`; `wall` is the
    time of day in seconds since the epoch. The run gives up after `give_up_after` seconds of
    outage.
    """

    def __init__(
        self,
        due: int,
        rate: Rate | None = None,
        give_up_after: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.due = due
        self.counts: Counter[Outcome] = Counter()
        self.clock = clock
        self.news = threading.Event()
        """Set when something happened that is to be told at once."""
        self._rate = rate
        self._give_up_after = give_up_after
        self._wall = wall
        self._samples = deque([(clock(), 0)])
        self._last_leaves = clock()
        self._attempts = 0
        self._doubt = ""
        self._found = inf
        self._ending: Ending | None = None
        self._hold: Hold | None = None
        self._quota: Hold | None = None
        self._ahead = 0.0
        """By how much the course's clock is ahead of the event loop's, by which holds are."""

    # What the run tells.

    def started(self, places: Sequence[tuple[Rate, Sequence[float]]]) -> None:
        """See `run.Observer`."""
        self._samples = deque([(self.clock(), 0)])
        self._last_leaves = self.clock() + seconds_needed(self.due, self._rate, places)

    def wrote(self, results: Sequence[Result]) -> None:
        """See `run.Observer`."""
        before = self.settled
        self.counts.update(result.outcome for result in results)
        self._attempts += sum(result.attempts for result in results)
        if before < REFUSALS <= self.counts[Outcome.REJECTED] == self.settled < self.due:
            self._doubt = (
                f"all of the first {self.settled} answers are refusals. If this is not the right "
                f"file, Ctrl-C stops the run. `--max-failures {REFUSALS}` stops it by itself"
            )
            self.news.set()

    def holding(self, hold: Hold | None) -> None:
        """See `run.Observer`."""
        self._ahead = self.clock() - asyncio.get_running_loop().time()
        self._hold = hold
        self.news.set()

    def found(self, rate: float) -> None:
        """See `run.Observer`."""
        self._found = rate

    def waiting_for_quota(self, seconds: float, full: Full) -> None:
        """See `run.Observer`."""
        now = asyncio.get_running_loop().time()
        self._ahead = self.clock() - now
        whose = f", {full.others:,} of it used by other runs of the account" * (full.others > 0)
        self._quota = Hold(HoldReason.LIMIT, f"the quota of {full.quota}{whose}", now, seconds)
        if seconds >= _SHORTEST_TOLD:
            self.news.set()

    def stopping(self, ending: Ending) -> None:
        """See `run.Observer`."""
        self._ending = ending
        self.news.set()

    # What a view reads.

    @property
    def settled(self) -> int:
        """How many of the due rows have their outcome."""
        return sum(self.counts[outcome] for outcome in _SENT)

    def sample(self) -> None:
        """Note how far the run is; to be called now and then, so that its speed can be told."""
        now, samples = self.clock(), self._samples
        if self._waiting() is not None:  # a wait says nothing about the speed
            samples.clear()
        samples.append((now, self._attempts))
        while len(samples) > 2 and now - samples[1][0] >= _MEASURED:
            samples.popleft()

    def figures(self) -> list[str]:
        """Return how far the run is, its counts, its rate, and the time left if that is known.

        Such as ["184 of 330 rows (55 %)", "180 updated", "3 rejected", "1 failed", "9.8/s of
        10/s", "about 15 s left"]; never 100 % before the end.
        """
        share = self.settled * 100 // max(1, self.due)
        speed, left = self._requests_per_second(), self._seconds_left()
        return [
            f"{self.settled} of {counted(self.due, 'row')} ({share} %)",
            *(f"{self.counts[outcome]} {outcome}" for outcome in _SENT),
            f"{speed:.1f}/s of {self._rate}" if self._rate else f"{speed:.1f}/s",
            *([f"about {duration(left)} left"] if left is not None else []),
        ]

    def notes(self) -> dict[str, str]:
        """Return what is out of the ordinary, by its kind: a stop, a wait, a doubt."""
        notes, wait = {}, self._waiting()
        if self._ending is not None:
            again = ". Ctrl-C again stops without them" * (self._ending.reason == "interrupted")
            notes["stopping"] = f"stopping: waiting for the answers that are on the way{again}"
        elif wait is not None:
            said = f" ({printable(wait.message, 120)})" if wait.message else ""
            then = "going on" if wait.asked else "next try"
            until = self._at(max(wait.until, self.clock() - self._ahead))
            note = f"{wait.reason.value}{said} since {self._at(wait.since)}, {then} at {until}"
            # Before the first answer it is the number of tries that counts.
            if wait.reason is not HoldReason.LIMIT and self._attempts:
                note += f", gives up at {self._at(wait.since + self._give_up_after)}"
            notes[wait.reason.value] = note
        elif self._found < inf:
            notes["found"] = f"the API lets about {_per(self._found)} through"
        if self._doubt:
            notes["doubt"] = self._doubt
        return notes

    def learnt(self) -> str:
        """Return what is worth knowing for the next run, or nothing."""
        if self._found == inf:
            return ""
        return f"The API let about {_per(self._found)} through: more than that was refused."

    def until(self) -> str:
        """Return the time of day at which the last row will be settled, "" if nothing tells."""
        left, now = self._seconds_left(), self._wall()
        return clock_time(now + left, now) if left is not None else ""

    def _waiting(self) -> Hold | None:
        """Return what the run waits for, None when it goes on or will in a moment."""
        now, wait = self.clock() - self._ahead, self._hold
        if wait is None and self._quota is not None and now < self._quota.until:
            wait = self._quota
        return wait if wait and max(wait.until, now) - wait.since >= _SHORTEST_TOLD else None

    def _requests_per_second(self) -> float:
        """Return how many requests were answered a second of late, 0.0 until that is known."""
        since, attempts = self._samples[0]
        seconds = self.clock() - since
        return (self._attempts - attempts) / seconds if seconds >= 1.0 else 0.0

    def _seconds_left(self) -> float | None:
        """Return in how many seconds the last due row will be settled; None when nothing tells.

        That is by the rate now, and not before rate and quotas, as they were at first, let expect
        it. It knows of the wait that there is, not of those to come.
        """
        now, wait, rows = self.clock(), self._waiting(), self.due - self.settled
        if self._ending is not None or (wait is not None and not wait.asked):
            return None
        # Rows that need several tries are expected to go on doing so.
        requests = round(rows * self._attempts / self.settled) if self.settled else rows
        speed = self._requests_per_second()
        left = requests / speed if speed else seconds_needed(requests, self._rate)
        left = max(left, self._last_leaves - now)
        if not rows or left <= 0.0:
            return None
        held = wait.until + self._ahead - now if wait is not None and wait is self._hold else 0.0
        return left + max(held, 0.0)

    def _at(self, moment: float) -> str:
        """Return a moment by the event loop's clock as a time of day."""
        wall = self._wall()
        return clock_time(wall + moment + self._ahead - self.clock(), wall)


def _per(rate: float) -> str:
    """Return a rate in requests a second with two digits, such as 38/s, 17/m or 1000/h."""
    seconds, letter = next(
        ((s, letter) for s, letter in ((1, "s"), (60, "m")) if rate * s >= 5), (3600, "h")
    )
    return f"{float(f'{rate * seconds:.2g}'):g}/{letter}"
