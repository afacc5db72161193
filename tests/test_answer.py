"""What an answer means, as one table over (HTTP status, headers, body)."""

import gzip
from typing import Any

import pytest
from judging import BOM, LOGIN_PAGE, error, judged, nested
from multidict import CIMultiDict

from bulkstatus import answer as answer_module
from bulkstatus.answer import (
    CHECK_COMPANY,
    CHECK_CREDENTIALS,
    CHECK_PERMISSION,
    CHECK_PROXY,
    CHECK_PROXY_LOGIN,
    CHECK_URL,
    Meaning,
    judge,
)
from bulkstatus.result import ErrorKind

UPDATED, REFUSED, FORBIDDEN = Meaning.UPDATED, Meaning.REFUSED, Meaning.FORBIDDEN
LIMITED, TRANSIENT, FATAL = Meaning.LIMITED, Meaning.TRANSIENT, Meaning.FATAL
UNKNOWN_PAGE = Meaning.UNKNOWN_PAGE
API, HTTP = ErrorKind.API, ErrorKind.HTTP

# Each row: HTTP status, body, what it means.
MEANINGS = [
    # 2xx without an error is an update, whatever else it says: the vendor shows no success.
    (200, b"", UPDATED),
    (204, b"", UPDATED),
    (202, b'{"status":8}', UPDATED),
    (299, b"ok", UPDATED),
    (200, b'{"order_id":"46140204","status":8}', UPDATED),
    (200, b'{"error":null}', UPDATED),
    (200, b'{"ERROR":null,"status":8}', UPDATED),
    (200, b'{"errors":[],"status":8}', UPDATED),
    (200, b"null", UPDATED),
    (200, b"true", UPDATED),
    (200, b'"error"', UPDATED),
    (200, b"[]", UPDATED),
    (200, b'[{"id":1},{"error":null}]', UPDATED),
    (200, b'{"items":[{"error":null}]}', UPDATED),
    (200, b"{status: ok}", UPDATED),
    (200, b"\xff\xfe\x00", UPDATED),
    (200, BOM + b'{"status":8}', UPDATED),
    (200, b"<status>8</status>", UPDATED),
    (200, b"1 < 2, and the body of the order is sent", UPDATED),
    (200, nested(300), UPDATED),
    (200, b"[" * 5000 + b"]" * 5000, UPDATED),
    # 2xx with an error is the API's refusal, however the error is written.
    (200, error("Invalid order status"), REFUSED),
    (201, BOM + error("Invalid order status"), REFUSED),
    (200, b'{"error":{}}', REFUSED),
    (200, b'{"Error":{"message":"no"}}', REFUSED),
    (200, b'{"\\u0065rror":{"message":"no"}}', REFUSED),
    (200, b'{"error":"no"}', REFUSED),
    (200, b'{"error":""}', REFUSED),
    (200, b'{"error":false}', REFUSED),
    (200, b'{"error":0}', REFUSED),
    (200, b'{"error":[]}', REFUSED),
    (200, b'[{"status":8},{"error":{"message":"no"}}]', REFUSED),
    (200, b'{"result":{"error":{"message":"no"}}}', REFUSED),
    (200, b'{"items":[{"id":1},[{"error":{"message":"no"}}]]}', REFUSED),
    (200, nested(200, b'{"error":{"message":"no"}}'), REFUSED),
    (200, b'{"error":' + b"[" * 400 + b"]" * 400 + b"}", REFUSED),
    (200, b'{"error":{"message":' + nested(400) + b"}}", REFUSED),
    # Of two keys of one name a parser keeps the last; the first must not be lost by that.
    (200, b'{"error":{"message":"no"},"error":null}', REFUSED),
    (200, b'{"error":null,"error":{"message":"no"}}', REFUSED),
    (200, b'{"error":null,"Error":{"message":"no"}}', REFUSED),
    (200, b'{"error":null,"error":null}', UPDATED),
    (200, b'{"error":null,"big":' + b"1" * 300 + b"}", UPDATED),
    (200, b'{"error":{"message":"no"},"error":null,"deep":' + nested(1000) + b"}", REFUSED),
    # 2xx that is a web page: something else answered.
    (200, LOGIN_PAGE, FATAL),
    (200, LOGIN_PAGE.upper(), FATAL),
    (200, BOM + b"\r\n\r\n" + LOGIN_PAGE, FATAL),
    (200, b"<!-- by the portal -->\n" + LOGIN_PAGE, FATAL),
    (200, b"<!--" + b" " * 20_000 + b"-->" + LOGIN_PAGE, FATAL),
    (200, b"<?xml version='1.0'?>" + LOGIN_PAGE, FATAL),
    (200, b"<!DocType\n\thtml><p>Hello", FATAL),
    (200, b"<script>location='/login'</script>", FATAL),
    (200, b"<form action=/login>", FATAL),
    (200, b'<meta http-equiv="refresh" content="0;/login">', FATAL),
    (200, b"<div>Log in</div>", FATAL),
    (200, b"<h1>It works!</h1>", FATAL),
    (200, b"<center>Log in</center>", FATAL),
    (200, LOGIN_PAGE.decode().encode("utf-16"), FATAL),
    (200, LOGIN_PAGE.decode().encode("utf-16-be"), FATAL),
    (200, LOGIN_PAGE + b'<script>x = {"error": null}</script>', FATAL),
    # An answer of the API that is broken off where it speaks of an error.
    (200, b'{"error":{"message":"Invalid ord', TRANSIENT),
    (200, b'{"error" : tr', TRANSIENT),
    # The API's refusals.
    (400, error("Invalid order status"), REFUSED),
    (400, error("Invalid item specified, index 0"), REFUSED),
    (400, error("invalid JSON", 100), REFUSED),
    (404, error("Unknown order"), REFUSED),
    (405, error("No"), REFUSED),
    (409, error("Invalid order status"), REFUSED),
    (422, error("Invalid order status"), REFUSED),
    (400, b'{"error":"Invalid order status"}', REFUSED),
    (400, b'{"error":null}', REFUSED),
    (400, b"", REFUSED),
    (400, b"{", REFUSED),
    (400, b"[]", REFUSED),
    (400, LOGIN_PAGE, REFUSED),
    # A page can hold any words.
    (400, b"<html>Authentication required. Too many requests.</html>", REFUSED),
    (500, b"<html>Authentication required. Too many requests.</html>", TRANSIENT),
    (409, b"conflict", REFUSED),
    (410, b"", REFUSED),
    (422, b"", REFUSED),
    (418, b"", REFUSED),
    (404, b'{"fault":{"error":{"message":"Unknown order"}}}', REFUSED),
    # Wrong credentials: a 400 with a code, seldom a 401.
    (400, error("RefID or API key incorrect", 50000), FATAL),
    (400, error("RefID or API key incorrect", "50000"), FATAL),
    (400, error("RefID or API key incorrect", " 50000 "), FATAL),
    (400, error("RefID or API key incorrect", 50000.0), FATAL),
    (500, error("RefID or API key incorrect", 50000), FATAL),
    (200, error("RefID or API key incorrect", 50000), FATAL),
    (404, error("RefID or API key incorrect", 50000), FATAL),
    (403, error("RefID or API key incorrect", 50000), FATAL),
    (400, error(None, 50000), FATAL),
    (400, error("unauthorised transaction", 401), FATAL),
    (400, error("company type", 50001), FATAL),
    (400, b'[{"error":{"message":"no","code":50000}}]', FATAL),
    (400, b'{"error":{"message":"no","code":50000},"error":null}', FATAL),
    (400, error("Authentication required"), FATAL),
    (500, error("authentication required"), FATAL),
    (400, b'{"error":"Authentication required"}', FATAL),
    (400, b"Authentication required", FATAL),
    (401, b"", FATAL),
    (401, error("no", 7), FATAL),
    (401, LOGIN_PAGE, FATAL),
    (407, b"", FATAL),
    (407, error("no", 7), FATAL),
    # Codes that only look like those.
    (400, error("no", 5000), REFUSED),
    (400, error("no", -50000), REFUSED),
    (400, error("no", 50000.5), REFUSED),
    (400, error("no", "50000x"), REFUSED),
    (400, error("no", "9" * 5000), REFUSED),
    (400, error("no", "\u00b2"), REFUSED),
    (400, error("no", True), REFUSED),
    (400, error("no", [50000]), REFUSED),
    (400, error("no", {"code": 50000}), REFUSED),
    (400, b'{"error":{"message":"no","code":1e300}}', REFUSED),
    (400, b'{"error":{"message":"no","code":' + b"5" * 400 + b"}}", REFUSED),
    (400, error("order 50000 is unknown"), REFUSED),
    # Not allowed: this order or all of them.
    (403, b"", FORBIDDEN),
    (403, LOGIN_PAGE, FORBIDDEN),
    (403, error("no"), FORBIDDEN),
    (400, error("Permission denied (orders.status)"), FORBIDDEN),
    (200, error("permission denied"), FORBIDDEN),
    (500, error("Permission denied"), FORBIDDEN),
    (400, error("The carrier says: permission denied"), REFUSED),
    # The base URL is wrong, or the order is unknown.
    (404, b"", UNKNOWN_PAGE),
    (405, b"", UNKNOWN_PAGE),
    (404, LOGIN_PAGE, UNKNOWN_PAGE),
    (404, b'{"message":"no such route"}', UNKNOWN_PAGE),
    (404, b'{"timestamp":1,"status":404,"error":"Not Found","path":"/order"}', UNKNOWN_PAGE),
    (404, b'{"error":null}', UNKNOWN_PAGE),
    # Redirects are not followed.
    (300, b"", FATAL),
    (301, b"", FATAL),
    (302, LOGIN_PAGE, FATAL),
    (304, b"", FATAL),
    (307, b'{"status":8}', FATAL),
    (308, b"", FATAL),
    # A captive portal asks to be logged in to.
    (511, b"", FATAL),
    # What may pass.
    (408, b"", TRANSIENT),
    (425, b"", TRANSIENT),
    (500, b"", TRANSIENT),
    (500, error("Something broke"), TRANSIENT),
    (501, b"", TRANSIENT),
    (502, LOGIN_PAGE, TRANSIENT),
    (503, b"", TRANSIENT),
    (504, b"", TRANSIENT),
    (524, b"", TRANSIENT),
    (599, b"", TRANSIENT),
    (999, b"", TRANSIENT),
    (500, b"{", TRANSIENT),
    (500, gzip.compress(b"{}", mtime=0), TRANSIENT),
    # No end of an HTTP exchange; whoever wrote it, the API has not said no.
    (101, b"", TRANSIENT),
    (199, b"", TRANSIENT),
]


