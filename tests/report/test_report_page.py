import base64
import hashlib
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import browse, needs_browser
from report_logs import REFUSAL, TIMEOUT, Log

from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus, unknown_status
from bulkstatus.reporting.page import MOST_FAILURES, render, write_page
from bulkstatus.reporting.summary import summarise
from bulkstatus.reporting.text import status_name
from bulkstatus.result import ErrorKind, Outcome, RowError
from bulkstatus.wording import command_line

HOSTILE = "<img src=x onerror=\"document.title='broken in'\"></script><script>alert(1)</script>"


class Parsed(HTMLParser):
    """What a browser makes of the page: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(log: Log) -> Parsed:
    return Parsed(render(summarise(log.path)))


def eventful(log: Log) -> Log:
    """Write a log in which everything happens that a page shows."""
    log.run(400)
    for order in range(100):
        log.row(f"46{order}", tracking=f"H{order}", elapsed_ms=10.0 + order)
    log.row("4700", Outcome.REJECTED, REFUSAL, after=30.0)
    log.row("4701", Outcome.FAILED, TIMEOUT, uncertain=True, attempts=5)
    log.end("stopped", "The API answered HTTP 401.")
    log.now += 86400
    log.run(400)
    for order in range(100):
        log.row(f"48{order}", status=128, line=200 + order)
    return log.row("4800", Outcome.INVALID, RowError(ErrorKind.ROW, "the ID is bad"), status=None)


def test_the_page_asks_for_nothing_outside_itself(log: Log) -> None:
    page = page_of(eventful(log))
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name in {"src", "href", "action", "data", "xlink:href", "srcset", "poster"}:
                assert value == "data:,", (tag, name)
            assert not name.startswith("on")
            assert name != "style"
    html = render(summarise(log.path))
    assert "url(" not in html
    assert "@import" not in html


def test_the_policy_lets_the_page_s_own_style_and_script_work_and_nothing_else(log: Log) -> None:
    html = render(summarise(eventful(log).path))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}[^>]*>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_what_the_log_says_is_only_ever_text(log: Log) -> None:
    error = RowError(ErrorKind.API, HOSTILE + "\x1b[1m\u202e", HOSTILE)
    log.run(3, source=f"{HOSTILE}.csv", settings={"rate": "none"})
    log.row(HOSTILE, Outcome.REJECTED, error, tracking=HOSTILE)
    log.row(f"2{HOSTILE}", Outcome.FAILED, error, uncertain=True)
    log.end("stopped", HOSTILE, (f"3{HOSTILE}",))
    log.path.write_text(
        log.path.read_text().replace('"anna"', '"<b>anna"').replace('"R1"', '"<b>R1"')
    )
    page = page_of(log)
    assert page.all("img") == []
    assert page.all("b") == []
    assert len(page.all("script")) == 1
    assert page.text.count("alert(1)") >= 6
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert "\\x1b[1m\\u202e" in page.text


def test_every_picture_says_in_words_what_it_shows_and_has_its_figures_in_a_table(
    log: Log,
) -> None:
    page = page_of(eventful(log))
    pictures = page.all("svg")
    assert [picture["role"] for picture in pictures] == ["img"] * 3
    status, throughput, latency = (picture["aria-label"] or "" for picture in pictures)
    assert "200 updated, 1 rejected, 1 failed, 1 invalid" in status
    assert "rows a second" in throughput
    assert "1 wait and 1 resume are marked; the time between runs is left out: 24 h" in throughput
    assert "median" in latency
    assert "1 wait and 1 resume are marked" in latency
    assert len(page.all("table")) == 5
    assert all(head["scope"] == "col" for head in page.all("th"))
    assert page.all("html") == [{"lang": "en"}]
    assert page.all("label") == [{"for": "words"}]


def test_waits_and_resumes_are_drawn(log: Log) -> None:
    eventful(log)
    pictures = re.findall(r"<svg.*?</svg>", render(summarise(log.path)), re.DOTALL)
    for picture in pictures[1:]:
        groups = [
            group
            for group in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}g")
            if (group.get("class") or "").startswith("series ")
        ]
        waits, resumes, *values = (len(list(group)) for group in groups)
        assert (waits, resumes) == (1, 1)
        assert min(values) >= 1


def test_the_time_between_runs_is_told_above_its_place_and_scales_are_round(log: Log) -> None:
    eventful(log)
    html = render(summarise(log.path))
    _, throughput, latency = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    for picture in (throughput, latency):
        (raised,) = re.findall('<text x="[^"]*" y="(-[^"]*)"[^>]*>24 h 00 min later<', picture)
        assert float(raised) < 0
        paths = re.findall('<path d="([^"]*)" class="line', picture)
        assert len(paths) > 2
    scale = [float(text) for text in texts_of(latency) if text.replace(".", "").isdecimal()]
    assert scale == [0, 50, 100]
    assert '<li class="key wait">wait, 30 s in all</li>' in html
    assert '<li class="key break">between two runs, left out</li>' in html


def test_a_rate_falls_to_nothing_and_is_not_drawn_across_a_break(log: Log) -> None:
    html = render(summarise(eventful(log).path))
    throughput = re.findall(r"<svg.*?</svg>", html, re.DOTALL)[1]
    assert len(re.findall('<path d="[^"]*" class="line', throughput.partition("serie-2")[2])) == 2


def test_failures_and_orders_say_of_which_file_they_are_and_that_they_were_withdrawn(
    log: Log,
) -> None:
    log.run(4).row("1").row("2", Outcome.REJECTED, REFUSAL).row("3", Outcome.REJECTED, REFUSAL)
    assert "<td>4</td>" in render(summarise(log.end().path))
    log.run(1, "bb", "<mend>.csv").row("2", Outcome.WITHDRAWN, line=3)
    log.row("22", Outcome.REJECTED, REFUSAL, line=2).end()
    html = render(summarise(log.path))
    assert "<td>4 of <bdi>today.csv</bdi></td>" in html
    assert "<td>2 of <bdi>&lt;mend&gt;.csv</bdi></td>" in html
    assert "<p><bdi>2</bdi> (withdrawn), <bdi>3</bdi>, <bdi>22</bdi></p>" in html


def test_superseded_rows_are_named_on_the_page(log: Log) -> None:
    log.run(2).row("1", tracking="T2").row("1", Outcome.SUPERSEDED, tracking="<T1>").end()
    page = page_of(log)
    assert "Superseded1\n" in page.text
    assert "Superseded: overtaken by a later row or a later status of the order" in page.text
    assert "line 3: order 1, Dispatched (8), <T1>" in page.text


def texts_of(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture)
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_labels_of_the_statuses_are_whole_and_in_lines_for_which_there_is_room(
    log: Log,
) -> None:
    log.run(9)
    for status in OrderStatus:
        log.row("46", status=int(status))
    log.row("47", Outcome.INVALID, status=None)
    picture = re.findall(r"<svg.*?</svg>", render(summarise(log.path)), re.DOTALL)[0]
    shown = [text.replace(" ", "") for text in texts_of(picture)]
    for status in (*OrderStatus, None):
        assert shown.count(status_name(status).replace(" ", "")) == 1
    assert "…" not in picture
    lines = re.findall("<tspan[^>]*>([^<]*)</tspan>", picture)
    assert max(map(len, lines)) <= 20


def test_a_rate_is_never_drawn_back_in_time(log: Log) -> None:
    # The run begins at the very end of a slice.
    log.now = float(int(log.now)) + 0.95
    log.run(200)
    for order in range(200):
        log.row(f"46{order}", after=0.04 if order else 0.01)
    html = render(summarise(log.end().path))
    throughput = re.findall(r"<svg.*?</svg>", html, re.DOTALL)[1]
    (path,) = re.findall(r'serie-2.*?<path d="([^"]*)"', throughput, re.DOTALL)
    places = [float(pair.split()[0]) for pair in re.findall(r"[ML]?([-0-9.]+ [-0-9.]+)", path)]
    # The line ends where it began, at the foot of the picture.
    assert len(places) > 5
    assert places[:-1] == sorted(places[:-1])


def test_the_latency_of_a_few_answers_is_a_line_that_can_be_seen(log: Log) -> None:
    log.run(3).row("1").row("2").row("3").end()
    latency = re.findall(r"<svg.*?</svg>", render(summarise(log.path)), re.DOTALL)[2]
    lines = re.findall(r'<path d="(M[^"]* L[^"]*)" class="line reactive nofill"', latency)
    assert len(lines) == 3


def test_the_next_steps_are_numbered_as_in_the_text(log: Log) -> None:
    log.run(1).row("2", Outcome.REJECTED, REFUSAL).end()
    html = render(summarise(log.path)).partition("What to do next")[2]
    steps = re.findall("<li>(.*?)</li>", html)
    plain = [re.sub("<[^>]*>", "", step) for step in steps]
    mend = log.path.with_name("today.failures.csv")
    assert plain == [
        command_line("bulkstatus", "report", log.path, "--failures", mend),
        f"Mend the rows in {mend}, then",
        command_line("bulkstatus", "resume", log.path, mend),
    ]
    assert ["<code>" in step for step in steps] == [True, False, True]


def test_the_page_is_called_by_the_first_input_and_names_the_last(log: Log) -> None:
    log.run(2, "aa").row("1").row("2", Outcome.REJECTED, REFUSAL).end()
    log.run(1, "bb", "mend.csv").row("2", line=2).end()
    page = page_of(log)
    assert "Result of today.csv" in page.text
    assert f"The input of the last run: {log.path.with_name('mend.csv')}" in page.text


def test_what_there_is_to_say_beside_the_numbers_stands_on_the_page(log: Log) -> None:
    log.run(9, "aa").row("1").row("2", Outcome.REJECTED, REFUSAL).end("stopped")
    log.run(1, "bb").row("2", Outcome.WITHDRAWN).row("22").end()
    text = page_of(log).text
    assert "In all2\n" in text
    assert "Besides 1 withdrawn, " in text
    assert "At least 6 rows of an earlier input were never sent" in text
    assert "Nothing is left to do, but for the rows left behind" in text


def test_what_stands_in_the_place_of_a_status_is_shown_on_the_page(log: Log) -> None:
    error = RowError(ErrorKind.ROW, unknown_status("Dispached"))
    log.run(1).row("2", Outcome.INVALID, error, status=None).end()
    assert "<td><bdi>status &quot;Dispached&quot;</bdi></td>" in render(summarise(log.path))


@pytest.mark.parametrize("empty", ["nothing sent", "one row", "no rows"])
def test_a_log_with_hardly_anything_in_it_has_a_page_too(log: Log, empty: str) -> None:
    log.run(1)
    if empty == "nothing sent":
        log.row("1", Outcome.INVALID, status=None).end()
    elif empty == "one row":
        log.row("1").end()
    page = page_of(log)
    assert "Result of today.csv" in page.text
    assert ("nothing to draw" in page.text) == (empty != "one row")
    assert ("No row is settled yet" in page.text) == (empty == "no rows")


def test_the_table_of_failures_is_bounded_and_says_so(log: Log) -> None:
    log.run(9)
    size = log.path.stat().st_size
    log.row("ID", Outcome.REJECTED, REFUSAL)
    line = log.path.read_bytes()[size:]
    rows = [line.replace(b'"ID"', b'"%d"' % n) for n in range(MOST_FAILURES + 500)]
    log.write(b"".join(rows))
    html = render(summarise(log.end().path))
    assert html.partition('id="failed"')[2].count("<tr>") == MOST_FAILURES + 1
    assert f"The first {MOST_FAILURES:,} of {MOST_FAILURES + 501:,} are listed" in html


def test_an_earlier_page_is_replaced_and_nothing_else_is(log: Log) -> None:
    log.run(1).row("1").end()
    path = log.path.with_name("today.html")
    write_page(path, summarise(log.path))
    log.row("2", Outcome.REJECTED, REFUSAL)
    write_page(path, summarise(log.path))
    assert "Invalid order status" in path.read_text(encoding="utf-8")
    other = log.path.with_name("mine.html")
    other.write_text("<!DOCTYPE html>\n<html>my own</html>")
    for taken in (other, log.path, log.path.parent):
        with pytest.raises(SettingsRefused):
            write_page(taken, summarise(log.path))
    assert "my own" in other.read_text()


def test_drawing_leaves_no_outdated_finder_behind() -> None:
    assert all(hasattr(finder, "find_spec") for finder in sys.meta_path)


# Runs in the browser, beside the page's own script, and says in the title what it saw.
PROBE = """{
const box = document.getElementById("words");
const type = (text) => { box.value = text; box.dispatchEvent(new Event("input"));
  return document.getElementById("found").textContent; };
const all = type(""); const one = type("4700 invalid"); const none = type("nowhere");
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
dispatchEvent(new Event("beforeprint"));
const open = Array.from(document.querySelectorAll("details")).every((part) => part.open);
document.title = [all, one, none, wide ? "too wide" : "fits", open ? "open" : "shut"].join("; ");
}"""


@needs_browser
@pytest.mark.parametrize("width", [360, 1280])
async def test_in_a_browser_the_page_fits_and_can_be_searched_and_runs_nothing_of_the_log(
    log: Log, tmp_path: Path, width: int
) -> None:
    eventful(log).row(HOSTILE, Outcome.REJECTED, RowError(ErrorKind.API, HOSTILE))
    html = render(summarise(log.path))
    path = tmp_path / "today.html"
    path.write_text(html, encoding="utf-8")
    _, console = await browse(path.as_uri(), tmp_path / "browser")
    assert console == ""
    # The policy keeps the probe out, so that it must be let in.
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    probed = html.replace("script-src '", f"script-src 'sha256-{digest}' '")
    path.write_text(probed.replace("</body>", f"<script>{PROBE}</script></body>"), encoding="utf-8")
    # No window of a desktop is as narrow as a phone, but a frame is.
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe src="today.html" width="{width}" height="800"></iframe><script>'
        "onload = () => { document.body.append(frames[0].document.title); }</script>"
    )
    page, console = await browse(
        frame.as_uri(), tmp_path / "browser", "--allow-file-access-from-files"
    )
    assert console == ""
    assert "4 of 4 rows; 1 of 4 rows; 0 of 4 rows; fits; open" in page
