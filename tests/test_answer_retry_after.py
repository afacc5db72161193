"""`Retry-After` in both of its forms, as it is and as no one should send it."""

import time

import pytest
from multidict import CIMultiDict

from bulkstatus.answer import retry_after

NOON = 784123200.0  # Sun, 06 Nov 1994 12:00:00 GMT
DATE = "Sun, 06 Nov 1994 12:00:00 GMT"


def wait(value: str | None, date: str | None = None, now: float = NOON) -> float | None:
    headers = CIMultiDict[str]()
    if value is not None:
        headers["retry-after"] = value
    if date is not None:
        headers["date"] = date
    return retry_after(headers, now)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("007", 7.0),
        ("0.5", 0.5),
        ("86401", 86401.0),
        ("Sun, 06 Nov 1994 12:00:30 GMT", 30.0),
        ("Sun, 06 Nov 1994 12:00:30 +0000", 30.0),
        ("Sun, 06 Nov 1994 13:00:30 +0100", 30.0),
        # RFC 9110 has recipients take the two older forms too; without a zone it is GMT.
        ("Sunday, 06-Nov-94 12:00:30 GMT", 30.0),
        ("Sun Nov  6 12:00:30 1994", 30.0),
        ("Sun, 06 Nov 1994 12:00:30 -0000", 30.0),
        # In the past: at once.
        ("Sun, 06 Nov 1994 11:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 1601 00:00:00 -0000", 0.0),
        ("Sun, 06 Nov 1994 12:00:00 GMT", 0.0),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_retry_after_gives_seconds_wherever_the_machine_is(
    value: str, seconds: float, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(time, "tzset"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
    try:
        assert wait(value) == pytest.approx(seconds)
    finally:
        monkeypatch.undo()
        if hasattr(time, "tzset"):
            time.tzset()


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", "soon", "-1", "+5", "1e5", "0x10", "nan", "inf", "5, 6", "5s", "1.", ".5",
        "1.2.3", ",", ": : :", "0:0", "Mon", "Sun, 06 Nov", "Sun, 99 Nov 1994 12:00:00 GMT",
        "Sun, 06 Nov 1994 99:00:00 GMT", "Mon, 1 Jan 99999 00:00:00 GMT", "12:00:30",
        "Sun, 06 Nov 1994 12:00:30 +9999999999", "1 " * 30_000, "Jan " * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_time_asks_for_nothing(value: str | None) -> None:
    assert wait(value) is None


@pytest.mark.parametrize("value", ["9" * 20, "9" * 5000, "Fri, 31 Dec 9999 23:59:59 -1200"])
def test_an_absurd_wait_is_told_as_a_finite_number(value: str) -> None:
    seconds = wait(value)
    assert seconds is not None
    assert 1e9 < seconds < float("inf")


@pytest.mark.parametrize("drift", [-7200.0, 0.0, 7200.0, 1e9])
def test_a_date_is_measured_from_the_servers_own_clock(drift: float) -> None:
    assert wait("Sun, 06 Nov 1994 12:01:00 GMT", DATE, now=NOON + drift) == 60.0


@pytest.mark.parametrize("date", [None, "", "yesterday", "0", "Sun, 99 Nov 1994 12:00:00 GMT"])
def test_without_a_date_that_can_be_read_it_is_measured_from_the_clock_here(
    date: str | None,
) -> None:
    assert wait("Sun, 06 Nov 1994 12:01:00 GMT", date, now=NOON + 20) == 40.0


def test_seconds_do_not_depend_on_any_clock() -> None:
    assert wait("60", "Thu, 01 Jan 1970 00:00:00 GMT", now=1e12) == 60.0
