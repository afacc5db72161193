"""Everything that can go wrong on the way: each ends as an `Answer`, and nothing is raised.

One put is one request: what aiohttp repeats by itself would be neither paced nor counted.
"""

import asyncio
import gc
import socket

import pytest
from aiohttp.client_proto import ResponseHandler
from api_calls import CREDENTIALS, DISPATCHED, put
from raw_server import OK, RawServer, Step, then_close, then_hang, then_reset, without_end

from bulkstatus.api import client
from bulkstatus.api.answer import CHECK_URL, Answer, Meaning
from bulkstatus.api.client import OrderStatusApi
from bulkstatus.log.records import ErrorKind, RowError

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNFRAMED = HEAD + b"\r\n"

#: What the server does once it has read the request. Of none is it known whether the update was
#: made, and each costs exactly one request.
LOST = {
    "closes": then_close(),
    "resets": then_reset(),
    "closes in the first line": then_close(HEAD[:5]),
    "closes in the headers": then_close(HEAD + b"Content-Len"),
    "closes after the headers": then_close(HEAD + b"Content-Length: 2\r\n\r\n"),
    "closes in the body": then_close(HEAD + b"Content-Length: 100\r\n\r\n{}"),
    "resets in the body": then_reset(HEAD + b"Content-Length: 100\r\n\r\n{}"),
    "closes between chunks": then_close(CHUNKED + b"2\r\n{}\r\n"),
    "closes before the last chunk's end": then_close(CHUNKED + b"2\r\n{}\r\n0\r\n"),
    "sends a chunk size that is none": then_close(CHUNKED + b"zz\r\n{}\r\n"),
    "sends a chunk that is too long": then_hang(CHUNKED + b"2\r\n{}zzzz\r\n"),
    "sends a negative length": then_close(HEAD + b"Content-Length: -5\r\n\r\n{}"),
    "sends two lengths": then_close(HEAD + b"Content-Length: 5\r\nContent-Length: 2\r\n\r\n{}"),
    "sends both a length and chunks": then_close(
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "is no HTTP server": then_close(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "sends a status that is none": then_close(b"HTTP/1.1 abc OK\r\n\r\n"),
    "sends NUL in a header": then_close(HEAD + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n"),
    "sends headers without end": without_end(HEAD, b"X-Header: some value\r\n" * 100),
    "sends a header without end": without_end(HEAD + b"X-Header: ", b"x" * 9999),
}

#: Of these no byte of an answer has come.
HANGS_UP = [LOST["closes"], LOST["resets"]]


def api_of(server: RawServer) -> OrderStatusApi:
    return OrderStatusApi(server.base_url, CREDENTIALS, timeout=20.0)


async def puts(count: int, server: RawServer) -> list[Answer]:
    """Send the same update a few times, in one session."""
    async with api_of(server) as api:
        return [await api.put(DISPATCHED) for _ in range(count)]


@pytest.mark.parametrize("step", LOST.values(), ids=LOST.keys())
async def test_the_answer_is_lost_and_the_session_goes_on_when_the_server(
    step: Step | bytes,
) -> None:
    """On a new connection, and on one that was kept alive."""
    async with RawServer(step, OK, step, OK) as server:
        first, second, third, fourth = await puts(4, server)
    # On a kept connection it may have been closed before the request came.
    kept = Meaning.HUNG_UP if step in HANGS_UP else Meaning.UNANSWERED
    assert (first.meaning, third.meaning) == (Meaning.UNANSWERED, kept)
    for answer in (first, third):
        assert answer.http_status is None
        assert answer.unseen
        assert answer.error is not None
        assert answer.error.kind is ErrorKind.CONNECTION
        assert answer.error.message.isprintable()
        assert "<" not in answer.error.message, "an object of the HTTP library"
        assert len(answer.error.message) <= 300
    assert second.meaning is fourth.meaning is Meaning.UPDATED
    assert len(server.requests) == 4
    assert server.connections == 3


async def test_without_the_guard_aiohttp_sends_a_request_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Should this fail one day, aiohttp has stopped repeating and the guard can go."""
    monkeypatch.setattr(client._Payload, "consumed", False)
    async with RawServer(OK, then_close(), OK) as server:
        answers = await puts(2, server)
    assert [answer.meaning for answer in answers] == [Meaning.UPDATED] * 2
    assert len(server.requests) == 3


@pytest.mark.parametrize("end", [then_close(OK), then_reset(OK)], ids=["closed", "reset"])
async def test_a_connection_that_ends_between_two_puts_costs_at_most_one_request_each(
    end: Step,
) -> None:
    async with RawServer(end, OK) as server:
        first, second = await puts(2, server)
    assert first.meaning is Meaning.UPDATED
    # The end may be noticed before the second request leaves, or by it.
    assert second.meaning in {Meaning.UPDATED, Meaning.HUNG_UP}
    assert len(server.requests) <= 2


async def test_what_was_hung_up_on_goes_on_a_new_connection_next_time() -> None:
    """Others that are kept may be closed as well."""
    async with RawServer(OK, OK, OK, then_close(), OK) as server, api_of(server) as api:
        await asyncio.gather(*(api.put(DISPATCHED) for _ in range(3)))
        assert server.connections == 3
        assert (await api.put(DISPATCHED)).meaning is Meaning.HUNG_UP
        assert (await api.put(DISPATCHED)).meaning is Meaning.UPDATED
        assert server.connections == 4
        assert (await api.put(DISPATCHED)).meaning is Meaning.UPDATED
        assert server.connections == 4


async def test_connections_that_are_closed_are_forgotten() -> None:
    """Where each answer ends its connection, a run of many rows has as many of them."""
    async with RawServer(then_close(OK)) as server, api_of(server) as api:
        for _ in range(50):
            assert (await api.put(DISPATCHED)).meaning in {Meaning.UPDATED, Meaning.HUNG_UP}
        gc.collect()
        known = [each for each in gc.get_objects() if isinstance(each, ResponseHandler)]
    assert server.connections > 20
    assert len(known) < 10


REFUSED = b'HTTP/1.1 400 Bad\r\nContent-Length: 37\r\n\r\n{"error":{"message":"no","code":0}}  '


@pytest.mark.parametrize("surplus", [OK, b"HTTP/1.1 408 Time\r\n\r\n", b"\0"])
@pytest.mark.parametrize("turns", [0, 20])
async def test_what_comes_on_an_idle_connection_answers_no_other_request(
    surplus: bytes, turns: int
) -> None:
    """Whether the event loop has seen it by then or not."""
    async with RawServer(OK, REFUSED) as server, api_of(server) as api:
        assert (await api.put(DISPATCHED)).meaning is Meaning.UPDATED
        server.say(surplus)
        for _ in range(turns):
            await asyncio.sleep(0)
        assert (await api.put(DISPATCHED)).meaning is Meaning.REFUSED
    assert (len(server.requests), server.connections) == (2, 2)


async def test_a_second_answer_that_comes_with_the_first_answers_no_other_request() -> None:
    async with RawServer(OK + OK, REFUSED) as server:
        first, second = await puts(2, server)
    assert (first.meaning, second.meaning) == (Meaning.UPDATED, Meaning.REFUSED)
    assert (len(server.requests), server.connections) == (2, 2)


#: What the server does instead of coming to an end.
HANGS = {
    "says nothing": then_hang(),
    "stops in the headers": then_hang(HEAD),
    "stops in the body": then_hang(HEAD + b"Content-Length: 5\r\n\r\n{}"),
    "never closes": then_hang(UNFRAMED + b'{"status":8}'),
    "drips a body without end": without_end(UNFRAMED, b" ", 0.01),
    "drips chunks without end": without_end(CHUNKED, b"1\r\n \r\n", 0.01),
    "goes on with 100 Continue": without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001),
}


async def test_the_timeout_ends_every_answer_that_does_not_come_to_an_end() -> None:
    async def attempt(step: Step | bytes) -> tuple[Answer, int]:
        async with RawServer(step) as server:
            return await put(server, timeout=1.0), len(server.requests)

    attempts = await asyncio.gather(*map(attempt, HANGS.values()))
    timeout = RowError(ErrorKind.TIMEOUT, "no answer within 1 s")
    expected = (Answer(Meaning.UNANSWERED, error=timeout, unseen=True), 1)
    assert dict(zip(HANGS, attempts, strict=True)) == dict.fromkeys(HANGS, expected)


@pytest.mark.parametrize("on_connect", [then_reset(), then_close()], ids=["resets", "closes"])
async def test_a_connection_lost_before_the_request_was_read_may_have_carried_it(
    on_connect: Step | bytes,
) -> None:
    async with RawServer(on_connect=on_connect) as server:
        answer = await put(server)
    assert (answer.meaning, answer.unseen) == (Meaning.UNANSWERED, True)
    assert server.connections == 1


async def test_a_refused_connection_carried_nothing() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        answer = await put(f"http://{host}")
    error = RowError(ErrorKind.CONNECTION, f"{host} cannot be reached: Connection refused")
    assert answer == Answer(Meaning.UNANSWERED, error=error)


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "127.1", "1.2.3.4.5"])
async def test_a_host_that_cannot_exist_stops_the_run_by_its_base_url(host: str) -> None:
    answer = await put(f"http://{host}")
    assert (answer.meaning, answer.unseen) == (Meaning.FATAL, False)
    assert answer.advice == CHECK_URL
    assert answer.error is not None
    assert answer.error.kind is ErrorKind.CONNECTION


async def test_cancelling_a_put_goes_through_and_frees_the_session() -> None:
    async with (
        RawServer(then_hang(), OK) as server,
        OrderStatusApi(server.base_url, CREDENTIALS, timeout=20.0, concurrency=1) as api,
    ):
        task = asyncio.create_task(api.put(DISPATCHED))
        while not server.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await api.put(DISPATCHED)).meaning is Meaning.UPDATED
    assert len(server.requests) == 2
