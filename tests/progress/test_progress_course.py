"""What is told of a run under way: counts, rate, time left, what it waits for, a doubt."""

import math
from collections.abc import Sequence

import pytest
from progress_world import Clock, at, hold, results

from bulkstatus.job.run import Ending, HoldReason
from bulkstatus.log.records import Outcome
from bulkstatus.pace import Full, Rate
from bulkstatus.words import duration

TEN, HOUR = Rate(10, 1.0), Rate(1000, 3600.0)
LIMIT, OUTAGE = HoldReason.LIMIT, HoldReason.OUTAGE


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_figures_are_counts_of_what_was_sent_rate_and_time_left(clock: Clock) -> None:
    course = clock.course(330, TEN)
    for outcome in Outcome:
        course.wrote(results(1 + (outcome is Outcome.REJECTED), outcome, attempts=0))
    assert course.figures()[:5] == [
        *("4 of 330 rows (1 %)", "1 updated", "2 rejected", "1 failed", "0.0/s of 10/s")
    ]
    clock.work(course, 18, 10)
    assert course.figures() == [
        *("184 of 330 rows (55 %)", "181 updated", "2 rejected", "1 failed", "10.0/s of 10/s"),
        "about 14 s left",
    ]
    # Never done before the last row.
    course.wrote(results(145))
    assert course.figures()[0] == "329 of 330 rows (99 %)"


def test_the_rate_now_is_that_of_the_last_seconds_and_counts_retries(clock: Clock) -> None:
    course = clock.course(10_000)
    for seconds, rows, attempts in ((30, 100, 1), (11, 10, 1), (11, 10, 3), (11, 0, 1)):
        clock.work(course, seconds, rows, attempts)
        assert course.figures()[4] == f"{rows * attempts:.1f}/s"


@pytest.mark.parametrize(
    ("due", "rate", "places", "worked", "left"),
    [
        # Before anything is known, rate and quotas tell the time.
        (100, None, [], [], None),
        (101, TEN, [], [], 10),
        (1001, None, [(HOUR, [])], [], 3600),
        (500, None, [(HOUR, [600.0] * 1000)], [], 600),
        # Later the slower of what is asked for and what is achieved.
        (1000, Rate(100, 1.0), [], [(20, 20, 1)], 30),
        (1000, None, [], [(10, 50, 1)], 10),
        # Rows that need several tries are expected to go on doing so.
        (200, TEN, [], [(20, 5, 2)], 20),
        # The 500 that are left follow the first 500, an hour after each.
        (1500, TEN, [(HOUR, [])], [(100, 10, 1)], 3550),
        (100, None, [], [(1, 100, 1)], None),
    ],
)
def test_speed_rate_and_quotas_tell_the_time_left(
    clock: Clock, due: int, rate: Rate | None, places: list, worked: list, left: float | None
) -> None:
    course = clock.course(due, rate)
    course.started(places)
    for seconds, rows, attempts in worked:
        clock.work(course, seconds, rows, attempts)
    told = [] if left is None else [f"about {duration(left)} left"]
    assert course.figures()[5:] == told


async def test_after_a_wait_the_speed_is_measured_anew(clock: Clock) -> None:
    for reason in (*HoldReason, None):
        course = clock.course(2000, Rate(1000, 1.0))
        clock.work(course, 10, 100)
        if reason is None:
            course.waiting_for_quota(300.5, Full(HOUR, 0))
        else:
            course.holding(hold(reason, 1.0))
        clock.work(course, 300, 0)
        if reason is not None:
            course.holding(None)
        clock.work(course, 5, 100)
        assert course.figures()[4:] == ["100.0/s of 1000/s", "about 5 s left"]


async def test_short_holds_that_come_again_and_again_are_part_of_the_speed(clock: Clock) -> None:
    course = clock.course(1000, Rate(100, 1.0))
    for _ in range(20):
        clock.work(course, 1, 20)
        course.holding(hold(LIMIT, 1.0))
        clock.go(1.0)
        course.sample()
        course.holding(None)
    assert course.figures()[4:] == ["10.0/s of 100/s", "about 60 s left"]


