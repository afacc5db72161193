import re
import shlex
import subprocess
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.words import (
    capitalised,
    clock_time,
    command_line,
    counted,
    duration,
    laid_beside,
    laid_out,
    printable,
    some_of,
)


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("", None, ""),
        ("Grüße, 東京 🚚 é a\u00a0b back\\slash", None, "Grüße, 東京 🚚 é a\u00a0b back\\slash"),
        ("a\nb\tc\r\x00\x07\x08\x7f", None, r"a\nb\tc\r\x00\x07\x08\x7f"),
        ("\x1b]8;;http://evil\x1b\\click", None, r"\x1b]8;;http://evil\x1b\click"),
        ("\x9b31m\x85\x90", None, r"\x9b31m\x85\x90"),
        ("abc\u202edcba\u2066b\u2069", None, r"abc\u202edcba\u2066b\u2069"),
        ("a\u200bb\ufeffc\u2060d", None, r"a\u200bb\ufeffc\u2060d"),
        ("a\u2028b\u2029c", None, r"a\u2028b\u2029c"),
        ("a\u00adb\u180ec\ufff9d\U000e0041", None, r"a\xadb\u180ec\ufff9d\U000e0041"),
        # What a header's undecodable bytes become; no file and no terminal takes them.
        ("a\udcffb\ud800", None, r"a\udcffb\ud800"),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("\x1b\x1b", 7, r"\x1b\x…"),
    ],
)
def test_what_could_act_on_a_terminal_is_shown_as_an_escape_and_a_long_text_cut(
    text: str, limit: int | None, shown: str
) -> None:
    assert printable(text, limit) == shown


@given(st.text(st.characters(exclude_categories=())), st.none() | st.integers(1, 50))
def test_printable_text_is_one_line_that_can_be_written_anywhere(
    text: str, limit: int | None
) -> None:
    shown = printable(text, limit)
    shown.encode("utf-8")
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown)
    assert limit is None or len(shown) <= limit
    assert printable(shown, limit) == shown


@pytest.mark.parametrize(
    ("say", "value", "words"),
    [
        (duration, 0, "1 s"),
        (duration, 1.6, "2 s"),
        (duration, 89.4, "89 s"),
        (duration, 90, "2 min"),
        (duration, 5369, "89 min"),
        (duration, 5400, "1 h 30 min"),
        (duration, 7260, "2 h 01 min"),
        (duration, 47 * 3600, "47 h 00 min"),
        (duration, 48 * 3600, "2 days"),
        (duration, 100 * 3600, "4 days"),
        (lambda count: counted(count, "row"), 0, "0 rows"),
        (lambda count: counted(count, "row"), 1, "1 row"),
        (lambda count: some_of("abc", count), 3, "a, b, c"),
        (lambda count: some_of("abc", count), 2, "a, b and 1 more"),
        (lambda count: some_of("abc", count, are_all=False), 2, "a, b and others"),
        (lambda _: capitalised("the API said no"), 0, "The API said no"),
    ],
)
def test_numbers_read_as_people_say_them(
    say: Callable[[float], str], value: float, words: str
) -> None:
    assert say(value) == words


@pytest.mark.parametrize(
    ("ahead", "form"),
    [(5, "%H:%M:%S"), (119, "%H:%M:%S"), (121, "%H:%M"), (100_000, "%a %d %b, %H:%M")],
)
def test_a_time_of_day_is_as_exact_as_it_is_near(ahead: float, form: str) -> None:
    now = 1_764_000_000.0
    assert clock_time(now + ahead, now) == time.strftime(form, time.localtime(now + ahead))


@pytest.mark.parametrize(
    "path",
    ["today.csv", "to day.csv", "it's.csv", "a$(b).csv", "ä.csv", "-x", "a;b", "*", 'q"q', "&", ""],
)
def test_a_command_means_the_same_words_to_a_posix_shell(path: str) -> None:
    line = command_line("bulkstatus", "resume", path, windows=False)
    assert shlex.split(line) == ["bulkstatus", "resume", path]
    # A file that is called like an option is none.
    words = shlex.split(command_line("resume", Path(path), windows=False))
    assert (words[1].startswith("-"), Path(words[1])) == (False, Path(path))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (r"C:\days\today.csv", r"C:\days\today.csv"),
        (r"C:\my days\today.csv", r'"C:\my days\today.csv"'),
        ("a&b.csv", '"a&b.csv"'),
        ("a(1).csv", '"a(1).csv"'),
        ("a;b.csv", '"a;b.csv"'),
    ],
)
def test_a_command_is_quoted_as_windows_takes_it(path: str, shown: str) -> None:
    line = command_line("bulkstatus", "resume", path, windows=True)
    assert line == f"bulkstatus resume {shown}"
    if " " in path:
        assert line == subprocess.list2cmdline(["bulkstatus", "resume", path])


LONG = "a-log-of-a-rather-long-name.results.jsonl"
SENTENCE = "a sentence that goes on for rather longer than forty characters"


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["", "short"], ["", "short"]),
        ([SENTENCE], ["a sentence that goes on for rather", "longer than forty characters"]),
        # Rests of what is indented or has a label are indented further.
        (["  one of those that are too long for their line"],
         ["  one of those that are too long for", "    their line"]),
        (laid_beside([("Rows", [SENTENCE])]),
         ["Rows       a sentence that goes on for", "             rather longer than forty",
          "             characters"]),
        (laid_beside([("To send", ["3 rows", "  2 Dispatched", ""])]),
         ["To send    3 rows", "             2 Dispatched", ""]),
        (laid_beside([("Nothing", [])]), []),
        (laid_beside([("Log", [""])]), ["Log"]),
        # Nor is an option broken, at its hyphens.
        (["Give another address with your --base-url."],
         ["Give another address with your", "--base-url."]),
        # A command stays whole, and so does a path without blanks.
        (laid_beside([("Log", [f"a/{LONG}"])]), [f"Log        a/{LONG}"]),
        ([f"  bulkstatus resume {LONG} --rate none"], [f"  bulkstatus resume {LONG} --rate none"]),
        ([f"Make room on the disk or mend it, then go on with:  bulkstatus resume {LONG}"],
         ["Make room on the disk or mend it, then", "go on with:",
          f"  bulkstatus resume {LONG}"]),
        # No text from outside makes a label or a line.
        (laid_beside([("Log", ["a\tb\nc"])]), [r"Log        a\tb\nc"]),
    ],
)  # fmt: skip
def test_lines_are_broken_at_blanks_and_what_is_to_be_copied_is_not(
    lines: list[str], shown: list[str]
) -> None:
    assert laid_out(list(lines), 40).split("\n") == (shown or [""])


@given(
    st.lists(st.tuples(st.sampled_from(["", "To send"]), st.text(max_size=200)), max_size=5),
    st.integers(1, 120),
)
def test_nothing_is_lost_by_laying_lines_out(texts: list[tuple[str, str]], width: int) -> None:
    lines = list(laid_beside((label, [text]) for label, text in texts))
    assert laid_out(lines, width).split() == laid_out(lines, None).split()
