"""What an answer of the Order Status API means: one pure function, `judge`.

The rules are those of the vendor's pages: an error comes as HTTP 400 or 500 with
`{"error": {"message", "code"}}`, a wrong key is a 400 with code 50000, and a request over the
account's limit is a 400 whose message speaks of the limit.
"""

import html
import re
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote_plus

from aiohttp.hdrs import CONTENT_ENCODING

from bulkstatus.api.body import Body, read
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
    HUNG_UP = auto()  #: nobody's: the connection that was kept turned out closed
    ELSEWHERE = auto()  #: a page or a redirect: something else answered
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

    @property
    def message(self) -> str:
        """What the answer says of itself, or what is said of it."""
        return self.error.message if self.error is not None else ""

    @property
    def sentence(self) -> str:
        """What it says that no row can get past, and what to check."""
        said = self.message
        if not said.startswith("HTTP "):
            said = f"{f'HTTP {self.http_status}' if self.http_status else 'no answer'}: {said}"
        return f"The API answered {said}. {self.advice}"

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


def judge(
    http_status: int,
    headers: Mapping[str, str],
    body: bytes,
    complete: bool,
    now: float,
    own: Iterable[str] = (),
    limit_codes: Container[object] = (),
) -> Answer:
    """Return what an answer means.

    `headers` must be case-insensitive. `complete` is False when the body went on past the bound
    up to which it is read. `now` is seconds since the epoch, for a `Retry-After` that is a date.
    `own` are the row's own words, which the server may quote: its order ID and tracking.
    `limit_codes` are the codes that are known to mean a limit.
    """
    said, plain = _heard(http_status, headers.get(CONTENT_ENCODING, ""), body, complete)
    if plain is not None:
        return plain
    succeeded = 200 <= http_status < 300 and said.refusal is None
    error = said.refusal or _error_of_http(http_status, said, complete)
    wait = retry_after(headers, now)

    def answer(meaning: Meaning, advice: str = "", unseen: bool = False) -> Answer:
        return Answer(meaning, http_status, error, wait, unseen, advice)

    if succeeded and said.is_page:
        return answer(Meaning.ELSEWHERE, CHECK_PROXY)
    if succeeded and not said.is_whole:
        return answer(Meaning.TRANSIENT, unseen=True)

    # No more than so many, so that a hostile message costs no more than an honest one.
    words = _without(own, said.message or ("" if succeeded else said.text))[:1000]
    code = said.code
    if isinstance(code, str) and code.strip().isdecimal():
        code = int(code.strip()[:18])
    if code in {401, 50000} or http_status == 401 or "authentication required" in words:
        return answer(Meaning.FATAL, CHECK_CREDENTIALS)
    if http_status == 407:
        return answer(Meaning.FATAL, CHECK_PROXY_LOGIN)
    if http_status == 429 or (http_status == 503 and wait is not None) or code in limit_codes:
        return answer(Meaning.LIMITED)
    # A limit of requests, and not that of some field's length.
    about_a_limit = _COUNTS_REQUESTS.search(words) or (
        _SPEAKS_OF_A_LIMIT.search(words) and not _SPEAKS_OF_A_LENGTH.search(words)
    )
    if about_a_limit and (said.message or http_status == 400):
        return answer(Meaning.LIMITED)
    if http_status == 403 or code == 50001 or words.startswith("permission denied"):
        return answer(Meaning.FORBIDDEN, CHECK_COMPANY if code == 50001 else CHECK_PERMISSION)
    if succeeded:
        return Answer(Meaning.UPDATED, http_status)
    if 300 <= http_status < 400:
        target = headers.get("Location", "another address")
        advice = f"{CHECK_PROXY} It redirects to {target}, which is not followed."
        return answer(Meaning.ELSEWHERE, advice)
    if http_status in {404, 405} and not said.has_object:
        return answer(Meaning.UNKNOWN_PAGE, CHECK_URL)
    if http_status == 511:  # a captive portal
        return answer(Meaning.ELSEWHERE, CHECK_PROXY)
    if http_status == 503:
        return answer(Meaning.OVERLOADED)
    if http_status in {408, 425} or not 200 <= http_status < 500:
        unseen = http_status not in _NOT_DONE_STATUSES and not said.has_object
        return answer(Meaning.TRANSIENT, unseen=unseen)
    return answer(Meaning.REFUSED)


@lru_cache(maxsize=16)  # Most answers of a run are alike.
def _heard(
    http_status: int, encoding: str, body: bytes, complete: bool
) -> tuple[Body, Answer | None]:
    """Return what a body says, and the answer where that is a success and nothing besides."""
    said = read(body, encoding)
    is_2xx = 200 <= http_status < 300
    if not complete or (is_2xx and not said.is_whole):
        # What it ends in could be a part of the key, which is no longer known for what it is.
        said = Body(False, said.is_page)
    is_more = said.refusal or said.is_page or said.message or said.code is not None
    if is_2xx and said.is_whole and not is_more:
        return said, Answer(Meaning.UPDATED, http_status)
    return said, None


# What stands for a row's own words in what was said of it: a word of no meaning.
_OWN = "x"


def _without(own: Iterable[str], words: str) -> str:
    """Return words in small letters, with each of a row's own made one that means nothing.

    Only whole ones are, so that the order 5 is not found in 50000.
    """
    words = _unescaped(words)
    for word in sorted(filter(None, map(_unescaped, own)), key=len, reverse=True):
        starts, ends = r"(?:(?<![^\W_])|(?=[\W_]))", r"(?:(?![^\W_])|(?<=[\W_]))"
        words = re.sub(starts + re.escape(word) + ends, _OWN, words)
    return words


def _unescaped(text: str) -> str:
    """Return text as it is however JSON, a URL or HTML escapes it, in small letters."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    text = html.unescape(unquote_plus(re.sub(r"\\(.)", r"\1", text)))
    return " ".join(text.casefold().split())


def _error_of_http(http_status: int, said: Body, complete: bool) -> RowError:
    """Return the error of an answer in which the API itself says nothing."""
    phrase = f"HTTP {http_status}"
    if 200 <= http_status < 300 and not said.is_page:
        return RowError(ErrorKind.HTTP, f"{phrase} with an answer that cannot be read to its end")
    with suppress(ValueError):
        phrase += f" {HTTPStatus(http_status).phrase}"
    if said.is_page:
        phrase += " (a page of HTML or XML)"
    elif not complete:
        phrase += " (an answer longer than any of the API's)"
    elif said.text:
        phrase += f": {said.text}"
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