@pytest.mark.parametrize(("status", "body", "meaning"), MEANINGS)
def test_an_answer_means(status: int, body: bytes, meaning: Meaning) -> None:
    answer = judged(status, body)
    assert answer.meaning is meaning
    assert answer.http_status == status
    assert (answer.error is None) == (meaning is UPDATED)
    assert answer.retry_after is None


# Each row: HTTP status, body, the error's kind, code and message.
ERRORS: list[tuple[int, bytes, ErrorKind, int | str | None, str]] = [
    (400, error("Invalid order status"), API, 0, "Invalid order status"),
    (200, error("Invalid order status", "E7"), API, "E7", "Invalid order status"),
    (500, error("Something broke", 3), API, 3, "Something broke"),
    (400, error("no", 50000.0), API, 50000, "no"),
    (400, error("no", 1.5), API, None, "no"),
    (400, error("no", True), API, None, "no"),
    (400, error("no", None), API, None, "no"),
    (400, error("no", [1]), API, None, "no"),
    (400, b'{"error":{"message":"no"}}', API, None, "no"),
    (400, b'{"error":{"message":"no","code":1e300}}', API, None, "no"),
    (400, b'{"error":{"code":7}}', API, 7, '{"code":7}'),
    (400, error("", 7), API, 7, '{"message":"","code":7}'),
    (400, error({"en": "no"}, 7), API, 7, '{"en":"no"}'),
    (400, error(["a", "b"], 7), API, 7, '["a","b"]'),
    (400, error(12, 7), API, 7, "12"),
    (200, b'{"error":"no"}', API, None, "no"),
    (200, b'{"error":false}', API, None, "false"),
    (200, b'{"error":[1,"a"]}', API, None, '[1,"a"]'),
    (200, b'{"error":{"message":"no","code":7},"error":null}', API, 7, "no"),
    (400, b"", HTTP, None, "HTTP 400 Bad Request"),
    (599, b"", HTTP, None, "HTTP 599"),
    (400, b"  no such luck\n", HTTP, None, "HTTP 400 Bad Request: no such luck"),
    (400, b'{"detail":"no"}', HTTP, None, 'HTTP 400 Bad Request: {"detail":"no"}'),
    (502, LOGIN_PAGE, HTTP, None, "HTTP 502 Bad Gateway (an HTML page)"),
    (200, LOGIN_PAGE, HTTP, None, "HTTP 200 with an HTML page"),
    (200, b'{"error":', HTTP, None, "HTTP 200 with an answer cut short"),
]


