"""`Quotas`: no window of a quota ever holds more requests than it allows."""

import sqlite3
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from bulkstatus.errors import LedgerLost, SettingsRefused
from bulkstatus.pace.ledger import KEPT, Ledger
from bulkstatus.pace.pacer import spacing
from bulkstatus.pace.rate import LONGEST_WINDOW, Rate

#: How far apart, in seconds, two events can be that a coarse wall clock (Windows: 16 ms) gives
#: one moment. A place is held for that much longer than its window.
CLOCK_TICK = 0.016

#: The shortest wait that is asked for, in seconds.
SHORTEST_WAIT = 0.001


class Place(NamedTuple):
    """A request's place in the window of every quota.

    `row` is where the ledger keeps it, `taken` the moment at which it was taken (Unix time).
    """

    row: int
    taken: float


_UNCOUNTED = Place(0, 0.0)


class Full(NamedTuple):
    """A quota without a free place, and how many of its places other runs of the account hold."""

    quota: Rate
    others: int


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

    Raises SettingsRefused when the ledger cannot be used; later, every method raises LedgerLost.
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
        # A number stands for the account, so that the ledger need not name it.
        digest = blake2b(account.encode(), digest_size=8).digest()
        self._account = int.from_bytes(digest, signed=True)
        self._hold = hold
        self._clock = clock
        self.full: Full | None = None
        """What the last request that got no place has to wait for."""
        # Our own places: how many are in flight, and when the others were answered.
        self._flying = 0
        self._answered = deque[float](maxlen=max((quota.count for quota in quotas), default=0))
        if self._quotas:
            try:
                with ledger.transaction() as tables:
                    self._refuse_far_ahead(tables, clock())
                    self._forget_old(tables, clock())
            except LedgerLost as error:
                raise SettingsRefused(str(error)) from error

    def try_take(self) -> Place | float:
        """Return a place in every window at once, or the seconds until there may be one.

        Send the request, with a timeout of `hold`, as soon as the place is there. The seconds
        are above zero and never too many.
        """
        if not self._quotas:
            return _UNCOUNTED
        with self._ledger.transaction() as tables:
            now = self._clock()
            wait = 0.0
            for quota in self._quotas:
                held = self._held(tables, quota, now)
                if held >= quota.count:
                    until = self._free_in(tables, quota, now, held - quota.count + 1)[-1]
                    if until > wait:
                        wait, self.full = until, Full(quota, held - self._ours(quota, now))
            if wait:
                self._refuse_far_ahead(tables, now)
                return wait
            statement = "INSERT INTO in_flight (account, latest) VALUES (?, ?)"
            with closing(tables.execute(statement, (self._account, now + self._hold))) as cursor:
                assert cursor.lastrowid is not None
                self._flying += 1
                return Place(cursor.lastrowid, now)

    def answered(self, place: Place) -> None:
        """Hold the place for one window from now: its request cannot arrive any more.

        Where this raises, the place stays held as though its answer had not come.
        """
        if self._quotas:
            with self._ledger.transaction() as tables:
                now = self._clock()
                tables.execute("DELETE FROM in_flight WHERE id = ?", (place.row,))
                last_at, last_number = self._last(tables)
                # Moments never go down, also where the clock has gone back since the last one.
                at = max(now, place.taken, last_at)
                statement = "INSERT INTO answered VALUES (?, ?, ?)"
                tables.execute(statement, (self._account, at, last_number + 1))
                self._flying -= 1
                self._answered.append(at)
                self._forget_old(tables, now)

    def coming_free(self) -> list[tuple[Rate, list[float]]]:
        """Return for each quota in how many seconds each place that is held comes free, sorted.

        One float per place: for an estimate, not for every request.
        """
        if not self._quotas:
            return []
        with self._ledger.transaction() as tables:
            now = self._clock()
            return [(quota, self._free_in(tables, quota, now)) for quota in self._quotas]

    def _held(self, tables: sqlite3.Connection, quota: Rate, now: float) -> int:
        """Return how many places of a quota are held, by all runs of the account."""
        after = (self._account, now - quota.seconds - CLOCK_TICK)
        statement = "SELECT count(*) FROM in_flight WHERE account = ? AND latest > ?"
        (flying,) = tables.execute(statement, after).fetchone()
        statement = (
            "SELECT number FROM answered WHERE account = ? AND at > ? ORDER BY at, number LIMIT 1"
        )
        first = tables.execute(statement, after).fetchone()
        return int(flying) + (self._last(tables)[1] - first[0] + 1 if first else 0)

    def _ours(self, quota: Rate, now: float) -> int:
        """Return how many places of a quota this run holds."""
        first = bisect_right(self._answered, now - quota.seconds - CLOCK_TICK)
        return self._flying + len(self._answered) - first

    def _free_in(
        self, tables: sqlite3.Connection, quota: Rate, now: float, count: int = -1
    ) -> list[float]:
        """Return in how many seconds each of the next `count` places, or of all, comes free.

        A request in flight is taken as answered now, the soonest that it can be.
        """
        horizon = now - quota.seconds - CLOCK_TICK
        moments = tables.execute(
            "SELECT * FROM (SELECT at FROM answered WHERE account = :account AND at > :horizon "
            "ORDER BY at, number LIMIT :count) UNION ALL "
            "SELECT min(latest, :now) FROM in_flight WHERE account = :account AND latest > :horizon"
            " ORDER BY 1 LIMIT :count",
            {"account": self._account, "horizon": horizon, "now": now, "count": count},
        )
        return [max(moment - horizon, SHORTEST_WAIT) for (moment,) in moments]

    def _last(self, tables: sqlite3.Connection) -> tuple[float, int]:
        """Return moment and number of the last answer, zeros where there is none."""
        statement = (
            "SELECT at, number FROM answered WHERE account = ? "
            "ORDER BY at DESC, number DESC LIMIT 1"
        )
        last: tuple[float, int] | None = tables.execute(statement, (self._account,)).fetchone()
        return last or (0.0, 0)

    def _forget_old(self, tables: sqlite3.Connection, now: float) -> None:
        """Forget what is too old to count."""
        old = (self._account, now - KEPT)
        tables.execute("DELETE FROM in_flight WHERE account = ? AND latest < ?", old)
        tables.execute("DELETE FROM answered WHERE account = ? AND at < ?", old)

    def _refuse_far_ahead(self, tables: sqlite3.Connection, now: float) -> None:
        statement = "SELECT max(latest) FROM in_flight WHERE account = ?"
        (latest,) = tables.execute(statement, (self._account,)).fetchone()
        latest = max(latest or 0.0, self._last(tables)[0])
        # Up to one window ahead, a wait is still sensible.
        if latest > now + self._hold + LONGEST_WINDOW:
            raise LedgerLost(
                f"The ledger {self._ledger.path}, which counts the requests for --quota, holds "
                f"requests of {_readable(latest)}, and the clock of this machine says "
                f"{_readable(now)}. Set the clock right if it is wrong. If it was wrong then, "
                "delete the ledger, which forgets the requests of the last day, or go without a "
                "quota with --quota none."
            )


def _readable(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(" ", "seconds")


def seconds_needed(
    requests: int, rate: Rate | None, quotas: Sequence[tuple[Rate, Sequence[float]]] = ()
) -> float:
    """Return in about how many seconds the last of `requests` can leave.

    `quotas` is as `Quotas.coming_free` has it. How long answers take is left out.
    """
    apart = spacing(rate) if rate is not None else 0.0
    seconds = [apart * max(0, requests - 1)]
    for quota, held in quotas if requests else ():
        # Each request follows one window after that so many before it.
        windows, place = divmod(requests - 1, quota.count)
        last = held[-quota.count :]
        # Places are taken as they come free, and from each on as the rate allows.
        waits = reversed(last[: max(0, place + 1 + len(last) - quota.count)])
        waited = [wait + further * apart for further, wait in enumerate(waits)]
        # What the last window is for goes through the shorter ones, whose places are free by then.
        shorter = [(each, ()) for each, _ in quotas if windows and each.seconds < quota.seconds]
        rest = seconds_needed(place + 1, rate, shorter)
        seconds.append(windows * quota.seconds + max([*waited, rest]))
    return max(seconds)
