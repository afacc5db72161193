"""`View`: an observer that has a run's course painted, without ever keeping the run waiting."""

import threading
from collections.abc import Sequence
from typing import Protocol

from bulkstatus.pace import Rate
from bulkstatus.progress.course import SHORTEST_SHOWN, Course
from bulkstatus.result import Result
from bulkstatus.run import Ending, Hold


class Painter(Protocol):
    """Shows a course; its methods are called from one thread and may block."""

    def paint(self) -> float:
        """Show how things stand, and return in how many seconds to do so again."""

    def close(self) -> None:
        """Take away what the end of the run makes pointless."""


class View:
    """Observes a run.

    The painting is done in a thread of its own, since a terminal can keep its writers waiting for
    as long as it likes: a Windows console does while text is selected in it, any terminal does
    after Ctrl-S. A terminal that goes away ends the painting, not the run.
    """

    def __init__(self, course: Course, painter: Painter) -> None:
        self._course = course
        self._painter = painter
        self._news = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def started(self, places: Sequence[tuple[Rate, Sequence[float]]]) -> None:
        """See `run.Observer`."""
        self._course.started(places)
        self._thread = threading.Thread(target=self._paint, name="progress", daemon=True)
        self._thread.start()

    def wrote(self, results: Sequence[Result]) -> None:
        """See `run.Observer`."""
        noticed = len(self._course.notices)
        self._course.wrote(results)
        if len(self._course.notices) > noticed:
            self._news.set()

    def holding(self, hold: Hold | None) -> None:
        """See `run.Observer`."""
        self._course.holding(hold)
        self._news.set()

    def waiting_for_quota(self, seconds: float) -> None:
        """See `run.Observer`."""
        self._course.waiting_for_quota(seconds)
        if seconds >= SHORTEST_SHOWN:
            self._news.set()

    def stopping(self, ending: Ending) -> None:
        """See `run.Observer`."""
        self._course.stopping(ending)
        self._news.set()

    def ended(self) -> None:
        """See `run.Observer`; returns when the view is gone."""
        self._over = True
        self._news.set()
        if self._thread is not None:
            self._thread.join()

    def _paint(self) -> None:
        try:
            while not self._over:
                seconds = self._painter.paint()
                self._news.wait(seconds)
                self._news.clear()
            self._painter.close()
        except (OSError, ValueError):  # ValueError: the stream is closed
            return