@pytest.mark.parametrize(("status", "body", "kind", "code", "message"), ERRORS)
def test_the_error_keeps_the_words_and_the_code_of_the_api(
    status: int, body: bytes, kind: ErrorKind, code: Any, message: str
) -> None:
    answer = judged(status, body)
    assert answer.error is not None
    assert answer.error == (kind, message, code)
    assert type(answer.error.code) is type(code)


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (400, error("no", 50000), CHECK_CREDENTIALS),
        (401, b"", CHECK_CREDENTIALS),
        (400, error("Authentication required"), CHECK_CREDENTIALS),
        (400, error("no", 50001), CHECK_COMPANY),
        (407, b"", CHECK_PROXY_LOGIN),
        (403, b"", CHECK_PERMISSION),
        (404, b"", CHECK_URL),
        (200, LOGIN_PAGE, CHECK_PROXY),
        (511, b"", CHECK_PROXY),
        (400, error("no"), ""),
        (500, b"", ""),
    ],
)
def test_an_answer_that_can_stop_the_run_says_what_to_check(
    status: int, body: bytes, advice: str
) -> None:
    assert judged(status, body).advice == advice


def test_a_redirect_says_where_it_leads() -> None:
    assert (
        "redirects to https://login.example/x,"
        in judged(302, b"", Location="https://login.example/x").advice
    )
    assert "redirects to another address," in judged(302, b"").advice


