"""Advice on a run that could go better, as sentences that are said once."""

import math

from bulkstatus.pace import Rate

#: From how many holds for a limit on a lower rate is advised.
LIMITS = 3

#: How many answers, the first ones of a run, are all refusals before the file is doubted.
REFUSALS = 20

# A rate of fewer requests is written over a longer time, lest rounding takes too much of it.
_FEWEST = 5

# What is left of the rate that was asked for where that was nearly achieved.
_LESS = 0.9


def steadier(limits: int, rate: Rate | None, per_second: float) -> str:
    """Return the advice to send more slowly, or "" where limits were too few to tell.

    `per_second` is how many rows a second were settled so far, the holds included.
    """
    if limits < LIMITS:
        return ""
    if rate is not None:
        per_second = min(per_second, _LESS * rate.count / rate.seconds)
    return (
        "The API's limit was reached again and again. The next send or resume would be steadier, "
        f"and about as fast, with --rate={_rounded(per_second)}"
    )


def _rounded(per_second: float) -> Rate:
    for seconds in (1.0, 60.0):
        if per_second * seconds >= _FEWEST:
            return Rate(math.floor(per_second * seconds), seconds)
    return Rate(max(1, math.floor(per_second * 3600.0)), 3600.0)


def all_refused(count: int) -> str:
    """Return the doubt about a file of which the first `count` answers were all refusals."""
    return (
        f"All of the first {count} answers are refusals. If this is not the right file, Ctrl-C "
        f"stops the run; with --max-failures {REFUSALS} it stops by itself"
    )
