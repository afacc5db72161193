"""The windows of the quotas by a clock of the test's own, on real ledgers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.errors import SettingsRefused, Stopped
from bulkstatus.pace import Ledger, Place, Quotas, Rate
from bulkstatus.pace.quotas import CLOCK_TICK

HOLD = 4.0
START = 1_800_000_000.0
A_MOMENT = 0.01


class Clock:
    """True time, and a wall clock that is `ahead` of it by so many seconds."""

    def __init__(self) -> None:
        self.true = START
        self.ahead = 0.0

    def __call__(self) -> float:
        return self.true + self.ahead


def about(seconds: float) -> Any:
    # Unix time as a float is exact to a quarter of a microsecond.
    return pytest.approx(seconds, abs=2e-6)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger(":memory:")
    yield ledger
    ledger.close()


def take(quotas: Quotas) -> Place:
    place = quotas.try_take()
    assert isinstance(place, Place)
    return place


def wait(quotas: Quotas) -> float:
    seconds = quotas.try_take()
    assert isinstance(seconds, float)
    return seconds


def test_a_window_holds_its_quota_and_no_more(ledger: Ledger, clock: Clock) -> None:
    quotas = Quotas([Rate(3, 60.0)], ledger, "a", HOLD, clock)
    for _ in range(3):
        quotas.answered(take(quotas))
        clock.true += 10
    assert wait(quotas) == about(30 + CLOCK_TICK)
    clock.true += 30
    assert wait(quotas) == about(CLOCK_TICK)
    clock.true += CLOCK_TICK + A_MOMENT
    take(quotas)
    assert wait(quotas) == about(10 - A_MOMENT)


def test_a_place_is_held_one_window_from_its_answer_not_from_its_leaving(
    ledger: Ledger, clock: Clock
) -> None:
    quotas = Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    place = take(quotas)
    clock.true += 3
    quotas.answered(place)
    clock.true += 59
    assert wait(quotas) == about(1 + CLOCK_TICK)


def test_a_place_whose_answer_never_comes_is_held_from_the_latest_arrival(
    ledger: Ledger, clock: Clock
) -> None:
    quotas = Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    take(quotas)
    clock.true += 60 + HOLD
    wait(quotas)
    clock.true += CLOCK_TICK + A_MOMENT
    take(quotas)


def test_the_wait_for_a_request_in_flight_is_that_after_an_answer_now(
    ledger: Ledger, clock: Clock
) -> None:
    quotas = Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    take(quotas)
    clock.true += 1
    assert wait(quotas) == about(60 + CLOCK_TICK)


def test_a_place_that_is_given_back_is_free_at_once(ledger: Ledger, clock: Clock) -> None:
    quotas = Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    for _ in range(5):
        quotas.give_back(take(quotas))
    assert quotas.used() == [(Rate(1, 60.0), 0)]


def test_several_quotas_are_taken_together_or_not_at_all(ledger: Ledger, clock: Clock) -> None:
    minute, hour = Rate(2, 60.0), Rate(3, 3600.0)
    quotas = Quotas([minute, hour], ledger, "a", HOLD, clock)
    for _ in range(2):
        quotas.answered(take(quotas))
    assert wait(quotas) == about(60 + CLOCK_TICK)
    assert quotas.used() == [(minute, 2), (hour, 2)]
    clock.true += 61
    quotas.answered(take(quotas))
    assert quotas.used() == [(minute, 1), (hour, 3)]
    assert wait(quotas) == about(3600 - 61 + CLOCK_TICK)


def test_a_quota_that_was_lowered_waits_until_enough_have_come_free(
    ledger: Ledger, clock: Clock
) -> None:
    generous = Quotas([Rate(10, 60.0)], ledger, "a", HOLD, clock)
    for _ in range(5):
        generous.answered(take(generous))
        clock.true += 1
    lowered = Quotas([Rate(2, 60.0)], ledger, "a", HOLD, clock)
    # Of five, the fourth must go before there are fewer than two.
    assert wait(lowered) == about(60 - 5 + 3 + CLOCK_TICK)


def test_accounts_do_not_count_for_each_other(ledger: Ledger, clock: Clock) -> None:
    for account in ("https://a.example anna", "https://a.example bert", "https://b.example anna"):
        quotas = Quotas([Rate(1, 60.0)], ledger, account, HOLD, clock)
        take(quotas)
        wait(quotas)


def test_what_comes_free_is_told_for_the_estimate(ledger: Ledger, clock: Clock) -> None:
    minute, hour = Rate(5, 60.0), Rate(5, 3600.0)
    quotas = Quotas([minute, hour], ledger, "a", HOLD, clock)
    quotas.answered(take(quotas))
    clock.true += 50
    quotas.answered(take(quotas))
    take(quotas)
    clock.true += 15
    assert quotas.coming_free() == [
        (minute, [about(45 + CLOCK_TICK), about(49 + CLOCK_TICK)]),
        (hour, [about(s + CLOCK_TICK) for s in (3535, 3585, 3589)]),
    ]


def test_with_no_quota_the_disk_is_not_touched(tmp_path: Path) -> None:
    quotas = Quotas([], Ledger(tmp_path / "state" / "ledger.sqlite3"), "a", HOLD)
    place = take(quotas)
    quotas.answered(place)
    quotas.give_back(place)
    assert quotas.used() == []
    assert quotas.coming_free() == []
    assert list(tmp_path.iterdir()) == []


def test_old_requests_are_forgotten(tmp_path: Path, clock: Clock) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    for account in ("a", "b"):
        quotas = Quotas([Rate(1000, 60.0)], ledger, account, HOLD, clock)
        for _ in range(20):
            quotas.answered(take(quotas))
            take(quotas)
    clock.true += 3 * 86400
    quotas.answered(take(quotas))
    with ledger.transaction():
        rows = ledger._connection.execute("SELECT account, at FROM answered").fetchall()
    assert len(rows) == 21, "those of the account are forgotten as it goes on"
    ledger.close()
    quotas = Quotas([Rate(1000, 60.0)], ledger, "b", HOLD, clock)
    with ledger.transaction():
        rows = ledger._connection.execute("SELECT at FROM answered").fetchall()
        rows += ledger._connection.execute("SELECT latest FROM in_flight").fetchall()
    assert rows == [(clock(),)], "the others' at the next start"
    ledger.close()


def test_a_ledger_far_ahead_of_the_clock_is_a_clock_to_set_right(
    ledger: Ledger, clock: Clock
) -> None:
    quotas = Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    quotas.answered(take(quotas))
    clock.ahead = -3 * 86400.0
    with pytest.raises(Stopped, match="Set the clock right"):
        quotas.try_take()
    with pytest.raises(SettingsRefused, match=r"Set the clock right.*--quota none"):
        Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    clock.ahead = -0.5 * 86400.0
    assert wait(quotas) == about(0.5 * 86400 + 60 + CLOCK_TICK)


def test_an_answer_never_counts_from_before_its_request_left(ledger: Ledger, clock: Clock) -> None:
    quotas = Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    place = take(quotas)
    clock.ahead = -300.0  # set back by mistake, and right again after the answer
    quotas.answered(place)
    clock.ahead = 0.0
    assert wait(quotas) == about(60 + CLOCK_TICK)


class World:
    """Runs of one account on one machine, and the truth about every request that left.

    The server's moment of arrival is not known: anywhere between leaving and answer.
    """

    def __init__(self, rates: list[Rate], path: Path) -> None:
        self.rates = rates
        self.path = path
        self.clock = Clock()
        self.lefts: list[float] = []
        self.ends: list[float] = []  # the latest arrival
        self.known: list[float] = []  # when that was known: later, if the machine slept
        self.labels: list[float] = []  # of leaving, by the wall clock
        self.runs = [self._start(), self._start()]
        self.flying: list[list[tuple[Place, int]]] = [[], []]

    def _start(self) -> Quotas:
        return Quotas(self.rates, Ledger(self.path), "a", HOLD, self.clock)

    def close(self) -> None:
        for run in self.runs:
            run._ledger.close()

    def take(self, run: int) -> float:
        place = self.runs[run].try_take()
        if not isinstance(place, Place):
            assert place > 0
            return place
        self.flying[run].append((place, len(self.lefts)))
        self.labels.append(self.clock())
        self.lefts.append(self.clock.true)
        self.ends.append(self.clock.true + HOLD)
        self.known.append(self.clock.true + HOLD)
        return 0.0

    def answer(self, run: int) -> None:
        if self.flying[run]:
            place, number = self.flying[run].pop(0)
            self.runs[run].answered(place)
            self.ends[number] = min(self.clock.true, self.ends[number])
            self.known[number] = self.clock.true

    def give_back(self, run: int) -> None:
        if self.flying[run]:
            place, number = self.flying[run].pop()
            self.runs[run].give_back(place)
            for record in (self.lefts, self.ends, self.known, self.labels):
                record[number] = float("nan")

    def kill(self, run: int) -> None:
        self.flying[run] = []
        self.runs[run]._ledger.close()
        self.runs[run] = self._start()

    def may_refuse(self, furthest_ahead: float) -> bool:
        """Whether some window may hold its quota still, by the slowest reading of the clock."""
        gone_back = furthest_ahead - self.clock.ahead
        return any(
            sum(
                known + gone_back + rate.seconds + CLOCK_TICK + A_MOMENT > self.clock.true
                for known in self.known
            )
            >= rate.count
            for rate in self.rates
        )


RATES = st.sampled_from(
    [
        [Rate(1, 10.0)],
        [Rate(3, 10.0)],
        [Rate(2, 10.0), Rate(5, 50.0)],
        [Rate(6, 50.0), Rate(4, 10.0)],
    ]
)
RUNS = st.integers(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), RUNS),
        st.tuples(st.just("take"), RUNS),
        st.tuples(st.just("answer"), RUNS),
        st.tuples(st.just("answer"), RUNS),
        st.tuples(st.just("give back"), RUNS),
        st.tuples(st.just("kill"), RUNS),
        st.tuples(st.just("pass"), st.sampled_from([0.0, 0.001, 0.5, 3.0, 4.1, 9.9, 10.1, 49.0])),
        st.tuples(st.just("set back"), st.sampled_from([0.001, 2.0, 9.0, 40.0, 300.0])),
        st.tuples(st.just("set forward"), st.sampled_from([0.5, 12.0, 60.0, 3600.0])),
    ),
    max_size=60,
)


def play(rates: list[Rate], steps: list[tuple[str, float]], forward: bool) -> World:
    with tempfile.TemporaryDirectory() as directory:
        world = World(rates, Path(directory) / "ledger.sqlite3")
        try:
            for step, amount in steps:
                match step:
                    case "take":
                        waits = world.take(int(amount)) > 0
                        assert forward or not waits or world.may_refuse(furthest_ahead=0.0)
                    case "answer":
                        world.answer(int(amount))
                    case "give back":
                        world.give_back(int(amount))
                    case "kill":
                        world.kill(int(amount))
                    case "pass":
                        world.clock.true += amount
                    case "set back":
                        world.clock.ahead -= amount
                    case "set forward" if forward:
                        world.clock.ahead += amount
        finally:
            world.close()
    return world


@settings(deadline=None, max_examples=150)
@given(RATES, STEPS)
def test_no_window_can_hold_more_arrivals_than_its_quota(
    rates: list[Rate], steps: list[tuple[str, float]]
) -> None:
    """And whoever is refused is so because a window may hold its quota still."""
    world = play(rates, steps, forward=False)
    for rate in rates:
        for start in world.ends:
            arrivals = sum(
                left <= start + rate.seconds and end >= start
                for left, end in zip(world.lefts, world.ends, strict=True)
            )
            assert arrivals <= rate.count


@settings(deadline=None, max_examples=80)
@given(RATES, STEPS)
def test_by_this_machines_own_clock_no_window_holds_more_however_it_is_set(
    rates: list[Rate], steps: list[tuple[str, float]]
) -> None:
    world = play(rates, steps, forward=True)
    for rate in rates:
        for start in world.labels:
            leaving = sum(start <= label <= start + rate.seconds for label in world.labels)
            assert leaving <= rate.count


@settings(deadline=None, max_examples=80)
@given(RATES, STEPS)
def test_the_wait_that_is_asked_for_is_neither_too_long_nor_too_short(
    rates: list[Rate], steps: list[tuple[str, float]]
) -> None:
    ledger = Ledger(":memory:")
    clock = Clock()
    quotas = Quotas(rates, ledger, "a", HOLD, clock)
    flying: list[Place] = []
    for step, amount in steps:
        if step == "take":
            taken = quotas.try_take()
            if isinstance(taken, Place):
                flying.append(taken)
                continue
            clock.true += taken - 0.0011
            assert isinstance(quotas.try_take(), float), "it could have been had sooner"
            clock.true += 0.0022
            if not flying:
                flying.append(take(quotas))
        elif step == "answer" and flying:
            quotas.answered(flying.pop(0))
        elif step == "pass":
            clock.true += amount
    ledger.close()
