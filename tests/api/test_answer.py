"""What an answer means, as tables over (HTTP status, headers, body)."""

import gzip
import time
from collections.abc import Container, Iterable
from itertools import product

import orjson
import pytest
from multidict import CIMultiDict

from bulkstatus.api.answer import (
    CHECK_COMPANY,
    CHECK_CREDENTIALS,
    CHECK_PERMISSION,
    CHECK_PROXY,
    CHECK_PROXY_LOGIN,
    CHECK_URL,
    Answer,
    Meaning,
    judge,
    retry_after,
)
from bulkstatus.log.records import ErrorKind, RowError

API, HTTP = ErrorKind.API, ErrorKind.HTTP
BOM = b"\xef\xbb\xbf"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body></body></html>"

# What an answer can come to: its meaning, what to check, and whether the update may be made.
Outcome = tuple[Meaning, str, bool]
UPDATED = (Meaning.UPDATED, "", False)
REFUSED = (Meaning.REFUSED, "", False)
FORBIDDEN = (Meaning.FORBIDDEN, CHECK_PERMISSION, False)
LIMITED = (Meaning.LIMITED, "", False)
OVERLOADED = (Meaning.OVERLOADED, "", False)
TRANSIENT = (Meaning.TRANSIENT, "", False)
UNSEEN = (Meaning.TRANSIENT, "", True)
UNKNOWN_PAGE = (Meaning.UNKNOWN_PAGE, CHECK_URL, False)
WRONG_KEY = (Meaning.FATAL, CHECK_CREDENTIALS, False)
WRONG_COMPANY = (Meaning.FORBIDDEN, CHECK_COMPANY, False)
NO_LOGIN = (Meaning.FATAL, CHECK_PROXY_LOGIN, False)
NOT_THE_API = (Meaning.ELSEWHERE, CHECK_PROXY, False)
REDIRECT = f"{CHECK_PROXY} It redirects to {{}}, which is not followed."
REDIRECTED = (Meaning.ELSEWHERE, REDIRECT.format("another address"), False)


def judged(
    status: int,
    body: bytes,
    complete: bool = True,
    now: float = 0.0,
    own: Iterable[str] = (),
    limit_codes: Container[object] = (),
    **headers: str,
) -> Answer:
    sized = {"Content_Length": str(len(body))} | headers
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in sized.items()})
    return judge(status, fields, body, complete, now, own, limit_codes)


def outcome(answer: Answer) -> Outcome:
    return answer.meaning, answer.advice, answer.unseen


def error(message: object, code: object = 0) -> bytes:
    return orjson.dumps({"error": {"message": message, "code": code}})


def nested(depth: int, inside: bytes = b"1") -> bytes:
    return b'{"a":' * depth + inside + b"}" * depth


def zipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


NO = b'{"success": false, "message": "Order unknown"}'

