"""The page: one file that needs nothing else and shows what a log says as text alone."""

import base64
import hashlib
import html
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import browse, needs_browser
from report_logs import FAILED, INVALID, REFUSAL, REJECTED, UPDATED, Log

from bulkstatus.errors import SettingsRefused
from bulkstatus.log import ErrorKind, Outcome, RowError
from bulkstatus.reporting import summarise
from bulkstatus.reporting.failures import commands, next_steps
from bulkstatus.reporting.page import (
    BARS,
    MOST_FAILURES,
    picture,
    render,
    write_page,
)
from bulkstatus.reporting.text import headline

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
    log.run(*((f"46{n}", 8, f"H{n}") for n in range(100)), "4700", "4701", ("4702", 128, None))
    for n in range(1, 101):
        log.result(n)
    log.result(101, REJECTED, after=30.0).result(102, FAILED, uncertain=True, attempts=5)
    log.end("stopped", "The API answered HTTP 401.")
    log.now += 86400
    log.run(("4800", None, None), "46", "46").result(104, INVALID)
    return log.result(105, Outcome.SUPERSEDED).result(106)


def test_the_page_asks_for_nothing_outside_itself(log: Log) -> None:
    page = page_of(eventful(log))
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name in {"src", "href", "action", "data", "xlink:href", "srcset", "poster"}:
                assert value == "data:,", (tag, name)
            assert not name.startswith("on")
            assert name != "style"
    source = render(summarise(log.path))
    assert "url(" not in source
    assert "@import" not in source


def test_the_policy_lets_the_page_s_own_style_and_script_work_and_nothing_else(log: Log) -> None:
    source = render(summarise(eventful(log).path))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', source)
    policy = html.unescape(policy)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}[^>]*>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_what_the_log_says_is_only_ever_text(log: Log) -> None:
    error = RowError(ErrorKind.API, HOSTILE + "\x1b[1m\u202e", HOSTILE)
    log.run((HOSTILE, 8, HOSTILE), f"2{HOSTILE}", f"3{HOSTILE}", source=f"{HOSTILE}.csv")
    log.result(1, REJECTED, error).result(2, FAILED, error, uncertain=True)
    log.end("stopped", HOSTILE)
    log.path.write_text(
        log.path.read_text().replace('"anna"', '"<b>anna"').replace('"R1"', '"<b>R1\\u001b"')
    )
    if os.name != "nt":
        log.path = log.path.rename(log.path.with_name("to\x1bday.results.jsonl"))
    page = page_of(log)
    assert page.all("img") == []
    assert page.all("b") == []
    assert len(page.all("script")) == 1
    assert page.text.count("alert(1)") >= 6
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert "\\x1b[1m\\u202e" in page.text


def test_the_page_says_what_the_text_says(log: Log) -> None:
    eventful(log)
    summary = summarise(log.path)
    page = page_of(log)
    assert headline(summary) in page.text
    for command in commands(next_steps(summary)):
        assert command in page.text
    assert "101 touched, 3 perhaps touched, 1 not touched" in page.text
    assert "3 orders perhaps touched" in page.text
    assert all(f"46{n}" not in page.text for n in range(100))
    assert page.all("html") == [{"lang": "en"}]
    assert all(head["scope"] == "col" for head in page.all("th"))
    assert page.all("label") == [{"for": "words"}]


def test_every_run_has_a_picture_that_says_in_words_what_it_shows(log: Log) -> None:
    pictures = page_of(eventful(log)).all("svg")
    assert [each["role"] for each in pictures] == ["img", "img"]
    assert "at most 10 in 1 s" in (pictures[0]["aria-label"] or "")
    for run in summarise(log.path).runs:
        _, counts = picture(run)
        assert (sum(counts), len(counts) <= BARS) == (run.answers, True)


@pytest.mark.parametrize("results", [[], [INVALID], [UPDATED]])
def test_a_log_with_hardly_anything_in_it_has_a_page_too(log: Log, results: list[Outcome]) -> None:
    log.run(*["1"] * len(results)).results(*results).end()
    page = page_of(log)
    assert "Result of today.csv" in page.text
    assert len(page.all("svg")) == (results == [UPDATED])


def test_long_lists_are_bounded_and_say_so(log: Log) -> None:
    count = MOST_FAILURES + 500
    log.run(*map(str, range(count)))
    for n in range(1, count + 1):
        log.result(n, REJECTED, REFUSAL)
    source = render(summarise(log.end("stopped").path))
    assert source.partition('id="failed"')[2].partition("</table>")[0].count("<tr>") == (
        MOST_FAILURES + 1
    )
    assert f"The first {MOST_FAILURES:,} of {count:,} are listed" in source


def test_an_earlier_page_is_replaced_and_nothing_else_is(log: Log) -> None:
    log.run("1", "2").result(1)
    path = log.path.with_name("today.html")
    write_page(path, summarise(log.path))
    log.result(2, REJECTED)
    write_page(path, summarise(log.path))
    assert "Invalid order status" in path.read_text(encoding="utf-8")
    other = log.path.with_name("mine.html")
    other.write_text("<!DOCTYPE html>\n<html>my own</html>")
    for taken in (other, log.path, log.path.parent):
        with pytest.raises(SettingsRefused):
            write_page(taken, summarise(log.path))
    assert "my own" in other.read_text()


# Runs in the browser, beside the page's own script, and says in the title what it saw.
PROBE = """{
const box = document.getElementById("words");
const type = (text) => { box.value = text; box.dispatchEvent(new Event("input"));
  return document.getElementById("found").textContent; };
const all = type(""); const one = type("4700 invalid"); const none = type("nowhere");
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
document.title = [all, one, none, wide ? "too wide" : "fits"].join("; ");
}"""


@needs_browser
@pytest.mark.parametrize("width", [360, 1280])
async def test_in_a_browser_the_page_fits_and_can_be_searched_and_runs_nothing_of_the_log(
    log: Log, tmp_path: Path, width: int
) -> None:
    eventful(log).run(HOSTILE).result(107, REJECTED, RowError(ErrorKind.API, HOSTILE))
    source = render(summarise(log.path))
    path = tmp_path / "today.html"
    path.write_text(source, encoding="utf-8")
    _, console = await browse(path.as_uri(), tmp_path / "browser")
    assert console == ""
    # The policy keeps the probe out, so that it must be let in.
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    probed = source.replace("script-src ", f"script-src 'sha256-{digest}' ")
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
    assert "4 of 4 rows; 1 of 4 rows; 0 of 4 rows; fits" in page
