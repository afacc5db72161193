"""`Live`: the view on a terminal, a few lines that are drawn anew a few times a second."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO, cast

from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from bulkstatus.progress import sentences
from bulkstatus.progress.course import SENT, Course
from bulkstatus.result import Outcome
from bulkstatus.terminal import encodable
from bulkstatus.wording import capitalised

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

#: Seconds from one drawing to the next.
_REFRESH = 0.25

_STYLES = {Outcome.UPDATED: "green", Outcome.REJECTED: "red", Outcome.FAILED: "red"}
_GAP = "   "

# A terminal writes ^C where the drawing ends; if that began a new line, wiping would miss one.
_CTRL_C = len("^C")


class Live:
    """Paints a course on a terminal; `wall` is the time of day in seconds since the epoch."""

    def __init__(
        self, course: Course, console: "Console", wall: Callable[[], float] = time.time
    ) -> None:
        self._course = course
        self._wall = wall
        self._live = RichLive(
            self,
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def paint(self) -> float:
        """Draw how things stand."""
        self._course.sample(self._course.clock())
        if self._live.is_started:
            self._live.refresh()
        else:
            self._live.start()
        return _REFRESH

    def close(self) -> None:
        """Wipe the drawing away: the summary comes in its place."""
        self._live.stop()

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Yield the bar and the lines below it, as wide as the terminal."""
        course, wall = self._course, self._wall()
        now = course.clock()
        width = options.max_width
        yield ProgressBar(max(1, course.due), course.settled if course.due else 1, width)
        yield Segment.line()
        width = max(1, width - _CTRL_C)
        yield from packed(
            [
                Text(sentences.done_so_far(course), "bold"),
                *(
                    Text(words, _STYLES[outcome] if course.counts[outcome] else "dim")
                    for outcome, words in zip(SENT, sentences.counts(course), strict=True)
                ),
                Text(sentences.rate(course, now)),
                Text(sentences.time_left(course, now, wall)),
            ],
            width,
        )
        for words in (sentences.waiting(course, now, wall), *course.notices):
            if words:
                words = capitalised(words)
                text = Text(encodable(words, cast("TextIO", console.file)), "yellow")
                yield from text.wrap(console, width)


def packed(parts: Sequence[Text], width: int) -> list[Text]:
    """Return the parts that are not empty in lines of at most `width`, as many to a line as fit."""
    lines: list[Text] = []
    for part in parts:
        if not part:
            continue
        if lines and len(lines[-1]) + len(_GAP) + len(part) <= width:
            lines[-1] = Text.assemble(lines[-1], _GAP, part)
        else:
            lines.append(part)
    return lines
