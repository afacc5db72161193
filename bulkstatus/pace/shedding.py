"""`Shedding`: whether an API refuses by the rate at all, or a share of whatever comes.

Where a rate less than half as high is refused about as often, to be slow is no help.
"""


class Shedding:
    """A state machine; `is_tolerated` while refusals are found not to depend on the rate."""

    _REFUSALS = 4  # apart from each other, that make a share one to compare
    _BLOCK = 32  # requests after which what is tolerated is looked at again
    _WORSE = 0.25  # the share by which it is worse then
    _MOST = 0.8  # the most of all that is tolerated
    _LOWER = 0.4  # what of a rate is so much lower that it has to help
    _LEAST = 0.08  # the least share that counts
    _LIKE = 0.35  # the part of a share from which another is no better

    def __init__(self) -> None:
        self.is_tolerated = False
        self._share = 0.0
        self.forget()

    def forget(self) -> None:
        """Compare with nothing that was."""
        self._before: tuple[float, float] | None = None  # a rate, and the share refused at it
        self._restart()

    def _restart(self) -> None:
        self._sent = self._refused = self._episodes = 0
        self._pace = 0.0

    def count(self, refused: bool, pace: float = 0.0, first: bool = False) -> None:
        """Count a request that was no probe and no step up; `first` of some refused in a row."""
        fell = self._refused and pace <= self._pace * self._LOWER
        if refused and fell and self._before is None:
            if self._episodes > 1 or self._refused < self._sent:
                self._before = self._pace, self._refused / self._sent
            self._restart()
        if refused and self._refused == 0:
            self._pace = pace
        if refused or self._refused or self.is_tolerated:
            self._sent += 1
            self._refused += refused
            self._episodes += first
        if self.is_tolerated and self._sent >= self._BLOCK:
            share = self._refused / self._sent
            self.is_tolerated = share <= min(self._share + self._WORSE, self._MOST)
            self._share = (3 * self._share + share) / 4
            self._restart()

    def not_helped(self) -> float | None:
        """Return the rate to go back to when a much lower one was refused as often, else None."""
        if self._episodes < self._REFUSALS:
            return None
        pace, share = self._pace, self._refused / self._sent
        self._restart()
        if self._before is None:
            self._before = pace, share
        elif pace > self._before[0] * self._LOWER:
            self._before = self._before[0], (share + self._before[1]) / 2
        elif max(self._LEAST, self._LIKE * self._before[1]) <= share <= self._MOST:
            back = self._before[0]
            self.is_tolerated, self._share = True, share
            return back
        return None
