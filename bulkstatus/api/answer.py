"""What an answer of the Order Status API means: one pure function, `judge`.

The rules are those of the vendor's pages: an error comes as HTTP 400 or 500 with
`{"error": {"message", "code"}}`, a wrong key is a 400 with code 50000, and a request over the
account's limit is a 400 whose message speaks of the limit.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import cache, lru_cache
from http import HTTPStatus
from typing import NamedTuple

import orjson

from bulkstatus.log.records import ErrorKind, RowError
from bulkstatus.words import printable


class Meaning(Enum):
    """What an attempt's answer, or the lack of one, means for the row and the run."""

    UPDATED = auto()  #: the order has the status
    REFUSED = auto()  #: the API says no to this row
    FORBIDDEN = auto()  #: not allowed: this order alone, or all of them
    UNKNOWN_PAGE = auto()  #: 404 or 405 that is not the API's own: a wrong URL, or this order
    LIMITED = auto()  #: too fast: the run holds and the row is sent again
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

_CREDENTIAL_CODES = {401, 50000}
_COMPANY_CODE = 50001
_TRANSIENT_STATUSES = {408, 425}
# Those which say that the request was not carried out. After any other of 500 and up the update
# may have been made all the same, unless the API itself explains.
_NOT_DONE_STATUSES = {408, 425, 501, 503, 505}
_CAPTIVE_PORTAL = 511

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

#: The most characters of a server's message that the rules about its words look at.
_WORDS_LIMIT = 1000

# Seconds: three centuries, for a `Retry-After` whose digits make no number that can be told.
_NEVER = 1e10


def judge(
    http_status: int, headers: Mapping[str, str], body: bytes, complete: bool, now: float
) -> Answer:
    """Return what an answer means.

    `headers` must be case-insensitive. `complete` is False when the body went on past the bound
    up to which it is read. `now` is seconds since the epoch, for a `Retry-After` that is a date.
    """
    succeeded = 200 <= http_status < 300
    if succeeded and complete and not body:
        return _updated(http_status)
    document, said = _read(body) if complete else (_BROKEN, None)
    if succeeded and said is None:
        return _judge_success(http_status, headers, body, complete, document)
    page = document is _BROKEN and _is_page(body)
    text = _text(body if complete and not page else b"", said)
    error = _row_error(http_status, text, said, complete, page)
    wait = retry_after(headers, now)

    def answer(meaning: Meaning, advice: str = "", unseen: bool = False) -> Answer:
        return Answer(meaning, http_status, error, wait, unseen, advice)

    code = _as_number(error.code)
    words = text[:_WORDS_LIMIT].casefold()
    if code in _CREDENTIAL_CODES or http_status == 401 or "authentication required" in words:
        return answer(Meaning.FATAL, CHECK_CREDENTIALS)
    if code == _COMPANY_CODE:
        return answer(Meaning.FATAL, CHECK_COMPANY)
    if http_status == 407:
        return answer(Meaning.FATAL, CHECK_PROXY_LOGIN)
    if http_status == 429 or (http_status == 503 and wait is not None):
        return answer(Meaning.LIMITED)
    if (said is not None or http_status == 400) and _is_about_a_limit(words):
        return answer(Meaning.LIMITED)
    if http_status == 403 or words.startswith("permission denied"):
        return answer(Meaning.FORBIDDEN, CHECK_PERMISSION)
    if 300 <= http_status < 400:
        target = headers.get("Location", "another address")
        advice = f"{CHECK_PROXY} It redirects to {target}, which is not followed."
        return answer(Meaning.FATAL, advice)
    if http_status in {404, 405} and not isinstance(said, dict):
        return answer(Meaning.UNKNOWN_PAGE, CHECK_URL)
    if http_status == _CAPTIVE_PORTAL:
        return answer(Meaning.FATAL, CHECK_PROXY)
    if http_status in _TRANSIENT_STATUSES or not 200 <= http_status < 500:
        explained = isinstance(said, dict)
        possibly_done = http_status not in _NOT_DONE_STATUSES
        return answer(Meaning.TRANSIENT, unseen=possibly_done and not explained)
    return answer(Meaning.REFUSED)


