"""`--html`: a report as one page that needs no network.

All that comes from the log is shown printable and escaped. The page's policy lets no script and
no style work but its own, which it knows by their hashes.
"""

import base64
import hashlib
import importlib.resources
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import islice, pairwise
from pathlib import Path
from string import Template

from bulkstatus.reporting.files import refuse_path, replacing
from bulkstatus.reporting.notes import order_notes, row_notes
from bulkstatus.reporting.pictures import latency_picture, status_picture, throughput_picture
from bulkstatus.reporting.reasons import reason
from bulkstatus.reporting.runs import RunReport
from bulkstatus.reporting.steps import Step, next_steps, other_steps
from bulkstatus.reporting.summary import Report
from bulkstatus.reporting.text import (
    PERHAPS_TOUCHED,
    SUPERSEDED,
    exact_duration,
    group_label,
    moment,
    nothing_left,
    row_text,
    runs_text,
    sent_to,
    state_sentence,
    status_name,
    status_text,
)
from bulkstatus.reporting.timeline import Slice
from bulkstatus.result import Outcome, Result
from bulkstatus.text import printable
from bulkstatus.wording import capitalised, counted

#: How many of each the page shows at the most; it says where there are more.
MOST_FAILURES = 2000
MOST_GROUPS = 50
MOST_ORDERS = 500
MOST_WAITS = 100
MOST_BREAKS = 20

_LONGEST_TEXT = 300
_OPTION = re.compile("(?<= )--[a-z-]+")
_BEGINNING = b"<!DOCTYPE html>\n<!-- bulkstatus report -->\n"


def write_page(path: Path, report: Report) -> None:
    """Write the page to `path`.

    Raises SettingsRefused when it cannot be written or holds something else than such a page.
    """
    others = {"the log": report.log_path, "the input": report.input_path}
    refuse_path("--html", path, others, _BEGINNING)
    with replacing("--html", path) as new:
        new.write_bytes(render(report).encode())


def render(report: Report) -> str:
    """Return the page as HTML."""
    source = importlib.resources.files(__package__).joinpath("page.html")
    template = source.read_text(encoding="utf-8")
    spans = [(run.started, run.ended) for run in report.runs]
    slices = report.timeline.slices(spans)
    first = report.first_input_path
    name = "standard input" if first is None else first.name
    return Template(template).substitute(
        policy=_policy(template),
        name=_text(name),
        state=_text(state_sentence(report)),
        sent_to=_text("; ".join(sent_to(report)), None),
        made_at=_text(moment(report.made_at) + time.strftime(" (UTC%z)")),
        figures=_figures(report),
        row_notes=_notes(row_notes(report)) + _superseded(report),
        orders=_orders(report),
        statuses=_statuses(report),
        over_time=_over_time(report, slices),
        runs=_list(_text(text, None) for text in runs_text(report.runs)),
        waits=_waits(report.runs),
        failures=_failures(report),
        next=_next(report),
        log=_text(report.log_path, None),
        last_input=_last_input(report),
    )


def _policy(template: str) -> str:
    """Return the policy under which the template's own style and script work, and no other."""
    style, script = (
        re.findall(f"<{tag}>(.*?)</{tag}>", template, re.DOTALL)[0] for tag in ("style", "script")
    )
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(value: object, limit: int | None = _LONGEST_TEXT) -> str:
    """Return text from anywhere as harmless HTML."""
    return escape(printable(str(value), limit))


def _own(text: str) -> str:
    """Return text of the log that may run in another direction than the page."""
    return f"<bdi>{_text(text)}</bdi>"


def _terms(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>\n" for name, value in pairs)


def _list(items: Iterable[str]) -> str:
    return "<ol>" + "".join(f"<li>{item}</li>\n" for item in items) + "</ol>"


def _table(head: Sequence[str], rows: Iterable[Iterable[str]], extra: str = "") -> str:
    """Return a table; cells are HTML."""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n" for cells in rows
    )
    return (
        f'<div class="wide"><table{extra}><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{body}</tbody></table></div>"
    )


