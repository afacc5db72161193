import pytest

from bulkstatus.pace import Rate, seconds_needed
from bulkstatus.progress.outlook import Held, seconds_left

SECOND = Rate(10, 1.0)
HOUR = Rate(1000, 3600.0)
DAY = Rate(10_000, 86_400.0)


def test_nothing_is_foretold_when_nothing_tells() -> None:
    assert seconds_left(10, None, [], None) is None


def test_no_request_takes_no_time() -> None:
    assert seconds_left(0, None, [], None) == 0.0


@pytest.mark.parametrize(
    ("rate", "speed", "seconds"),
    [
        (SECOND, None, 10.0),
        (None, 50.0, 2.0),
        (SECOND, 2.0, 50.0),
        (SECOND, 1000.0, 10.0),
        (None, 0.1, 1000.0),
    ],
)
def test_the_slower_of_rate_and_speed_decides(
    rate: Rate | None, speed: float | None, seconds: float
) -> None:
    assert seconds_left(100, rate, [], speed) == pytest.approx(seconds, rel=0.02)


@pytest.mark.parametrize("requests", [1, 999, 1000, 1001, 5000, 5001, 20_000])
def test_what_is_played_through_is_what_the_quotas_will_allow(requests: int) -> None:
    held = [(3.0 * number, 1) for number in range(700)]
    quotas: list[Held] = [(HOUR, held), (DAY, [])]
    exact = seconds_needed(
        requests, SECOND, [(quota, [moment for moment, _ in places]) for quota, places in quotas]
    )
    assert seconds_left(requests, SECOND, quotas, None) == pytest.approx(exact, rel=0.001)


def test_requests_answered_together_come_free_together() -> None:
    assert seconds_left(1001, None, [(HOUR, [(10.0, 400), (20.0, 600)])], None) == 3610.0


@pytest.mark.parametrize(("quota", "off"), [(HOUR, 0.001), (Rate(997, 3600.0), 0.02)])
def test_many_requests_are_foretold_to_a_hundredth_or_two(quota: Rate, off: float) -> None:
    exact = seconds_needed(210_000, SECOND, [(quota, [])])
    assert seconds_left(210_000, SECOND, [(quota, [])], None) == pytest.approx(exact, rel=off)


def test_a_small_quota_and_many_requests_go_together() -> None:
    small = Rate(3, 60.0)
    exact = seconds_needed(100_000, None, [(small, [])])
    assert seconds_left(100_000, None, [(small, [])], None) == pytest.approx(exact, rel=0.01)
