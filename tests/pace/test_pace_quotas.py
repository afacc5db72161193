"""The windows of the quotas by a clock of the test's own, on real ledgers."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.errors import LedgerLost, SettingsRefused
from bulkstatus.pace import Full, Ledger, Place, Quotas, Rate
from bulkstatus.pace.quotas import CLOCK_TICK
from bulkstatus.pace.rate import parse_quota

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


#: The quotas, and what happens: a place is taken or answered, seconds pass, the wall clock is
#: set, so many of each quota are `used`, or all: the next is free after `full` and a tick.
PLACES = {
    "a window holds its quota and no more": (
        "3/m",
        "take answer +10 take answer +10 take answer +10 full:30 +30 full:0 +0.03 take full:9.97",
    ),
    "a place is held from its answer, not from its leaving": ("1/m", "take +3 answer +59 full:1"),
    "one whose answer never comes from its latest arrival": ("1/m", "take +64 full:0 +0.03 take"),
    "one in flight is waited for as if answered now": ("1/m", "take +1 full:60"),
    # The clock is set back by mistake, and right again after the answer.
    "an answer never counts from before its request left": (
        "1/m",
        "take clock:-300 answer clock:0 full:60",
    ),
    "after the clock went back all answers count": (
        "3/m",
        "take answer clock:-30 take answer +1 take answer used:3 full:89",
    ),
    "several quotas are taken together or not at all": (
        "2/m 3/h",
        "take answer take answer full:60 used:2,2 +61 take answer used:1,3 full:3539",
    ),
}


@pytest.mark.parametrize(("rates", "events"), PLACES.values(), ids=PLACES.keys())
def test_places(ledger: Ledger, clock: Clock, rates: str, events: str) -> None:
    asked = [rate for rate in map(parse_quota, rates.split()) if rate is not None]
    quotas = Quotas(asked, ledger, "a", HOLD, clock)
    flying: list[Place] = []
    for event in events.split():
        what, _, number = event.partition(":")
        match what:
            case "take":
                flying.append(take(quotas))
            case "answer":
                quotas.answered(flying.pop())
            case "clock":
                clock.ahead = float(number)
            case "full":
                assert wait(quotas) == about(float(number) + CLOCK_TICK)
            case "used":
                used = [len(seconds) for _, seconds in quotas.coming_free()]
                assert used == [int(count) for count in number.split(",")]
            case seconds:
                clock.true += float(seconds)


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
    assert quotas.coming_free() == []
    assert list(tmp_path.iterdir()) == []


def test_old_requests_of_the_account_are_forgotten(ledger: Ledger, clock: Clock) -> None:
    def left() -> int:
        with ledger.transaction() as tables:
            counts = "SELECT (SELECT count(*) FROM answered) + (SELECT count(*) FROM in_flight)"
            count: int = tables.execute(counts).fetchone()[0]
            return count

    quotas = Quotas([Rate(1000, 60.0)], ledger, "a", HOLD, clock)
    for _ in range(20):
        quotas.answered(take(quotas))
        take(quotas)
    clock.true += 3 * 86400
    assert left() == 40
    quotas.answered(take(quotas))
    assert left() == 1
    clock.true += 3 * 86400
    Quotas([Rate(1000, 60.0)], ledger, "a", HOLD, clock)
    assert left() == 0


def test_a_ledger_far_ahead_of_the_clock_is_a_clock_to_set_right(
    ledger: Ledger, clock: Clock
) -> None:
    quotas = Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    quotas.answered(take(quotas))
    clock.ahead = -3 * 86400.0
    with pytest.raises(LedgerLost, match="Set the clock right"):
        quotas.try_take()
    with pytest.raises(SettingsRefused, match=r"Set the clock right.*--quota none"):
        Quotas([Rate(1, 60.0)], ledger, "a", HOLD, clock)
    clock.ahead = -0.5 * 86400.0
    assert wait(quotas) == about(0.5 * 86400 + 60 + CLOCK_TICK)


@dataclass(eq=False)
class Sent:
    """A request that left. When it arrives, between leaving and `end`, only the server knows."""

    left: float
    label: float  # of leaving, by the wall clock
    end: float
    known: float  # when the end was known: later, if the machine slept


class World:
    """Runs of one account on one machine, and the truth about every request that left."""

    def __init__(self, rates: list[Rate], path: Path, forward: bool) -> None:
        self.rates = rates
        self.path = path
        self.forward = forward
        self.clock = Clock()
        self.sent: list[Sent] = []
        self.runs = [self.start(), self.start()]
        self.flying: list[list[tuple[Place, Sent]]] = [[], []]

    def start(self) -> Quotas:
        return Quotas(self.rates, Ledger(self.path), "a", HOLD, self.clock)

    def do(self, step: str, amount: float) -> None:
        match step:
            case "pass":
                self.clock.true += amount
            case "set back":
                self.clock.ahead -= amount
            case "set forward" if self.forward:
                self.clock.ahead += amount
            case "take" | "answer" | "kill":
                self.do_in_run(step, int(amount))

    def do_in_run(self, step: str, number: int) -> None:
        run, flying, now = self.runs[number], self.flying[number], self.clock.true
        if step == "take":
            place = run.try_take()
            if isinstance(place, Place):
                flying.append((place, Sent(now, self.clock(), now + HOLD, now + HOLD)))
                self.sent.append(flying[-1][1])
            else:
                assert place > 0
                assert self.forward or self.may_refuse()
        elif step == "kill":
            run._ledger.close()
            self.runs[number] = self.start()
            flying.clear()
        elif step == "answer" and flying:
            place, sent = flying.pop(0)
            run.answered(place)
            sent.end, sent.known = min(now, sent.end), now

    def may_refuse(self) -> bool:
        """Whether some window may hold its quota still, by the slowest reading of the clock."""
        held = CLOCK_TICK + A_MOMENT - self.clock.ahead
        now = self.clock.true
        return any(
            sum(sent.known + rate.seconds + held > now for sent in self.sent) >= rate.count
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
IN_A_RUN = ["take", "take", "answer", "answer", "kill"]
STEPS = st.lists(
    st.tuples(st.sampled_from(IN_A_RUN), st.integers(0, 1))
    | st.tuples(st.just("pass"), st.sampled_from([0.0, 0.001, 0.5, 3.0, 4.1, 9.9, 10.1, 49.0]))
    | st.tuples(st.just("set back"), st.sampled_from([0.001, 2.0, 9.0, 40.0, 300.0]))
    | st.tuples(st.just("set forward"), st.sampled_from([0.5, 12.0, 60.0, 3600.0])),
    max_size=60,
)


@settings(deadline=None, max_examples=200)
@given(RATES, STEPS, st.booleans())
def test_no_window_can_hold_more_than_its_quota(
    rates: list[Rate], steps: list[tuple[str, float]], forward: bool
) -> None:
    """By this machine's own clock however it is set; by true time unless it is set forward.

    And whoever is refused is so because a window may hold its quota still.
    """
    with tempfile.TemporaryDirectory() as directory:
        world = World(rates, Path(directory) / "ledger.sqlite3", forward)
        try:
            for step, amount in steps:
                world.do(step, amount)
        finally:
            for run in world.runs:
                run._ledger.close()
    for rate in rates:
        for label in (sent.label for sent in world.sent):
            leaving = sum(label <= sent.label <= label + rate.seconds for sent in world.sent)
            assert leaving <= rate.count
        for end in (sent.end for sent in world.sent if not forward):
            arriving = sum(
                sent.left <= end + rate.seconds and sent.end >= end for sent in world.sent
            )
            assert arriving <= rate.count


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


def test_who_waits_is_told_for_which_quota_and_how_much_of_it_others_hold(
    ledger: Ledger, clock: Clock
) -> None:
    minute, hour = Rate(4, 60.0), Rate(6, 3600.0)
    ours, theirs = (Quotas([minute, hour], ledger, "acme", HOLD, clock) for _ in range(2))
    elsewhere = Quotas([minute], ledger, "other", HOLD, clock)
    for quotas in (ours, theirs, ours, theirs, elsewhere):
        quotas.answered(take(quotas))
    wait(ours)
    assert ours.full == Full(minute, 2)
    clock.true += 61.0
    flying = take(ours)
    ours.answered(take(ours))
    wait(ours)
    assert ours.full == Full(hour, 2)
    wait(theirs)
    assert theirs.full == Full(hour, 4)
    # Of its own places a run counts those alone that the window still holds.
    clock.true += 3600.0 - 60.0
    ours.answered(flying)
    for _ in range(3):
        ours.answered(take(ours))
    wait(ours)
    assert ours.full == Full(minute, 0)
    # Of several that are full it is the one that is waited for.
    both = Quotas([Rate(1, 60.0), Rate(1, 3600.0)], ledger, "both", HOLD, clock)
    both.answered(take(both))
    assert wait(both) == about(3600.0 + CLOCK_TICK)
    assert both.full == Full(Rate(1, 3600.0), 0)
