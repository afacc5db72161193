"""Answers: read as far as they are worth it, understood as far as they are whole, keyless."""

import gzip
import json
import tracemalloc
import zlib

import pytest
from api_calls import CREDENTIALS, put
from raw_server import RawServer, Step, then_close, then_hang, without_end

from bulkstatus.api.access import Credentials
from bulkstatus.api.answer import Meaning
from bulkstatus.api.body import BODY_LIMIT
from bulkstatus.log.records import ErrorKind, RowError
from bulkstatus.order import OrderStatus, StatusUpdate

ERROR = b'{"error":{"message":"Invalid order status","code":0}}'


def answer_with(body: bytes, status: bytes = b"200 OK", *fields: bytes) -> bytes:
    head = b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *fields])
    return head + b"\r\n\r\n" + body


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        + b"0\r\n\r\n"
    )


@pytest.mark.parametrize(
    "answer",
    [
        answer_with(ERROR, b"400 Bad Request"),
        chunked(ERROR, 7),
        then_close(b"HTTP/1.1 200 OK\r\n\r\n" + ERROR),
        then_close(b"HTTP/1.0 200 OK\r\n\r\n" + ERROR),
        answer_with(gzip.compress(ERROR), b"200 OK", b"Content-Encoding: gzip"),
        answer_with(zlib.compress(ERROR), b"200 OK", b"Content-Encoding: deflate"),
        answer_with(ERROR + b" " * (BODY_LIMIT - len(ERROR))),
        chunked(ERROR + b" " * (BODY_LIMIT - len(ERROR)), 1000),
        answer_with(ERROR, b"200 OK", b"Content-Type: text/html"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer_with(ERROR),
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer_with(ERROR),
    ],
)
async def test_a_whole_body_is_understood_however_it_is_framed(answer: Step | bytes) -> None:
    async with RawServer(answer) as server:
        result = await put(server)
    assert result.meaning is Meaning.REFUSED
    assert result.error == RowError(ErrorKind.API, "Invalid order status", 0)


BOMB = gzip.compress(bytes(64_000_000))
UNFRAMED = b"HTTP/1.1 200 OK\r\n\r\n"

TOO_LONG = {
    "a length beyond the bound": answer_with(ERROR + b" " * BODY_LIMIT),
    "a length that never comes": then_hang(
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n" + ERROR + b" " * BODY_LIMIT
    ),
    "chunks beyond the bound": chunked(ERROR + b" " * BODY_LIMIT, 1000),
    "chunks without end": without_end(chunked(ERROR, 9)[:-5], b"3e8\r\n" + b" " * 1000 + b"\r\n"),
    "no framing and no end": without_end(UNFRAMED + ERROR, b" " * 1000),
    "a gzip bomb": answer_with(BOMB, b"200 OK", b"Content-Encoding: gzip"),
    "a gzip bomb of the deflate kind": answer_with(
        zlib.compress(b"{}" + b" " * 9_000_000), b"200 OK", b"Content-Encoding: deflate"
    ),
}


@pytest.mark.parametrize("step", TOO_LONG.values(), ids=TOO_LONG.keys())
async def test_a_body_beyond_the_bound_is_left_unread_and_is_no_success(step: Step | bytes) -> None:
    async with RawServer(step) as server:
        tracemalloc.start()
        answer = await put(server)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (answer.meaning, answer.http_status, answer.unseen) == (Meaning.TRANSIENT, 200, True)
    assert answer.error == RowError(
        ErrorKind.HTTP, "HTTP 200 with an answer that cannot be read to its end"
    )
    assert peak < 16_000_000
    assert len(server.requests) == 1


async def test_an_answer_is_judged_without_the_rows_own_words_and_by_the_limit_codes() -> None:
    update = StatusUpdate("quota/5", OrderStatus.DISPATCHED, "Authentication required")
    for said in (update.order_id, update.tracking):
        body = b'{"error":{"message":"Unknown: %b","code":7}}' % str(said).encode()
        async with RawServer(answer_with(body, b"400 Bad Request")) as server:
            assert (await put(server)).meaning is not Meaning.REFUSED
            assert (await put(server, update)).meaning is Meaning.REFUSED
            assert (await put(server, update, limit_codes={7})).meaning is Meaning.LIMITED


@pytest.mark.parametrize("scheme", ["plain", "base64"])
@pytest.mark.parametrize("shape", ["code", "text", "other JSON"])
async def test_a_server_that_echoes_the_header_does_not_get_the_key_into_a_message(
    scheme: str, shape: str
) -> None:
    pair = Credentials("REFID", "k3y/With+Odd=Signs&<'\">\\%~")
    said = f"\x1b[31mBad header: {pair.header(scheme)}"
    body = {
        "code": json.dumps({"error": {"message": "no", "code": said}}),
        "text": said,
        "other JSON": json.dumps({"received": said}),
    }
    async with RawServer(answer_with(body[shape].encode(), b"400 Bad Request")) as server:
        answer = await put(server, credentials=pair, auth_scheme=scheme)
    # This is what the server was sent, so what it can echo.
    assert server.requests[0].header(b"authorization") == [pair.header(scheme).encode()]
    assert answer.error is not None
    shown = f"{answer.error.message} {answer.error.code}"
    assert "[API key]" in shown
    assert "k3y" not in shown
    assert pair.header("base64")[6:20] not in shown
    assert shown.isprintable()


async def test_an_answer_that_is_cut_off_within_an_echo_of_the_key_is_not_quoted() -> None:
    key = CREDENTIALS.api_key.encode()
    # Blanks are made one, so that the end of what is read would come into the message.
    body = b" " * (BODY_LIMIT - len(key) + 2) + key
    async with RawServer(answer_with(body, b"500 Internal Server Error")) as server:
        answer = await put(server)
    assert answer.error is not None
    assert key[:6].decode() not in answer.error.message


async def test_a_hostile_redirect_target_is_made_harmless() -> None:
    target = b"http://x/" + b"\xff" * 9 + b"?key=" + CREDENTIALS.api_key.encode() + b"y" * 4000
    redirect = answer_with(b"", b"302 Found", b"Location: " + target)
    async with RawServer(redirect) as server:
        answer = await put(server)
    assert answer.meaning is Meaning.ELSEWHERE
    assert "APIKEY" not in answer.advice
    assert len(answer.advice) <= 300
    answer.advice.encode()


@pytest.mark.parametrize("offset", range(0, len(CREDENTIALS.api_key), 5))
@pytest.mark.parametrize(
    "place",
    [
        b"%b\r\n\r\n",
        b"HTTP/1.1 %b\r\n\r\n",
        b"HTTP/1.1 200 %b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n%b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\x00%b: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b\r\n",
    ],
)
async def test_what_the_http_library_quotes_of_a_broken_answer_does_not_show_the_key(
    place: bytes, offset: int
) -> None:
    """It cuts its quotations at places of its own: the key again and again is cut for sure."""
    echo = (CREDENTIALS.api_key.encode() * 1000)[offset:]
    async with RawServer(then_close(place % echo)) as server:
        answer = await put(server)
    assert answer.error is not None
    shown = f"{answer.error.message} {answer.advice}"
    assert not any(CREDENTIALS.api_key[start : start + 6] in shown for start in range(12))
