import pytest
from desk_world import Clock, Propose, hold, results

from bulkstatus.pace import Rate
from bulkstatus.progress import course_of
from bulkstatus.progress.course import Course
from bulkstatus.result import Outcome
from bulkstatus.run import HoldReason


def work(course: Course, clock: Clock, seconds: int, rows: int) -> None:
    """Let so many rows through in each of some seconds."""
    for _ in range(seconds):
        clock.go(1.0)
        course.wrote(results(rows))
        course.sample(clock())


def test_rows_that_are_not_sent_are_not_counted_as_progress(clock: Clock) -> None:
    course = Course(10, clock=clock)
    course.wrote(results(3) + results(2, Outcome.REJECTED) + results(1, Outcome.FAILED))
    course.wrote(
        results(1, Outcome.INVALID, 0)
        + results(1, Outcome.DUPLICATE, 0)
        + results(1, Outcome.SUPERSEDED, 0)
        + results(1, Outcome.WITHDRAWN, 0)
    )
    assert course.settled == 6
    assert course.counts[Outcome.UPDATED] == 3


def test_the_rate_now_is_that_of_the_last_seconds(clock: Clock) -> None:
    course = Course(10_000, clock=clock)
    work(course, clock, 30, 100)
    assert course.requests_per_second(clock()) == pytest.approx(100)
    work(course, clock, 6, 10)
    assert course.requests_per_second(clock()) == pytest.approx(10)
    clock.go(30.0)
    course.sample(clock())
    assert course.requests_per_second(clock()) == 0


def test_the_rate_now_counts_retries(clock: Clock) -> None:
    course = Course(100, clock=clock)
    clock.go(10.0)
    course.wrote(results(10, attempts=3))
    assert course.requests_per_second(clock()) == pytest.approx(3)


def test_before_anything_is_known_the_rate_asked_for_tells_the_time_left(clock: Clock) -> None:
    assert Course(100, Rate(10, 1.0), clock=clock).seconds_left(clock()) == pytest.approx(10, 0.02)
    assert Course(100, clock=clock).seconds_left(clock()) is None


def test_the_speed_so_far_tells_the_time_left(clock: Clock) -> None:
    course = Course(1000, Rate(100, 1.0), clock=clock)
    work(course, clock, 10, 20)
    assert course.seconds_left(clock()) == pytest.approx(800 / 20, rel=0.02)


def test_between_two_looks_the_time_left_passes(clock: Clock) -> None:
    course = Course(1000, Rate(10, 1.0), clock=clock)
    left = course.seconds_left(clock())
    assert left is not None
    clock.go(1.5)
    assert course.seconds_left(clock()) == pytest.approx(left - 1.5)


def test_rows_that_need_several_tries_are_expected_to_go_on_doing_so(clock: Clock) -> None:
    course = Course(200, Rate(10, 1.0), clock=clock)
    clock.go(20.0)
    course.wrote(results(100, attempts=2))
    course.sample(clock())
    assert course.seconds_left(clock()) == pytest.approx(20, rel=0.05)


def test_what_the_quotas_hold_at_the_start_delays_the_end(clock: Clock) -> None:
    course = Course(500, None, (Rate(1000, 3600.0),), clock=clock)
    course.started([(Rate(1000, 3600.0), [600.0] * 1000)])
    assert course.seconds_left(clock()) == pytest.approx(600)
    clock.go(590.0)
    assert course.seconds_left(clock()) == pytest.approx(10)


def test_what_the_run_itself_has_sent_delays_the_end(clock: Clock) -> None:
    course = Course(1500, None, (Rate(1000, 3600.0),), clock=clock)
    course.started([(Rate(1000, 3600.0), [])])
    work(course, clock, 100, 10)
    left = course.seconds_left(clock())
    # The 500 that are left follow the first 500, an hour after each.
    assert left == pytest.approx(3600 - 50, rel=0.01)


