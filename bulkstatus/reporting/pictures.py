"""The pictures of a report page: SVG without style, script or text from the log in it.

How they look is the page's own style sheet: series are told apart by their classes.
"""

import math
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]  # ships no types
from pygal.style import Style  # type: ignore[import-untyped]  # ships no types

from bulkstatus.reporting.axes import TimeAxis, round_scale
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

# Where, above the picture, it says how much later a run went on.
_ABOVE = "-8"


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
        y_labels=round_scale(max(counts.total() for counts in report.by_status.values()), 1.0),
        value_formatter=_whole,
    )
    for outcome in Outcome:
        chart.add(outcome, [report.by_status[status][outcome] or None for status in statuses])
    return _svg(chart, description, "status", labels)


def throughput_picture(report: Report, slices: Sequence[Sequence[Slice]], description: str) -> str:
    """Return how many rows a second were answered over time, waits and breaks marked."""
    axis = TimeAxis(report.runs)
    points = [
        point
        for index, run_slices in enumerate(slices)
        for point in _rates(run_slices, report.runs[index], axis, index)
    ]
    top = max((rate or 0.0 for _, rate in points), default=0.0)
    chart = _over_time(report, axis, top)
    chart.add("rows a second", points, fill=True)
    return _svg(chart, description, "throughput")


def latency_picture(report: Report, slices: Sequence[Sequence[Slice]], description: str) -> str:
    """Return the percentiles of latency over time, waits and breaks marked."""
    axis = TimeAxis(report.runs)
    chart = _over_time(report, axis, max((p.latency.p99 for p in chain(*slices)), default=0.0))
    for name in ("median", "p95", "p99"):
        points: list[tuple[float, float | None]] = []
        for index, run_slices in enumerate(slices):
            for stretch in _stretches(run_slices):
                # A line across a wait or from run to run would tell of what was not.
                points.append((axis.place(stretch[0].start, index), None))
                middles = [(piece, (piece.start + piece.end) / 2) for piece in stretch]
                if len(stretch) == 1:
                    # A point alone would not be seen.
                    middles = [(stretch[0], stretch[0].start), (stretch[0], stretch[0].end)]
                points += [
                    (axis.place(moment, index), getattr(piece.latency, name))
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
    slices: Sequence[Slice], run: RunReport, axis: TimeAxis, index: int
) -> Iterator[tuple[float, float | None]]:
    """Yield the points of a line that steps from rate to rate, and to nothing in between."""
    last = run.started
    if index > 0:
        yield axis.place(last, index), None
    yield axis.place(last, index), 0.0
    for piece in slices:
        if piece.start > last:
            yield axis.place(last, index), 0.0
            yield axis.place(piece.start, index), 0.0
        rate = piece.answers / (piece.end - piece.start)
        # The first slice of a run may reach a little into the next one.
        yield axis.place(max(piece.start, last), index), rate
        yield axis.place(piece.end, index), rate
        last = piece.end
    yield axis.place(last, index), 0.0
    yield axis.place(run.ended, index), 0.0


def _over_time(report: Report, axis: TimeAxis, top: float) -> Any:
    """Return a chart over time with its first two series, the waits and the breaks."""
    top = top * 1.05 or 1.0
    total = axis.total or 1.0
    chart = pygal.XY(
        **_look(_HEIGHT),
        # Room for what is written above the breaks.
        margin_top=24 if axis.breaks else 8,
        xrange=(0, total),
        range=(0, top),
        x_labels=[
            {"value": place, "label": text} for place, text in (*axis.times(), *axis.later())
        ],
        x_value_formatter=str,
        show_dots=False,
        allow_interruptions=True,
        y_labels=round_scale(top),
        value_formatter=_number,
    )
    waits: list[tuple[float, float | None]] = []
    for index, run in enumerate(report.runs):
        for wait in run.waits:
            start, end = axis.place(wait.start, index), axis.place(wait.end, index)
            waits += [(start, 0.0), (start, top), (end, top), (end, 0.0), (end, None)]
    breaks: list[tuple[float, float | None]] = []
    for start, end, _ in axis.breaks:
        breaks += [(start, 0.0), (start, top), (end, top), (end, 0.0), (end, None)]
    chart.add("waits", waits, fill=True)
    chart.add("breaks", breaks, fill=True)
    return chart


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
            if (parent.text or "").endswith(" later"):
                parent.set("y", _ABOVE)
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
