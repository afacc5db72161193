"""`Client`: one update at a time by the rules of a run, its result or the error that says why."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import bulkstatus
from bulkstatus import AccessRefused, Client, OrderStatus, Outcome, UpdateFailed, UpdateRejected
from bulkstatus.job.run.feed import Feed
from bulkstatus.log.records import line_of
from bulkstatus.pace import Ledger, Quotas, Rate
from tests.pace.limited_world import leaky
from tests.schema import check_record

Answers = Callable[[int], web.StreamResponse | None]


class Api:
    """Answers its nth request as told, after `before`; None closes the connection."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.before: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)
        self.requests: list[tuple[str, int, str | None]] = []
        self.url = ""
        self.under_way = self.most_under_way = 0
        self.asked = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        body = await request.json()
        order = request.raw_path.removeprefix("/order/").removesuffix("/status")
        self.requests.append((order, body["status"], body.get("shipping_tracking")))
        self.asked.set()
        answer = self.answers(len(self.requests))
        await self.before()
        self.under_way -= 1
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
        return answer or web.Response()


@asynccontextmanager
async def served(answers: Answers, **settings: Any) -> AsyncIterator[tuple[Api, Client]]:
    """Yield an API and a client of it."""
    api = Api(answers)
    app = web.Application()
    app.router.add_route("PUT", "/{path:.*}", api.answer)
    async with TestServer(app) as server:
        api.url = str(server.make_url("/")).rstrip("/")
        async with Client(api.url, "R1", "K1", **{"rate": "none", **settings}) as client:
            yield api, client


def error(status: int, message: str, code: int = 0, retry_after: int = 0) -> web.Response:
    said = {"error": {"message": message, "code": code}}
    return web.json_response(said, status=status, headers={"Retry-After": str(retry_after)})


async def all_of(*calls: Awaitable[Any]) -> list[Any]:
    """Return what became of some calls, errors too."""
    return await asyncio.gather(*calls, return_exceptions=True)


def updated(nth: int) -> web.Response:
    return web.json_response({})


@pytest.mark.parametrize("status", [8, "8", "dispatched", OrderStatus.DISPATCHED])
async def test_an_update_is_one_put_and_gives_its_result(status: Any) -> None:
    async with served(updated) as (api, client):
        result = await client.set_status("A/1", status, "T1")
    assert api.requests == [("A%2F1", 8, "T1")]
    assert (result.outcome, result.http_status, result.attempts) == (Outcome.UPDATED, 200, 1)
    assert (result.order_id, result.status, result.tracking) == ("A/1", 8, "T1")
    assert (result.n, result.line, result.uncertain) == (1, 1, False)
    check_record(json.loads(line_of(result)))


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (("", 8), "The order ID is empty"),
        (("1", "cancled"), "did you mean Cancelled"),
        (("1", 9), 'The status "9" is not one of the nine'),
        (("1", 128, "T1"), "A tracking number goes with a shipping status"),
        ((1, 8), "order_id must be text, not int"),
        (("1", 8.0), "status must be a code or a name, not float"),
        (("1", 8, 5), "tracking must be text, not int"),
    ],
)
async def test_an_update_that_cannot_be_sent_is_refused_before_it_leaves(
    update: Any, said: str
) -> None:
    async with served(updated) as (api, client):
        with pytest.raises(bulkstatus.InputRefused, match=said):
            await client.set_status(*update)
    assert api.requests == []


