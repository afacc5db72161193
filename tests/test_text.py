"""Text from outside made harmless for a terminal."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.text import printable

#: Every character, lone surrogates included.
any_text = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Invalid order status", "Invalid order status"),
        ("Grüße, 東京 🚚 é", "Grüße, 東京 🚚 é"),
        ("a\u00a0b", "a\u00a0b"),
        ("back\\slash", "back\\slash"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x00\x07\x08\x7f", r"\x00\x07\x08\x7f"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]8;;http://evil\x1b\\click", r"\x1b]8;;http://evil\x1b\click"),
        ("\x9b31m\x85\x90", r"\x9b31m\x85\x90"),
        ("abc\u202edcba", r"abc\u202edcba"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("a\u200bb\ufeffc\u2060d", r"a\u200bb\ufeffc\u2060d"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("a\u00adb\u180ec\ufff9d", r"a\xadb\u180ec\ufff9d"),
        ("a\U000e0041b", r"a\U000e0041b"),
        # What a header's undecodable bytes become; no file and no terminal takes them.
        ("a\udcffb\ud800", r"a\udcffb\ud800"),
    ],
)
def test_what_could_act_on_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("\x1b\x1b", 8, r"\x1b\x1b"),
        ("\x1b\x1b", 7, r"\x1b\x…"),
        ("abcd", None, "abcd"),
    ],
)
def test_a_long_text_is_cut_with_a_sign_that_it_was(
    text: str, limit: int | None, shown: str
) -> None:
    assert printable(text, limit) == shown


def test_no_control_or_line_breaking_character_of_unicode_comes_through() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    unsafe = [char for char in every if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}]
    assert len(unsafe) > 2000
    for char in unsafe:
        assert char not in printable(f"a{char}b")


@given(any_text, st.none() | st.integers(1, 50))
def test_printable_text_is_one_line_that_can_be_written_anywhere(
    text: str, limit: int | None
) -> None:
    shown = printable(text, limit)
    shown.encode("utf-8")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", shown)
    assert shown.splitlines() in ([], [shown])
    assert limit is None or len(shown) <= limit
    assert printable(shown, limit) == shown
