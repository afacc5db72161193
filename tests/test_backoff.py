"""How long a row waits before it is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.run.backoff import BASE_SECONDS, CAP_SECONDS, backoff

jitters = st.floats(0.0, 1.0)
failures = st.integers(1, 1000)


@pytest.mark.parametrize(
    ("count", "longest"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 16.0), (7, 30.0), (8, 30.0), (99, 30.0)],
)
def test_the_longest_wait_doubles_up_to_a_cap(count: int, longest: float) -> None:
    assert backoff(count, 1.0) == longest
    assert backoff(count, 0.5) == longest / 2
    assert backoff(count, 0.0) == 0.0


@pytest.mark.parametrize(
    ("jitter", "asked", "wait"),
    [(0.0, 7.0, 7.0), (1.0, 7.0, 7.0), (1.0, 0.1, 0.5), (0.5, 0.0, 0.25), (0.0, None, 0.0)],
)
def test_it_is_never_earlier_than_asked(jitter: float, asked: float | None, wait: float) -> None:
    assert backoff(1, jitter, asked) == wait


@given(failures, jitters, st.none() | st.floats(0.0, 1e9))
def test_it_lies_between_what_was_asked_and_the_longest_wait(
    count: int, jitter: float, asked: float | None
) -> None:
    floor = asked or 0.0
    assert floor <= backoff(count, jitter, asked) <= max(floor, CAP_SECONDS)


@given(failures, jitters, jitters)
def test_jitter_spreads_the_waits_over_the_whole_span(count: int, one: float, other: float) -> None:
    """Full jitter: the wait is proportional to the random number, from nothing on."""
    span = backoff(count, 1.0)
    assert BASE_SECONDS <= span <= CAP_SECONDS
    assert backoff(count, one) == pytest.approx(one * span)
    assert (backoff(count, one) <= backoff(count, other)) or one > other


@given(failures)
def test_each_failure_makes_the_next_wait_no_shorter(count: int) -> None:
    assert backoff(count, 1.0) <= backoff(count + 1, 1.0)
