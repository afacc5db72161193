"""What the body of an answer says: one pure function, `read`.

A body that was read to its end is empty, JSON, or plain words. What begins as JSON or holds some
and cannot be parsed, and what is no text, was cut short or is not the API's.
"""

import json
import re
import zlib
from functools import lru_cache
from typing import Any, NamedTuple

from bulkstatus.log.records import ErrorKind, RowError

#: The most bytes of a body that are read; the API's own answers are far smaller.
BODY_LIMIT = 65536


class Body(NamedTuple):
    """What a body says.

    `is_whole` says that it was read to its end, and `is_page` that it is HTML or XML. `text` is
    what may be quoted of it. `message` and `code` are those of its JSON, of the refusal where it
    has one. `refusal` is what of it speaks against a success, and `has_object` says that this is
    an error object, as the API writes it.
    """

    is_whole: bool
    is_page: bool = False
    text: str = ""
    message: str = ""
    code: int | str | None = None
    refusal: RowError | None = None
    has_object: bool = False


_PAGE = re.compile(r"<[a-z!?]|[^{\[].*</[a-z]", re.IGNORECASE | re.DOTALL)
_NOT_WORDS = re.compile(r"^\[|[{\x00-\x08\x0e-\x1f\x7f]")
_FALSE = re.compile(r"false|0", re.IGNORECASE)
_FAILURE = re.compile(r"error|fail(?:ed|ure)?", re.IGNORECASE)
_SAYS_NO = {"success": _FALSE, "ok": _FALSE, "status": _FAILURE, "result": _FAILURE}


class _Object(dict[str, Any]):
    """An object of JSON; `says_no` when one of its own members does, such as `success`."""

    says_no = False


@lru_cache(maxsize=16)  # Most bodies of a run are alike.
def read(body: bytes, encoding: str = "") -> Body:
    """Return what a body says that came with `encoding` as its `Content-Encoding`."""
    plain, is_whole = _unpacked(body, encoding)
    unicode = json.detect_encoding(plain)
    try:
        text = plain.decode(unicode)
    except UnicodeDecodeError:
        is_whole, text = False, plain.decode(unicode, "replace")
    text = text.strip()
    # Where it broke off it could be a part of the key, which is no longer known for what it is.
    quotable = text if is_whole or plain is body else ""
    refusals: list[tuple[Any, _Object]] = []

    def note(pairs: list[tuple[str, Any]]) -> _Object:
        # Here, since of two members of one name a dictionary keeps but the last.
        here = _Object(pairs)
        for key, value in pairs:
            name = key.casefold()
            if name in {"error", "errors"} and value:
                refusals.append((value, here))
            elif name in _SAYS_NO and _SAYS_NO[name].fullmatch(str(value).strip()):
                here.says_no = True
        return here

    try:
        document = json.loads(text, object_pairs_hook=note)
        if isinstance(document, str):  # JSON within JSON
            inner = read(document.encode("utf-8", "replace"))
            return inner._replace(is_whole=inner.is_whole and is_whole)
        objects = [part for part in _listed(document) if isinstance(part, _Object)]
        # An object is read to its end before the one that holds it: the outermost comes last.
        refusals = refusals or [(part, part) for part in reversed(objects) if part.says_no]
        if refusals:
            value, holder = refusals[-1]
            said = _listed(value)[0]
            message, code = _said(said, holder)
            refusal = RowError(ErrorKind.API, message, code)
            has_object = holder is not value and isinstance(value, dict)
            return Body(is_whole, False, quotable, message, code, refusal, has_object)
        if not objects:
            return Body(is_whole, text=quotable)
        said = objects[0].get("message")
        message = said if isinstance(said, str) else ""
        code = _code(objects[0].get("code"))
        return Body(is_whole, text=quotable, message=message, code=code)
    except (ValueError, RecursionError):  # The latter is for nesting without end.
        is_page = _PAGE.match(text) is not None
        return Body(is_whole and not _NOT_WORDS.search(text), is_page, "" if is_page else quotable)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _said(said: Any, holder: _Object) -> tuple[str, int | str | None]:
    """Return message and code of a refusal: its own, or those of the object that holds it."""
    teller = said if isinstance(said, dict) else holder
    message = said if isinstance(said, str) else teller.get("message") or teller
    if not isinstance(message, str):
        message = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return message, _code(teller.get("code"))


def _code(code: Any) -> int | str | None:
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    if isinstance(code, int) and not isinstance(code, bool) and abs(code) < 2**53:
        return code
    return code if isinstance(code, str) else None


def _unpacked(body: bytes, encoding: str) -> tuple[bytes, bool]:
    """Return a body without its compression, and whether that is all of it.

    No compression is asked for, so what comes all the same may not be announced either.
    """
    is_gzip = body.startswith(b"\x1f\x8b")
    if not is_gzip and (not body or encoding.strip().lower() not in {"gzip", "deflate"}):
        return body, True
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = unpacker.decompress(body, BODY_LIMIT)
    except zlib.error:
        return b"", False
    return plain, unpacker.eof and not unpacker.unused_data
