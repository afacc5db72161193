import io
import re

import pytest
from desk_world import Clock, hold, plain, results
from rich.console import Console
from rich.text import Text

from bulkstatus.pace import Rate
from bulkstatus.progress.course import Course
from bulkstatus.progress.live import Live, packed
from bulkstatus.result import Outcome
from bulkstatus.run import Ending, HoldReason


def drawn(course: Course, width: int = 100, **options: object) -> str:
    """Return what is drawn of a course, escape sequences included."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, **options)  # type: ignore[arg-type]  # the tests' own
    console.print(Live(course, console, wall=lambda: 1_764_000_000.0))
    return stream.getvalue()


@pytest.fixture
def course(clock: Clock) -> Course:
    course = Course(330, Rate(10, 1.0), (), clock)
    course.wrote(results(180) + results(3, Outcome.REJECTED) + results(1, Outcome.FAILED))
    clock.go(18.4)
    course.sample(clock())
    return course


def test_the_view_shows_bar_counts_rate_and_time(course: Course) -> None:
    bar, line = plain(drawn(course))
    assert len(bar) == 100
    assert line == (
        "184 of 330 rows (55 %)   180 updated   3 rejected   1 failed   10 of 10/s   "
        "about 15 s left"
    )


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
async def test_the_view_keeps_to_the_width_of_the_terminal(course: Course, width: int) -> None:
    course.holding(hold(HoldReason.LIMIT, 30.0, "Too many requests, the API says"))
    lines = plain(drawn(course, width))
    assert max(map(len, lines)) == width
    words = " ".join(" ".join(lines[1:]).split())
    for part in ("184 of 330", "180 updated", "3 rejected", "Limit reached", "the API says"):
        assert part in words


@pytest.mark.parametrize("width", range(20, 101))
async def test_ctrl_c_is_echoed_on_the_last_line_of_the_drawing(course: Course, width: int) -> None:
    for reason in (HoldReason.LIMIT, HoldReason.OUTAGE):
        assert len(plain(drawn(course, width))[-1]) <= width - len("^C")
        course.holding(hold(reason, 30.0, "Too many requests, the API says"))
    assert len(plain(drawn(course, width))[-1]) <= width - len("^C")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
async def test_an_outage_is_told_whole_at_any_width_and_no_time_left(
    course: Course, width: int
) -> None:
    course.holding(hold(HoldReason.OUTAGE, 30.0, "connection refused"))
    lines = plain(drawn(course, width))
    assert max(map(len, lines)) == width
    words = " ".join(" ".join(lines[1:]).split())
    assert "No answer from the API since " in words
    assert "(connection refused). Next try at " in words
    assert "; gives up at " in words
    assert words.endswith("sent as soon as the API answers again, or by a resume")
    assert "about" not in words


def test_what_fits_on_a_line_stands_on_it() -> None:
    parts = [Text("aaaa"), Text(""), Text("bb"), Text("cccccc"), Text("d")]
    assert [line.plain for line in packed(parts, 10)] == ["aaaa   bb", "cccccc   d"]


async def test_what_it_waits_for_is_told_and_not_read_as_markup(course: Course) -> None:
    course.holding(hold(HoldReason.LIMIT, 600.0, "[red]no[/red] \x1b[31m"))
    line = plain(drawn(course, 200))[2]
    assert line.startswith(r"Limit reached ([red]no[/red] \x1b[31m), going on at ")


def test_stopping_is_told_instead_of_a_time_left(course: Course) -> None:
    course.stopping(Ending("interrupted", 130, ""))
    text = "\n".join(plain(drawn(course)))
    assert "Stopping: no further row is sent, only the answers to those on the way are" in text
    assert " left" not in text


def test_a_notice_stays_below_the_counts(clock: Clock) -> None:
    course = Course(330, Rate(10, 1.0), (), clock)
    course.wrote(results(20, Outcome.REJECTED))
    assert plain(drawn(course, 200))[2].startswith("All of the first 20 answers are refusals.")


def test_no_color_is_respected(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    colours = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert colours.search(drawn(course, color_system="standard"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours.search(drawn(course, color_system="standard"))


def test_nothing_due_is_drawn_as_done(clock: Clock) -> None:
    assert plain(drawn(Course(0, None, (), clock)))[1].startswith("0 of 0 rows (100 %)")


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8"])
async def test_a_poor_console_gets_what_it_can_show(course: Course, encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding, "strict", write_through=True)
    console = Console(file=stream, force_terminal=True, width=100)
    course.holding(hold(HoldReason.LIMIT, 30.0, "über 木"))
    live = Live(course, console)
    assert 0 < live.paint() <= 1
    live.paint()
    live.close()
    assert b"184 of 330" in stream.buffer.getvalue()


def test_the_drawing_is_wiped_at_the_end(course: Course) -> None:
    stream = io.StringIO()
    live = Live(course, Console(file=stream, force_terminal=True, width=100))
    live.paint()
    before = len(stream.getvalue())
    live.close()
    # Each of the two lines is cleared and the cursor shown again.
    assert stream.getvalue()[before:].count("\x1b[2K") == 2
    assert "\x1b[?25h" in stream.getvalue()[before:]