def _figures(report: Report) -> str:
    pending = "not known" if report.pending is None else f"{report.pending:,}"
    pairs = [("In all", f"{report.rows:,}")]
    pairs += [
        (str(outcome).capitalize(), f"{count:,}")
        for outcome, count in report.counts.items()
        if outcome is not Outcome.WITHDRAWN
    ]
    pairs.append(("Pending", pending))
    pairs.append(("Time", exact_duration(report.seconds)))
    if report.waited:
        pairs.append(("Of it waiting", exact_duration(report.waited)))
    pairs.append(("Requests", f"{report.requests:,}"))
    if report.seconds:
        pairs.append(("Rows a second", f"{report.answers / report.seconds:,.1f}"))
    if report.latency is not None:
        median, p95, p99 = report.latency
        pairs.append(("Latency: median", f"{median:,} ms"))
        pairs.append(("Latency: 95 % within", f"{p95:,} ms"))
        pairs.append(("Latency: 99 % within", f"{p99:,} ms"))
    return _terms(pairs)


def _orders(report: Report) -> str:
    orders = report.orders
    html = "<dl>" + _terms(
        [
            ("Touched: updated", f"{orders.touched:,}"),
            ("Perhaps touched", f"{len(orders.perhaps_touched):,}"),
            ("Not touched", f"{len(orders.untouched):,}"),
        ]
    )
    html += "</dl>\n"
    html += _notes(order_notes(report))
    for title, order_ids in (
        (PERHAPS_TOUCHED, orders.perhaps_touched),
        ("Not touched", orders.untouched),
    ):
        if order_ids:
            shown = ", ".join(
                _own(order_id) + " (withdrawn)" * (order_id in orders.withdrawn)
                for order_id in order_ids[:MOST_ORDERS]
            )
            shown += _rest(order_ids, MOST_ORDERS)
            html += f"<details><summary>{title}</summary><p>{shown}</p></details>\n"
    return html


def _notes(notes: Iterable[str]) -> str:
    """Return notes, which begin with a small letter, as sentences."""
    return "".join(f"<p>{_text(capitalised(note))}.</p>\n" for note in notes)


def _superseded(report: Report) -> str:
    if not report.superseded:
        return ""
    shown = [
        _own(row_text(result, report.input_of_row(result)))
        for result in report.superseded[:MOST_ORDERS]
    ]
    shown[-1] += _rest(report.superseded, MOST_ORDERS)
    return f"<details><summary>{SUPERSEDED}</summary>{_list(shown)}</details>\n"


def _rest(items: Sequence[object], most: int) -> str:
    hidden = len(items) - most
    return f" and {hidden:,} more" if hidden > 0 else ""


def _statuses(report: Report) -> str:
    outcomes = [outcome for outcome in Outcome if report.counts.get(outcome)]
    if not outcomes:
        return "<p>No row is settled yet.</p>"
    parts = [f"{report.counts[outcome]:,} {outcome}" for outcome in outcomes]
    description = f"Bars by status, made up of outcomes. Over all statuses: {', '.join(parts)}."
    legend = "".join(f'<li class="key {outcome}">{outcome}</li>' for outcome in outcomes)
    rows = (
        [_text(status_name(status)), *(f"{counts[outcome]:,}" for outcome in outcomes)]
        for status, counts in report.by_status.items()
    )
    return (
        f'<figure>{status_picture(report, description)}<ul class="legend">{legend}</ul></figure>\n'
        + _table(["Status", *(str(outcome).capitalize() for outcome in outcomes)], rows)
    )


def _over_time(report: Report, slices: Sequence[Sequence[Slice]]) -> str:
    pieces = [piece for run_slices in slices for piece in run_slices]
    if not pieces or report.latency is None:
        return "<p>No row was answered, so there is nothing to draw.</p>"
    rates = [piece.answers / (piece.end - piece.start) for piece in pieces]
    fastest = f"at most {max(rates):,.1f} rows a second"
    slowest = max(piece.latency.p99 for piece in pieces)
    marks = []
    if any(run.waits for run in report.runs):
        waited = exact_duration(report.waited)
        marks.append(f'<li class="key wait">wait, {waited} in all</li>')
    if len(report.runs) > 1:
        marks.append('<li class="key break">between two runs, left out</li>')
    marked = "".join(marks)
    throughput = f"Rows answered a second over time: {fastest}. {_marks_text(report)}"
    latency = (
        f"Latency over time in milliseconds: median {report.latency.median:,} over all, "
        f"99 % within {slowest:,} in the slowest stretch. {_marks_text(report)}"
    )
    rows = (
        [
            _text(moment(piece.start)),
            f"{piece.answers:,}",
            f"{rate:,.1f}",
            *(f"{value:,}" for value in piece.latency),
        ]
        for piece, rate in zip(pieces, rates, strict=True)
    )
    head = ["From", "Rows", "A second", "Median, ms", "95 %, ms", "99 %, ms"]
    return (
        '<div class="pair">\n'
        f"<figure><figcaption>Rows a second</figcaption>"
        f"{throughput_picture(report, slices, throughput)}"
        f'<ul class="legend"><li class="key rate">rows a second</li>{marked}</ul></figure>\n'
        f"<figure><figcaption>Latency in milliseconds, where answers came</figcaption>"
        f"{latency_picture(report, slices, latency)}"
        '<ul class="legend"><li class="key median">median</li><li class="key p95">95 % within</li>'
        f'<li class="key p99">99 % within</li>{marked}</ul></figure>\n</div>\n'
        f"<details><summary>The same in figures</summary>{_table(head, rows)}</details>"
    )


