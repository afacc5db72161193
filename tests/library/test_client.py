"""`Client`: one update at a time, its result or the error that says what to do."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

import bulkstatus
from bulkstatus import AccessRefused, Client, OrderStatus, Outcome, UpdateFailed, UpdateRejected
from bulkstatus.pace import Ledger, Quotas, Rate
from bulkstatus.sandbox import Faults, Sandbox
from tests.schema import check_record

Answers = Callable[[int], web.StreamResponse | None]


class Api:
    """Answers its nth request as told; None closes the connection."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.requests: list[tuple[str, Any]] = []
        self.base_url = ""
        self.under_way = 0
        self.most_under_way = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.requests.append((request.raw_path, await request.json()))
        answer = self.answers(len(self.requests))
        await asyncio.sleep(0)
        self.under_way -= 1
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer


@asynccontextmanager
async def api(answers: Answers) -> AsyncIterator[Api]:
    served = Api(answers)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()


def error(status: int, message: str, code: int = 0, **headers: str) -> web.Response:
    return web.json_response(
        {"error": {"message": message, "code": code}}, status=status, headers=headers
    )


def client(base_url: str, **settings: Any) -> Client:
    return Client(base_url, "R1", "K1", **{"rate": "none", **settings})


@pytest.mark.parametrize("status", [8, "8", "dispatched", OrderStatus.DISPATCHED])
async def test_an_update_is_one_put_and_gives_its_result(status: Any) -> None:
    async with api(lambda nth: web.json_response({})) as served, client(served.base_url) as sender:
        result = await sender.set_status("A/1", status, "T1")
    assert served.requests == [("/order/A%2F1/status", {"status": 8, "shipping_tracking": "T1"})]
    assert (result.outcome, result.http_status, result.attempts) == (Outcome.UPDATED, 200, 1)
    assert (result.order_id, result.status, result.tracking) == ("A/1", 8, "T1")
    assert not result.uncertain
    check_record(json.loads(result.to_line()))


@pytest.mark.parametrize(
    ("order_id", "status", "tracking", "said"),
    [
        ("", 8, None, "The order ID is empty"),
        ("4.61402E+07", 8, None, "4.61402E"),
        ("1", "cancled", None, "did you mean Cancelled"),
        ("1", 9, None, 'The status "9" is not one of the nine'),
        ("1", 128, "T1", "A tracking number goes with a shipping status"),
    ],
)
async def test_an_update_that_cannot_be_sent_is_refused_before_it_leaves(
    order_id: str, status: Any, tracking: str | None, said: str
) -> None:
    async with api(lambda nth: web.Response()) as served, client(served.base_url) as sender:
        with pytest.raises(bulkstatus.InputRefused, match=said):
            await sender.set_status(order_id, status, tracking)
    assert served.requests == []


@pytest.mark.parametrize(
    ("answer", "kind", "attempts", "outcome", "uncertain"),
    [
        (lambda: error(400, "Invalid order status"), UpdateRejected, 1, Outcome.REJECTED, False),
        (lambda: error(403, "Permission denied"), UpdateRejected, 1, Outcome.REJECTED, False),
        (lambda: error(400, "Wrong key", 50000), AccessRefused, 1, Outcome.FAILED, False),
        (lambda: web.Response(status=404), AccessRefused, 1, Outcome.FAILED, False),
        (lambda: web.Response(text="<html>Log in"), AccessRefused, 1, Outcome.FAILED, False),
        (lambda: web.Response(status=302), AccessRefused, 1, Outcome.FAILED, False),
        (lambda: error(500, "Sorry"), UpdateFailed, 3, Outcome.FAILED, False),
        (lambda: web.Response(status=502), UpdateFailed, 3, Outcome.FAILED, True),
        (lambda: None, UpdateFailed, 3, Outcome.FAILED, True),
        (lambda: error(429, "Slow down"), UpdateFailed, 3, Outcome.FAILED, False),
    ],
)
async def test_what_is_not_updated_raises_what_it_means(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[], web.StreamResponse | None],
    kind: type[bulkstatus.NotUpdated],
    attempts: int,
    outcome: Outcome,
    uncertain: bool,
) -> None:
    monkeypatch.setattr("bulkstatus.run.backoff.BASE_SECONDS", 0.0)
    async with (
        api(lambda nth: answer()) as served,
        client(served.base_url, attempts=3) as sender,
    ):
        with pytest.raises(bulkstatus.NotUpdated) as raised:
            await sender.set_status("1001", 8)
    assert type(raised.value) is kind
    assert len(served.requests) == attempts
    result = raised.value.result
    assert (result.outcome, result.attempts, result.uncertain) == (outcome, attempts, uncertain)
    assert str(raised.value).startswith("Order 1001 was not updated: ")
    assert ("may have been changed" in str(raised.value)) is uncertain
    check_record(json.loads(result.to_line()))


