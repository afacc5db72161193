"""How long a row waits before it is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.job.run.backoff import backoff


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (1000, 30.0)]
)
def test_the_longest_wait_doubles_up_to_a_cap_and_jitter_spreads_over_all_of_it(
    failures: int, longest: float
) -> None:
    for jitter in (0.0, 0.25, 1.0):
        assert backoff(failures, jitter) == pytest.approx(jitter * longest)


@given(st.integers(1, 1000), st.floats(0.0, 1.0), st.floats(0.0, 1e9))
def test_it_is_never_earlier_than_asked(failures: int, jitter: float, asked: float) -> None:
    assert backoff(failures, jitter, asked) == max(asked, backoff(failures, jitter))
