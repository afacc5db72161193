import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_logs import START, Log

from bulkstatus.reporting.axes import TimeAxis, round_scale
from bulkstatus.reporting.summary import summarise


@pytest.mark.parametrize(
    ("top", "least", "expected"),
    [
        (14.1, 0.0, [0, 5, 10]),
        (20.0, 0.0, [0, 5, 10, 15, 20]),
        (62.0, 0.0, [0, 20, 40, 60]),
        (0.35, 0.0, [0, 0.1, 0.2, 0.3]),
        (3100.0, 0.0, [0, 1000, 2000, 3000]),
        (0.0, 0.0, [0]),
        # Of rows there are no halves.
        (1.0, 1.0, [0, 1]),
        (3.0, 1.0, [0, 1, 2, 3]),
        (290.0, 1.0, [0, 100, 200]),
    ],
)
def test_a_scale_has_round_numbers_evenly_spaced(
    top: float, least: float, expected: list[float]
) -> None:
    assert round_scale(top, least) == pytest.approx(expected)


@given(st.floats(1e-9, 1e12))
def test_a_scale_has_some_numbers_and_not_many(top: float) -> None:
    scale = round_scale(top)
    assert 2 <= len(scale) <= 5
    assert scale[0] == 0
    assert scale[-1] <= top


def test_the_axis_is_broken_between_runs_and_says_how_much_later_it_went_on(log: Log) -> None:
    log.run(2).row("1", after=100.0).end("interrupted")
    log.now += 15 * 3600
    log.run(2).row("2", after=100.0).end()
    axis = TimeAxis(summarise(log.path).runs)
    (gap,) = axis.breaks
    assert gap.start == pytest.approx(100.1)
    assert gap.seconds == pytest.approx(15 * 3600)
    assert gap.end - gap.start == pytest.approx(0.03 * 200.2)
    assert axis.total == pytest.approx(200.2 * 1.03)
    assert [label.text for label in axis.later()] == ["15 h 00 min later"]
    assert gap.start < axis.later()[0].place < gap.end
    assert axis.place(log.now - 100.1, 1) == pytest.approx(gap.end)


def test_the_time_after_the_longest_break_is_told_and_labels_keep_apart(log: Log) -> None:
    for pause in (5.0, 4000.0, 5.0):
        log.run(9).row("1", after=60.0).end("interrupted")
        log.now += pause
    resumed = log.now - 5.0 - 60.1
    log.run(9).row("2", after=60.0).end()
    axis = TimeAxis(summarise(log.path).runs)
    times = {label.text: label.place for label in axis.times()}
    assert time.strftime("%H:%M:%S", time.localtime(START)) in times
    assert time.strftime("%H:%M:%S", time.localtime(resumed)) in times
    places = sorted(times.values())
    assert min(b - a for a, b in pairwise(places)) > 0.15 * axis.total


def test_many_breaks_leave_most_of_the_axis_to_the_runs(log: Log) -> None:
    for _ in range(50):
        log.run(9).row("1").end("interrupted")
        log.now += 1.0
    axis = TimeAxis(summarise(log.path).runs)
    assert len(axis.breaks) == 49
    assert axis.total == pytest.approx(50 * 0.2 * 1.25, rel=0.02)
    assert 1 <= len(axis.later()) <= 5