def _judge_success(
    http_status: int, headers: Mapping[str, str], body: bytes, complete: bool, document: object
) -> Answer:
    """Judge a 2xx whose body carries no error: it counts when it is the API's, and all there.

    Where neither a length nor chunks framed the body, nothing but broken JSON tells that the
    connection was closed too early.
    """
    if document is _BROKEN:
        if _is_page(body):
            error = RowError(ErrorKind.HTTP, f"HTTP {http_status} with an HTML page")
            return Answer(Meaning.FATAL, http_status, error, advice=CHECK_PROXY)
        framed = "Content-Length" in headers or "Transfer-Encoding" in headers
        if not complete or b'"error"' in body or (_begins_as_json(body) and not framed):
            error = RowError(ErrorKind.HTTP, f"HTTP {http_status} with an answer cut short")
            return Answer(Meaning.TRANSIENT, http_status, error, unseen=True)
    return _updated(http_status)


@cache
def _updated(http_status: int) -> Answer:
    return Answer(Meaning.UPDATED, http_status)


def _begins_as_json(body: bytes) -> bool:
    return body.removeprefix(_BOM).lstrip()[:1] in {b"{", b"["}


def _is_page(body: bytes) -> bool:
    """Tell whether a body that is no JSON is a web page, in UTF-16 too."""
    return not _begins_as_json(body) and bool(_HTML.search(body.replace(b"\x00", b"")))


_BROKEN = object()
_BOM = b"\xef\xbb\xbf"


def _parse(body: bytes) -> object:
    """Return the JSON value that `body` holds, or _BROKEN."""
    try:
        return orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError:
        return _BROKEN


@lru_cache(maxsize=16)
def _read(body: bytes) -> tuple[object, object]:
    """Return what `_parse` and `_error_in` find in a body; most bodies of a run are alike."""
    document = _parse(body)
    return document, _error_in(document, body)


def _error_in(document: object, body: bytes) -> object:
    """Return the error that a JSON body carries, the outermost, or None; null is none."""
    parts, is_null = [document], False
    for part in parts:  # It grows meanwhile.
        if isinstance(part, list):
            parts.extend(part)
        elif isinstance(part, dict):
            for key, value in part.items():
                if key.casefold() == "error":
                    if value is not None:
                        return value
                    is_null = True
            parts.extend(part.values())
    return _repeated_error(body) if is_null else None


def _repeated_error(body: bytes) -> object:
    """Return an error that stands in `body` before the `"error": null` that a parser keeps."""
    found: list[object] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found.extend(
            value for key, value in pairs if key.casefold() == "error" and value is not None
        )
        return dict(pairs)

    try:
        json.loads(body.removeprefix(_BOM), object_pairs_hook=note)
    except RecursionError:
        return _TOO_DEEP
    return found[-1] if found else None


_TOO_DEEP = "an answer nested too deeply to be read"


def _text(body: bytes, said: object) -> str:
    """Return what the server says in words: the API's message, or else the body."""
    if isinstance(said, dict):
        message = said.get("message")
        return _plain(message or said)
    if said is not None:
        return _plain(said)
    return body.decode("utf-8", "replace").strip()


def _row_error(http_status: int, text: str, said: object, complete: bool, page: bool) -> RowError:
    """Return the error as the log keeps it: the API's own words where there are any."""
    if said is not None:
        return RowError(ErrorKind.API, text, _code(said))
    try:
        phrase = f"HTTP {http_status} {HTTPStatus(http_status).phrase}"
    except ValueError:
        phrase = f"HTTP {http_status}"
    if page:
        return RowError(ErrorKind.HTTP, f"{phrase} (an HTML page)")
    if not complete:
        # Not quoted: the end of what was read could be a part of the key, which is no longer
        # known for what it is.
        return RowError(ErrorKind.HTTP, f"{phrase} (an answer longer than any of the API's)")
    return RowError(ErrorKind.HTTP, f"{phrase}: {text}" if text else phrase)


def _code(said: object) -> int | str | None:
    """Return the API's code; 50000.0 is the JSON number 50000."""
    code = said.get("code") if isinstance(said, dict) else None
    if isinstance(code, float) and code.is_integer() and abs(code) < 2**53:
        return int(code)
    return code if isinstance(code, (int, str)) and not isinstance(code, bool) else None


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return _TOO_DEEP


def _as_number(code: int | str | None) -> int | None:
    if isinstance(code, str) and code.strip().isdecimal():
        return int(code.strip()[:18])
    return code if isinstance(code, int) else None


def _is_about_a_limit(message: str) -> bool:
    """Tell a request limit from the limit of some field's length."""
    if _COUNTS_REQUESTS.search(message):
        return True
    return bool(_SPEAKS_OF_A_LIMIT.search(message)) and not _SPEAKS_OF_A_LENGTH.search(message)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that `Retry-After` asks for (a number, or a date), or None.

    A date is measured from the answer's own `Date` where it has one, so that a clock that is
    wrong here does not shorten the wait.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", value):
        return min(float(value), _NEVER)
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
