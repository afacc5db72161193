"""What an answer of the Order Status API means: one pure function, `judge`.

The rules are those of the vendor's pages: an error comes as HTTP 400 or 500 with
`{"error": {"message", "code"}}`, a wrong key is a 400 with code 50000, and a request over the
account's limit is a 400 whose message speaks of the limit.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from bulkstatus.log.records import ErrorKind, RowError
from bulkstatus.words import printable


class Meaning(Enum):
    """What an attempt's answer, or the lack of one, means for the row and the run."""

    UPDATED = auto()  #: the order has the status
    REFUSED = auto()  #: the API says no to this row
    FORBIDDEN = auto()  #: not allowed: this order alone, or all of them
    UNKNOWN_PAGE = auto()  #: 404 or 405 that is not the API's own: a wrong URL, or this order
    LIMITED = auto()  #: too fast: the run slows down or holds, and the row is sent again
    OVERLOADED = auto()  #: too fast, or out of order: a 503 that asks for no wait
    TRANSIENT = auto()  #: may pass: the row is sent again
    UNANSWERED = auto()  #: no answer came: timeout, refused or lost connection
    FATAL = auto()  #: no row can succeed


class Answer(NamedTuple):
    """One attempt's end.

    `error` is None only for UPDATED. `retry_after` is in seconds. `unseen` says that the update
    may have been made without the API's own answer having been seen. `advice` says what to check
    when this answer stops the run.
    """

    meaning: Meaning
    http_status: int | None = None
    error: RowError | None = None
    retry_after: float | None = None
    unseen: bool = False
    advice: str = ""

    def tidied(self, redact: Callable[[str], str]) -> "Answer":
        """Return the answer with what the server wrote made fit for a log and a terminal."""
        if self.error is None:
            return self

        def tidy(text: str) -> str:
            return printable(redact(" ".join(text.split())), MESSAGE_LIMIT)

        kind, message, code = self.error.kind, self.error.message, self.error.code
        if code is not None:
            shown = tidy(str(code))
            code = code if shown == str(code) else shown
        return self._replace(error=RowError(kind, tidy(message), code), advice=tidy(self.advice))


#: The most characters of a server's message that are kept.
MESSAGE_LIMIT = 300

CHECK_CREDENTIALS = (
    "Check BULKSTATUS_REF_ID and BULKSTATUS_API_KEY (`bulkstatus config` shows where the two come "
    "from), and whether the account wants --auth-scheme base64."
)
CHECK_COMPANY = "Check that the account (ref ID) is of a company type that may set order statuses."
CHECK_PERMISSION = (
    "Check that the account may set order statuses, that this machine's address is on the "
    "account's allow-list, and that the orders are the account's own."
)
CHECK_URL = "Check the base URL (--base-url or BULKSTATUS_BASE_URL)."
CHECK_PROXY = "Check the base URL and whether a proxy or a login page stands in the way."
CHECK_PROXY_LOGIN = "A proxy asks for credentials: check the proxy settings of this machine."

# Those which say that the request was not carried out. After any other of 500 and up the update
# may have been made all the same, unless the API itself explains.
_NOT_DONE_STATUSES = {408, 425, 501, 503, 505}

_COUNTS_REQUESTS = re.compile(
    r"too many (?:\w+ )?(?:requests|calls)"
    r"|\b(?:requests|calls) (?:per|an?|each) (?:second|minute|hour|day)",
    re.IGNORECASE,
)
_SPEAKS_OF_A_LIMIT = re.compile(
    r"\b(?:rate|requests?|calls?|api|hourly|daily)[\s_-]*(?:rate[\s_-]*)?limit"
    r"|limit\w* (?:of|on|for|to) [^.]*\b(?:requests|calls)\b"
    r"|\b(?:number of|maximum) (?:requests|calls)\b|\b(?:requests?|calls?|api) rate\b"
    r"|^(?:account |usage )?limit (?:exceeded|reached)\W*$"
    r"|(?:exceeded|reached) (?:your|the) (?:account |usage )?limit\W*$"
    r"|\bthrottl|\bquota\b",
    re.IGNORECASE,
)
_SPEAKS_OF_A_LENGTH = re.compile(
    r"\b(?:characters?|chars|length|digits|bytes|too long)\b", re.IGNORECASE
)
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|title|script|style|meta|link|form|frameset|iframe"
    rb"|center|div|table|h[1-6]|p|a|br)\b",
    re.IGNORECASE,
)


