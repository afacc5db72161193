import io
import re
import time

import pytest
from desk_world import Clock, hold, results

from bulkstatus.pace import Rate
from bulkstatus.progress.course import Course
from bulkstatus.progress.lines import Lines
from bulkstatus.result import Outcome, Result
from bulkstatus.run import Ending, HoldReason

#: The time of day when a course begins, in the middle of a second so that nothing is on its edge.
NOW = 1_764_000_000.5


def at(seconds: float, pattern: str = "%H:%M:%S") -> str:
    """Return the time of day so many seconds after the course began."""
    return time.strftime(pattern, time.localtime(NOW + seconds))


class Watched:
    """A course, and the lines that are printed of it by a thread that keeps its times."""

    def __init__(self, due: int = 1000, rate: Rate | None = Rate(10, 1.0)) -> None:  # noqa: B008 - frozen
        self.clock = Clock()
        self.stream = io.StringIO()
        self.course = Course(due, rate, (Rate(1000, 3600.0),), self.clock, host="api.example.com")
        self.lines = Lines(self.course, self.stream, wall=lambda: NOW + self.clock() - 1000.0)
        self.due = self.clock() + self.lines.paint()

    def go(self, seconds: float, rows_per_second: int = 0) -> None:
        end = self.clock() + seconds
        while self.clock() < end:
            self.clock.go(1.0)
            self.course.wrote(results(rows_per_second))
            if self.clock() >= self.due:
                self.news()

    def news(self) -> None:
        """Paint at once, as the thread does when something happens."""
        self.due = self.clock() + self.lines.paint()

    def printed(self) -> list[str]:
        """Return what was printed since the last call, without the times."""
        lines = self.stream.getvalue().splitlines()
        self.stream.seek(0)
        self.stream.truncate()
        assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in lines)
        return [line[10:] for line in lines]


def test_a_line_comes_every_ten_seconds_at_first_and_every_minute_later() -> None:
    watched = Watched()
    watched.go(9)
    assert watched.printed() == []
    watched.go(52)
    assert len(watched.printed()) == 6
    watched.go(600)
    assert len(watched.printed()) == 10


def test_a_line_says_how_far_the_run_is() -> None:
    watched = Watched()
    watched.course.wrote(results(2, Outcome.REJECTED) + results(1, Outcome.FAILED))
    watched.go(10, rows_per_second=9)
    assert watched.printed() == [
        "93 of 1000 rows (9 %): 90 updated, 2 rejected, 1 failed; 9.3 of 10/s; about 2 min left"
    ]


def test_without_a_rate_the_line_says_the_rate_now_alone() -> None:
    watched = Watched(rate=None)
    watched.go(10, rows_per_second=50)
    assert "; 50/s; " in watched.printed()[0]


def test_a_slow_rate_is_not_measured() -> None:
    watched = Watched(rate=Rate(100, 3600.0))
    watched.go(10)
    assert "; at 100/h; " in watched.printed()[0]


async def test_a_hold_is_said_at_once_with_its_end_and_so_is_that_it_is_over() -> None:
    watched = Watched()
    watched.go(3, 10)
    watched.course.holding(hold(HoldReason.LIMIT, 30.0, "Too many requests"))
    watched.news()
    (line,) = watched.printed()
    assert re.fullmatch(
        r"waiting: limit reached \(Too many requests\), going on at \d\d:\d\d:\d\d", line
    )
    watched.go(10)
    (line,) = watched.printed()
    assert "; waiting: limit reached (Too many requests)" in line
    watched.go(10)
    watched.printed()
    watched.course.holding(None)
    watched.news()
    assert watched.printed() == ["going on"]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("connection lost", f"no answer from api.example.com since {at(3)} (connection lost)"),
        (
            "api.example.com:443 cannot be reached: no route",
            f"no answer since {at(3)} (api.example.com:443 cannot be reached: no route)",
        ),
        ("", f"no answer from api.example.com since {at(3)}"),
    ],
)
async def test_an_outage_is_told_with_its_next_try_its_last_and_that_nothing_is_lost(
    message: str, told: str
) -> None:
    watched = Watched()
    watched.go(3, 10)
    outage = hold(HoldReason.OUTAGE, None, message)
    outage.extend(outage.until, None)  # 1 s and 2 s more
    watched.course.holding(outage)
    watched.news()
    rest = (
        f"gives up at {at(903, '%H:%M')}. "
        "Nothing is lost: what is left is sent as soon as the API answers again, or by a resume"
    )
    assert watched.printed() == [f"waiting: {told}. Next try at {at(6)}; {rest}"]
    watched.go(7)
    # With no word of the time left.
    assert watched.printed() == [
        "30 of 1000 rows (3 %): 30 updated, 0 rejected, 0 failed; "
        f"waiting: {told}. Trying again now; {rest}"
    ]


async def test_before_the_first_answer_no_time_is_told_at_which_it_gives_up() -> None:
    watched = Watched()
    watched.course.holding(hold(HoldReason.OUTAGE, 3.0, "connection refused"))
    watched.news()
    (line,) = watched.printed()
    assert f"(connection refused). Next try at {at(3)}. Nothing is lost" in line


async def test_a_try_that_comes_after_the_run_gave_up_is_not_promised() -> None:
    watched = Watched()
    watched.go(3, 10)
    watched.course.holding(hold(HoldReason.OUTAGE, 950.0, "connection refused"))
    watched.news()
    (line,) = watched.printed()
    assert f"(connection refused). Gives up at {at(903, '%H:%M')}. Nothing is lost" in line