@pytest.mark.parametrize(
    ("answer", "kind", "attempts", "uncertain"),
    [
        (lambda: error(400, "Invalid order status"), UpdateRejected, 1, False),
        (lambda: error(403, "Permission denied"), UpdateRejected, 1, False),
        (lambda: error(400, "Wrong key", 50000), AccessRefused, 1, False),
        (lambda: web.Response(status=404), AccessRefused, 1, False),
        (lambda: web.Response(text="<html>Log in"), AccessRefused, 1, False),
        (lambda: web.Response(status=302), AccessRefused, 1, False),
        (lambda: error(500, "Sorry"), UpdateFailed, 3, False),
        (lambda: error(503, "Busy", retry_after=90_000), UpdateFailed, 1, False),
        (lambda: web.Response(status=502), UpdateFailed, 3, True),
        (lambda: None, UpdateFailed, 3, True),
    ],
)
async def test_what_is_not_updated_raises_what_it_means(
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,
    kind: type[bulkstatus.NotUpdated],
    attempts: int,
    uncertain: bool,
) -> None:
    monkeypatch.setattr("bulkstatus.job.run.backoff.BASE_SECONDS", 0.0)
    async with served(lambda nth: answer(), attempts=3) as (api, client):
        (end,) = await all_of(client.set_status("1001", 8))
    assert type(end) is kind
    assert (end.result.outcome is Outcome.REJECTED) is (kind is UpdateRejected)
    assert end.result.uncertain is ("may have been changed" in str(end)) is uncertain
    assert end.result.attempts == len(api.requests) == attempts
    assert str(end).startswith("Order 1001 was not updated: ")
    check_record(json.loads(line_of(end.result)))


async def test_a_profile_names_the_codes_that_mean_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKSTATUS_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config.toml").write_text("[profile.default]\nlimit_codes = [4290]\n")
    answers = lambda nth: error(400, "No", 4290) if nth < 2 else updated(nth)  # noqa: E731
    async with served(answers, attempts=1) as (_, client):
        result = await client.set_status("1001", 8)
    assert (result.outcome, result.attempts) == (Outcome.UPDATED, 2)


async def test_an_answer_about_a_limit_uses_up_no_attempt() -> None:
    answers = lambda nth: error(429, "Slow down") if nth < 5 else updated(nth)  # noqa: E731
    async with served(answers, attempts=1) as (_, client):
        result = await client.set_status("1001", 8)
    assert (result.outcome, result.attempts) == (Outcome.UPDATED, 5)


async def test_concurrent_calls_keep_to_the_concurrency_and_the_rate() -> None:
    loop = asyncio.get_running_loop()
    async with served(updated, concurrency=3, rate="100/s") as (api, client):
        api.before = lambda: asyncio.sleep(0.05)
        started = loop.time()
        results = await asyncio.gather(*(client.set_status(str(n), 8) for n in range(40)))
    assert sorted(result.n for result in results) == list(range(1, 41))
    assert len(api.requests) == 40
    assert 1 < api.most_under_way <= 3
    assert loop.time() - started >= 0.39  # 100 a second at the most


async def test_calls_for_one_order_are_carried_out_in_the_order_in_which_they_were_made() -> None:
    async with served(lambda nth: error(500, "Busy") if nth == 2 else updated(nth)) as (
        api,
        client,
    ):
        await client.set_status("0", 8)
        await asyncio.gather(*(client.set_status("1", status) for status in (512, 513, 8, 64)))
    assert [status for _, status, _ in api.requests[1:]] == [512, 512, 513, 8, 64]


async def test_a_fatal_answer_fails_the_calls_that_wait_and_all_later_ones() -> None:
    async with served(lambda nth: error(400, "Wrong key: K1", 50000)) as (api, client):
        ends = await all_of(*(client.set_status(str(number), 8) for number in range(4)))
        ends += await all_of(client.set_status("later", 8))
    assert {type(end) for end in ends} == {AccessRefused}
    assert [end.result.attempts for end in ends] == [1, 0, 0, 0, 0]
    assert len(api.requests) == 1
    for end in ends:
        assert "BULKSTATUS_API_KEY" in str(end)
        assert "K1" not in f"{end} {end.result}"


async def test_calls_wait_in_an_outage_until_it_is_given_up_and_a_later_one_begins_anew() -> None:
    out = False
    answers = lambda nth: None if out else updated(nth)  # noqa: E731
    async with served(answers, give_up_after=0.3) as (api, client):
        await client.set_status("0", 8)
        out = True
        ends = await all_of(*(client.set_status(str(number), 8) for number in (1, 2, 3)))
        out = False
        assert (await client.set_status("4", 8)).outcome is Outcome.UPDATED
    assert {type(end) for end in ends} == {UpdateFailed}
    reached = {order for order, _, _ in api.requests} - {"0", "4"}
    assert {end.result.order_id for end in ends if end.result.uncertain} == reached


