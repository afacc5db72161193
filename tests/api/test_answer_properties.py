"""Whatever a server answers: `judge` has a meaning for it, and nothing of it does harm."""

import gzip
import re
from collections.abc import Callable

import orjson
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from key_echoes import CARRIERS, ESCAPES, keys, ref_ids
from multidict import CIMultiDict

from bulkstatus.api.access import Credentials
from bulkstatus.api.answer import MESSAGE_LIMIT, Answer, Meaning, judge
from bulkstatus.log.records import (
    ErrorKind,
    Outcome,
    Result,
    RowError,
    line_of,
    parse_line,
    timestamp,
)

# As aiohttp hands them over: undecodable bytes of a header are lone surrogates.
header_text = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=()))
headers = st.dictionaries(
    st.sampled_from(["Retry-After", "Date", "Location", "Content-Length", "Transfer-Encoding"]),
    header_text | st.integers(-5, 10**30).map(str) | st.datetimes().map("{:%a, %d %b %Y}".format),
    max_size=4,
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text()
    | st.sampled_from([401, 50000, 50001, "50000", 50000.0, "Authentication required", ""])
)
names = st.sampled_from(["error", "Error", "message", "code", "status"]) | st.text(max_size=3)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
).map(orjson.dumps)
pieces = st.sampled_from(
    [b'{"error":', b"{", b"}", b"[", b"]", b"null", b",", b'"', b"<html>", b"\xef\xbb\xbf", b"\x00",
     b'"code":50000', b'"message":', b"limit", b"requests", b"\xff", b"\\u0065rror", b" " * 999]
)  # fmt: skip
bodies = (
    st.binary() | documents | st.lists(pieces | st.binary(max_size=3), max_size=12).map(b"".join)
)
statuses = st.integers(100, 999) | st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 503])


def has_error(part: object) -> bool:
    if isinstance(part, list):
        return any(map(has_error, part))
    return isinstance(part, dict) and any(
        (key.casefold() in {"error", "errors"} and bool(value)) or has_error(value)
        for key, value in part.items()
    )


@settings(deadline=None)
@given(statuses, headers, bodies, st.booleans(), st.floats(0, 1e11))
@example(200, {}, b'{"error":' + b"[" * 1000 + b"]" * 1000 + b"}", True, 0.0)
@example(200, {}, b'{"error":null,"a":' + b"[" * 1000 + b"]" * 1000 + b"}", True, 0.0)
@example(200, {}, b'{"error":null,"a":' + b"1" * 5000 + b"}", True, 0.0)
@example(302, {"Location": "\udcff\ud800"}, b"", True, 0.0)
def test_every_answer_has_a_meaning_and_can_be_logged(
    status: int, fields: dict[str, str], body: bytes, complete: bool, now: float
) -> None:
    answer = judge(status, CIMultiDict(fields), body, complete, now)
    assert answer.meaning is not Meaning.UNANSWERED
    assert answer.http_status == status
    assert (answer.error is None) == (answer.meaning is Meaning.UPDATED)
    assert answer.retry_after is None or 0.0 <= answer.retry_after <= 1e12
    if answer.meaning is Meaning.UPDATED:
        assert 200 <= status < 300
        assert complete
    error = answer.tidied(str).error
    result = Result(1, 2, "1", 8, None, Outcome.REJECTED, status, 1, 1.0, timestamp(0), error)
    assert parse_line(line_of(result)) == result


@settings(deadline=None)
@given(st.integers(200, 299), documents)
def test_a_success_is_never_told_where_the_body_has_an_error(status: int, body: bytes) -> None:
    assume(not isinstance(orjson.loads(body), str))
    answer = judge(status, CIMultiDict(), body, True, 0.0)
    says_no = answer.meaning is not Meaning.UPDATED
    assert says_no or not has_error(orjson.loads(body))


encodings = st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)


@settings(deadline=None)
@given(documents.filter(lambda body: body[:1] in b"{["), encodings, st.booleans(), st.data())
def test_json_that_is_cut_off_anywhere_is_no_success_in_any_encoding(
    document: bytes, encoding: str, compressed: bool, data: st.DataObject
) -> None:
    body = document.decode().encode(encoding)
    whole = judge(200, CIMultiDict(), document, True, 0.0)
    if compressed:
        body = gzip.compress(body, mtime=0)
    assert judge(200, CIMultiDict(), body, True, 0.0) == whole
    # A byte of the mark or of the first character is not yet the beginning of JSON.
    cut = body[: data.draw(st.integers(6, max(6, len(body) - 1)))]
    assume(len(cut) < len(body))
    assert judge(200, CIMultiDict(), cut, True, 0.0).meaning is Meaning.TRANSIENT


@settings(deadline=None)
@given(st.sampled_from(ESCAPES), st.sampled_from(CARRIERS), ref_ids, keys, statuses, st.data())
def test_a_tidied_answer_shows_neither_the_key_nor_a_control_character(
    escape: Callable[[str], str],
    carry: Callable[[Credentials], str],
    ref_id: str,
    key: str,
    status: int,
    data: st.DataObject,
) -> None:
    """Whatever the server writes around the key, and wherever the text is cut."""
    assume(key not in "[API key] HTTP 200 with an answer")
    pair = Credentials(ref_id, key)
    echo = escape(carry(pair))
    before = data.draw(st.text() | st.integers(0, 2 * MESSAGE_LIMIT).map("\x1b".__mul__))
    said = before + echo + data.draw(st.text())
    shapes = [
        orjson.dumps({"error": {"message": said, "code": said}}),
        orjson.dumps({"error": {"message": {said: [said]}, "code": 0}}),
        orjson.dumps({"message": said}),
        said.encode(),
        b'{"error":{"message":"' + said.encode(),
    ]
    fields = CIMultiDict({"Location": f"https://x/?{said}", "Retry-After": said})
    body, complete = data.draw(st.sampled_from(shapes)), data.draw(st.booleans())
    answer = judge(status, fields, body, complete, 0.0).tidied(pair.redact)
    shown = [answer.advice]
    if answer.error is not None:
        shown += [answer.error.message, str(answer.error.code)]
    for text in shown:
        assert len(text) <= MESSAGE_LIMIT
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
        for form in (key, escape(key), echo):
            assert form not in text


@pytest.mark.parametrize(
    ("message", "code", "shown"),
    [
        ("  no\r\n\tway  ", 0, ("no way", 0)),
        ("\x1b[2Jno", None, (r"\x1b[2Jno", None)),
        ("x" * 300, "E 1\n", ("x" * 300, "E 1")),
        ("x" * 301, "9" * 999, ("x" * 299 + "…", "9" * 299 + "…")),
        ("\udcff", "\x1b", (r"\udcff", r"\x1b")),
        ("no", 12345678, ("no", "[API key]")),
        ("no", "12345678", ("no", "[API key]")),
        # Taken out before the text is cut: a half of it could not be recognised.
        ("x" * 297 + "12345678", 0, ("x" * 297 + "[A…", 0)),
    ],
)
def test_what_the_server_wrote_becomes_one_short_line_without_the_key(
    message: str, code: int | str | None, shown: tuple[str, int | str | None]
) -> None:
    answer = Answer(Meaning.REFUSED, 400, RowError(ErrorKind.API, message, code))
    tidied = answer.tidied(Credentials("R1", "12345678").redact).error
    assert tidied == RowError(ErrorKind.API, *shown)
