import math
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.reporting.timeline import Pause, Percentiles, Timeline, percentiles


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], (7.0, 7.0, 7.0)),
        ([1.0, 2.0], (1.0, 2.0, 2.0)),
        (list(range(1, 101)), (50, 95, 99)),
        (list(range(1, 201)), (100, 190, 198)),
        ([5.0] * 98 + [9.0] * 2, (5.0, 5.0, 9.0)),
    ],
)
def test_percentiles_are_the_nearest_rank(values: list[float], expected: Percentiles) -> None:
    assert percentiles(Counter(values)) == expected


def test_latency_is_exact_however_many_slices_were_joined() -> None:
    timeline = Timeline()
    chance = random.Random(1)
    values = [round(chance.expovariate(0.01), 1) for _ in range(5000)]
    for second, value in enumerate(values):
        timeline.add(1e9 + second, value)
    assert timeline.latency() == percentiles(Counter(values))
    assert Timeline().latency() is None


def test_every_answer_is_in_exactly_one_slice_of_its_own_run() -> None:
    timeline = Timeline()
    week = 604800.0
    moments = [1e9 + n / 10 for n in range(3000)] + [1e9 + week + n / 10 for n in range(100)]
    for at in moments:
        timeline.add(at, 40.0)
    spans = [(1e9, 1e9 + 300), (1e9 + week, 1e9 + week + 10)]
    first, second = timeline.slices(spans)
    assert sum(piece.answers for piece in first) == 3000
    assert sum(piece.answers for piece in second) == 100
    assert len(first) <= 96
    assert all(spans[0][0] <= piece.start < piece.end <= spans[0][1] for piece in first)
    assert all(piece.start < after.start for piece, after in pairwise(first))
    for piece in first[1:-1]:
        assert piece.answers / (piece.end - piece.start) == pytest.approx(10, rel=0.06)


def test_a_few_answers_of_runs_far_apart_stay_apart() -> None:
    timeline = Timeline()
    for at in (1e9, 1e9 + 1, 2e9, 2e9 + 1):
        timeline.add(at, 1.0)
    assert [
        sum(piece.answers for piece in run)
        for run in timeline.slices([(1e9, 1e9 + 1), (2e9, 2e9 + 1)])
    ] == [2, 2]


def test_pauses_are_those_of_a_second_or_more_and_the_time_around_all_answers() -> None:
    timeline = Timeline()
    for at in (100.0, 100.9, 101.9, 107.0, 107.1):
        timeline.add(at, 1.0)
    assert timeline.pauses() == [
        Pause(-math.inf, 100.0),
        Pause(100.9, 101.9),
        Pause(101.9, 107.0),
        Pause(107.1, math.inf),
    ]
    assert Timeline().pauses() == [Pause(-math.inf, math.inf)]


def test_of_very_many_pauses_the_longest_are_kept() -> None:
    timeline = Timeline()
    at = 1e9
    for step in range(3000):
        at += 10 + step / 1000
        timeline.add(at, 1.0)
    kept = timeline.pauses()[1:-1]
    assert len(kept) == 1000
    assert min(pause.seconds for pause in kept) == pytest.approx(12.0, abs=0.01)


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=300), st.floats(0.01, 1e6))
def test_any_times_even_backwards_lose_no_answer(offsets: list[float], length: float) -> None:
    timeline = Timeline()
    for offset in offsets:
        timeline.add(1e9 + offset, 3.0)
    slices = timeline.slices([(1e9, 1e9 + length)])
    assert sum(piece.answers for run in slices for piece in run) == len(offsets)
    assert all(piece.end > piece.start for run in slices for piece in run)
    assert timeline.latency() == (3.0, 3.0, 3.0)
