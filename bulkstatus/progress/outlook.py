"""How long the rest of a run takes, as far as rate, quotas and the speed so far tell."""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

from bulkstatus.pace import Rate, seconds_needed

#: How many requests, and how many places of a quota, are played through one by one. More are
#: taken together in equal parcels, so that a million takes no longer than a few thousand.
_REQUESTS = 5000
_PLACES = 20_000

# Over how many seconds the speed so far is written as a rate: so many that what a pacer loses on
# each second of a rate, which the speed has lost already, does not tell.
_ACHIEVED_SECONDS = 100.0

#: A quota, and when its places that are held come free: (in how many seconds, how many), sorted.
Held = tuple[Rate, Sequence[tuple[float, int]]]


def seconds_left(
    requests: int, rate: Rate | None, quotas: Sequence[Held], speed: float | None
) -> float | None:
    """Return in how many seconds `requests` more are answered; None when nothing tells.

    `speed` is how many requests a second went through while nothing but the rate held them back;
    None when that is not known yet.
    """
    if requests < 1:
        return 0.0
    if speed is None and rate is None and not quotas:
        return None
    # The slower of what is asked and what is achieved.
    if speed is not None and (rate is None or speed < rate.count / rate.seconds):
        count = math.ceil(speed * _ACHIEVED_SECONDS)
        rate = Rate(count, count / speed)
    parcel = _parcel_size(requests, [quota.count for quota, _ in quotas])
    return seconds_needed(
        math.ceil(requests / parcel),
        _in_parcels(rate, parcel) if rate is not None else None,
        [(_in_parcels(quota, parcel), _each_parcel(held, parcel)) for quota, held in quotas],
    )


def _parcel_size(requests: int, places: Sequence[int]) -> int:
    """Return how many requests to take together, if possible so that quotas are whole parcels."""
    size = math.ceil(max(1, requests / _REQUESTS, *(count / _PLACES for count in places)))
    common = math.gcd(*places)
    return next((larger for larger in range(size, 4 * size) if common % larger == 0), size)


def _in_parcels(rate: Rate, size: int) -> Rate:
    """Return a rate of requests as one of parcels of them."""
    if rate.count % size == 0 or rate.count >= 100 * size:
        return Rate(rate.count // size, rate.seconds)
    return Rate(1, rate.seconds * size / rate.count)


def _each_parcel(held: Sequence[tuple[float, int]], size: int) -> list[float]:
    """Return when each parcel of places comes free: with the last of its places."""
    moments: list[float] = []
    totals: Iterable[int] = accumulate(count for _, count in held)
    for (moment, _), total in zip(held, totals, strict=True):
        moments += [moment] * (total // size - len(moments))
    return moments
