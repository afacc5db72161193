"""The account's credentials: their header, and keeping the key out of every text."""

import base64
import re
import traceback
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from key_echoes import CARRIERS, ESCAPES, base64_of, keys, ref_ids

from bulkstatus.credentials import Credentials, _echoes
from bulkstatus.errors import SettingsRefused

KEY = "k3y/With+Odd=Signs&<'\">\\%~"
PAIR = Credentials("REF1", KEY)


def test_the_plain_header_is_the_pair_as_it_is_written() -> None:
    assert Credentials("REFID", "APIKEY").header("plain") == "basic REFID:APIKEY"


def test_the_base64_header_is_that_of_http() -> None:
    assert Credentials("REFID", "APIKEY").header("base64") == "Basic UkVGSUQ6QVBJS0VZ"
    scheme, _, encoded = PAIR.header("base64").partition(" ")
    assert (scheme, base64.b64decode(encoded)) == ("Basic", f"REF1:{KEY}".encode())


@pytest.mark.parametrize("show", [repr, str, "{}".format, "%s".__mod__, "{!r:>3}".format, ascii])
def test_the_pair_shown_does_not_show_the_key(show: Callable[[object], str]) -> None:
    shown = show((PAIR,))
    assert "REF1" in shown
    assert KEY not in shown
    assert "k3y" not in shown


def test_a_traceback_with_all_locals_does_not_show_the_key() -> None:
    def fail(pair: Credentials) -> None:
        raise RuntimeError(pair)

    with pytest.raises(RuntimeError) as raised:
        fail(PAIR)
    shown = traceback.TracebackException(raised.type, raised.value, raised.tb, capture_locals=True)
    lines = "".join(shown.format())
    assert "pair = Credentials(ref_id='REF1', api_key=…)" in lines
    assert "k3y" not in lines


@pytest.mark.parametrize(
    ("ref_id", "key"), [("R", "K"), ("REF-1", "a" * 200), ("R1", KEY), ("1", ":")]
)
def test_a_pair_that_fits_a_header_is_accepted(ref_id: str, key: str) -> None:
    Credentials(ref_id, key).check()


@pytest.mark.parametrize(
    "value",
    ["", " ", "a b", "a  b", " a", "a ", "a\n", "\na", "a\r\nx: y", "a\tb", "a\x00", "a\x7f", "é",
     "a\u00a0", "\u200ba", "\ufeffa", "a\ud800"],
)  # fmt: skip
def test_a_pair_that_no_header_takes_is_refused_by_name_without_being_shown(value: str) -> None:
    with pytest.raises(SettingsRefused, match="BULKSTATUS_API_KEY is empty or holds") as refused:
        Credentials("R1", value).check()
    assert not value.strip() or value not in str(refused.value).replace("a", "")
    with pytest.raises(SettingsRefused, match="BULKSTATUS_REF_ID is empty or holds"):
        Credentials(value, "K1").check()


def test_a_colon_in_the_ref_id_is_refused_since_it_would_move_into_the_key() -> None:
    with pytest.raises(SettingsRefused, match="colon"):
        Credentials("R:1", "K1").check()


def secrets_of(pair: Credentials) -> list[str]:
    """Every text that gives the key away: itself, and it in base64 of whatever it stands in."""
    found = [pair.api_key]
    for shift in range(3):
        encoded = base64_of("\0" * shift + pair.api_key)
        # Whole characters of the key alone; those at its ends hold bits of its neighbours.
        found.append(encoded[(shift * 8 + 5) // 6 : (shift + len(pair.api_key)) * 8 // 6])
    return found + [one.translate(str.maketrans("+/", "-_")) for one in found[1:]]


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("carry", CARRIERS)
@pytest.mark.parametrize("ref_id", ["R", "R2", "REF"])
def test_the_key_is_taken_out_however_it_is_carried_and_escaped(
    carry: Callable[[Credentials], str], escape: Callable[[str], str], ref_id: str
) -> None:
    pair = Credentials(ref_id, KEY)
    echoed = escape(carry(pair))
    shown = pair.redact(f"Bad header ({echoed}) in request")
    assert "[API key]" in shown
    assert shown.startswith("Bad header (")
    assert shown.endswith(") in request")
    for secret in secrets_of(pair):
        assert secret not in shown
        assert escape(secret) not in shown


@pytest.mark.parametrize("ref_id", ["R", "R1", "REF"])
@pytest.mark.parametrize("key", ["K", "K1", "abc", "12345"])
def test_a_short_key_is_taken_out_too_alone_and_in_the_header(key: str, ref_id: str) -> None:
    pair = Credentials(ref_id, key)
    for echo in (key, pair.header("plain"), pair.header("base64"), base64_of(key)):
        shown = pair.redact(f"<{echo}>")
        assert "[API key]" in shown
        assert echo not in shown


def test_no_hostile_text_is_slow_to_search() -> None:
    """Every repetition in the pattern is bounded, so the work is linear in the text."""
    pattern = _echoes("REF1", "abc\\\\\\def000").pattern
    assert pattern.count("{") > 100
    assert not re.search(r"\*|(?<!\})\+|,\}", pattern)


@settings(deadline=None)
@given(ref_ids, keys, st.sampled_from(ESCAPES), st.sampled_from(CARRIERS), st.text(), st.text())
@example("R", "\\" * 8, ESCAPES[0], CARRIERS[0], "\\", "\\")
@example("R", "%25%25%25", ESCAPES[0], CARRIERS[0], "%", "25")
@example("R", "aaaaaaaa", ESCAPES[0], CARRIERS[0], "aaa", "aaa")
def test_no_text_around_the_key_keeps_it_from_being_taken_out(
    ref_id: str,
    key: str,
    escape: Callable[[str], str],
    carry: Callable[[Credentials], str],
    before: str,
    after: str,
) -> None:
    assume(key not in "[API key]")
    pair = Credentials(ref_id, key)
    echoed = escape(carry(pair))
    shown = pair.redact(before + echoed + after)
    assert escape(key) not in shown
    assert key not in shown
    assert echoed not in shown


@settings(deadline=None)
@given(st.text())
def test_a_text_without_the_key_is_left_as_it_is(text: str) -> None:
    assert PAIR.redact(text) == text


@pytest.mark.parametrize(
    "text", ["k3y", "k3y/With", "REF1", "Invalid order status", "basic", "W10=", "[API key]"]
)
def test_what_only_resembles_the_key_is_left_as_it_is(text: str) -> None:
    assert PAIR.redact(text) == text


def test_of_a_header_in_base64_nothing_is_left() -> None:
    assert PAIR.redact(PAIR.header("base64")).rstrip("=") == "Basic [API key]"


def test_of_the_key_in_base64_nothing_is_left() -> None:
    assert PAIR.redact(base64_of(KEY)).rstrip("=") == "[API key]"


def test_every_occurrence_is_taken_out() -> None:
    assert PAIR.redact(f"{KEY}{KEY} and {KEY}") == "[API key][API key] and [API key]"