async def test_a_hold_is_told_with_its_end_by_the_views_own_clock(clock: Clock) -> None:
    course = Course(100, Rate(10, 1.0), clock=clock)
    assert course.waiting(clock()) is None
    course.holding(hold(HoldReason.LIMIT, 120.0, "too many"))
    wait = course.waiting(clock())
    assert wait is not None
    assert (wait.reason, wait.message) == (HoldReason.LIMIT, "too many")
    assert wait.until == pytest.approx(clock() + 120, abs=0.5)
    assert course.seconds_left(clock()) == pytest.approx(130, abs=1)
    course.holding(None)
    assert course.waiting(clock()) is None
    assert course.seconds_left(clock()) == pytest.approx(10, abs=1)


async def test_whom_a_run_waits_for_and_how_long_is_the_proposals(propose: Propose) -> None:
    course = course_of(await propose("order id,status\n1,8\n", give_up_after="2m"))
    assert course.host == "api.example.com"
    course.wrote(results(1))
    course.holding(hold(HoldReason.OUTAGE, 5.0))
    wait = course.waiting(course.clock())
    assert wait is not None
    assert wait.gives_up == wait.since + 120


async def test_an_outage_does_not_lower_the_speed_that_is_expected(clock: Clock) -> None:
    course = Course(2000, Rate(1000, 1.0), clock=clock)
    work(course, clock, 10, 100)
    course.holding(hold(HoldReason.OUTAGE, 1.0))
    for _ in range(300):
        clock.go(1.0)
        course.sample(clock())
    course.holding(None)
    assert course.seconds_left(clock()) == pytest.approx(10, rel=0.05)


async def test_answers_that_are_lost_again_and_again_do(clock: Clock) -> None:
    course = Course(1000, Rate(100, 1.0), clock=clock)
    for _ in range(20):
        work(course, clock, 1, 20)
        course.holding(hold(HoldReason.OUTAGE, None))
        clock.go(1.0)
        assert course.seconds_left(clock()) is not None
        course.holding(None)
    assert course.seconds_left(clock()) == pytest.approx(60, rel=0.1)


@pytest.mark.parametrize("reason", HoldReason)
async def test_no_time_is_left_to_tell_while_nobody_knows_when_a_hold_ends(
    clock: Clock, reason: HoldReason
) -> None:
    course = Course(100, Rate(10, 1.0), clock=clock)
    work(course, clock, 5, 10)
    course.holding(hold(reason, None))
    assert course.seconds_left(clock()) is not None
    clock.go(2.0)
    assert course.seconds_left(clock()) is None
    course.holding(None)
    assert course.seconds_left(clock()) is not None


def test_a_wait_for_a_quota_does_not_lower_it_either(clock: Clock) -> None:
    course = Course(2000, Rate(1000, 1.0), (Rate(1000, 3600.0),), clock)
    work(course, clock, 10, 100)
    course.waiting_for_quota(300.0)
    for _ in range(300):
        clock.go(1.0)
        course.sample(clock())
    assert course.seconds_left(clock()) == pytest.approx(10, rel=0.05)


async def test_short_holds_that_come_again_and_again_do(clock: Clock) -> None:
    course = Course(1000, Rate(100, 1.0), clock=clock)
    for _ in range(20):
        work(course, clock, 1, 20)
        course.holding(hold(HoldReason.LIMIT, 1.0))
        clock.go(1.0)
        course.holding(None)
    assert course.seconds_left(clock()) == pytest.approx(60, rel=0.1)


def test_a_wait_for_a_quota_is_told_when_it_is_one(clock: Clock) -> None:
    course = Course(100, None, (Rate(10, 60.0),), clock=clock)
    course.waiting_for_quota(0.5)
    assert course.waiting(clock()) is None
    clock.go(1.0)
    course.waiting_for_quota(50.0)
    wait = course.waiting(clock())
    assert wait is not None
    assert wait.reason is None
    assert wait.until == clock() + 50
    clock.go(51.0)
    assert course.waiting(clock()) is None


def test_what_is_remembered_stays_small(clock: Clock) -> None:
    quota = Rate(100_000, 3600.0)
    course = Course(10**6, None, (quota,), clock=clock)
    course.started([(quota, [])])
    for _ in range(20_000):
        clock.go(0.25)
        course.wrote(results(2))
        course.waiting_for_quota(0.2)
        course.sample(clock())
    assert len(course._samples) <= 512
    assert len(course._answered) <= 1100
