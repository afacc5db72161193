import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.sandbox import Faults, parse_duration, parse_share
from bulkstatus.sandbox.faults import Dice, Fault, Window


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50ms", 0.05), ("0.5s", 0.5), ("2s", 2.0), (" 50 ms ", 0.05), ("50MS", 0.05), ("0s", 0.0)],
)
def test_a_duration_has_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "50", "ms", "-1s", "1m", "1e3s", "infs", "٣s", "50ms50ms"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 50ms or 0\.5s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "share"), [("2%", 0.02), ("0.5%", 0.005), ("100%", 1.0), ("0 %", 0.0), (" 1% ", 0.01)]
)
def test_a_share_is_a_percentage(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "2", "0.02", "%", "-1%", "101%", "nan%", "2%%"])
def test_what_is_no_share_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 2% or 0\.5%"):
        parse_share(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency": -1.0},
        {"latency": float("inf")},
        {"latency": float("nan")},
        {"limit": (0, 1.0)},
        {"limit": (5, 0.0)},
        {"fail": -0.1},
        {"drop": 1.1},
        {"fail": 0.6, "drop": 0.6},
    ],
)
def test_faults_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Faults(**wrong)  # type: ignore[arg-type]


def drawn_faults(faults: Faults, count: int) -> list[Fault]:
    dice = Dice(faults)
    return [dice.throw() for _ in range(count)]


def test_without_faults_every_request_is_answered() -> None:
    assert set(drawn_faults(Faults(seed=1), 1000)) == {Fault.NONE}


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(fail=1.0), {Fault.FAIL}),
        (Faults(drop=1.0), {Fault.DROP_BEFORE, Fault.DROP_AFTER}),
        (Faults(fail=0.5, drop=0.5), {Fault.FAIL, Fault.DROP_BEFORE, Fault.DROP_AFTER}),
    ],
)
def test_shares_that_fill_the_whole_leave_nothing_answered(
    faults: Faults, expected: set[Fault]
) -> None:
    assert set(drawn_faults(faults, 1000)) == expected


def test_shares_come_out_as_asked_with_half_of_the_drops_after_the_update() -> None:
    drawn = drawn_faults(Faults(fail=0.2, drop=0.1, seed=7), 20_000)
    assert drawn.count(Fault.FAIL) == pytest.approx(4000, rel=0.05)
    assert drawn.count(Fault.DROP_BEFORE) == pytest.approx(1000, rel=0.1)
    assert drawn.count(Fault.DROP_AFTER) == pytest.approx(1000, rel=0.1)


def test_a_seed_repeats_the_faults() -> None:
    def drawn(seed: int) -> list[Fault]:
        return drawn_faults(Faults(fail=0.3, drop=0.3, seed=seed), 200)

    assert drawn(5) == drawn(5) != drawn(6)


@given(
    st.integers(1, 5),
    st.lists(st.floats(0, 3), max_size=60),
)
def test_no_window_lets_more_through_than_the_limit(count: int, waits: list[float]) -> None:
    window = Window(count, 1.0)
    now, granted = 0.0, []
    for wait in waits:
        now += wait
        if window.admit(now):
            granted.append(now)
    for first, beyond in zip(granted, granted[count:], strict=False):
        assert beyond >= first + 1.0


def test_the_limit_is_used_to_the_full_and_refused_requests_do_not_count() -> None:
    window = Window(2, 1.0)
    assert [window.admit(now) for now in (0.0, 0.5, 0.6, 0.9, 1.0, 1.4, 1.5, 1.9, 2.0)] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
        False,
        True,
    ]