async def test_an_answer_that_was_lost_in_a_working_run_is_told_only_if_a_probe_fails() -> None:
    watched = Watched()
    watched.go(3, 10)
    lost = hold(HoldReason.OUTAGE, None, "connection lost")
    watched.course.holding(lost)
    watched.news()
    watched.go(1)
    assert watched.printed() == []
    lost.extend(lost.until, None)
    watched.course.holding(lost)
    watched.news()
    assert watched.printed()[0].startswith("waiting: no answer from api.example.com")


async def test_an_answer_that_was_lost_is_told_if_the_probe_hangs() -> None:
    watched = Watched()
    watched.go(3, 10)
    watched.course.holding(hold(HoldReason.OUTAGE, None, "connection lost"))
    watched.news()
    watched.go(3)
    (line,) = watched.printed()
    assert "(connection lost). Trying again now; gives up at" in line


async def test_answers_that_are_lost_now_and_then_are_not_told_at_all() -> None:
    watched = Watched()
    for _ in range(9):
        watched.course.holding(hold(HoldReason.OUTAGE, None, "connection lost"))
        watched.news()
        watched.go(1)
        watched.course.holding(None)
        watched.news()
    assert watched.printed() == []


async def test_where_nobody_said_when_a_limit_ends_no_time_is_told_that_is_left() -> None:
    watched = Watched()
    watched.go(3, 10)
    limit = hold(HoldReason.LIMIT, None, "Too many requests")
    limit.extend(limit.until, None)
    watched.course.holding(limit)
    watched.news()
    watched.go(7)
    first, second = watched.printed()
    assert first == f"waiting: limit reached (Too many requests), next try at {at(6)}"
    assert second.endswith("; waiting: limit reached (Too many requests), trying again now")


async def test_limits_that_keep_coming_advise_a_lower_rate_once() -> None:
    watched = Watched(rate=Rate(30, 1.0))
    for number in range(6):
        watched.go(5, 20)
        limit = hold(HoldReason.LIMIT, 5.0)
        watched.course.holding(limit)
        watched.course.holding(limit)
        watched.news()
        watched.go(5)
        watched.course.holding(None)
        watched.news()
        assert sum("--rate" in line for line in watched.printed()) == (number == 2)
    # What an outage costs is not the rate's doing, neither while it lasts nor later.
    watched.course.holding(hold(HoldReason.OUTAGE, 600.0))
    watched.go(600)
    during = watched.course.advice(watched.clock())
    watched.course.holding(None)
    advice = watched.course.advice(watched.clock())
    assert advice.startswith("The API's limit was reached again and again.")
    assert advice.endswith("--rate=10/s")
    assert during == advice


@pytest.mark.parametrize(
    ("outcomes", "doubted"),
    [
        (results(20, Outcome.REJECTED), True),
        (results(19, Outcome.REJECTED), False),
        (results(19, Outcome.REJECTED) + results(1), False),
        (results(19, Outcome.REJECTED) + results(1, Outcome.FAILED), False),
    ],
)
def test_a_file_of_which_the_first_answers_are_all_refusals_is_doubted_once(
    outcomes: list[Result], doubted: bool
) -> None:
    watched = Watched()
    for batch in (outcomes, results(30)):
        watched.course.wrote(batch)
        watched.news()
    printed = watched.printed()
    assert sum("If this is not the right file" in line for line in printed) == doubted


@pytest.mark.parametrize("due", [20, 25])
def test_a_file_that_is_over_by_then_is_not(due: int) -> None:
    watched = Watched(due=due)
    watched.course.wrote(results(due, Outcome.REJECTED))
    watched.news()
    assert watched.printed() == []


async def test_holds_that_come_every_second_do_not_fill_the_log() -> None:
    watched = Watched()
    for _ in range(60):
        watched.go(1, 10)
        watched.course.holding(hold(HoldReason.LIMIT, 1.0))
        watched.news()
        watched.go(1)
        watched.course.holding(None)
        watched.news()
    assert len(watched.printed()) < 35


async def test_a_hold_that_lasts_is_said_even_when_it_follows_another() -> None:
    watched = Watched()
    for wait in (3.0, 500.0):
        watched.course.holding(hold(HoldReason.LIMIT, wait))
        watched.news()
        watched.go(1)
        if wait == 3.0:
            watched.course.holding(None)
            watched.news()
    assert len(watched.printed()) == 2
    watched.go(10)
    assert [line for line in watched.printed() if line.startswith("waiting:")]


def test_a_wait_for_a_quota_is_said_and_its_end_without_being_told() -> None:
    watched = Watched()
    watched.course.waiting_for_quota(30.0)
    watched.news()
    (line,) = watched.printed()
    assert line.startswith("waiting: as many were sent as 1000/h allows, going on at ")
    watched.go(32)
    assert "going on" in watched.printed()


@pytest.mark.parametrize(
    ("ending", "hint"),
    [(Ending("interrupted", 130, ""), True), (Ending("stopped", 3, "Wrong key."), False)],
)
def test_stopping_is_said_once(ending: Ending, hint: bool) -> None:
    watched = Watched()
    watched.course.stopping(ending)
    watched.news()
    watched.news()
    (line,) = watched.printed()
    assert line.startswith("stopping: no further row is sent")
    assert ("Ctrl-C" in line) is hint


async def test_the_apis_words_cannot_play_tricks() -> None:
    watched = Watched()
    watched.course.holding(hold(HoldReason.LIMIT, 30.0, "\x1b[2Jgone\r\nnew line"))
    watched.news()
    (line,) = watched.printed()
    assert r"(\x1b[2Jgone\r\nnew line)" in line


def test_the_end_is_never_reached_before_the_last_row() -> None:
    watched = Watched(due=1000)
    watched.course.wrote(results(999))
    watched.go(10)
    assert watched.printed()[0].startswith("999 of 1000 rows (99 %)")
