import pytest

from bulkstatus.config import resolve
from bulkstatus.pace import Rate
from bulkstatus.progress.advice import steadier


@pytest.mark.parametrize(
    ("rate", "per_second", "advised"),
    [
        (Rate(30, 1.0), 12.7, "12/s"),
        (Rate(10, 1.0), 9.9, "9/s"),
        (None, 80.0, "80/s"),
        (Rate(10, 1.0), 2.5, "150/m"),
        (Rate(1000, 3600.0), 1.0, "15/m"),
        (Rate(10, 1.0), 0.02, "72/h"),
        (Rate(10, 1.0), 0.0, "1/h"),
    ],
)
def test_the_rate_that_is_advised_is_one_that_was_achieved(
    rate: Rate | None, per_second: float, advised: str
) -> None:
    advice = steadier(3, rate, per_second)
    assert advice.endswith(f"--rate={advised}")
    asked = resolve(("option", {"rate": advised})).rate
    assert asked is not None
    if rate is not None:
        assert asked.count / asked.seconds <= rate.count / rate.seconds


def test_limits_that_were_reached_twice_advise_nothing() -> None:
    assert steadier(2, Rate(10, 1.0), 5.0) == ""
