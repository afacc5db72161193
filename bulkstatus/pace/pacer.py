"""`Pacer`: requests leave evenly, at `--rate`."""

import asyncio
import sys
from math import inf

from aiolimiter import AsyncLimiter

from bulkstatus.pace.rate import Rate

#: How late a request may leave, in seconds, and still be made up for by the next ones. Windows
#: keeps timers to 16 ms, the others to about 1 ms; a busy event loop adds to that.
CATCH_UP = 0.020 if sys.platform == "win32" else 0.0035
#: By how much the network may squeeze a window of requests, in seconds, without harm.
JITTER = 0.0035
#: The shortest sleep that is one. uvloop rounds to whole milliseconds, and what it rounds to
#: nothing it turns into a busy loop (measured: half a core at 1000/s).
SHORTEST_SLEEP = 0.001


def spacing(rate: Rate) -> float:
    """Return the seconds from one request to the next, on average, at `rate`."""
    return (rate.seconds + CATCH_UP + JITTER) / rate.count


class Pacer:
    """Lets requests leave at `rate`, as evenly as the timers of the event loop allow.

    A leaky bucket that holds c and leaks r a second lets at most c + r·t through in any t
    seconds. For a rate of n per T seconds the bucket here leaks

        r = n ÷ (T + CATCH_UP + JITTER)     and holds     c = 1 + r·CATCH_UP

    so in the T + j seconds that the network squeezes into T, with j < JITTER, there leave at
    most

        c + r·(T + j)  <  1 + r·(CATCH_UP + T + JITTER)  =  n + 1     requests: never an (n+1)th.

    What is achieved is r·T of n, so 0.993 of a rate per second and 0.9999 of one per minute. The
    room above 1 lets a request that a timer or a busy event loop held up be made up for: without
    it each such delay would be lost, and with more of it (aiolimiter's own advice is a capacity
    of n) up to twice the rate would pass in the first T seconds.

    At 10/s the bucket leaks 9.93 a second and holds 1.035, at 1000/s 993 and 4.48.

    Under a limit that was found, `apart` seconds lie between two requests at the least, and
    nothing is made up for.

    One pacer belongs to one event loop, and to one task that asks it.
    """

    def __init__(self, rate: Rate | None) -> None:
        self.apart = 0.0
        self.most = inf
        """The requests that will leave a second at the most."""
        self._left_at = -inf
        self._bucket: AsyncLimiter | None = None
        if rate is not None:
            self._spacing = spacing(rate)
            self.most = 1 / self._spacing
            capacity = 1 + CATCH_UP / self._spacing
            self._bucket = AsyncLimiter(capacity, capacity * self._spacing)

    @property
    def is_free(self) -> bool:
        """Whether requests leave at once: there is no rate, and no limit was found."""
        return self._bucket is None and not self.apart

    def wait(self) -> float:
        """Return the seconds after which to ask again, none where the next request may leave."""
        if self.is_free:
            return 0.0
        early = self._left_at + self.apart - asyncio.get_running_loop().time()
        if early > 0:
            return max(early, SHORTEST_SLEEP)
        if self._bucket is None or self._bucket.has_capacity():
            return 0.0
        return self._surely_full(self._bucket)

    async def take(self) -> None:
        """Count a request that leaves now; at once where there is nothing to wait for."""
        if self._bucket is not None:
            await self._bucket.acquire()
        self._left_at = asyncio.get_running_loop().time()

    def _surely_full(self, bucket: AsyncLimiter) -> float:
        """Return seconds to wait: what the bucket needs, short of it by one sleep at most.

        A bucket without room for 1 - p of a request has none for a whole one within p spacings.
        Bisection finds the largest such p, so that a wait costs two or three sleeps.
        """
        least, most = 0.0, 1.0
        while (most - least) * self._spacing > SHORTEST_SLEEP:
            middle = (least + most) / 2
            if bucket.has_capacity(1 - middle):
                most = middle
            else:
                least = middle
        return max(self._spacing * least, SHORTEST_SLEEP)
