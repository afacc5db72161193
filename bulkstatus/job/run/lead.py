"""`Lead`: up to which row a run says that rows may leave, well ahead of their leaving.

What a killed run leaves in doubt are the rows up to there, so it is no further ahead than about
what two seconds send.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from bulkstatus.log.state import Span
from bulkstatus.pace.rate import Rate

#: For how many seconds of sending a run is ahead.
SECONDS = 2.0

# Rows a second, before it is known how fast a run is.
_FIRST_GUESS = 128.0

# It is ahead by so many rows at the least, so that a slow run is not held up by its log.
_LEAST = 16


class Lead:
    """Pure bookkeeping: moments come in as arguments, in seconds of any clock.

    `phases` are the due rows in the order in which they are sent, and `rate` is the most that
    may leave.
    """

    def __init__(self, phases: Iterable[Sequence[Span]], rate: Rate | None) -> None:
        self._places: list[int] = []
        self._throughs: list[int] = []
        place = through = 0
        for phase in phases:
            for first, last in phase:
                place += last - first + 1
                through = max(through, last)
                self._places.append(place)
                self._throughs.append(through)
        self._most = rate.count / rate.seconds if rate is not None else None
        self._speed = _FIRST_GUESS if self._most is None else min(self._most, _FIRST_GUESS)
        self._through = 0
        self._renew_at = 0
        self._sent = 0
        self._since = 0.0

    def first(self, now: float) -> int:
        """Return the `n` up to which rows may leave at first; 0 where none is due."""
        self._since = now
        self._through = self._ahead(0)
        return self._through

    def look(self, sent: int, now: float) -> int | None:
        """Return a new `n` once half of the way to the last one has been sent, else None.

        What was said stands: a run that has become slower says nothing new.
        """
        if sent < self._renew_at:
            return None
        if now > self._since:
            self._speed = (sent - self._sent) / (now - self._since)
            if self._most is not None:
                self._speed = min(self._speed, self._most)
        self._sent, self._since = sent, now
        through = self._ahead(sent)
        if through <= self._through:
            return None
        self._through = through
        return through

    def _ahead(self, sent: int) -> int:
        rows = max(_LEAST, round(self._speed * SECONDS))
        self._renew_at = sent + rows // 2
        if not self._places:
            return 0
        wanted = sent + rows
        at = bisect_left(self._places, wanted)
        if at == len(self._places):
            return self._throughs[-1]
        # Within a span, as far as is wanted; but never back behind the spans before it.
        within = self._throughs[at] - (self._places[at] - wanted)
        return max(within, self._throughs[at - 1] if at else 0)
