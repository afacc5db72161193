"""Bodies: read as far as they are worth it, understood as far as they are whole."""

import asyncio
import gzip
import json
import tracemalloc
import zlib

import pytest
from aiohttp import web
from api_calls import CREDENTIALS, put
from raw_server import RawServer, Step, then_close, then_hang, without_end

from bulkstatus.answer import Meaning
from bulkstatus.api import BODY_LIMIT, OrderStatusApi
from bulkstatus.credentials import Credentials
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
        answer_with(ERROR),
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
async def test_a_whole_body_is_understood_however_it_is_framed(answer: Step) -> None:
    async with RawServer(answer) as server:
        result = await put(server)
    assert result.meaning is Meaning.REFUSED
    assert result.error == ("api", "Invalid order status", 0)


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
async def test_a_body_beyond_the_bound_is_left_unread_and_is_no_success(step: Step) -> None:
    async with RawServer(step) as server:
        tracemalloc.start()
        answer = await put(server)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (answer.meaning, answer.http_status) == (Meaning.TRANSIENT, 200)
    assert answer.unseen
    assert answer.error == ("http", "HTTP 200 with an answer cut short", None)
    assert peak < 16_000_000
    assert len(server.requests) == 1


@pytest.mark.parametrize("filler", ["x", "\x1b", " ", "\n", "ü"])
@pytest.mark.parametrize("status", [b"400 Bad Request", b"500 Oops", b"302 Found"])
async def test_a_key_that_the_bound_cuts_through_is_not_shown(status: bytes, filler: str) -> None:
    """What is left of it could not be recognised any more."""
    key = CREDENTIALS.api_key
    width = len(filler.encode())
    for kept in (1, len(key) // 2, len(key) - 1):
        body = filler.encode() * ((BODY_LIMIT - kept) // width) + key.encode() * 2
        async with RawServer(answer_with(body, status)) as server:
            answer = await put(server)
        assert answer.error is not None
        assert answer.error.message.startswith(f"HTTP {status[:3].decode()} ")
        assert "APIK" not in answer.error.message


@pytest.mark.parametrize("scheme", ["plain", "base64"])
@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize("shape", ["api", "text", "other JSON"])
async def test_a_server_that_echoes_the_header_does_not_get_the_key_into_a_message(
    scheme: str, status: int, shape: str
) -> None:
    async def echo(request: web.Request) -> web.Response:
        said = f"\x1b[31mBad header: {request.headers['authorization']}"
        if shape == "api":
            document = {"error": {"message": said, "code": said}}
            return web.json_response(document, status=status)
        text = json.dumps({"received": said}) if shape == "other JSON" else said
        return web.Response(text=text, status=status)

    credentials = Credentials("REFID", "k3y/With+Odd=Signs&<'\">\\%~")
    app = web.Application()
    app.router.add_put("/order/{id}/status", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0]
        answer = await put(f"http://{host}:{port}", credentials=credentials, auth_scheme=scheme)
    finally:
        await runner.cleanup()
    assert answer.error is not None
    shown = f"{answer.error.message} {answer.error.code} {answer.advice}"
    assert "[API key]" in shown
    assert "k3y" not in shown
    assert credentials.header("base64")[6:20] not in shown
    assert shown.isprintable()


async def test_a_hostile_redirect_target_is_made_harmless() -> None:
    target = b"http://x/" + b"\xff" * 9 + b"?key=" + CREDENTIALS.api_key.encode() + b"y" * 4000
    redirect = answer_with(b"", b"302 Found", b"Location: " + target)
    async with RawServer(redirect) as server:
        answer = await put(server)
    assert answer.meaning is Meaning.FATAL
    assert "APIKEY" not in answer.advice
    assert "Check the base URL" in answer.advice
    assert len(answer.advice) <= 300
    answer.advice.encode()


async def test_many_puts_at_once_each_get_their_own_answer() -> None:
    async def say_which(request: web.Request) -> web.Response:
        document = {"error": {"message": request.match_info["id"], "code": 0}}
        return web.json_response(document, status=400)

    app = web.Application()
    app.router.add_put("/order/{id}/status", say_which)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0]
        async with OrderStatusApi(f"http://{host}:{port}", CREDENTIALS, concurrency=8) as api:
            answers = await asyncio.gather(
                *(api.put(StatusUpdate(f"{n}", OrderStatus.ON_HOLD)) for n in range(200))
            )
    finally:
        await runner.cleanup()
    assert [answer.error.message for answer in answers if answer.error] == list(
        map(str, range(200))
    )


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
