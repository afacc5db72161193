"""`Quotas`: no window of a quota ever holds more requests than it allows."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from bulkstatus.errors import BulkstatusError, SettingsRefused, Stopped
from bulkstatus.pace.ledger import Ledger, account_number
from bulkstatus.pace.rate import LONGEST_WINDOW, Rate

#: How far apart, in seconds, two events can be that a coarse wall clock (Windows: 16 ms) gives
#: one moment. A place is held for that much longer than its window.
CLOCK_TICK = 0.016

#: The shortest wait that is asked for, in seconds.
SHORTEST_WAIT = 0.001

#: How far ahead of the clock, in seconds, the ledger can be and a wait still be sensible.
FAR_AHEAD = LONGEST_WINDOW


class Place(NamedTuple):
    """A request's place in the window of every quota.

    `row` is where the ledger keeps it, `taken` the moment at which it was taken (Unix time).
    """

    row: int
    taken: float


_UNCOUNTED = Place(0, 0.0)


class Quotas:
    """All quotas of a run, exact over sliding windows of this machine's wall clock.

    A request leaves at one moment and arrives at a later one, which only the server knows. So
    a place is held, from the moment it is taken, until one window after the latest moment at
    which the request can arrive: `hold` seconds after it left, or its answer once that is known.
    The places of a run that was killed so come free by themselves, one window after the last
    moment at which its requests could have arrived. Places are kept in `ledger`, under
    `account` (any string; base URL and ref ID), and count for every run that uses both.

    When the clock is set back, what lies in its future counts until its time has passed, so a
    window may let fewer through, never more. A clock that is set forward cannot be told from
    time that has passed.

    With no quota at all, every method returns at once and the ledger is never opened.

    Raises SettingsRefused when the ledger cannot be used.
    """

    def __init__(
        self,
        quotas: Sequence[Rate],
        ledger: Ledger,
        account: str,
        hold: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._quotas = tuple(quotas)
        self._ledger = ledger
        self._account = account_number(account)
        self._hold = hold
        self._clock = clock
        if self._quotas:
            ledger.open()
            with ledger.transaction(otherwise=SettingsRefused):
                now = clock()
                self._refuse_far_ahead(now, SettingsRefused)
                ledger.purge(now)

    def try_take(self) -> Place | float:
        """Return a place in every window at once, or the seconds until there may be one.

        Send the request, with a timeout of `hold`, as soon as the place is there. The seconds
        are above zero and never too many, unless a place is given back in the meantime.
        Raises Stopped when the ledger can no longer be used.
        """
        if not self._quotas:
            return _UNCOUNTED
        with self._ledger.transaction():
            now = self._clock()
            wait = max(self._seconds_until_free(quota, now) for quota in self._quotas)
            if wait <= 0:
                row = self._ledger.add_in_flight(self._account, now + self._hold)
                return Place(row, now)
            self._refuse_far_ahead(now, Stopped)
            return wait

    def give_back(self, place: Place) -> None:
        """Free the place of a request that never left the machine.

        Raises Stopped when the ledger can no longer be used; the place stays held then.
        """
        if self._quotas:
            with self._ledger.transaction():
                self._ledger.remove_in_flight(place.row)

    def answered(self, place: Place) -> None:
        """Hold the place for one window from now: its request cannot arrive any more.

        Raises Stopped when the ledger can no longer be used; the place stays held then as
        though its answer had not come.
        """
        if self._quotas:
            with self._ledger.transaction():
                now = self._clock()
                self._ledger.remove_in_flight(place.row)
                self._ledger.add_answered(self._account, max(now, place.taken))
                self._ledger.purge(now, self._account)

    def used(self) -> list[tuple[Rate, int]]:
        """Return how many places of each quota are held now, by all runs of the account."""
        if not self._quotas:
            return []
        with self._ledger.transaction():
            now = self._clock()
            return [(quota, self._held(quota, now)) for quota in self._quotas]

    def coming_free(self) -> list[tuple[Rate, list[float]]]:
        """Return for each quota in how many seconds each place that is held comes free, sorted.

        One float per place: for an estimate, not for every request.
        """
        if not self._quotas:
            return []
        with self._ledger.transaction():
            now = self._clock()
            return [
                (quota, self._free_in(quota, now, self._held(quota, now))) for quota in self._quotas
            ]

    def _held(self, quota: Rate, now: float) -> int:
        horizon = now - _held_for(quota)
        in_flight = self._ledger.in_flight_after(self._account, horizon)
        return len(in_flight) + self._ledger.count_answered_after(self._account, horizon)

    def _seconds_until_free(self, quota: Rate, now: float) -> float:
        """Return 0.0 if there is a place, else in how many seconds there may be one."""
        too_many = self._held(quota, now) - quota.count
        return 0.0 if too_many < 0 else self._free_in(quota, now, too_many + 1)[-1]

    def _free_in(self, quota: Rate, now: float, count: int) -> list[float]:
        """Return in how many seconds each of the next `count` places comes free, sorted.

        A request in flight is taken as answered now, the soonest that it can be.
        """
        horizon = now - _held_for(quota)
        in_flight = self._ledger.in_flight_after(self._account, horizon)
        answered = self._ledger.answered_after(self._account, horizon, count)
        moments = sorted([*answered, *(min(latest, now) for latest in in_flight)])[:count]
        return [max(moment - horizon, SHORTEST_WAIT) for moment in moments]

    def _refuse_far_ahead(self, now: float, kind: type[BulkstatusError]) -> None:
        latest = self._ledger.latest(self._account)
        if latest > now + self._hold + FAR_AHEAD:
            raise kind(
                f"The ledger {self._ledger.path}, which counts the requests for --quota, holds "
                f"requests of {_readable(latest)}, and the clock of this machine says "
                f"{_readable(now)}. Set the clock right if it is wrong. If it was wrong then, "
                "delete the ledger, which forgets the requests of the last day, or go without a "
                "quota with --quota none."
            )


def _held_for(quota: Rate) -> float:
    return quota.seconds + CLOCK_TICK


def _readable(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(" ", "seconds")
