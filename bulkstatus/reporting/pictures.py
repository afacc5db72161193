"""The pictures of a report page: SVG without style, script or text from the log in it.

How they look is the page's own style sheet: series are told apart by their classes.
"""

import math
import sys
import textwrap
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]  # ships no types
from pygal.style import Style  # type: ignore[import-untyped]  # ships no types

from bulkstatus.reporting.runs import RunReport
from bulkstatus.reporting.summary import Report
from bulkstatus.reporting.text import status_name
from bulkstatus.reporting.timeline import Slice
from bulkstatus.result import Outcome

# pygal adds a finder for plugins of its own, of an outdated kind: Python 3.11 would warn of it at
# every later import that fails.
sys.meta_path[:] = [
    finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)
]

# The size of a picture in its own units: such that its text can be read on a phone.
_WIDTH = 420
_HEIGHT = 240
_LABEL_SIZE = 14
_LABEL_LINE = 20
_NO_LINES: Mapping[str, list[str]] = {}


class Clock:
    """The time for which runs went on, the time between them left out."""

    def __init__(self, runs: Sequence[RunReport]) -> None:
        self._starts = [run.started for run in runs]
        self._places = [0.0, *accumulate(run.seconds for run in runs)]
        self.total = self._places[-1]

    def place(self, moment: float, index: int) -> float:
        """Return how long the runs had gone on at a moment of run `index`."""
        within = moment - self._starts[index]
        return min(self._places[index] + max(0.0, within), self._places[index + 1])

    def moment(self, place: float) -> float:
        """Return the moment, in seconds since the epoch, at which the runs had gone on so long."""
        index = min(bisect_right(self._places, place), len(self._starts)) - 1
        return self._starts[index] + place - self._places[index]

    def resumes(self) -> list[float]:
        """Return the places at which a run was followed by another."""
        return self._places[1:-1]


def status_picture(report: Report, description: str) -> str:
    """Return a bar for each status, made up of the outcomes of its rows."""
    statuses = list(reversed(report.by_status))
    names = [textwrap.wrap(status_name(status), _LABEL_LINE) for status in statuses]
    # A label is one line to pygal: it makes room for the longest, which all then take their place.
    longest = max(len(line) for lines in names for line in lines)
    labels = {f"{place:0{longest}}": lines for place, lines in enumerate(names)}
    chart = pygal.HorizontalStackedBar(
        **_look(60 + (16 + 14 * max(map(len, names))) * len(statuses)),
        x_labels=list(labels),
        y_labels_major_count=3,
        # The axes have changed places by the time that this is looked at.
        show_minor_x_labels=False,
        value_formatter=_whole,
    )
    for outcome in Outcome:
        chart.add(outcome, [report.by_status[status][outcome] or None for status in statuses])
    return _svg(chart, description, "status", labels)


def throughput_picture(report: Report, slices: Sequence[Sequence[Slice]], description: str) -> str:
    """Return how many rows a second were answered over time, waits and resumes marked."""
    clock = Clock(report.runs)
    points = [
        point
        for index, run_slices in enumerate(slices)
        for point in _rates(run_slices, report.runs[index], clock, index)
    ]
    top = max((rate for _, rate in points), default=0.0)
    chart = _over_time(report, clock, top)
    chart.add("rows a second", points, fill=True)
    return _svg(chart, description, "throughput")


def latency_picture(report: Report, slices: Sequence[Sequence[Slice]], description: str) -> str:
    """Return the percentiles of latency over time, waits and resumes marked."""
    clock = Clock(report.runs)
    chart = _over_time(report, clock, max((p.latency.p99 for p in chain(*slices)), default=0.0))
    for name in ("median", "p95", "p99"):
        points: list[tuple[float, float | None]] = []
        for index, run_slices in enumerate(slices):
            for stretch in _stretches(run_slices):
                # A line across a wait or from run to run would tell of what was not.
                points.append((clock.place(stretch[0].start, index), None))
                middles = [(piece, (piece.start + piece.end) / 2) for piece in stretch]
                if len(stretch) == 1:
                    # A point alone would not be seen.
                    middles = [(stretch[0], stretch[0].start), (stretch[0], stretch[0].end)]
                points += [
                    (clock.place(moment, index), getattr(piece.latency, name))
                    for piece, moment in middles
                ]
        chart.add(name, points)
    return _svg(chart, description, "latency")


