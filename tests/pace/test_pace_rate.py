import pytest

from bulkstatus.errors import SettingsRefused
from bulkstatus.pace import Rate, parse_quota, parse_rate
from bulkstatus.text import printable


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", Rate(10, 1.0)),
        ("600/m", Rate(600, 60.0)),
        ("1000/h", Rate(1000, 3600.0)),
        ("1/S", Rate(1, 1.0)),
        (" 10 / s ", Rate(10, 1.0)),
        ("none", None),
        ("None ", None),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("30/m", Rate(30, 60.0)),
        ("1000/h", Rate(1000, 3600.0)),
        ("10000/d", Rate(10000, 86400.0)),
        ("none", None),
    ],
)
def test_a_quota_is_read(text: str, quota: Rate | None) -> None:
    assert parse_quota(text) == quota


NEITHER = [
    "",
    "10",
    "/s",
    "10/",
    "0/h",
    "-1/h",
    "1.5/h",
    "1,000/h",
    "10/w",
    "10/hh",
    "10 h",
    "ten/h",
]
NEITHER += ["10/h 5", "10//h", "1_0/h", "\uff11\uff10/h", "9" * 10 + "/h", "10/h\n20/h", "{text}/h"]


@pytest.mark.parametrize("text", [*NEITHER, "10000/d"])
def test_what_is_no_rate_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(
        SettingsRefused, match=r"--rate.*10/s, 600/m or 1000/h, or \"none\""
    ) as caught:
        parse_rate(text)
    assert f'"{printable(text)}"' in str(caught.value)


@pytest.mark.parametrize("text", [*NEITHER, "10/s"])
def test_what_is_no_quota_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(SettingsRefused, match=r"--quota.*30/m, 1000/h or 10000/d, or \"none\""):
        parse_quota(text)


@pytest.mark.parametrize("text", ["10/s", "600/m", "1000/h"])
def test_a_rate_is_shown_as_it_is_typed(text: str) -> None:
    assert str(parse_rate(text)) == text


def test_a_quota_is_shown_as_it_is_typed() -> None:
    assert str(parse_quota("10000/d")) == "10000/d"


def test_a_rate_of_another_period_is_shown_in_words() -> None:
    assert str(Rate(5, 2.5)) == "5 per 2.5 s"


@pytest.mark.parametrize(("count", "seconds"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_rate_that_lets_nothing_through_cannot_be(count: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Rate(count, seconds)
