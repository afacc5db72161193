"""The text of whole reports, compared with transcripts.

Write them anew with BULKSTATUS_WRITE_TRANSCRIPTS=1, and read the difference.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from report_logs import FAILED, INVALID, REJECTED, UPDATED, Log

from bulkstatus.log import ErrorKind, Outcome, RowError
from bulkstatus.log.writer import try_lock
from bulkstatus.reporting import summarise, summary_lines
from bulkstatus.words import laid_out

TRANSCRIPTS = Path(__file__).with_name("transcripts")
# Kept from the environment before the tests' own world takes it away.
WRITES = bool(os.environ.get("BULKSTATUS_WRITE_TRANSCRIPTS"))

HOSTILE = "\x1b[31mred\u202e\n"


def _mixed(log: Log) -> None:
    log.run(
        *(str(46140200 + n) for n in range(50)), ("46140250", None, None), ("46140250", 64, "H1")
    )
    log.results(*[UPDATED] * 44, REJECTED, REJECTED, REJECTED, REJECTED, FAILED)
    log.result(
        51, INVALID, RowError(ErrorKind.ROW, 'the status "Dispached" is not one of the nine')
    )
    log.result(50, Outcome.DUPLICATE).result(52).end()


def _stopped(log: Log) -> None:
    log.run(*map(str, range(1, 9))).results(UPDATED, UPDATED).result(3, FAILED, uncertain=True)
    log.end("stopped", "The API answered HTTP 401. Check the API key.")
    log.now += 86_400
    log.run().result(4, after=60.0).result(5).end("interrupted")


def _merged(log: Log) -> None:
    log.run("1", "2", ("3", 8, "T1"), ("3", 8, "T2"))
    log.results(UPDATED, REJECTED, Outcome.SUPERSEDED, UPDATED).end()
    log.run("22", source="mended.csv").result(2, Outcome.WITHDRAWN).result(5).end()


def _after_all(log: Log) -> None:
    log.run("1", "2", "3", ("", None, None)).results(UPDATED, None, None, INVALID).end("stopped")
    log.run(due=[]).result(2, Outcome.WITHDRAWN).result(3, Outcome.WITHDRAWN)
    log.result(4, Outcome.WITHDRAWN).end()
    log.run("2", "4").result(5).result(6).end()


def _hostile(log: Log) -> None:
    error = RowError(ErrorKind.API, HOSTILE, HOSTILE)
    log.run((HOSTILE, 8, HOSTILE), "2", source=HOSTILE, through=2)
    log.result(1, REJECTED, error, uncertain=True).end("stopped", HOSTILE)
    text = log.path.read_text("utf-8")
    for own in ('"anna"', '"desk"', '"R1"'):
        text = text.replace(own, own[:-1] + '\\u001b[1m"')
    log.path.write_text(text, "utf-8")


CASES: dict[str, Callable[[Log], object]] = {
    "finished": lambda log: log.run("1", "2", "3").results(*[UPDATED] * 3).end(),
    "cancelled": lambda log: (
        log.run(*((str(n), 128, None) for n in range(3))).results(UPDATED, REJECTED).end("stopped")
    ),
    "mixed": _mixed,
    "stopped": _stopped,
    "merged": _merged,
    "after-all": _after_all,
    "uncertain": lambda log: (
        log.run("1", "2", through=2).run(due=[(1, 1)]).result(1, REJECTED, uncertain=True).end()
    ),
    "killed": lambda log: log.run(*map(str, range(60)), through=30).results(*[UPDATED] * 5),
    "rehearsal": lambda log: log.run("1", settings={"sandbox": True}).result(1).end(),
    "nothing": lambda log: log.run().end(),
    "hostile": _hostile,
}


def text_of(log: Log, width: int | None = None) -> str:
    return laid_out(summary_lines(summarise(log.path)), width)


def masked(text: str, log: Log) -> str:
    """Return a text without what differs from machine to machine."""
    text = text.replace(f"{log.path.parent}{os.sep}", "FOLDER/")
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE AND TIME", text)


@pytest.mark.parametrize("name", CASES)
def test_a_report_reads_as_its_transcript(log: Log, name: str) -> None:
    CASES[name](log)
    text = masked(text_of(log), log) + "\n"
    transcript = TRANSCRIPTS / f"{name}.txt"
    if WRITES:
        transcript.write_text(text, "utf-8")
    assert text == transcript.read_text("utf-8")


def test_a_run_that_goes_on_is_told_as_such(log: Log) -> None:
    log.run("1", "2").result(1)
    with log.path.open("rb") as file:
        assert try_lock(file.fileno())
        text = text_of(log)
        assert "A run is going on" in text
        assert "The run that goes on finds out: 2" in text


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_wider_than_asked_for_but_commands_and_paths(
    log: Log, name: str, width: int
) -> None:
    CASES[name](log)
    for line in text_of(log, width).split("\n"):
        is_whole = line.strip().startswith("bulkstatus ") or str(log.path) in line
        assert is_whole or len(line) <= width or " " not in line.strip()


def test_long_lists_are_cut_and_say_so(log: Log) -> None:
    log.run(*map(str, range(400)))
    for n in range(1, 401):
        log.result(n, FAILED, RowError(ErrorKind.HTTP, f"word{n % 30}" * 200), uncertain=True)
    for _ in range(30):
        log.end().run(due=[])
    text = text_of(log.end())
    assert len(text.splitlines()) < 150
    assert max(map(len, text.splitlines())) < 400
    assert "… and 10 more kinds" in text
    assert "… and 380 more; --touched FILE lists them all" in text
    assert "… 21 earlier runs" in text
