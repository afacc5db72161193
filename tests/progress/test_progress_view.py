"""How a run is shown: by lines, by a drawing, and without ever keeping the run waiting."""

import io
import re
import sys
import threading
from collections.abc import Callable, Generator

import pytest
from progress_world import Clock, hold, results
from rich.console import Console

from bulkstatus.job.run import Ending, HoldReason
from bulkstatus.log.records import Outcome
from bulkstatus.pace import Full, Rate
from bulkstatus.progress.course import Course
from bulkstatus.progress.view import View, draw, drawing, print_lines

LIMIT, OUTAGE = HoldReason.LIMIT, HoldReason.OUTAGE


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def course(clock: Clock) -> Course:
    course = clock.course(330, Rate(10, 1.0))
    course.wrote(results(3, Outcome.REJECTED, attempts=0) + results(1, Outcome.FAILED, attempts=0))
    clock.work(course, 18, 10)
    return course


async def test_lines_come_now_and_then_and_at_once_where_something_is_new(clock: Clock) -> None:
    stream, course = io.StringIO(), clock.course(1000)
    looks = print_lines(course, stream)

    def printed(seconds: int) -> list[str]:
        """Return what is printed in so many looks, one a second, without the times."""
        for _ in range(seconds):
            next(looks)
            clock.go(1.0)
        lines = stream.getvalue().splitlines()
        stream.seek(0)
        stream.truncate()
        assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in lines)
        return [line[10:] for line in lines]

    assert [len(printed(seconds)) for seconds in (10, 52, 600)] == [0, 6, 10]
    course.holding(hold(LIMIT, 90.0, "no"))
    (line,) = printed(1)
    assert line.startswith("0 of 1,000 rows (0 %); 0 updated; 0 rejected; 0 failed; 0.0/s; limit")
    # What comes and goes does not fill the log, and what lasts is said again.
    for _ in range(30):
        course.holding(None)
        assert printed(1) == []
        course.holding(hold(LIMIT, 9.0, "no"))
        assert len(printed(1)) <= 1
    course.wrote(results(20, Outcome.REJECTED))
    assert "refusals" in printed(1)[-1]
    course.stopping(Ending("interrupted", 130))
    assert "stopping" in printed(1)[-1]
    assert printed(50) == []


@pytest.mark.parametrize("width", [20, 21, 22, 23, 40, 60, 80, 99, 200])
@pytest.mark.parametrize("reason", HoldReason)
async def test_all_is_drawn_at_any_width_and_ctrl_c_is_echoed_on_the_last_line(
    course: Course, width: int, reason: HoldReason
) -> None:
    course.holding(hold(reason, 30.0, "[red]no[/red] \x1b[31m"))
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width)
    console.print(drawing(course, console))
    bar, *lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).splitlines()
    assert len(bar) == width
    assert max(map(len, lines)) <= width - len("^C")
    (note,) = course.notes().values()
    told = " ".join(["   ".join(course.figures()), note[0].upper() + note[1:]])
    assert "".join("".join(lines).split()) == "".join(told.split())


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8"])
async def test_a_poor_console_gets_what_it_can_show_and_is_wiped_at_the_end(
    course: Course, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding, "strict", write_through=True)
    course.holding(hold(LIMIT, 30.0, "über 木"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("FORCE_COLOR", "1")
    looks = draw(course, stream)
    stdout = sys.stdout
    assert 0 < next(looks) <= 1
    assert sys.stdout is stdout
    assert b"184 of 330" in stream.buffer.getvalue()
    looks.close()
    # The cursor is shown again, and each of the three lines cleared.
    assert stream.buffer.getvalue().endswith(b"\x1b[?25h\r" + 3 * b"\x1b[1A\x1b[2K")


class Painter:
    """Counts its paintings, and asks for the next one in an hour."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.paintings = 0
        self.closed = False
        self.painted = threading.Semaphore(0)
        self.meanwhile = meanwhile

    def __call__(self, course: Course) -> Generator[float, None, None]:
        try:
            while True:
                self.paintings += 1
                self.painted.release()
                self.meanwhile()
                yield 3600.0
        finally:
            self.closed = True

    def wait(self) -> None:
        """Return once there was another painting."""
        assert self.painted.acquire(timeout=30)


def begun(painter: Painter) -> View:
    view = View(painter, 10_000)
    view.started([])
    painter.wait()
    return view


async def test_news_is_painted_at_once_and_results_never_one_by_one() -> None:
    painter = Painter()
    view = begun(painter)
    for news in (
        lambda: view.wrote(results(20, Outcome.REJECTED)),
        lambda: view.holding(hold(OUTAGE, 10.0)),
        lambda: view.holding(None),
        lambda: view.waiting_for_quota(30.0, Full(Rate(1, 60.0), 0)),
        lambda: view.stopping(Ending("interrupted", 130)),
    ):
        news()
        painter.wait()
    view.waiting_for_quota(0.1, Full(Rate(1, 60.0), 0))
    for _ in range(998):
        view.wrote(results(10))
    assert view.settled == 10_000
    assert painter.paintings == 6
    view.ended()
    assert painter.paintings == 6
    assert painter.closed


async def test_a_terminal_that_keeps_its_writer_waiting_does_not_keep_the_run() -> None:
    released = threading.Event()
    painter = Painter(meanwhile=lambda: released.wait(30))
    view = begun(painter)
    view.wrote(results(100))
    view.holding(hold(OUTAGE, 10.0))
    view.stopping(Ending("stopped", 3))
    assert (view.settled, painter.paintings) == (100, 1)
    released.set()
    view.ended()
    assert painter.closed


@pytest.mark.parametrize("error", [OSError(5, "gone"), ValueError("closed file")])
def test_a_terminal_that_goes_away_ends_the_view_and_not_the_run(error: Exception) -> None:
    def raise_it() -> None:
        raise error

    painter = Painter(raise_it)
    view = begun(painter)
    view.wrote(results(100))
    view.ended()
    assert (view.settled, painter.paintings) == (100, 1)


def test_a_run_that_never_began_may_end_and_what_was_learnt_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = View(Painter(), 1)
    view.found(38.0)
    view.ended()
    assert "38/s" in capsys.readouterr().err