@pytest.mark.parametrize(
    ("status", "body", "unseen"),
    [
        (500, b"", True),
        (500, LOGIN_PAGE, True),
        (500, b'{"error":"Internal Server Error"}', True),
        (502, b"", True),
        (504, b"", True),
        (520, b"", True),
        (524, b"", True),
        (598, b"", True),
        (101, b"", True),
        (200, b'{"error":', True),
        # The API itself explains, or the request never came to it.
        (500, error("Something broke"), False),
        (502, error("Something broke"), False),
        (501, b"", False),
        (503, b"", False),
        (505, b"", False),
        (408, b"", False),
        (425, b"", False),
        (429, b"", False),
        (400, b"", False),
        (404, b"", False),
        (403, b"", False),
        (302, b"", False),
        (401, b"", False),
        (200, b"", False),
        (200, error("no"), False),
    ],
)
def test_unseen_tells_whether_the_update_may_have_been_made(
    status: int, body: bytes, unseen: bool
) -> None:
    assert judged(status, body).unseen is unseen


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, TRANSIENT),
        (400, REFUSED),
        (401, FATAL),
        (404, UNKNOWN_PAGE),
        (429, LIMITED),
        (500, TRANSIENT),
    ],
)
@pytest.mark.parametrize("body", [b"x" * 65536, error("no") + b" " * 65000, b'{"status":8}'])
def test_a_body_beyond_the_bound_is_never_a_success_nor_the_apis(
    status: int, meaning: Meaning, body: bytes
) -> None:
    answer = judged(status, body, complete=False)
    assert answer.meaning is meaning
    assert answer.error is not None
    assert answer.error.kind is HTTP
    assert answer.unseen is (status in {200, 500})


def test_an_endless_web_page_is_a_web_page() -> None:
    assert judged(200, LOGIN_PAGE + b"x" * 65000, complete=False).meaning is FATAL


def test_a_cut_body_is_not_quoted_since_the_cut_could_go_through_the_key() -> None:
    answer = judged(400, b"x" + b" " * 65_000 + b"basic R1:half-the-k", complete=False)
    assert answer.error is not None
    assert answer.error.message == ("HTTP 400 Bad Request (an answer longer than any of the API's)")


@pytest.mark.parametrize("body", [b'{"sta', b' [{"id": 1}', BOM + b'{"er', b'{"error":{"code":0}'])
def test_json_broken_off_by_the_closing_of_the_connection_is_no_success(body: bytes) -> None:
    """Neither a length nor chunks: nothing but the JSON itself tells that it is cut."""
    answer = judge(200, CIMultiDict(), body, True, 0.0)
    assert (answer.meaning, answer.unseen) == (TRANSIENT, True)
    assert judge(200, CIMultiDict(), b"done", True, 0.0).meaning is UPDATED
    assert judge(200, CIMultiDict(), b"", True, 0.0).meaning is UPDATED
    assert judge(200, CIMultiDict(), b'{"status":8}', True, 0.0).meaning is UPDATED


def test_the_rule_about_web_pages_has_one_repetition_which_no_other_can_overlap() -> None:
    """The blanks after `<!doctype`: each is looked at once, so 64 KiB are 64 KiB of work."""
    pattern = answer_module._HTML.pattern
    assert [pattern.count(sign) for sign in (b"+", b"*", b"{")] == [1, 0, 0]
    assert rb"<(?:!doctype\s+html|" in pattern
