"""How long a number of requests takes at a rate and within quotas."""

from collections.abc import Sequence

from bulkstatus.pace.pacer import spacing
from bulkstatus.pace.rate import Rate


def seconds_needed(
    requests: int, rate: Rate | None, quotas: Sequence[tuple[Rate, Sequence[float]]] = ()
) -> float:
    """Return in how many seconds the last of `requests` can leave.

    `quotas` holds, for each quota, in how many seconds each place of it that is held now comes
    free, sorted, as `Quotas.coming_free` has it. How long answers take is left out. With quotas
    it plays the requests through, at under a second per million.
    """
    if requests < 1:
        return 0.0
    apart = spacing(rate) if rate is not None else 0.0
    if not quotas:
        return (requests - 1) * apart
    # For each quota, the moments at which its places come free, in the order in which requests
    # take them: those free now, those held, then those of the requests, one window after each.
    places = [
        ([0.0] * (quota.count - len(held)) + list(held[-quota.count :]))[:requests]
        for quota, held in quotas
    ]
    moment = 0.0
    for number in range(requests):
        if number:
            moment += apart
        for free in places:
            moment = max(moment, free[number])
        for free, (quota, _) in zip(places, quotas, strict=True):
            free.append(moment + quota.seconds)
    return moment
