"""The live view: how a run is getting on, on stderr.

`course` is what the run tells, `outlook` how long it will take, `sentences` the words for both;
`live` draws them on a terminal, `lines` prints them where nothing can be redrawn, `view` sees to
it that neither keeps the run waiting.
"""

import sys

from bulkstatus.progress.course import Course
from bulkstatus.progress.lines import Lines
from bulkstatus.progress.view import Painter, View
from bulkstatus.run import Observer, Silent
from bulkstatus.sending import Proposal
from bulkstatus.terminal import can_redraw

__all__ = ["Course", "View", "observe"]


def observe(proposal: Proposal) -> Observer:
    """Return the observer that shows the run of a proposal on stderr."""
    stream = sys.stderr
    if stream is None:  # a program without a console, on Windows
        return Silent()
    settings = proposal.settings
    course = Course(proposal.plan.due, settings.rate, settings.quotas)
    painter: Painter
    if can_redraw(stream):
        from rich.console import Console

        from bulkstatus.progress.live import Live

        painter = Live(course, Console(file=stream))
    else:
        painter = Lines(course, stream)
    return View(course, painter)
