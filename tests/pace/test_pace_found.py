"""The rate that is found, in front of limits of many shapes, in virtual time."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from bulkstatus.job.run.gate import Gate, HoldReason
from bulkstatus.pace.found import FoundRate
from tests.pace.limited_world import (
    Server,
    Went,
    asking,
    best_constant_speed,
    both,
    bucket,
    changing,
    fixed,
    leaky,
    send,
    shared,
    shedding,
    sliding,
)

INF, DAY, HOURLY = math.inf, 86_400.0, 1000 / 3600

# Name: the server, the most a second, how it is sent, what the best constant pace gets there (None:
# measured), and the bars: the least of that, and the most that is refused.
SHAPES: dict[
    str, tuple[Callable[[], Server], float, dict[str, Any], float | None, float, float]
] = {
    "no burst": (lambda: leaky(40), 60, {"rows": 400}, None, 0.85, 0.08),
    "no burst, long": (lambda: leaky(40), 60, {"rows": 1500}, None, 0.9, 0.03),
    "no burst, 50 ms": (lambda: leaky(40), 60, {"rows": 600, "latency": 0.05}, 36, 0.85, 0.08),
    "no burst, 300 ms": (lambda: leaky(40), 60, {"rows": 800, "latency": 0.3}, 27, 0.8, 0.08),
    "no burst, no rate": (lambda: leaky(40), INF, {"rows": 600}, None, 0.75, 0.12),
    "no burst, jitter": (lambda: leaky(40), 60, {"rows": 800, "jitter": 0.005}, 35, 0.85, 0.08),
    "nginx 5/s": (lambda: leaky(5), 9.93, {"rows": 100}, 4.9, 0.85, 0.08),
    "nginx 5/m": (lambda: leaky(1 / 12), 10, {"seconds": 7200}, 1 / 12, 0.85, 0.1),
    "100 per 5 s": (lambda: sliding(100, 5), 60, {"rows": 500}, 20, 0.9, 0.05),
    "100 per 5 s, 200 ms": (
        lambda: sliding(100, 5),
        60,
        {"rows": 900, "latency": 0.2},
        20,
        0.9,
        0.05,
    ),
    "100 per 5 s, fixed": (lambda: fixed(100, 5), 60, {"rows": 500}, 20, 0.9, 0.05),
    "100 per 5 s, begun": (lambda: fixed(100, 5, 3), 60, {"rows": 500}, 20, 0.9, 0.05),
    "100 per 5 s, asking": (
        lambda: fixed(100, 5),
        60,
        {"rows": 500, "asks": asking(5)},
        20,
        0.9,
        0.05,
    ),
    "burst of 20": (lambda: bucket(20, 20), 60, {"rows": 500}, 20, 0.9, 0.05),
    "burst of 20, 100 ms": (
        lambda: bucket(20, 20),
        60,
        {"rows": 900, "latency": 0.1},
        20,
        0.9,
        0.05,
    ),
    "60 a minute": (lambda: fixed(60, 60), 10, {"seconds": 1200}, 1, 0.9, 0.05),
    "hourly": (lambda: fixed(1000, 3600), 10, {"seconds": DAY}, HOURLY, 0.9, 0.01),
    "hourly, begun": (lambda: fixed(1000, 3600, 3000), 10, {"seconds": DAY}, HOURLY, 0.9, 0.01),
    "hourly, sliding": (lambda: sliding(1000, 3600), 10, {"seconds": DAY}, HOURLY, 0.9, 0.01),
    "hourly, fast": (
        lambda: sliding(1000, 3600),
        60,
        {"seconds": DAY, "latency": 0.3},
        HOURLY,
        0.9,
        0.01,
    ),
    "hourly, bucket": (lambda: bucket(HOURLY, 1000), 10, {"seconds": DAY}, HOURLY, 0.9, 0.02),
    "a second and 10 s": (
        lambda: both(bucket(20, 20), sliding(100, 10)),
        60,
        {"seconds": 400},
        10,
        0.9,
        0.05,
    ),
    "a second and a minute": (
        lambda: both(sliding(10, 1), sliding(300, 60)),
        60,
        {"seconds": 1200},
        5,
        0.9,
        0.05,
    ),
    "a second and an hour": (
        lambda: both(bucket(20, 20), sliding(1000, 3600)),
        60,
        {"seconds": DAY},
        HOURLY,
        0.9,
        0.01,
    ),
    "no burst, and an hour": (
        lambda: both(leaky(20), sliding(1000, 3600)),
        60,
        {"seconds": DAY},
        HOURLY,
        0.9,
        0.01,
    ),
    "40, then 80": (
        lambda: changing(leaky(40), 20, leaky(80)),
        100,
        {"seconds": 80},
        68,
        0.75,
        0.05,
    ),
    "40, then 10": (
        lambda: changing(leaky(40), 20, leaky(10)),
        60,
        {"seconds": 60},
        19.5,
        0.75,
        0.05,
    ),
    "20, then none": (
        lambda: changing(bucket(20, 20), 20, shedding(0)),
        60,
        {"seconds": 80},
        50,
        0.7,
        0.05,
    ),
    "shared": (lambda: shared(bucket(40, 5), 10, 10), 60, {"seconds": 60}, 31.6, 0.85, 0.05),
    "half shed": (lambda: shedding(0.5), 10, {"rows": 1000}, 5, 0.25, 0.6),
    "half shed, fast": (lambda: shedding(0.5), 60, {"rows": 1000}, 30, 0.25, 0.6),
    "a tenth shed": (lambda: shedding(0.1), 10, {"rows": 1000}, 9, 0.25, 0.2),
    "a fiftieth shed": (lambda: shedding(0.02), 10, {"rows": 3000}, 9.8, 0.4, 0.05),
}


def sent(name: str, seed: int = 0) -> Went:
    server, most, how, *_ = SHAPES[name]
    return send(server(), most, seed=seed, **how)


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_limit_lets_through_is_found_and_used(name: str) -> None:
    server, _, _, best, least, most_refused = SHAPES[name]
    if best is None:
        best = best_constant_speed(server, 40.0, (0.9, 0.95, 0.97, 0.99, 1.0))
    for seed in range(1 if "hourly" in name else 4):
        went = sent(name, seed)
        assert went.speed >= least * best
        assert went.share_refused <= most_refused


def test_an_hourly_limit_is_not_hammered() -> None:
    """At first a probe at growing intervals; later hardly any, and never a burst."""
    refused = sent("hourly, sliding").refused
    assert sum(moment < 3600 for moment in refused) <= 40
    later = [moment for moment in refused if moment > 2 * 3600]
    assert all(sum(0 <= other - moment < 60 for other in later) <= 8 for moment in later)


def test_under_a_found_limit_nothing_is_caught_up() -> None:
    went = sent("no burst, long")
    steady = sorted(went.passed + went.refused)[-400:]
    apart = [later - before for before, later in pairwise(steady)]
    assert min(apart) > 0.8 * sorted(apart)[len(apart) // 2]


def test_what_was_found_is_about_the_limit() -> None:
    assert sent("no burst, long").gate.found.rate == pytest.approx(38.5, rel=0.06)
    assert sent("hourly").gate.found.rate == pytest.approx(HOURLY, rel=0.05)


def test_a_limit_that_is_gone_leaves_no_rate_behind() -> None:
    assert sent("20, then none").gate.found.rate == INF


@pytest.mark.parametrize("asked", [None, 0.0, 0.001])
def test_a_wait_that_is_asked_for_never_makes_the_own_one_shorter(asked: float | None) -> None:
    """As with `Retry-After: 0`, or a moment gone by."""
    went = send(lambda now: now < 1.0, 60, seconds=600.0, asks=lambda now: asked or 0.0)
    probes = [moment for moment in went.refused if moment > 1.5]
    apart = [later - before for before, later in pairwise(probes)]
    assert len(probes) < 30
    assert all(later > 1.3 * before for before, later in pairwise(apart[:10]))


def test_a_wait_that_is_asked_for_is_never_undercut() -> None:
    went = send(sliding(20, 10), 60, rows=200, asks=lambda now: 7.0)
    for moment in went.refused:
        assert not any(moment + 0.05 < other < moment + 7.0 for other in went.passed + went.refused)


def test_a_fast_run_that_meets_no_limit_has_no_rate() -> None:
    found = FoundRate()
    for number in range(1, 1000):
        found.passed(number, number, number / 100)
    assert found.rate == INF


def test_answers_to_what_left_before_a_change_change_nothing_again() -> None:
    """Requests on the wire when the rate was lowered left at the rate before."""
    found = FoundRate(60.0)
    for number in range(1, 20):
        found.passed(number, number, number / 60)
    for number in (20, 22):
        found.refused(number, 0.4)
    found.passed(23, 40, 0.5)
    rate = found.rate
    assert rate < 60
    for number in range(24, 41):
        assert not found.refused(number, 0.6)
    found.passed(41, 41, 0.7)
    assert found.rate == rate


def test_a_hold_for_a_limit_leaves_the_concurrency_as_it_is_and_one_for_an_outage_does_not() -> (
    None
):
    for reason, limit in ((HoldReason.LIMIT, 8), (HoldReason.OVERLOAD, 2), (HoldReason.OUTAGE, 2)):
        gate = Gate(8)
        for moment in (0.0, 1.0, 2.0):
            gate.answered(gate.enter(), moment, success=True)
        for _ in range(2):
            if reason is HoldReason.OUTAGE:
                gate.out_of_order(gate.enter(), 3.0, "", None)
            else:
                gate.limited(gate.enter(), 3.0, "", None, reason is HoldReason.OVERLOAD)
        assert gate.hold is not None
        assert gate.hold.reason is reason
        gate.answered(gate.enter(), 9.0, success=True)
        assert (gate.hold, gate.limit) == (None, limit)
