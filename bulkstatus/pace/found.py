"""`FoundRate`: the rate that an API turns out to let through, found from what it refuses.

What was learnt elsewhere: a fixed cut and a slow climb (AIMD, the SDKs of large clouds) swing about
a limit and never know one per second from one per hour; a search between what passes and what does
not (BIC) closes in and stays; and what a server let through while it was pressed (BBR) says more
than that it refused.

A *cycle* goes from one moment at which the API let through again to the next: what passed in it,
divided by its seconds, waits included, is what a window or a bucket allows, whatever its length.
Where a cycle is too short to tell, as with a bucket without any burst, the share that passed does.
An API may have a limit of both kinds: a cycle that ends with a long wait is measured from the last
that ended so, since the short ones between have used up part of the same window.
Between the highest rate that passed and the lowest that did not, the search halves the distance,
and each step has to pass for as long as a cycle took: so a limit per hour is not mistaken for one
per second. Once it has closed in it stays just below, and feels its way up again ever more rarely.

A server that sheds load at random refuses as many whatever the rate. Where a rate less than half
as high did not help, the search goes back up and takes no notice for a while.
"""

from math import inf, sqrt

from bulkstatus.pace.shedding import Shedding

#: Passes in a cycle from which what passed in it is a rate; and requests from which a share tells.
_ENOUGH = 10
_FEW = 6

#: Fewer passes than these after a step say that the step itself failed.
_FAILS_SOON = 8

#: Passes after which a refusal that is over at once is taken for noise, and how far that slows.
_NOISE = 20
_NOISE_STEP = 0.98

#: Passes without a refusal that a step up needs, and how often as many before it is tried again.
_CLEAN = 12
_AGAIN = 4

#: The search has closed in when what fails is no more than this times what passes; it is also the
#: square of the first step beyond.
_CLOSE = 1.05
_MOST_PATIENT = 16

#: Refusals in a row from which the wait for their end counts, and more than which are no chance.
_LONG = 4
_NO_CHANCE = 14

#: Passes after which the API may be out of order for once, or its window used up by others, again.
_FORGIVEN_AGAIN = 300

#: Seconds before the first probe of a hold: the shortest, the longest, and the part of a cycle.
_SHORTEST_WAIT, _LONGEST_WAIT, _PART = 0.02, 1.0, 64


