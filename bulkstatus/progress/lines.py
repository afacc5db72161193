"""`Lines`: the view where nothing can be redrawn: a plain line every so often."""

import time
from collections.abc import Callable
from typing import TextIO

from bulkstatus.progress import sentences
from bulkstatus.progress.course import Course
from bulkstatus.terminal import encodable

#: Seconds from line to line: in the first minute, and later.
_AT_FIRST = 10.0
_LATER = 60.0
_FIRST_MINUTE = 60.0

# Seconds from one look at the course to the next.
_LOOK = 1.0

# A wait that begins sooner after the last one that was told, in seconds, is told only if it lasts.
_APART = 10.0


class Lines:
    """Paints a course line by line; `wall` is the time of day in seconds since the epoch."""

    def __init__(
        self, course: Course, stream: TextIO, wall: Callable[[], float] = time.time
    ) -> None:
        self._course = course
        self._stream = stream
        self._wall = wall
        self._due = course.began + _AT_FIRST
        self._waits = False
        self._told = course.began - _APART
        self._stops = False
        self._noticed = 0

    def paint(self) -> float:
        """Print the lines that are due."""
        now, wall = self._course.clock(), self._wall()
        self._print_changes(now, wall)
        for words in self._course.notices[self._noticed :]:
            self._noticed += 1
            self._print(words)
        if now >= self._due:
            self._course.sample(now)
            self._print(self._progress(now, wall))
            is_early = now - self._course.began < _FIRST_MINUTE
            self._due = now + (_AT_FIRST if is_early else _LATER)
        return _LOOK

    def close(self) -> None:
        """The last word is the summary's."""

    def _print_changes(self, now: float, wall: float) -> None:
        """Say at once that the run waits, goes on or stops."""
        words = sentences.waiting(self._course, now, wall)
        if self._course.ending is not None:
            if not self._stops:
                self._stops = True
                self._print(words)
        elif words and not self._waits and now - self._told >= _APART:
            self._waits = True
            self._told = now
            self._print(f"waiting: {words}")
        elif not words and self._waits:
            self._waits = False
            self._print("going on")

    def _progress(self, now: float, wall: float) -> str:
        course = self._course
        words = sentences.waiting(course, now, wall)
        parts = [
            f"{sentences.done_so_far(course)}: {', '.join(sentences.counts(course))}",
            f"waiting: {words}" if words else sentences.rate(course, now),
            sentences.time_left(course, now, wall),
        ]
        return "; ".join(part for part in parts if part)

    def _print(self, words: str) -> None:
        at = time.strftime("%H:%M:%S", time.localtime(self._wall()))
        self._stream.write(encodable(f"{at}  {words}\n", self._stream))
        self._stream.flush()
