"""The account's credentials: their header, and keeping the key out of every text."""

import base64
import re
import traceback
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from key_echoes import CARRIERS, ESCAPES, base64_of

from bulkstatus.api.access import Credentials, _echoes
from bulkstatus.errors import SettingsRefused

KEY = "k3y/With+Odd=Signs&<'\">\\%~"
PAIR = Credentials("REF1", KEY)


def test_the_header_is_the_pair_as_it_is_written_or_that_of_http() -> None:
    assert Credentials("REFID", "APIKEY").header("plain") == "basic REFID:APIKEY"
    scheme, _, encoded = PAIR.header("base64").partition(" ")
    assert (scheme, base64.b64decode(encoded)) == ("Basic", f"REF1:{KEY}".encode())


def test_neither_the_pair_shown_nor_a_traceback_with_all_locals_shows_the_key() -> None:
    def fail(pair: Credentials) -> None:
        raise RuntimeError(pair)

    with pytest.raises(RuntimeError) as raised:
        fail(PAIR)
    error = traceback.TracebackException(raised.type, raised.value, raised.tb, capture_locals=True)
    for shown in (f"{PAIR} {PAIR!r} {(PAIR,)!a}", "".join(error.format())):
        assert "Credentials(ref_id='REF1', api_key=" in shown
        assert "k3y" not in shown


@pytest.mark.parametrize(
    "value", ["", " ", "a b", " a", "a ", "a\n", "a\r\nx: y", "a\tb", "a\x00", "a\x7f", "é",
              "a\u00a0", "\u200ba", "\ufeffa", "a\ud800"],
)  # fmt: skip
def test_a_pair_that_no_header_takes_is_refused_by_name_without_being_shown(value: str) -> None:
    with pytest.raises(SettingsRefused, match="BULKSTATUS_API_KEY") as refused:
        Credentials("R1", value).check()
    assert not value.strip() or value not in str(refused.value).replace("a", "")
    with pytest.raises(SettingsRefused, match="BULKSTATUS_REF_ID"):
        Credentials(value, "K1").check()


def test_a_colon_fits_the_key_and_in_the_ref_id_would_move_into_it() -> None:
    for pair in (("R", "K"), ("REF-1", "a" * 200), ("R1", KEY), ("1", ":")):
        Credentials(*pair).check()
    with pytest.raises(SettingsRefused, match=r"BULKSTATUS_REF_ID.*colon"):
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
def test_the_key_is_taken_out_however_it_is_carried_and_escaped(
    carry: Callable[[Credentials], str], escape: Callable[[str], str]
) -> None:
    for ref_id in ("R", "R2", "REF"):
        pair = Credentials(ref_id, KEY)
        shown = pair.redact(f"Bad header ({escape(carry(pair))}) in request")
        assert re.fullmatch(r"Bad header \(.*\[API key\].*\) in request", shown)
        for secret in secrets_of(pair):
            assert secret not in shown
            assert escape(secret) not in shown


@pytest.mark.parametrize("key", ["K", "K1", "abc", "12345"])
def test_a_short_key_is_taken_out_too_alone_and_in_the_header(key: str) -> None:
    for ref_id in ("R", "R1", "REF"):
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


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [("\\" * 8, "\\", "\\"), ("%25%25%25", "%", "25"), ("aaaaaaaa", "aaa", "aaa")],
)
def test_no_text_around_the_key_keeps_it_from_being_taken_out(
    key: str, before: str, after: str
) -> None:
    assert key not in Credentials("R", key).redact(before + key + after)


@settings(deadline=None)
@given(st.text())
@example("k3y/With")
@example("REF1 basic W10= [API key]")
def test_a_text_without_the_key_is_left_as_it_is(text: str) -> None:
    assert PAIR.redact(text) == text


def test_nothing_is_left_of_the_key_wherever_it_stands() -> None:
    assert PAIR.redact(f"{KEY}{KEY} and {KEY}") == "[API key][API key] and [API key]"
    assert PAIR.redact(PAIR.header("base64")).rstrip("=") == "Basic [API key]"
    assert PAIR.redact(base64_of(KEY)).rstrip("=") == "[API key]"