class FoundRate:
    """A state machine: moments in seconds of any clock, numbers in the order of leaving.

    `ceiling` is the most that will leave a second. `rate` is the one found, in requests a second,
    and infinite as long as no limit is met.
    """

    def __init__(self, ceiling: float = inf) -> None:
        self.rate = inf
        self._ceiling = ceiling
        self._passes, self._fails = 0.0, inf  # the two ends of the search, in requests a second
        self._fence = 0  # what left before this number says nothing of the rate now
        self._clean, self._clean_since = 0, 0.0
        self._cycle = 0.0  # how long a cycle takes, in seconds
        self._stepped = self._beyond = False
        self._patience, self._stride = 1.0, _CLOSE
        self._unforgiving = 0
        self._shedding = Shedding()
        self._open_doubt = self._in_a_row = 0
        self._shut_until = 0.0
        self._overloaded = False
        self._since: float | None = None  # when the cycle began
        self._through = self._refusals = self._episodes = 0
        self._long_since, self._earlier = inf, 0  # and the long one, and what passed in it before
        self._held = False

    @property
    def first_wait(self) -> float:
        """The seconds before the first probe of a hold, where the server asks for none."""
        return max(min(_LONGEST_WAIT, max(_SHORTEST_WAIT, 1 / self._pace())), self._cycle / _PART)

    def passed(self, number: int, latest: int, now: float, probe: bool = False) -> None:
        """A request got through; `latest` is the number of the last that left.

        `probe` says that it left while the run held.
        """
        if number >= self._fence:
            if self._since is None:
                self._start(now)
            else:
                self._through += 1
        if self._open_doubt:
            if number > self._open_doubt:
                if not probe:
                    self._shedding.count(False)
                self._close(latest, now)
        elif self.rate < inf and number >= self._fence:
            if not self._stepped:
                self._shedding.count(False)
            self._clean += 1
            if self._clean >= _CLEAN and now - self._clean_since >= self._cycle:
                self._step_up(latest, now)

    def passed_beside(self) -> None:
        """A request got through that says nothing of whether a hold is over."""
        self._through += 1

    def refused(
        self,
        number: int,
        now: float,
        wait: float = 0.0,
        overloaded: bool = False,
        probe: bool = False,
    ) -> bool:
        """A request drew a limit's answer, which asks for a `wait`: tell whether to hold.

        `overloaded` says that the answer may as well be that of a server out of order.
        """
        if number < self._fence:
            return wait > 0
        if self._since is None:
            self._start(now)
        # Servers round what they ask for up to whole seconds.
        self._shut_until = max(now, now + wait - 1)
        self._refusals += 1
        self._overloaded = overloaded
        if self._open_doubt == 0:
            self._in_a_row = 1
            self._episodes += 1
        elif number > self._open_doubt:
            self._in_a_row += 1
        if wait >= 1:
            self._in_a_row = max(self._in_a_row, _LONG)
        self._open_doubt = max(number, self._open_doubt)
        if not probe and not self._stepped:
            self._shedding.count(True, self._pace(), self._in_a_row == 1)
        self._shedding.is_tolerated &= self._in_a_row < _NO_CHANCE
        self._held = self._held or self._in_a_row > 1
        return wait > 0 or (self._in_a_row > 1 and not self._shedding.is_tolerated)

    def interrupted(self) -> None:
        """The API was out of order meanwhile: what passed until now is no measure."""
        self._open_doubt = 0
        self._begin(None)
        self._long_since, self._earlier = inf, 0

    # A cycle and its end.

    def _start(self, now: float) -> None:
        self._since = now
        self._long_since = min(self._long_since, now)

    def _begin(self, now: float | None) -> None:
        """Begin a cycle; without a moment with the next answer that counts."""
        self._earlier += self._through
        if now is not None and self._in_a_row >= _LONG:
            self._long_since, self._earlier = now, 0
        self._since = now
        self._through = self._refusals = self._episodes = 0
        self._held = False

    def _pace(self) -> float:
        """Return the requests a second that are tried now."""
        pace = min(self.rate, self._ceiling)
        if pace == inf and self._since is not None:
            pace = (self._through + 1) / max(self._shut_until - self._since, 1e-3)
        return pace

    def _go_at(self, rate: float, latest: int, now: float) -> None:
        self.rate = min(rate, self._ceiling)
        self._fence = latest + 1
        self._clean, self._clean_since = 0, now

    def _close(self, latest: int, now: float) -> None:
        """Judge the cycle that ends with a pass after refusals."""
        assert self._since is not None
        through, seconds, shut = self._through, now - self._since, self._shut_until - self._since
        pace, row, self._open_doubt = self._pace(), self._in_a_row, 0
        if row >= _LONG:
            through += self._earlier
            seconds, shut = now - self._long_since, self._shut_until - self._long_since
        if self._shedding.is_tolerated:
            self._begin(now)
            return
        back = self._shedding.not_helped() if self.rate < inf else None
        if back is not None:
            self._passes, self._fails = 0.0, inf
            self._stepped = self._beyond = False
            self._go_at(back, latest, now)
            self._begin(now)
            return
        if row == 1 and not self._stepped and self._clean >= _CLEAN:
            self._patience = max(2.0, self._patience / 2)
        if row == 1 and through >= _NOISE:
            if self.rate < inf and not self._stepped:
                self._fails = self.rate
                self._passes = self.rate = self.rate * _NOISE_STEP
            self._begin(now)
            return
        if through + self._episodes < _FEW and row < _LONG and not self._stepped:
            return
        untold = row >= _LONG and (through < _ENOUGH or self._overloaded)
        if untold and not self._unforgiving:
            self._unforgiving = _FORGIVEN_AGAIN
            self._begin(now)
            return
        self._unforgiving = max(0, self._unforgiving - through)
        self._search(pace, through, seconds, shut, latest, now)

    def _search(
        self, pace: float, through: int, seconds: float, shut: float, latest: int, now: float
    ) -> None:
        """Slow down to what the cycle says that passes."""
        row = self._in_a_row
        measured = through / seconds
        if seconds > self._cycle or row >= _LONG:
            self._cycle = max(seconds, self._cycle / 2)
        if through >= _ENOUGH and not (self._stepped and self._clean < _FAILS_SOON):
            self._passes = measured
            self._fails = min(max(through / max(shut, 1e-9), measured), pace)
            rate = sqrt(self._passes * self._fails)
        elif self._stepped:
            self._fails, rate = pace, self._passes
        else:
            self._fails = pace if row < _LONG else min(pace, (through + 1) / shut)
            if row < _LONG and not self._held:
                measured = max(measured, pace * through / (through + self._refusals))
            self._passes = rate = 0.97 * min(measured, pace)
        if self._beyond:
            self._patience = min(self._patience * 2, _MOST_PATIENT)
        self._stepped = self._beyond = False
        self._stride = _CLOSE
        self._go_at(rate, latest, now)
        self._begin(now if row > 1 else None)

    def _step_up(self, latest: int, now: float) -> None:
        """Go up from a rate that has passed, or stay where the search has closed in."""
        self._passes, self._stepped = max(self._passes, self.rate), False
        if self._passes >= self._ceiling:
            self.rate, self._passes, self._fails, self._cycle = inf, 0.0, inf, 0.0
            self._fence = latest + 1
            if not self._shedding.is_tolerated:
                self._shedding.forget()
            return
        if self._beyond:
            self._stride = 2 * self._stride - 1
            self._fails = self._passes * self._stride**2
        elif self._fails < self._passes * _CLOSE:
            often = _AGAIN * self._patience
            if self._clean < _CLEAN * often or now - self._clean_since < often * self._cycle:
                return
            self._fails = self._passes * self._stride**2
            self._beyond = True
        self._stepped = True
        self._go_at(sqrt(self._passes * self._fails), latest, now)
