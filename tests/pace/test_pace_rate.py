"""Rates and quotas as they are typed and shown, and how long requests take within them."""

import pytest

from bulkstatus.pace import Rate, seconds_needed
from bulkstatus.pace.pacer import CATCH_UP, JITTER
from bulkstatus.pace.rate import parse_quota, parse_rate


@pytest.mark.parametrize(
    ("text", "rate", "quota"),
    [
        ("10/s", Rate(10, 1.0), None),
        ("600/m", Rate(600, 60.0), Rate(600, 60.0)),
        ("1000/h", Rate(1000, 3600.0), Rate(1000, 3600.0)),
        ("10000/d", None, Rate(10000, 86400.0)),
    ],
)
def test_each_has_its_periods_and_is_shown_as_it_is_typed(
    text: str, rate: Rate | None, quota: Rate | None
) -> None:
    for parse, expected in ((parse_rate, rate), (parse_quota, quota)):
        if expected is None:
            with pytest.raises(ValueError, match="no such rate"):
                parse(text)
        else:
            assert parse(text) == expected
            assert str(expected) == text


def test_blanks_and_case_are_nothing_and_none_is_none() -> None:
    assert parse_rate("1/S") == Rate(1, 1.0)
    assert parse_quota(" 10 / h ") == Rate(10, 3600.0)
    assert parse_rate("None ") is None
    assert parse_quota("none") is None


@pytest.mark.parametrize(
    "text",
    ["", "10", "/s", "10/", "0/h", "-1/h", "1.5/h", "1,000/h", "10/w", "10/hh", "10 h", "ten/h",
     "10/h 5", "10//h", "1_0/h", "\uff11\uff10/h", "9" * 10 + "/h", "10/h\n20/h", "{text}/h"],
)  # fmt: skip
def test_what_is_neither_is_refused(text: str) -> None:
    for parse in (parse_rate, parse_quota):
        with pytest.raises(ValueError, match="rate"):
            parse(text)


def test_a_rate_of_another_period_is_shown_in_words() -> None:
    assert str(Rate(5, 2.5)) == "5 per 2.5 s"


@pytest.mark.parametrize(("count", "seconds"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_rate_that_lets_nothing_through_cannot_be(count: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Rate(count, seconds)


MORE = CATCH_UP + JITTER
TEN, HOUR, DAY, TWO = Rate(10, 1.0), Rate(1000, 3600.0), Rate(10000, 86400.0), Rate(2, 60.0)


@pytest.mark.parametrize(
    ("requests", "rate", "quotas", "seconds"),
    [
        (0, TEN, [], 0.0),
        (1, TEN, [(HOUR, [])], 0.0),
        (1000, None, [], 0.0),
        (1001, TEN, [], 100 * (1 + MORE)),
        (601, Rate(600, 60.0), [], 60 + MORE),
        # A quota lets all go at once, then makes them wait for the window.
        (1000, None, [(HOUR, [])], 0.0),
        (2500, None, [(HOUR, [])], 7200.0),
        # The places come free as evenly as the rate had let them be taken.
        (1500, TEN, [(HOUR, [])], 3600.0 + 499 * (1 + MORE) / 10),
        # What is held now comes first.
        (1000, None, [(HOUR, [60.0])], 60.0),
        (999, None, [(HOUR, [60.0])], 0.0),
        (2, None, [(TWO, [10.0, 20.0])], 20.0),
        (3, None, [(TWO, [10.0, 20.0])], 70.0),
        (1, None, [(TWO, [10.0, 20.0, 30.0])], 20.0),
        # The tightest of several counts, and in its last window the shorter ones.
        (10000, None, [(HOUR, []), (DAY, [])], 9 * 3600.0),
        (10001, None, [(DAY, []), (HOUR, [])], 86400.0),
        (25000, None, [(DAY, []), (HOUR, [])], 2 * 86400.0 + 4 * 3600.0),
        (25000, None, [(HOUR, [60.0] * 1000), (DAY, [60.0] * 1000)], 2 * 86400.0 + 4 * 3600.0),
    ],
)
def test_the_time_is_that_of_the_last_request(
    requests: int, rate: Rate | None, quotas: list[tuple[Rate, list[float]]], seconds: float
) -> None:
    assert seconds_needed(requests, rate, quotas) == pytest.approx(seconds)