def judge(
    http_status: int, headers: Mapping[str, str], body: bytes, complete: bool, now: float
) -> Answer:
    """Return what an answer means.

    `headers` must be case-insensitive. `complete` is False when the body went on past the bound
    up to which it is read. `now` is seconds since the epoch, for a `Retry-After` that is a date.
    """
    succeeded = 200 <= http_status < 300
    if succeeded and complete and not body:
        return Answer(Meaning.UPDATED, http_status)
    read = _read(body) if complete else _NO_JSON
    # A page may come in UTF-16 too.
    looks_so = not read.is_json and not _begins_as_json(body)
    is_page = looks_so and _HTML.search(body.replace(b"\0", b"")) is not None
    if succeeded and read.error is None:
        # Where neither a length nor chunks framed the body, nothing but broken JSON tells that the
        # connection was closed too early.
        framed = "Content-Length" in headers or "Transfer-Encoding" in headers
        broken = b'"error"' in body or (_begins_as_json(body) and not framed)
        if is_page:
            error = RowError(ErrorKind.HTTP, f"HTTP {http_status} with an HTML page")
            return Answer(Meaning.FATAL, http_status, error, advice=CHECK_PROXY)
        if not complete or (broken and not read.is_json):
            error = RowError(ErrorKind.HTTP, f"HTTP {http_status} with an answer cut short")
            return Answer(Meaning.TRANSIENT, http_status, error, unseen=True)
        return Answer(Meaning.UPDATED, http_status)

    text = body.decode("utf-8", "replace").strip() if complete and not is_page else ""
    error = read.error or _error_of_http(http_status, text, complete, is_page)
    wait = retry_after(headers, now)

    def answer(meaning: Meaning, advice: str = "", unseen: bool = False) -> Answer:
        return Answer(meaning, http_status, error, wait, unseen, advice)

    # No more of them, so that a hostile message costs no more than an honest one.
    words = (read.error.message if read.error else text)[:1000].casefold()
    code = error.code
    if isinstance(code, str) and code.strip().isdecimal():
        code = int(code.strip()[:18])
    if code in {401, 50000} or http_status == 401 or "authentication required" in words:
        return answer(Meaning.FATAL, CHECK_CREDENTIALS)
    if code == 50001:
        return answer(Meaning.FATAL, CHECK_COMPANY)
    if http_status == 407:
        return answer(Meaning.FATAL, CHECK_PROXY_LOGIN)
    if http_status == 429 or (http_status == 503 and wait is not None):
        return answer(Meaning.LIMITED)
    # A limit of requests, and not that of some field's length.
    about_a_limit = _COUNTS_REQUESTS.search(words) or (
        _SPEAKS_OF_A_LIMIT.search(words) and not _SPEAKS_OF_A_LENGTH.search(words)
    )
    if about_a_limit and (read.error or http_status == 400):
        return answer(Meaning.LIMITED)
    if http_status == 403 or words.startswith("permission denied"):
        return answer(Meaning.FORBIDDEN, CHECK_PERMISSION)
    if 300 <= http_status < 400:
        target = headers.get("Location", "another address")
        advice = f"{CHECK_PROXY} It redirects to {target}, which is not followed."
        return answer(Meaning.FATAL, advice)
    if http_status in {404, 405} and not read.is_object:
        return answer(Meaning.UNKNOWN_PAGE, CHECK_URL)
    if http_status == 511:  # a captive portal
        return answer(Meaning.FATAL, CHECK_PROXY)
    if http_status == 503:
        return answer(Meaning.OVERLOADED)
    if http_status in {408, 425} or not 200 <= http_status < 500:
        unseen = http_status not in _NOT_DONE_STATUSES and not read.is_object
        return answer(Meaning.TRANSIENT, unseen=unseen)
    return answer(Meaning.REFUSED)


class _Read(NamedTuple):
    """A body read as JSON: the error that it carries, and whether that is an object."""

    is_json: bool
    error: RowError | None = None
    is_object: bool = False


_NO_JSON = _Read(False)


@lru_cache(maxsize=16)  # Most bodies of a run are alike.
def _read(body: bytes) -> _Read:
    """Read a body, and find the error that it carries at any depth; null is none."""
    found: list[object] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        # Here, since of two members of one name a dictionary keeps but the last.
        found.extend(value for key, value in pairs if key.casefold() == "error")
        return dict(pairs)

    try:
        json.loads(body, object_pairs_hook=note)
        # An object is read to its end before the one that holds it: the outermost comes last.
        said = next((value for value in reversed(found) if value is not None), None)
        message = said.get("message") or said if isinstance(said, dict) else said
        if not isinstance(message, str):
            message = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):  # The latter is for nesting without end.
        return _NO_JSON
    if said is None:
        return _Read(True)
    code = said.get("code") if isinstance(said, dict) else None
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    if type(code) not in {int, str} or (isinstance(code, int) and abs(code) >= 2**53):
        code = None
    return _Read(True, RowError(ErrorKind.API, message, code), isinstance(said, dict))


def _begins_as_json(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}


def _error_of_http(http_status: int, text: str, complete: bool, is_page: bool) -> RowError:
    """Return the error of an answer in which the API itself says nothing."""
    phrase = f"HTTP {http_status}"
    with suppress(ValueError):
        phrase += f" {HTTPStatus(http_status).phrase}"
    if is_page:
        phrase += " (an HTML page)"
    elif not complete:
        # Not quoted: the end of what was read could be a part of the key, which is no longer
        # known for what it is.
        phrase += " (an answer longer than any of the API's)"
    elif text:
        phrase += f": {text}"
    return RowError(ErrorKind.HTTP, phrase)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that `Retry-After` asks for (a number, or a date), or None.

    A date is measured from the answer's own `Date` where it has one, so that a clock that is
    wrong here does not shorten the wait.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", value):
        return min(float(value), 1e10)  # three centuries, for digits without end
    until = _http_date(value)
    if until is None:
        return None
    answered = _http_date(headers.get("Date", ""))
    return max(0.0, until - (now if answered is None else answered))


def _http_date(text: str) -> float | None:
    """Return an HTTP date as seconds since the epoch; one without a zone is in UTC."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
