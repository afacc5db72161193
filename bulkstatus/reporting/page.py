"""`--html`: a summary as one page that needs no network."""

import time
from pathlib import Path

from bulkstatus.reporting import text
from bulkstatus.reporting.failures import all_steps, group_failures
from bulkstatus.reporting.summary import RunSummary, Summary
from bulkstatus.reporting.tables import files_of, replacing
from bulkstatus.template import policy
from bulkstatus.template import render as render_template

#: How many of each the page shows at the most; it says where there are more.
MOST_FAILURES = 2000
MOST_ORDERS = 500
MOST_RUNS = 20

#: How many bars a picture has at the most.
BARS = 60

_BEGINNING = b"<!DOCTYPE html>\n<!-- bulkstatus report -->\n"


def write_page(path: Path, summary: Summary) -> None:
    """Write the page to `path`.

    Raises SettingsRefused when it cannot be written or holds something else than such a page, and
    LogRefused when the log can no longer be read.
    """
    with replacing("--html", path, files_of(summary), _BEGINNING) as new:
        new.write_bytes(render(summary).encode())


def render(summary: Summary) -> str:
    """Return the page as HTML."""
    name = summary.contents.first_run.input
    groups, more_groups = group_failures(summary.failures)
    return render_template(
        "reporting/page.html",
        policy=policy("reporting", served=False),
        text=text,
        summary=summary,
        name="standard input" if name == "-" else name,
        made_at=text.moment(time.time()) + time.strftime(" (UTC%z)"),
        groups=groups,
        more_groups=more_groups,
        columns=text.FAILURE_COLUMNS,
        failures=[*map(text.failure_cells, summary.failures[:MOST_FAILURES])],
        more=len(summary.failures) - MOST_FAILURES,
        perhaps=text.perhaps_text(summary, MOST_ORDERS),
        steps=all_steps(summary),
        pictures=[
            (text.moment(run.started), *picture(run))
            for run in summary.runs[-MOST_RUNS:]
            if run.answered
        ],
    )


def picture(run: RunSummary) -> tuple[float, list[int]]:
    """Return how many rows were answered in each of at most BARS equal times, of some seconds."""
    # Answers are known to the second.
    step = max(1.0, run.seconds / BARS)
    counts = [0] * min(BARS, int(run.seconds / step) + 1)
    for second, count in run.answered.items():
        counts[min(len(counts) - 1, max(0, int((second - run.started) / step)))] += count
    return step, counts