def _stretches(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Return the slices in groups between which nothing came."""
    stretches: list[list[Slice]] = []
    last = -math.inf
    for piece in slices:
        if piece.start > last:
            stretches.append([])
        stretches[-1].append(piece)
        last = piece.end
    return stretches


def _rates(
    slices: Sequence[Slice], run: RunReport, clock: Clock, index: int
) -> Iterator[tuple[float, float]]:
    """Yield the points of a line that steps from rate to rate, and to nothing in between."""
    last = run.started
    yield clock.place(last, index), 0.0
    for piece in slices:
        if piece.start > last:
            yield clock.place(last, index), 0.0
            yield clock.place(piece.start, index), 0.0
        rate = piece.answers / (piece.end - piece.start)
        # The first slice of a run may reach a little into the next one.
        yield clock.place(max(piece.start, last), index), rate
        yield clock.place(piece.end, index), rate
        last = piece.end
    yield clock.place(last, index), 0.0
    yield clock.place(run.ended, index), 0.0


def _over_time(report: Report, clock: Clock, top: float) -> Any:
    """Return a chart over time with its first two series, the waits and the resumes."""
    top = top * 1.05 or 1.0
    total = clock.total or 1.0
    chart = pygal.XY(
        **_look(_HEIGHT),
        xrange=(0, total),
        range=(0, top),
        x_labels=[{"value": place, "label": label} for place, label in _ticks(clock, report.runs)],
        x_value_formatter=str,
        show_dots=False,
        allow_interruptions=True,
        y_labels_major_count=4,
        show_minor_y_labels=False,
        value_formatter=_number,
    )
    waits: list[tuple[float, float | None]] = []
    for index, run in enumerate(report.runs):
        for wait in run.waits:
            start, end = clock.place(wait.start, index), clock.place(wait.end, index)
            waits += [(start, 0.0), (start, top), (end, top), (end, 0.0), (end, None)]
    resumes: list[tuple[float, float | None]] = []
    for place in clock.resumes():
        resumes += [(place, 0.0), (place, top), (place, None)]
    chart.add("waits", waits, fill=True)
    chart.add("resumes", resumes)
    return chart


def _ticks(clock: Clock, runs: Sequence[RunReport]) -> Iterator[tuple[float, str]]:
    days = {time.localtime(moment)[:3] for run in runs for moment in (run.started, run.ended)}
    form = "%H:%M:%S" if clock.total < 600 else "%H:%M"
    ticks = 4
    if len(days) > 1:
        form, ticks = "%d %b %H:%M", 3
    for tick in range(ticks):
        place = clock.total * tick / (ticks - 1)
        yield place, time.strftime(form, time.localtime(clock.moment(place)))


def _look(height: int) -> dict[str, Any]:
    return {
        "width": _WIDTH,
        "height": height,
        "margin": 8,
        "margin_right": 40,
        "explicit_size": False,
        "truncate_label": -1,
        "show_legend": False,
        "no_prefix": True,
        "css": [],
        "js": [],
        "disable_xml_declaration": True,
        "style": Style(label_font_size=_LABEL_SIZE, major_label_font_size=_LABEL_SIZE),
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _svg(
    chart: Any, description: str, name: str, labels: Mapping[str, list[str]] = _NO_LINES
) -> str:
    """Return a chart as an element that can stand in a page under a strict policy.

    `labels` are the lines that take the place of a text.
    """
    chart.add_xml_filter(_cleaner(description, name, labels))
    svg: str = chart.render(is_unicode=True)
    return svg


def _cleaner(
    description: str, name: str, labels: Mapping[str, list[str]]
) -> Callable[[Element], Element]:
    def clean(root: Element) -> Element:
        for parent in list(root.iter()):
            for child in list(parent):
                # Comments have no text for a tag.
                if not isinstance(child.tag, str) or _is_unwanted(child):
                    parent.remove(child)
            parent.attrib.pop("id", None)
            lines = labels.get(parent.text or "")
            if lines is not None:
                _write_lines(parent, lines)
        root.set("role", "img")
        root.set("aria-label", description)
        root.set("class", f"picture {name}")
        return root

    return clean


def _write_lines(text: Element, lines: Sequence[str]) -> None:
    """Put lines in the place of a text of one line, so that their middle is where its was."""
    text.text = None
    for number, line in enumerate(lines):
        rise = f"{-0.6 * (len(lines) - 1):.1f}em" if number == 0 else "1.2em"
        span = text.makeelement("tspan", {"x": text.get("x", "0"), "dy": rise})
        span.text = line
        text.append(span)


def _is_unwanted(element: Element) -> bool:
    """Tell whether an element is there for a script, or for a style sheet of its own."""
    overlays = {"titles", "plot overlay", "plot text-overlay", "plot tooltip-overlay"}
    return element.tag in {"defs", "title", "desc"} or element.get("class") in overlays
