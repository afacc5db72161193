import threading

import pytest
from desk_world import hold, results

from bulkstatus.pace import Rate
from bulkstatus.progress.course import Course
from bulkstatus.progress.view import View
from bulkstatus.result import Outcome
from bulkstatus.run import Ending, HoldReason, Silent


class Painter:
    """Counts its paintings, and asks for the next one in an hour."""

    def __init__(self, error: Exception | None = None) -> None:
        self.paintings = 0
        self.closed = False
        self.painted = threading.Semaphore(0)
        self.error = error

    def paint(self) -> float:
        self.paintings += 1
        self.painted.release()
        if self.error is not None:
            raise self.error
        return 3600.0

    def close(self) -> None:
        self.closed = True


def wait_for(painter: Painter) -> None:
    assert painter.painted.acquire(timeout=30)


async def test_results_are_counted_and_never_painted_one_by_one() -> None:
    painter, course = Painter(), Course(10_000)
    view = View(course, painter)
    view.started([])
    wait_for(painter)
    for _ in range(1000):
        view.wrote(results(10))
    assert course.settled == 10_000
    assert painter.paintings == 1
    view.ended()
    assert painter.closed


async def test_news_is_painted_at_once() -> None:
    painter = Painter()
    view = View(Course(10, None, (Rate(10, 60.0),)), painter)
    view.started([])
    wait_for(painter)
    view.holding(hold(HoldReason.OUTAGE, 10.0))
    wait_for(painter)
    view.holding(None)
    wait_for(painter)
    view.waiting_for_quota(30.0)
    wait_for(painter)
    view.waiting_for_quota(0.1)
    view.stopping(Ending("interrupted", 130))
    wait_for(painter)
    view.ended()
    assert painter.paintings <= 6


async def test_a_notice_is_painted_at_once() -> None:
    painter = Painter()
    view = View(Course(100), painter)
    view.started([])
    wait_for(painter)
    view.wrote(results(20, Outcome.REJECTED))
    wait_for(painter)
    view.ended()


async def test_a_terminal_that_keeps_its_writer_waiting_does_not_keep_the_run() -> None:
    released = threading.Event()

    class Blocked(Painter):
        def paint(self) -> float:
            super().paint()
            assert released.wait(30)
            return 3600.0

    painter, course = Blocked(), Course(100)
    view = View(course, painter)
    view.started([])
    wait_for(painter)
    view.wrote(results(100))
    view.holding(hold(HoldReason.OUTAGE, 10.0))
    view.stopping(Ending("stopped", 3))
    assert course.settled == 100
    released.set()
    view.ended()
    assert painter.closed


@pytest.mark.parametrize("error", [OSError(5, "gone"), ValueError("closed file")])
async def test_a_terminal_that_goes_away_ends_the_view_and_not_the_run(error: Exception) -> None:
    painter, course = Painter(error), Course(100)
    view = View(course, painter)
    view.started([])
    wait_for(painter)
    view.wrote(results(100))
    view.ended()
    assert course.settled == 100
    assert painter.paintings == 1


def test_a_run_that_never_began_may_end() -> None:
    View(Course(1), Painter()).ended()


def test_every_observer_is_told_the_same() -> None:
    names = {name for name in vars(Silent) if not name.startswith("_")}
    assert names == {name for name in vars(View) if not name.startswith("_")}
