"""`Gate`: how many requests may be on the wire, and how fast. Slow start, and holds of the run.

A state machine without a clock or a network of its own: moments come in as arguments, in seconds
of the event loop's clock.
"""

from enum import Enum
from math import inf

import msgspec

from bulkstatus.pace.found import FoundRate

#: Seconds before the first probe of an outage where the server names none, and by how much each
#: further wait of a hold is longer.
FIRST_WAIT = 1.0
LONGER = 1.5


class HoldReason(Enum):
    """Why the run holds."""

    LIMIT = "limit reached"
    OVERLOAD = "the API is overloaded"
    OUTAGE = "no connection to the API"


#: The longest wait for a probe, in seconds, where the server names none. An API that is back is
#: to be noticed well before the run gives up.
LONGEST_WAIT = {HoldReason.LIMIT: 300.0, HoldReason.OVERLOAD: 60.0, HoldReason.OUTAGE: 60.0}


class Hold:
    """The whole run waits; one probe at a time looks whether that is over.

    `wait` is what the server asks for, in seconds: it makes the run's own wait, which begins with
    `first`, longer and never shorter.
    """

    def __init__(
        self,
        reason: HoldReason,
        message: str,
        since: float,
        wait: float | None,
        first: float = FIRST_WAIT,
    ) -> None:
        self.reason = reason
        self.message = message
        self.since = since
        self._own_wait = first
        self.extend(since, wait)

    def extend(self, now: float, wait: float | None) -> None:
        """Wait again after a probe that found the hold not over."""
        self.probing = False
        self.asked = wait is not None and wait >= self._own_wait
        """Whether the wait is what was asked for, rather than a guess."""
        self.until = now + max(wait or 0.0, self._own_wait)
        self._own_wait = min(self._own_wait * LONGER, LONGEST_WAIT[self.reason])


class Pass(msgspec.Struct, frozen=True):
    """A request's leave to go, which it does at once.

    `number` counts the passes, and `hold` is the one that it probes.
    """

    number: int
    hold: Hold | None


class Gate:
    """Lets requests out one at a time at first, then twice as many with each success.

    `most` is how many will leave a second at the most. `vouched` says that the API has answered at
    this base URL before.
    """

    def __init__(self, concurrency: int, most: float = inf, *, vouched: bool = False) -> None:
        self.limit = 1
        self._most = most
        self.found = FoundRate(most)
        self.in_flight = 0
        self.hold: Hold | None = None
        self.quiet = FIRST_WAIT
        """The longest that it took for a limit to be over, in seconds."""
        self.last_answered = 0
        """The highest number of a pass whose row was told yes or no."""
        self._vouched = vouched
        self._passes = 0
        self._concurrency = concurrency

    def is_open(self, now: float) -> bool:
        """Tell whether another request may leave."""
        if self.hold is not None:
            return now >= self.hold.until and not self.hold.probing
        return self.in_flight < self.limit

    def enter(self) -> Pass:
        """Take a place on the wire; each pass is handed back to one of the methods below, once."""
        self.in_flight += 1
        if self.hold is not None:
            self.hold.probing = True
        self._passes += 1
        return Pass(self._passes, self.hold)

    def left_unsent(self, given: Pass) -> None:
        """The request has told nothing."""
        self.in_flight -= 1
        if given.hold is not None:
            given.hold.probing = False

    def is_in_outage(self) -> bool:
        """Tell whether the run holds because the API is out of order."""
        return self.hold is not None and self.hold.reason is not HoldReason.LIMIT

    @property
    def is_vouched(self) -> bool:
        """Whether the API has said yes or no to a row, now or before."""
        return self._vouched or self.last_answered > 0

    def got_through_after(self, number: int) -> bool:
        """Tell whether a request was answered that left after the one of this number (or 0)."""
        return 0 < number < self.last_answered

    def answered(self, given: Pass, now: float, success: bool) -> None:
        """The API has said yes or no."""
        self.in_flight -= 1
        if given.number > self.last_answered:
            self.last_answered = given.number
        hold = self.hold
        if hold is not None and (given.hold is hold or hold.reason is HoldReason.OUTAGE):
            self._end_hold(hold, now)
        if self.hold is None:
            self.found.passed(given.number, self._passes, now, given.hold is not None)
        else:
            self.found.passed_beside()
        if success and self.hold is None and self.limit < self._concurrency:
            self.limit = min(self.limit * 2, self._concurrency)

    def _end_hold(self, hold: Hold, now: float) -> None:
        self.hold = None
        if hold.reason is HoldReason.LIMIT:
            self.quiet = max(self.quiet, now - hold.since)
        else:
            self.limit = 1
        if hold.reason is HoldReason.OUTAGE:
            self.found.interrupted()

    def limited(
        self, given: Pass, now: float, message: str, wait: float | None, overloaded: bool
    ) -> None:
        """The answer speaks of a limit; `wait` is what it asks for, in seconds.

        `overloaded` says that the API may as well be out of order.
        """
        self.in_flight -= 1
        reason = HoldReason.OVERLOAD if overloaded else HoldReason.LIMIT
        probe = given.hold is not None
        holds = self.found.refused(given.number, now, wait or 0.0, overloaded, probe)
        if self.hold is not None or holds:
            self._hold(reason, given, now, message, wait)

    def unlimited(self) -> None:
        """There was no limit of the API's after all."""
        self.found = FoundRate(self._most)
        if self.hold is not None and self.hold.reason is not HoldReason.OUTAGE:
            self.hold = None

    def out_of_order(self, given: Pass, now: float, message: str, wait: float | None) -> None:
        """The request failed, and by now that is the API's fault."""
        self.in_flight -= 1
        self._hold(HoldReason.OUTAGE, given, now, message, wait)

    def failed(self, given: Pass, now: float, wait: float | None) -> None:
        """The request failed, which begins no hold; an outage that it probed is not over."""
        self.in_flight -= 1
        if given.hold is not None and given.hold is self.hold:
            if self.is_in_outage():
                given.hold.extend(now, wait)
            else:
                self.hold = None

    def _hold(
        self, reason: HoldReason, given: Pass, now: float, message: str, wait: float | None
    ) -> None:
        hold = self.hold
        if hold is not None and self.is_in_outage() and reason is HoldReason.OVERLOAD:
            reason = hold.reason
        if hold is None or hold.reason is not reason:
            first = FIRST_WAIT if reason is HoldReason.OUTAGE else self.found.first_wait
            self.hold = Hold(reason, message, now, wait, first)
        elif given.hold is hold:
            hold.extend(now, wait)
        elif wait is not None and now + wait > hold.until:
            # It left before the hold began and so says nothing of how long the hold should last,
            # unless the server did.
            hold.asked = True
            hold.until = now + wait