@pytest.mark.parametrize(
    ("reason", "message", "waits", "answered", "told", "left"),
    [
        (
            LIMIT,
            "Too many",
            [30.0],
            True,
            "limit reached (Too many) since {3}, going on at {33}",
            1,
        ),
        (LIMIT, "", [None, None, None], True, "limit reached since {3}, next try at {8}", 0),
        # The API's words cannot play tricks.
        (
            *(LIMIT, "\x1b[2Jgone\r\nnew line", [30.0], True),
            *(r"limit reached (\x1b[2Jgone\r\nnew line) since {3}, going on at {33}", 1),
        ),
        (
            *(OUTAGE, "lost", [None, None, None], True),
            "no connection to the API (lost) since {3}, next try at {8}, gives up at {603}",
            0,
        ),
        # Before the first answer it is the number of tries that counts.
        (OUTAGE, "", [3.0], False, "no connection to the API since {3}, going on at {6}", 1),
    ],
)
async def test_a_hold_is_told_with_why_since_when_and_until_when(
    clock: Clock,
    reason: HoldReason,
    message: str,
    waits: Sequence[float | None],
    answered: bool,
    told: str,
    left: int,
) -> None:
    course = clock.course(1000, TEN, give_up_after=600.0)
    clock.work(course, 3, 10 if answered else 0)
    held = hold(reason, waits[0], message)
    for wait in waits[1:]:
        held.extend(held.until, wait)
    course.holding(held)
    for seconds in (3, 6, 8, 33, 603):
        far = "%H:%M" if seconds > 120 else "%H:%M:%S"
        told = told.replace(f"{{{seconds}}}", at(seconds, far))
    assert list(course.notes().values()) == [told]
    # Where nobody knows when it ends, nobody knows what is left.
    assert len(course.figures()) == 5 + left
    clock.go(300.0)
    assert list(course.notes()) == [reason.value]
    course.holding(None)
    assert course.notes() == {}
    assert len(course.figures()) == 6


@pytest.mark.parametrize(
    ("rate", "told"),
    [(38.4, "38/s"), (5.0, "5/s"), (0.279, "17/m"), (0.0083, "30/h"), (1234.0, "1200/s")],
)
async def test_the_rate_that_was_found_is_told(clock: Clock, rate: float, told: str) -> None:
    course = clock.course(100)
    course.found(rate)
    assert course.notes() == {"found": f"the API lets about {told} through"}
    assert told in course.learnt()
    course.holding(hold(LIMIT, 30.0))
    assert list(course.notes()) == [LIMIT.value]
    course.holding(None)
    course.found(math.inf)
    assert (course.notes(), course.learnt()) == ({}, "")


async def test_a_short_wait_is_not_told_until_it_turns_out_to_be_a_long_one(clock: Clock) -> None:
    course = clock.course(100)
    course.started([(HOUR, [])])
    course.waiting_for_quota(0.5, Full(HOUR, 0))
    assert course.notes() == {}
    assert not course.news.is_set()
    clock.go(1.0)
    course.waiting_for_quota(50.0, Full(HOUR, 1200))
    assert course.news.is_set()
    (told,) = course.notes().values()
    quota = "the quota of 1000/h, 1,200 of it used by other runs of the account"
    assert told == f"limit reached ({quota}) since {at(1)}, going on at {at(51)}"
    course.waiting_for_quota(50.0, Full(HOUR, 0))
    assert "the quota of 1000/h)" in course.notes()["limit reached"]
    clock.go(51.0)
    assert course.notes() == {}
    course.holding(hold(OUTAGE, None))
    assert course.notes() == {}
    clock.go(2.5)  # the probe hangs
    assert course.notes()


@pytest.mark.parametrize(
    ("due", "told", "doubted"),
    [
        (30, [results(20, Outcome.REJECTED)], True),
        (30, [results(19, Outcome.REJECTED), results(2, Outcome.REJECTED)], True),
        (30, [results(19, Outcome.REJECTED)], False),
        (30, [results(19, Outcome.REJECTED) + results(1)], False),
        (30, [results(19, Outcome.REJECTED), results(1, Outcome.FAILED)], False),
        # There is nothing left to stop.
        (20, [results(20, Outcome.REJECTED)], False),
        (25, [results(25, Outcome.REJECTED)], False),
    ],
)
def test_a_file_of_which_the_first_answers_are_all_refusals_is_doubted(
    clock: Clock, due: int, told: list[list], doubted: bool
) -> None:
    course = clock.course(due)
    for batch in told:
        course.wrote(batch)
    assert ("doubt" in course.notes()) is course.news.is_set() is doubted


@pytest.mark.parametrize(("reason", "hint"), [("interrupted", True), ("stopped", False)])
async def test_stopping_is_told_instead_of_a_wait_and_a_time_left(
    clock: Clock, reason: str, hint: bool
) -> None:
    course = clock.course(100, TEN)
    course.holding(hold(LIMIT, 30.0))
    course.stopping(Ending(reason, 3))
    assert list(course.notes()) == ["stopping"]
    assert ("Ctrl-C" in course.notes()["stopping"]) is hint
    assert len(course.figures()) == 5