def _marks_text(report: Report) -> str:
    waits = sum(len(run.waits) for run in report.runs)
    return (
        f"{counted(waits, 'wait')} and {counted(len(report.runs) - 1, 'resume')} are marked; the "
        f"time between runs is left out{_left_out(report.runs)}."
    )


def _left_out(runs: Sequence[RunReport]) -> str:
    """Return what the times between runs are, the longest first."""
    between = sorted((later.started - run.ended for run, later in pairwise(runs)), reverse=True)
    times = ", ".join(exact_duration(max(0.0, seconds)) for seconds in between[:MOST_BREAKS])
    return f": {times}{_rest(between, MOST_BREAKS)}" if between else ""


def _waits(runs: Sequence[RunReport]) -> str:
    waits = [wait for run in runs for wait in run.waits]
    if not waits:
        return ""
    rows = (
        [_text(moment(wait.start)), _text(moment(wait.end)), _text(exact_duration(wait.seconds))]
        for wait in islice(waits, MOST_WAITS)
    )
    return (
        '<h2>Waits</h2>\n<p class="soft">Times in which no answer came although the run went on: '
        "a limit, a quota, an outage or a slow server.</p>\n"
        + _table(["From", "To", "Time"], rows)
        + f"<p>{_rest(waits, MOST_WAITS)}</p>"
    )


def _failures(report: Report) -> str:
    failures = report.failures
    if not failures:
        return "<p>Nothing failed.</p>"
    groups = _table(
        ["Rows", "Outcome", "What was said"],
        (
            [f"{len(group.results):,}", str(group.kind.outcome), _own(group_label(group))]
            for group in report.groups[:MOST_GROUPS]
        ),
    )
    bound = (
        f"<p>The first {MOST_FAILURES:,} of {len(failures):,} are listed; <code>--failures"
        "</code> and <code>--rows</code> write them all.</p>"
        if len(failures) > MOST_FAILURES
        else ""
    )
    rows = (
        _failure_cells(result, report.input_of_row(result)) for result in failures[:MOST_FAILURES]
    )
    return (
        f"{groups}<p>{_rest(report.groups, MOST_GROUPS)}</p>\n{bound}"
        '<p class="search" id="search" hidden><label for="words">Search the failures</label> '
        '<input type="search" id="words" autocomplete="off"> '
        '<span id="found" role="status"></span></p>\n'
        + _table(
            ["Line", "Order", "Status", "Tracking", "Why", "When"],
            rows,
            ' id="failed" class="failed"',
        )
    )


def _failure_cells(result: Result, name: str) -> Iterator[str]:
    yield f"{result.line}" + (f" of {_own(name)}" if name else "")
    yield _own(result.order_id) or "none"
    yield _own(status_text(result))
    yield _own(result.tracking or "none")
    yield _own(reason(result))
    yield _text(moment(result.at))


def _next(report: Report) -> str:
    steps = [*next_steps(report), *other_steps(report)]
    if not steps:
        return _notes([nothing_left(report)])
    return _list(map(_step, steps))


def _last_input(report: Report) -> str:
    last = report.input_path
    if last is None or last == report.first_input_path:
        return ""
    return f"<br>\nThe input of the last run: <code>{_text(last, None)}</code>"


def _step(step: Step) -> str:
    text = _text(step.text, None)
    if not step.is_command:
        return capitalised(text)
    # A browser would break a line after each hyphen of an option.
    return "<code>" + _OPTION.sub(r'<span class="option">\g<0></span>', text) + "</code>"
