"""One put is one request: what aiohttp repeats by itself would be neither paced nor counted."""

import aiohttp
import pytest
from api_calls import CREDENTIALS, DISPATCHED
from raw_server import OK, RawServer, Step, then_close, then_reset

from bulkstatus import api as api_module
from bulkstatus.answer import Answer, Meaning
from bulkstatus.api import OrderStatusApi
from bulkstatus.result import ErrorKind

LOSSES = {
    "closes": then_close(),
    "resets": then_reset(),
    "closes in the headers": then_close(b"HTTP/1.1 200 OK\r\nContent-Le"),
}


async def two_puts(server: RawServer) -> tuple[Answer, Answer]:
    async with OrderStatusApi(server.base_url, CREDENTIALS, timeout=20.0) as api:
        return await api.put(DISPATCHED), await api.put(DISPATCHED)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
async def test_a_kept_alive_connection_that_is_lost_costs_one_request(loss: Step) -> None:
    async with RawServer(OK, loss, OK) as server:
        first, second = await two_puts(server)
    assert first.meaning is Meaning.UPDATED
    assert (second.meaning, second.unseen) == (Meaning.UNANSWERED, True)
    assert second.error is not None
    assert second.error.kind is ErrorKind.CONNECTION
    assert second.error.message.startswith("connection lost: ")
    assert len(server.requests) == 2
    assert server.connections == 1


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
async def test_a_first_connection_that_is_lost_costs_one_request(loss: Step) -> None:
    async with RawServer(loss, OK) as server:
        first, second = await two_puts(server)
    assert (first.meaning, first.unseen) == (Meaning.UNANSWERED, True)
    assert second.meaning is Meaning.UPDATED
    assert len(server.requests) == 2


@pytest.mark.parametrize("end", [then_close(OK), then_reset(OK)], ids=["closed", "reset"])
async def test_a_connection_that_ends_between_two_puts_costs_at_most_one_request_each(
    end: Step,
) -> None:
    async with RawServer(end, OK) as server:
        first, second = await two_puts(server)
    assert first.meaning is Meaning.UPDATED
    # The end may be noticed before the second request leaves, or by it.
    assert second.meaning in {Meaning.UPDATED, Meaning.UNANSWERED}
    assert len(server.requests) <= 2


@pytest.fixture
def without_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "_SentOnce", aiohttp.BytesPayload)


@pytest.mark.usefixtures("without_the_guard")
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
async def test_without_the_guard_aiohttp_sends_a_third_request(loss: Step) -> None:
    """Should this fail one day, aiohttp has stopped repeating and the guard can go."""
    async with RawServer(OK, loss, OK) as server:
        answers = await two_puts(server)
    assert [answer.meaning for answer in answers] == [Meaning.UPDATED, Meaning.UPDATED]
    assert len(server.requests) == 3
