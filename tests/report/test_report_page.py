"""The page: one file that needs nothing else and shows what a log says as text alone."""

import html
import os
import re
from pathlib import Path

import pytest
from browser import browse, needs_browser
from markup import Parsed, check_self_contained
from report_logs import FAILED, INVALID, REFUSAL, REJECTED, UPDATED, Log

from bulkstatus.log import ErrorKind, Outcome, RowError
from bulkstatus.reporting import summarise
from bulkstatus.reporting.failures import next_steps
from bulkstatus.reporting.page import (
    BARS,
    MOST_FAILURES,
    picture,
    render,
    write_page,
)
from bulkstatus.reporting.text import headline

HOSTILE = "<img src=x onerror=\"document.title='broken in'\"></script><script>alert(1)</script>"


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


def test_the_page_asks_for_nothing_and_its_policy_lets_nothing_work_but_its_style(log: Log) -> None:
    source = render(summarise(eventful(log).path))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', source)
    check_self_contained(source, html.unescape(policy))
    assert "<script" not in source


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
    assert page.all("script") == []
    assert page.text.count("alert(1)") >= 6
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert "\\x1b[1m\\u202e" in page.text


def test_the_page_says_what_the_text_says(log: Log) -> None:
    eventful(log)
    summary = summarise(log.path)
    page = page_of(log)
    assert headline(summary) in page.text
    for _, command in next_steps(summary):
        assert command in page.text
    assert "101 touched, 3 perhaps touched, 1 not touched" in page.text
    assert "3 orders perhaps touched" in page.text
    assert all(f"46{n}" not in page.text for n in range(100))
    assert page.all("html") == [{"lang": "en"}]
    assert all(head["scope"] == "col" for head in page.all("th"))


def test_every_run_has_a_picture_that_says_in_words_what_it_shows(log: Log) -> None:
    page = page_of(eventful(log))
    assert (len(page.all("svg")), len(page.all("figcaption"))) == (2, 2)
    assert "at most 10 in 1 s" in page.text
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
    assert source.count("<tr>") == MOST_FAILURES + 1
    assert "… and 500 more." in source


@needs_browser
@pytest.mark.parametrize("width", [360, 1280])
async def test_in_a_browser_the_page_fits_and_runs_nothing_of_the_log(
    log: Log, tmp_path: Path, width: int
) -> None:
    eventful(log).run(HOSTILE).result(107, REJECTED, RowError(ErrorKind.API, HOSTILE))
    write_page(tmp_path / "today.html", summarise(log.path))
    # No window of a desktop is as narrow as a phone, but a frame is.
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe src="today.html" width="{width}" height="800"></iframe><script>'
        "onload = () => { const page = frames[0].document, root = page.documentElement;"
        'document.body.append(root.scrollWidth > root.clientWidth ? "too wide" : "fits", '
        "page.title); }</script>"
    )
    page, console = await browse(
        frame.as_uri(), tmp_path / "browser", "--allow-file-access-from-files"
    )
    assert console == ""
    assert "fitsResult of today.csv" in page