async def test_what_passes_is_tried_again_and_retry_after_is_obeyed() -> None:
    loop = asyncio.get_running_loop()
    answers = {1: error(503, "Busy", **{"Retry-After": "0.2"}), 2: web.json_response({})}
    async with api(lambda nth: answers[nth]) as served, client(served.base_url) as sender:
        started = loop.time()
        result = await sender.set_status("1001", 8)
    assert result.attempts == 2
    assert loop.time() - started >= 0.2
    assert len(served.requests) == 2


async def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for() -> None:
    answer = error(503, "Busy", **{"Retry-After": "86000"})
    async with api(lambda nth: answer) as served, client(served.base_url) as sender:
        with pytest.raises(UpdateFailed):
            await sender.set_status("1001", 8)
    assert len(served.requests) == 1


async def test_concurrent_calls_keep_to_the_concurrency() -> None:
    async with (
        api(lambda nth: web.json_response({})) as served,
        client(served.base_url, concurrency=3) as sender,
    ):
        await asyncio.gather(*(sender.set_status(str(number), 8) for number in range(40)))
    assert len(served.requests) == 40
    assert served.most_under_way <= 3


async def test_the_wait_for_a_turn_is_not_taken_for_a_slow_api() -> None:
    async with (
        Sandbox(faults=Faults(latency=0.1)) as sandbox,
        client(sandbox.base_url, concurrency=1, timeout=2, attempts=1) as sender,
    ):
        results = await asyncio.gather(*(sender.set_status(str(number), 8) for number in range(15)))
    assert {result.attempts for result in results} == {1}


async def test_every_call_counts_in_the_accounts_quota() -> None:
    async with (
        api(lambda nth: web.json_response({})) as served,
        client(served.base_url, quota="5/h") as sender,
    ):
        for number in range(5):
            await sender.set_status(str(number), 8)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sender.set_status("6", 8)
    ledger = Ledger()
    quotas = Quotas([Rate(5, 3600.0)], ledger, f"{served.base_url} R1", 30.0)
    assert quotas.used() == [(Rate(5, 3600.0), 5)]
    ledger.close()
    assert len(served.requests) == 5


async def test_a_wrong_key_tells_what_to_check_and_never_the_key() -> None:
    async with (
        Sandbox(credentials=("R1", "other")) as sandbox,
        Client(sandbox.base_url, "R1", "s3cr3t") as sender,
    ):
        with pytest.raises(AccessRefused, match="BULKSTATUS_API_KEY") as raised:
            await sender.set_status("1001", 8)
    assert "s3cr3t" not in f"{raised.value} {raised.value.result} {sender!r}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"base_url": "https://x.example"}, "no credentials"),
        ({"base_url": "https://x.example", "ref_id": "R1"}, "no API key for the account R1"),
        ({"base_url": "http://x.example", "ref_id": "R", "api_key": "K"}, "not encrypted"),
        ({"ref_id": "R", "api_key": "K\n"}, "BULKSTATUS_API_KEY is empty or holds"),
        ({"ref_id": "R", "api_key": "K", "rate": "fast"}, "is not a rate"),
    ],
)
def test_what_cannot_be_used_is_refused_when_the_client_is_made(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(bulkstatus.SettingsRefused, match=said):
        Client(**arguments)


def test_a_client_that_is_never_entered_leaves_nothing_open() -> None:
    Client("https://x.example", "R1", "K1", quota="5/h")
    gc.collect()