# Each row: HTTP statuses, bodies parted by bars, and the outcome of each with each.
MEANINGS: list[tuple[str, bytes, Outcome]] = [
    # 2xx that says nothing against it is an update: the vendor shows no success.
    ("200 204", b"", UPDATED),
    ("202 299", b'{"order_id":"46140204","status":8}|[]|{}|[{"status":8},null]', UPDATED),
    ("200", b'{"ERROR":null,"errors":[],"items":[{"error":null},true]}|[{"error":null}]', UPDATED),
    ("200", b'{"error":""}|{"errors":{}}|{"error":false}|{"error":0}', UPDATED),
    ("200", b'{"success":true}|{"ok":1}|{"success":null}|{"status":"Dispatched"}', UPDATED),
    ("200", b'{"status":"no error"}|{"result":"failed over"}|{"message":"failed"}', UPDATED),
    # Of an order it can say anything.
    ("200", b'{"order":{"success":false,"status":"failed"}}|[[{"ok":false}]]', UPDATED),
    ("200", b'ok|null|"error"|1 < 2, and the body of the order is sent|failed', UPDATED),
    ("200", BOM + b'{"status":8}', UPDATED),
    ("200", nested(300), UPDATED),
    ("200", "Geändert".encode(), UPDATED),
    ("200", zipped(b'{"status":8}'), UPDATED),
    # 2xx with an error is the API's refusal, however the error is written.
    ("200", error("Invalid order status"), REFUSED),
    ("200", b'{"\\u0065rror":{"message":"no"}}', REFUSED),
    ("200", b'{"error":{"x":null}}|{"Error":"no"}|{"error":true}|{"errors":2}', REFUSED),
    ("200", b'[{"items":[{"id":1},[{"error":{"message":"no"}}]]}]', REFUSED),
    ("200", b'{"errors":[{"message":"no"}]}|{"data":{"Errors":["no"]}}|{"errors":[[]]}', REFUSED),
    ("200", nested(200, b'{"error":{"message":"no"}}'), REFUSED),
    ("200", b'{"error":' + b"[" * 400 + b"]" * 400 + b"}", REFUSED),
    ("200", b'{"error":{"message":' + nested(400) + b"}}", REFUSED),
    ("200", NO + b'|{"OK":false}|[{"success":true},{"success":false}]|{"success":0}', REFUSED),
    ("200", b'{"success":"False"}|{"ok":"0"}', REFUSED),
    ("200", b'{"status":"error"}|{"result":" FAILED "}|[{"Status":"failure"}]', REFUSED),
    ("200", zipped(NO), REFUSED),
    ("200", NO.decode().encode("utf-16"), REFUSED),
    ("200", NO.decode().encode("utf-16-be"), REFUSED),
    ("200", NO.decode().encode("utf-32-le"), REFUSED),
    (
        "200",
        orjson.dumps(NO.decode()) + b"|" + orjson.dumps(orjson.dumps(NO.decode()).decode()),
        REFUSED,
    ),
    # Of two keys of one name a parser keeps the last; the first must not be lost by that.
    ("200", b'{"error":"no","error":null}|{"Error":{"x":1},"Error":null}', REFUSED),
    ("200", b'{"error":null,"error":{"message":"no"}}', REFUSED),
    ("200", b'{"success":false,"success":true}', REFUSED),
    ("200", b'{"error":null,"error":null,"big":' + b"1" * 300 + b"}", UPDATED),
    # 2xx that begins as JSON and cannot be read as such to its end, or is no text.
    ("200", b'{"error":{"message":"no"},"deep":' + nested(30_000) + b"}", UNSEEN),
    ("200", b"[" * 30_000 + b"]" * 30_000, UNSEEN),
    ("200", b'{"error":{"message":"Invalid ord|{"success":fal|{|[|[1,|' + BOM + b'{"sta', UNSEEN),
    ("200", b"{'success': False, 'error': None}|[{'ok': True}]|{\"ok\": False}", UNSEEN),
    ("200", b'{"success":true}{"success":false}|{status: ok}|)]}\',{"success":false}', UNSEEN),
    ("200", b'Notice: no such index on line 3 {"success":false}|[OK', UNSEEN),
    ("200", NO.decode().encode("utf-16")[:-7], UNSEEN),
    ("200", NO.decode().encode("utf-16-le")[:-6], UNSEEN),
    ("200", b'{"status":8,"name":"M\xfcller"}|\xff\xfe\x00|\x00|Ge\xe4ndert', UNSEEN),
    ("200", zipped(NO)[:-9], UNSEEN),
    ("200", zipped(b"ok")[:-9], UNSEEN),
    ("200", zipped(NO) + b"{}", UNSEEN),
    ("200", zipped(b" " * 70_000), UNSEEN),
    # 2xx that is a page, of HTML or XML: something else answered.
    ("200", PAGE, NOT_THE_API),
    ("200", BOM + b"\r\n\r\n" + PAGE, NOT_THE_API),
    ("200", b"<!--" + b" " * 20_000 + b"-->" + PAGE, NOT_THE_API),
    ("200", b"<script>location='/login'</script>|<meta content='0;/login'>", NOT_THE_API),
    ("200", b"<form action=/login>|<div>Log in|Log in <h1>here</h1>|<center>Log in", NOT_THE_API),
    ("200", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", NOT_THE_API),
    ("200", b'<status>8</status>|"<html>"', NOT_THE_API),
    ("200", PAGE.decode().encode("utf-16"), NOT_THE_API),
    ("200", zipped(PAGE), NOT_THE_API),
    ("200", PAGE + b'<script>x = {"error": null}</script>', NOT_THE_API),
    ("200", b'{"message":"<b>Updated</b>"}', UPDATED),
    ("200", b'{"message":"<b>Updated</b>', UNSEEN),
    # The API's refusals.
    ("400 404 405 409 422", error("Invalid order status"), REFUSED),
    ("400", b'{"error":"Invalid order status"}', REFUSED),
    ("400 410 418 422", b"", REFUSED),
    ("400 409", b'{"error":null}|{|[]|conflict', REFUSED),
    ("404", b'{"fault":{"error":{"message":"Unknown order"}}}', REFUSED),
    # A page can hold any words.
    ("400", b"<html>Authentication required. Too many requests.</html>", REFUSED),
    ("500", b"<html>Authentication required. Too many requests.</html>", UNSEEN),
    # Wrong credentials: a 400 with a code, seldom a 401.
    ("200 400 403 404 500", error("RefID or API key incorrect", 50000), WRONG_KEY),
    ("400", error("RefID or API key incorrect", " 50000 "), WRONG_KEY),
    ("400", error("RefID or API key incorrect", 50000.0), WRONG_KEY),
    ("400", error("unauthorised transaction", 401), WRONG_KEY),
    ("400", b'{"error":{"message":"no","code":50000},"error":null}', WRONG_KEY),
    ("400 500", error("Sorry: authentication required"), WRONG_KEY),
    ("400", b'{"error":"Authentication required"}|Authentication required', WRONG_KEY),
    ("401", b"|" + error("no", 7) + b"|" + PAGE, WRONG_KEY),
    ("200 400 500", b'{"message":"no","code":50000}', WRONG_KEY),
    ("200 400", b'{"error":"no","code":401}|{"message":"Authentication required"}', WRONG_KEY),
    ("200 400 403 500", error("company type", 50001), WRONG_COMPANY),
    ("407", b"|" + error("no", 7), NO_LOGIN),
    # Codes that only look like those.
    ("400", error("order 50000 is unknown", -50000), REFUSED),
    ("400", error("no", 50000.5), REFUSED),
    ("400", error("no", "\u00b2"), REFUSED),
    ("400", error("no", "50000x") + b"|" + error("no", {"code": [50000]}), REFUSED),
    ("400", b'{"error":{"message":"no","code":' + b"5" * 400 + b"}}", REFUSED),
    # Not allowed: this order or all of them.
    ("403", b"|" + error("no") + b"|" + PAGE, FORBIDDEN),
    ("200 400 500", error("Permission denied (orders.status)"), FORBIDDEN),
    ("400", error("The carrier says: permission denied"), REFUSED),
    # The base URL is wrong, or the order is unknown.
    ("404", b'{"timestamp":1,"error":"Not Found","path":"/order"}', UNKNOWN_PAGE),
    ("404 405", b'|{"error":null}|' + PAGE, UNKNOWN_PAGE),
    # Too fast, whatever it says besides.
    ("429", b"|" + error("slow down") + b"|" + PAGE, LIMITED),
    ("400", b'{"message":"Too many requests"}', LIMITED),
    (
        "200 400 403 503",
        b'{"message":"Limit exceeded"}|{"success":false,"message":"Throttled"}',
        LIMITED,
    ),
    # Redirects are not followed; a captive portal asks to be logged in to.
    ("300 301 302 304 307 308", b'|{"status":8}|' + PAGE, REDIRECTED),
    ("511", b"", NOT_THE_API),
    # What may pass: the request was not carried out, or the API itself explains.
    ("408 425 501 505", b"", TRANSIENT),
    ("503", b"|" + error("down") + b"|" + PAGE, OVERLOADED),
    ("500 502", error("Something broke"), TRANSIENT),
    # The update may be made all the same; 101 and 199 are no end of an HTTP exchange.
    ("500 502 504 520 598 599 999 101 199", b"", UNSEEN),
    ("500 502", b'{"error":"Internal Server Error"}|{|' + PAGE, UNSEEN),
    ("500", gzip.compress(b"{}", mtime=0), UNSEEN),
]


@pytest.mark.parametrize(("statuses", "bodies", "expected"), MEANINGS)
def test_an_answer_means(statuses: str, bodies: bytes, expected: Outcome) -> None:
    for status, body in product(map(int, statuses.split()), bodies.split(b"|")):
        answer = judged(status, body)
        assert outcome(answer) == expected, (status, body)
        assert answer.http_status == status
        assert (answer.error is None) == (expected is UPDATED)
        assert answer.retry_after is None


# Each row: HTTP status, body, and the error's kind, message and code.
ERRORS: list[tuple[int, bytes, tuple[ErrorKind, str, int | str | None]]] = [
    (400, error("Invalid order status"), (API, "Invalid order status", 0)),
    (500, error("Something broke", "E7"), (API, "Something broke", "E7")),
    (400, error("no", 50000.0), (API, "no", 50000)),
    (400, error("no", 1.5), (API, "no", None)),
    (400, error("no", True), (API, "no", None)),
    (400, error("no", [1]), (API, "no", None)),
    (400, b'{"error":{"message":"no","code":1e300}}', (API, "no", None)),
    (400, b'{"error":{"message":"no"}}', (API, "no", None)),
    (400, error("", 7), (API, '{"message":"","code":7}', 7)),
    (400, error({"en": "no"}, 7), (API, '{"en":"no"}', 7)),
    (400, error(12, 7), (API, "12", 7)),
    (200, b'{"error":"no"}', (API, "no", None)),
    (200, b'{"error":true,"message":"no","code":7}', (API, "no", 7)),
    (200, b'{"error":2}', (API, '{"error":2}', None)),
    (200, b'{"errors":[{"message":"no","code":7},{}]}', (API, "no", 7)),
    (200, b'{"success":false,"message":"no","code":7}', (API, "no", 7)),
    (200, b'[{"ok":true},{"ok":false}]', (API, '{"ok":false}', None)),
    (200, b'{"error":{"message":"no","code":7},"error":null}', (API, "no", 7)),
    (599, b"", (HTTP, "HTTP 599", None)),
    (400, b"  no such luck\n", (HTTP, "HTTP 400 Bad Request: no such luck", None)),
    (400, b'{"detail":"no"}', (HTTP, 'HTTP 400 Bad Request: {"detail":"no"}', None)),
    (502, PAGE, (HTTP, "HTTP 502 Bad Gateway (a page of HTML or XML)", None)),
    (200, PAGE, (HTTP, "HTTP 200 OK (a page of HTML or XML)", None)),
    (200, b'{"error":', (HTTP, "HTTP 200 with an answer that cannot be read to its end", None)),
]


@pytest.mark.parametrize(("status", "body", "expected"), ERRORS)
def test_the_error_keeps_the_words_and_the_code_of_the_api(
    status: int, body: bytes, expected: tuple[ErrorKind, str, int | str | None]
) -> None:
    told = judged(status, body).error
    assert told == RowError(*expected)
    assert type(told.code) is type(expected[2])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_what_does_not_come_as_it_is_announced_is_no_success(encoding: str) -> None:
    assert outcome(judged(200, b"\x8b\x03\x80hello\x03", Content_Encoding=encoding)) == UNSEEN
    assert outcome(judged(204, b"", Content_Encoding=encoding)) == UPDATED


def test_a_redirect_says_where_it_leads() -> None:
    answer = judged(302, b"", Location="https://login.example/x")
    assert answer.advice == REDIRECT.format("https://login.example/x")


BEYOND_THE_BOUND = {
    200: UNSEEN,
    400: REFUSED,
    401: WRONG_KEY,
    404: UNKNOWN_PAGE,
    429: LIMITED,
    500: UNSEEN,
}


@pytest.mark.parametrize(
    "body", [b"x" * 65536, error("no", 50000) + b" " * 65000, b'{"status":8}', b"half-the-k"]
)
def test_a_body_beyond_the_bound_is_never_a_success_nor_the_apis_nor_quoted(body: bytes) -> None:
    """What it ends in could be half of the key, which nobody would know for what it is."""
    for status, expected in BEYOND_THE_BOUND.items():
        answer = judged(status, body, complete=False)
        assert outcome(answer) == expected
        assert answer.error is not None
        assert answer.error.kind is HTTP
        assert body[-9:].decode() not in answer.error.message
    assert outcome(judged(200, PAGE + body, complete=False)) == NOT_THE_API


ABOUT_A_REQUEST_LIMIT = """
Request limit reached, try again later. / You have reached your request limit. / RateLimit reached
Rate-limit exceeded / rate_limit_exceeded / API rate limit exceeded for account R1 / Limit exceeded
API limit reached / Hourly limit reached / Daily limit of 10000 exceeded / Too many API requests
Limit of 1000 requests per hour exceeded / You have exceeded the limit on requests
You may make 1000 requests an hour / You have reached your account limit. / TOO MANY CALLS
Maximum number of requests exceeded / You have exceeded your maximum requests / Request quota used
Request rate exceeded / You are throttled / Too many requests in a short length of time
"""
ABOUT_ANOTHER_LIMIT = """
Tracking limit is 50 characters / The tracking is over the API limit of 50 chars
API limit: tracking must be at most 50 characters long / Request limit: the body is too long
Request limit is 4096 bytes / The rate limit field has a maximum length of 20 / Unlimited
Limit exceeded for shipping_tracking / The order is over its credit limit
This order requests a call
"""


def messages(text: str) -> list[str]:
    return text.strip().replace("\n", " / ").split(" / ")


@pytest.mark.parametrize("message", messages(ABOUT_A_REQUEST_LIMIT))
def test_a_message_about_a_request_limit_holds_the_run(message: str) -> None:
    assert outcome(judged(400, message.encode())) == LIMITED
    for status in (200, 400, 403, 500):
        assert outcome(judged(status, error(message))) == LIMITED
    assert outcome(judged(400, error(message, 50000))) == WRONG_KEY
    assert outcome(judged(200, message.encode())) == UPDATED
    assert outcome(judged(409, message.encode())) == REFUSED


@pytest.mark.parametrize("message", messages(ABOUT_ANOTHER_LIMIT))
def test_a_message_about_another_limit_is_a_refusal(message: str) -> None:
    assert outcome(judged(400, error(message))) == REFUSED
    assert outcome(judged(400, message.encode())) == REFUSED


def test_codes_that_are_known_to_mean_a_limit_do() -> None:
    limits = {4711, "E-7"}
    for body in (error("no", 4711), error("no", "4711"), b'{"code":4711}', error("no", "E-7")):
        for status in (200, 400, 403, 500):
            assert outcome(judged(status, body, limit_codes=limits)) == LIMITED
    assert outcome(judged(400, error("no", 4711))) == REFUSED
    assert outcome(judged(400, error("no", 50000), limit_codes={50000})) == WRONG_KEY


# Each row: the row's order ID and tracking, and messages about it that are refusals all the same.
ITS_OWN_WORDS = [
    ("quota 5", "T1", r"Unknown order quota 5 / unknown: QUOTA 5. / No order quota%205 is known"),
    ("1", "Authentication required", r"No such reference: authentication required"),
    ("1", "Authentication required", r"\"AUTHENTICATION\u0020REQUIRED\" is too short"),
    ("Authentication required", "1", r"Is Authentication+required an order?"),
    ("rate limit/ü", "", r"rate%20limit%2F%C3%BC / rate limit\/\u00fc / (rate   limit/&uuml;)"),
    ("permission denied", "", r"Permission denied is no order"),
    ("limit", "5 requests per hour", r"Limit exceeded / 5 Requests per hour: bad reference"),
]


@pytest.mark.parametrize(("order_id", "tracking", "said"), ITS_OWN_WORDS)
def test_the_rows_own_words_say_nothing(order_id: str, tracking: str, said: str) -> None:
    for message in messages(said):
        for body in (error(message), message.encode(), orjson.dumps({"message": message})):
            assert outcome(judged(400, body)) in {LIMITED, WRONG_KEY, FORBIDDEN}
            assert outcome(judged(400, body, own=(order_id, tracking))) == REFUSED


@pytest.mark.parametrize("own", ["5", "a", "e", "auth", "req", "", " ", "1000 req", "%", "0"])
def test_only_whole_words_are_the_rows_own(own: str) -> None:
    assert outcome(judged(400, error("Authentication required"), own=(own,))) == WRONG_KEY
    limit = error("Limit of 1000 requests per hour exceeded for a customer with 5")
    assert outcome(judged(400, limit, own=(own, own))) == LIMITED
    assert outcome(judged(400, error("no", 50000), own=("50000", own))) == WRONG_KEY


def test_the_rules_about_words_look_at_the_beginning_of_a_message_alone() -> None:
    """So a hostile message costs no more than an honest one."""
    assert outcome(judged(400, error("x " * 400 + "too many requests"))) == LIMITED
    assert outcome(judged(400, error("x " * 600 + "too many requests"))) == REFUSED
    assert outcome(judged(400, error("request limit " + "x " * 600 + "length"))) == LIMITED


def test_503_is_a_limit_when_it_says_until_when_and_may_be_one_when_not() -> None:
    for body in (b"", PAGE, error("Maintenance")):
        assert outcome(judged(503, body, Retry_After="soon")) == OVERLOADED
        held = judged(503, body, Retry_After="120")
        assert (outcome(held), held.retry_after) == (LIMITED, 120.0)
    assert judged(500, b"{}", Retry_After="3").retry_after == 3.0


NOON = 784123200.0  # Sun, 06 Nov 1994 12:00:00 GMT
ONE = "Sun, 06 Nov 1994 12:01:00 GMT"


def wait(value: str, date: str | None = None, now: float = NOON) -> float | None:
    headers = CIMultiDict({"retry-after": value})
    if date is not None:
        headers["date"] = date
    return retry_after(headers, now)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 007 ", 7.0),
        ("0.5", 0.5),
        ("Sun, 06 Nov 1994 12:00:30 GMT", 30.0),
        ("Sun, 06 Nov 1994 13:00:30 +0100", 30.0),
        # RFC 9110 has recipients take the two older forms too; without a zone it is GMT.
        ("Sunday, 06-Nov-94 12:00:30 GMT", 30.0),
        ("Sun Nov  6 12:00:30 1994", 30.0),
        ("Sun, 06 Nov 1994 12:00:30 -0000", 30.0),
        # In the past: at once.
        ("Sun, 06 Nov 1994 11:00:00 GMT", 0.0),
        ("Mon, 01 Jan 1601 00:00:00 -0000", 0.0),
        # Absurd: a finite number all the same.
        ("9" * 5000, 1e10),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_retry_after_gives_seconds_wherever_the_machine_is(
    value: str, seconds: float, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(time, "tzset"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
    try:
        assert wait(value) == pytest.approx(seconds)
    finally:
        monkeypatch.undo()
        if hasattr(time, "tzset"):
            time.tzset()


@pytest.mark.parametrize(
    "value",
    [
        "", "soon", "-1", "+5", "1e5", "0x10", "nan", "inf", "5, 6", "5s", "1.", ".5", "1.2.3",
        ",", ": : :", "0:0", "Mon", "Sun, 06 Nov", "Sun, 99 Nov 1994 12:00:00 GMT",
        "Mon, 1 Jan 99999 00:00:00 GMT", "Sun, 06 Nov 1994 12:00:30 +9999999999", "1 " * 30_000,
    ],
)  # fmt: skip
def test_what_is_no_time_asks_for_nothing(value: str) -> None:
    assert wait(value) is None


def test_a_date_is_measured_from_the_servers_own_clock_where_it_tells_it() -> None:
    for drift in (-7200.0, 0.0, 1e9):
        assert wait(ONE, "Sun, 06 Nov 1994 12:00:00 GMT", NOON + drift) == 60.0
    for date in (None, "", "yesterday", "Sun, 99 Nov 1994 12:00:00 GMT"):
        assert wait(ONE, date, NOON + 20) == 40.0
    assert wait("60", "Thu, 01 Jan 1970 00:00:00 GMT", 1e12) == 60.0
