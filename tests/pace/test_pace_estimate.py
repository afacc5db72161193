import pytest

from bulkstatus.pace import Rate, seconds_needed
from bulkstatus.pace.pacer import CATCH_UP, JITTER

MORE = CATCH_UP + JITTER
TEN = Rate(10, 1.0)
HOUR = Rate(1000, 3600.0)
DAY = Rate(10000, 86400.0)


@pytest.mark.parametrize(
    ("requests", "rate", "quotas", "seconds"),
    [
        (0, TEN, [(HOUR, [])], 0.0),
        (1, TEN, [(HOUR, [])], 0.0),
        (1000, None, [], 0.0),
        (1001, TEN, [], 100 * (1 + MORE)),
        (601, Rate(600, 60.0), [], 60 + MORE),
        # A quota lets all go at once, then makes them wait for the window.
        (1000, None, [(HOUR, [])], 0.0),
        (1001, None, [(HOUR, [])], 3600.0),
        (2500, None, [(HOUR, [])], 7200.0),
        # The places come free as evenly as the rate had let them be taken.
        (1001, TEN, [(HOUR, [])], 3600.0),
        (1500, TEN, [(HOUR, [])], 3600.0 + 499 * (1 + MORE) / 10),
        # What is held now comes first.
        (1000, None, [(HOUR, [60.0])], 60.0),
        (999, None, [(HOUR, [60.0])], 0.0),
        (1, None, [(Rate(2, 60.0), [10.0, 20.0])], 10.0),
        (2, None, [(Rate(2, 60.0), [10.0, 20.0])], 20.0),
        (3, None, [(Rate(2, 60.0), [10.0, 20.0])], 70.0),
        (1, None, [(Rate(2, 60.0), [10.0, 20.0, 30.0])], 20.0),
        # The tightest of several counts.
        (10000, None, [(HOUR, []), (DAY, [])], 9 * 3600.0),
        (10001, None, [(HOUR, []), (DAY, [])], 86400.0),
        (10001, None, [(DAY, []), (HOUR, [])], 86400.0),
    ],
)
def test_the_time_is_that_of_the_last_request(
    requests: int, rate: Rate | None, quotas: list[tuple[Rate, list[float]]], seconds: float
) -> None:
    assert seconds_needed(requests, rate, quotas) == pytest.approx(seconds)
