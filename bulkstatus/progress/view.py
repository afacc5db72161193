"""`View`: an observer that shows a run's course, without ever keeping the run waiting."""

import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from bulkstatus.job import Proposal
from bulkstatus.job.run import Observer
from bulkstatus.pace import Rate
from bulkstatus.progress.course import Course
from bulkstatus.terminal import can_redraw, encodable, say
from bulkstatus.words import capitalised

if TYPE_CHECKING:
    from rich.console import Console, Group

#: Shows a course each time that it is asked for the seconds until it does so again; may block.
Painter = Callable[[Course], Generator[float, None, None]]


def print_lines(course: Course, stream: TextIO) -> Generator[float, None, None]:
    """Print a line every ten seconds, later every minute, and at once what is of a new kind."""
    began = course.clock()
    due = began + 10.0
    told: set[str] = set()
    while True:
        course.sample()
        now, notes = course.clock(), course.notes()
        if now >= due or notes.keys() - told:
            due = now + (10.0 if now < began + 60.0 else 60.0)
            told |= notes.keys()
            words = "; ".join([*course.figures(), *notes.values()])
            stream.write(encodable(f"{time.strftime('%H:%M:%S')}  {words}\n", stream))
            stream.flush()
        yield 1.0


def draw(course: Course, stream: TextIO) -> Generator[float, None, None]:
    """Draw the course anew a few times a second, and wipe it away in the end."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream)
    with Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        while True:
            course.sample()
            live.update(drawing(course, console), refresh=True)
            yield 0.25


def drawing(course: Course, console: "Console") -> "Group":
    """Return how things stand, as wide as the terminal: a bar and the lines below it."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    figures = Text("   ".join(course.figures()))
    figures.highlight_regex("^.*?[)]", "bold")
    figures.highlight_regex("[1-9][0-9]* updated", "green")
    figures.highlight_regex("[1-9][0-9]* (rejected|failed)", "red")
    # `Text` keeps what the API said from being read as markup.
    notes = "\n".join(capitalised(note) for note in course.notes().values())
    told = Text(encodable(notes, cast("TextIO", console.file)), "yellow")
    # A terminal writes ^C where the drawing ends; if that began a new line, wiping would miss one.
    width = max(1, console.width - len("^C"))
    return Group(
        Padding(ProgressBar(max(1, course.due), course.settled), 0),  # a line of its own
        *figures.wrap(console, width),
        *(told.wrap(console, width) if notes else []),
    )


class View(Course):
    """The course of a run, painted while it is taken; the arguments after the first are `Course`'s.

    The painting is done in a thread of its own, since a terminal can keep its writers waiting for
    as long as it likes: a Windows console does while text is selected in it, any terminal does
    after Ctrl-S. A terminal that goes away ends the painting, not the run.
    """

    def __init__(self, painter: Painter, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._painter = painter
        self._over = False
        self._thread = threading.Thread(target=self._paint, name="progress", daemon=True)

    def started(self, places: Sequence[tuple[Rate, Sequence[float]]]) -> None:
        """See `run.Observer`."""
        super().started(places)
        self._thread.start()

    def ended(self) -> None:
        """See `run.Observer`; returns when the view is gone."""
        self._over = True
        self.news.set()
        if self._thread.ident is not None:
            self._thread.join()
        if learnt := self.learnt():
            say(learnt)

    def _paint(self) -> None:
        # ValueError: the stream is closed.
        with suppress(OSError, ValueError), closing(self._painter(self)) as pauses:
            for seconds in pauses:
                self.news.wait(seconds)
                self.news.clear()
                if self._over:
                    return


def observe(proposal: Proposal) -> Observer:
    """Return the observer that shows on stderr how the run that is proposed is getting on."""
    settings, stream = proposal.settings, sys.stderr
    if stream is None:  # a program without a console, on Windows
        return Observer()
    painter = draw if can_redraw(stream) else print_lines
    about = proposal.plan.due, settings.rate, settings.give_up_after
    return View(lambda course: painter(course, stream), *about)