async def test_the_rate_found_before_an_outage_that_was_given_up_holds_no_longer() -> None:
    passes = leaky(20)
    is_limited = True

    def answers(nth: int) -> web.Response | None:
        if is_limited and not passes(asyncio.get_running_loop().time()):
            return error(429, "Too many requests")
        return updated(nth) if is_limited or nth > gone else None

    async with served(answers, give_up_after=0.01) as (_, client):
        for number in range(30):
            await client.set_status(str(number), 8)
        is_limited, gone = False, 2**30
        results = await all_of(*(client.set_status(str(number), 8) for number in range(4)))
        assert all("Gave up" in str(result) for result in results)
        gone, begun = 0, time.monotonic()
        for number in range(40):
            await client.set_status(str(number), 8)
        assert time.monotonic() - begun < 1.0


async def test_a_fault_of_our_own_fails_the_calls_that_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served(updated) as (_, client), asyncio.timeout(5):
        monkeypatch.setattr(Feed, "next", lambda *_: 1 // 0)
        results = await all_of(client.set_status("1", 8), client.set_status("2", 8))
        assert all(isinstance(result, ZeroDivisionError) for result in results)


async def test_a_call_is_taken_back_before_its_request_leaves_and_not_after() -> None:
    go_on = asyncio.Event()
    answers = lambda nth: error(500, "Busy") if nth == 1 else updated(nth)  # noqa: E731
    async with served(answers, concurrency=1) as (api, client):
        api.before = go_on.wait
        calls = [
            asyncio.create_task(client.set_status(order, status))
            for order, status in [("1", 512), ("1", 513), ("2", 8), ("1", 8)]
        ]
        await api.asked.wait()
        for call in calls[:3]:
            call.cancel()
        await asyncio.wait(calls[:3])
        go_on.set()
        assert (await calls[3]).n == 4
    assert api.requests == [("1", 512, None), ("1", 8, None)]


async def test_a_call_is_taken_back_while_it_waits_for_its_turn() -> None:
    async with served(updated, rate="2/s") as (api, client):
        await client.set_status("0", 8)
        call = asyncio.create_task(client.set_status("1", 8))
        for _ in range(5):
            await asyncio.sleep(0)
        call.cancel()
        await client.set_status("2", 8)
    assert [order for order, _, _ in api.requests] == ["0", "2"]


async def test_leaving_waits_for_what_is_on_the_wire_and_fails_what_has_not_left() -> None:
    async with served(updated, concurrency=1) as (api, client):
        calls = [asyncio.create_task(client.set_status(order, 8)) for order in "12"]
        await api.asked.wait()
    assert (await calls[0]).outcome is Outcome.UPDATED
    (end,) = await all_of(calls[1])
    assert (type(end), end.result.attempts, end.result.uncertain) == (UpdateFailed, 0, False)


async def test_every_call_counts_in_the_accounts_quota() -> None:
    async with served(updated, quota="5/h") as (api, client):
        await all_of(*(client.set_status(str(number), 8) for number in range(5)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.set_status("6", 8)
    with closing(Ledger()) as ledger:
        free = Quotas([Rate(5, 3600.0)], ledger, f"{api.url} R1", 30.0).coming_free()
        assert len(free[0][1]) == 5
    assert len(api.requests) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"base_url": "https://x.example", "ref_id": "R1"}, "credentials are incomplete"),
        ({"base_url": "http://x.example", "ref_id": "R", "api_key": "K"}, "not encrypted"),
        ({"ref_id": "R", "api_key": "K\n"}, "BULKSTATUS_API_KEY. is empty or holds"),
        ({"ref_id": "R", "api_key": "K", "rate": "fast"}, "rate must be a whole number per second"),
        ({"ref_id": 7, "api_key": "K"}, 'ref_id must be text, not "7"'),
    ],
)
def test_what_cannot_be_used_is_refused_when_the_client_is_made(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(bulkstatus.SettingsRefused, match=said):
        Client(**arguments)
