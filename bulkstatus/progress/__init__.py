"""The live view: how a run is getting on, on stderr.

`course` is what the run tells, `outlook` how long it will take, `advice` what would make it go
better, `sentences` the words for all that; `live` draws them on a terminal, `lines` prints them
where nothing can be redrawn, `view` sees to it that neither keeps the run waiting.
"""

import sys
from urllib.parse import urlsplit

from bulkstatus.progress.course import Course
from bulkstatus.progress.lines import Lines
from bulkstatus.progress.view import Painter, View
from bulkstatus.run import Observer, Silent
from bulkstatus.sending import Proposal
from bulkstatus.terminal import can_redraw

__all__ = ["Course", "View", "course_of", "observe"]


def course_of(proposal: Proposal) -> Course:
    """Return the course that the run of a proposal is to take; nothing is known of it yet."""
    settings = proposal.settings
    return Course(
        proposal.plan.due,
        settings.rate,
        settings.quotas,
        host=urlsplit(proposal.base_url).netloc,
        give_up_after=settings.give_up_after,
    )


def observe(course: Course) -> Observer:
    """Return the observer that tells a course of its run, and shows it on stderr."""
    stream = sys.stderr
    if stream is None:  # a program without a console, on Windows
        return Silent()
    painter: Painter
    if can_redraw(stream):
        from rich.console import Console

        from bulkstatus.progress.live import Live

        painter = Live(course, Console(file=stream))
    else:
        painter = Lines(course, stream)
    return View(course, painter)
