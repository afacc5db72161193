"""`Gate`: how many requests may be on the wire. Slow start, and holds of the whole run.

A state machine without a clock or a network of its own: moments come in as arguments, in seconds
of the event loop's clock.
"""

from enum import Enum
from typing import NamedTuple

#: Seconds before the first probe of a hold where the server names none.
FIRST_WAIT = 1.0


class HoldReason(Enum):
    """Why the run holds."""

    LIMIT = "limit reached"
    OUTAGE = "no connection to the API"


#: The longest wait for a probe, in seconds, where the server names none. A network that is back is
#: to be noticed well before the run gives up.
LONGEST_WAIT = {HoldReason.LIMIT: 600.0, HoldReason.OUTAGE: 60.0}


class Hold:
    """The whole run waits; one probe at a time looks whether that is over."""

    def __init__(self, reason: HoldReason, message: str, since: float, wait: float | None) -> None:
        self.reason = reason
        self.message = message
        self.since = since
        self.asked = wait is not None
        """Whether the wait is what was asked for, rather than a guess."""
        self.wait = FIRST_WAIT if wait is None else wait
        self.until = since + self.wait
        self.probing = False
        self._next_wait = FIRST_WAIT * 2

    def extend(self, now: float, wait: float | None) -> None:
        """Wait again after a probe that found the hold not over."""
        self.probing = False
        self.asked = wait is not None
        self.wait = self._next_wait if wait is None else wait
        self._next_wait = min(self._next_wait * 2, LONGEST_WAIT[self.reason])
        self.until = now + self.wait


class Pass(NamedTuple):
    """A request's leave to go.

    `number` counts the passes, `hold` is the one it probes, `answers` how many there were before.
    """

    number: int
    hold: Hold | None
    answers: int


class Gate:
    """Lets requests out one at a time at first, then twice as many with each success."""

    def __init__(self, concurrency: int) -> None:
        self.limit = 1
        self.in_flight = 0
        self.answers = 0
        self.hold: Hold | None = None
        self.passes = 0
        self.last_answered = 0
        """The highest number of a pass that was answered."""
        self.quiet = FIRST_WAIT
        """The longest that it took for a limit to be over, in seconds."""
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
        self.passes += 1
        return Pass(self.passes, self.hold, self.answers)

    def renewed(self, given: Pass) -> Pass:
        """Return the pass as of now: answers that came while it waited its turn tell nothing."""
        self.passes += 1
        return given._replace(number=self.passes, answers=self.answers)

    def left_unsent(self, given: Pass) -> None:
        """The request did not leave after all."""
        self.in_flight -= 1
        if given.hold is not None:
            given.hold.probing = False

    def is_current(self, given: Pass) -> bool:
        """Tell whether no hold has begun since the pass was given."""
        return given.hold is self.hold

    def is_outage(self, given: Pass) -> bool:
        """Tell whether nothing was answered since the pass was given."""
        return given.answers == self.answers

    def answered(self, given: Pass, now: float, success: bool) -> None:
        """An answer came that is not about a limit."""
        self._note_answer(given)
        hold = self.hold
        if hold is not None and (given.hold is hold or hold.reason is HoldReason.OUTAGE):
            if hold.reason is HoldReason.LIMIT:
                self.quiet = max(self.quiet, now - hold.since)
            self.hold = None
            self.limit = 1
        if success and self.hold is None and self.limit < self._concurrency:
            self.limit = min(self.limit * 2, self._concurrency)

    def limited(self, given: Pass, now: float, message: str, wait: float | None) -> None:
        """The answer speaks of a limit; `wait` is what it asks for, in seconds."""
        self._note_answer(given)
        self._hold(HoldReason.LIMIT, given, now, message, wait)

    def unreached(self, given: Pass, now: float, message: str, wait: float | None = None) -> None:
        """No answer came, and none to any other request meanwhile."""
        self.in_flight -= 1
        self._hold(HoldReason.OUTAGE, given, now, message, wait)

    def failed(self, given: Pass) -> None:
        """No answer came, which is this request's own failure: others were answered."""
        self.in_flight -= 1
        if given.hold is not None and given.hold is self.hold:
            self.hold = None
            self.limit = 1

    def _note_answer(self, given: Pass) -> None:
        self.in_flight -= 1
        self.answers += 1
        if given.number > self.last_answered:
            self.last_answered = given.number

    def _hold(
        self, reason: HoldReason, given: Pass, now: float, message: str, wait: float | None
    ) -> None:
        hold = self.hold
        if hold is None or hold.reason is not reason:
            self.hold = Hold(reason, message, now, wait)
        elif given.hold is hold:
            hold.extend(now, wait)
        elif wait is not None:
            # It left before the hold began and so says nothing of how long the hold should last,
            # unless the server did.
            hold.asked = True
            hold.until = max(hold.until, now + wait)
