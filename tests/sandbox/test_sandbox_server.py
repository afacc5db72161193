import asyncio
import json
import logging
from urllib.parse import quote

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus
from bulkstatus.sandbox import Ending, Faults, Received, Sandbox

DISPATCHED = Received(OrderStatus.DISPATCHED, None)


async def raw(base_url: str, request: bytes) -> bytes:
    """Send bytes as they are and return everything that comes back."""
    host, port = base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def raw_put(target: bytes, body: bytes = b'{"status":8}') -> bytes:
    return (
        b"PUT %b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        b"authorization: basic R1:K1\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (target, len(body), body)
    )


async def test_an_update_is_taken_and_can_be_looked_up(client) -> None:
    async with Sandbox() as sandbox:
        body = b'{"status": 8, "shipping_tracking": "ABC"}'
        assert await client.put(sandbox.base_url, "46140204", body) == (
            200,
            {"order_id": "46140204", "status": 8},
        )
        status, text = await client.get(f"{sandbox.base_url}/order/46140204/status")
    assert (status, json.loads(text)) == (
        200,
        {"order_id": "46140204", "status": 8, "tracking": "ABC", "puts": 1},
    )
    assert sandbox.received == {"46140204": [Received(OrderStatus.DISPATCHED, "ABC")]}
    assert sandbox.counts == {Ending.UPDATED: 1}


async def test_an_order_never_seen_is_not_found(client) -> None:
    async with Sandbox() as sandbox:
        status, text = await client.get(f"{sandbox.base_url}/order/1/status")
    assert status == 404
    assert "error" in json.loads(text)


async def test_the_puts_of_an_order_are_kept_in_order_of_arrival(client) -> None:
    async with Sandbox() as sandbox:
        for code in (515, 516, 8, 515):
            await client.put(sandbox.base_url, "1", b'{"status": %d}' % code)
    assert [put.status for put in sandbox.received["1"]] == [515, 516, 8, 515]


@pytest.mark.parametrize(
    ("headers", "body", "http_status", "error", "ending"),
    [
        ({}, b'{"status": 9}', 400, ("Invalid order status", 0), Ending.REFUSED),
        ({}, b"{", 400, ("Invalid JSON", 100), Ending.REFUSED),
        (
            {"authorization": ""},
            b'{"status": 8}',
            400,
            ("Authentication required", 401),
            Ending.UNAUTHORISED,
        ),
        (
            {"authorization": "basic R1:other"},
            b'{"status": 8}',
            400,
            ("The RefID or the API key is incorrect", 50000),
            Ending.UNAUTHORISED,
        ),
        (
            {"authorization": "basic other:K1"},
            b"{",
            400,
            ("The RefID or the API key is incorrect", 50000),
            Ending.UNAUTHORISED,
        ),
    ],
)
async def test_a_refusal_is_the_api_s_error_object_and_changes_nothing(
    client, headers, body, http_status, error, ending
) -> None:
    async with Sandbox(credentials=("R1", "K1")) as sandbox:
        answer = await client.put(sandbox.base_url, "1", body, **headers)
    assert answer == (http_status, {"error": {"message": error[0], "code": error[1]}})
    assert sandbox.received == {}
    assert sandbox.counts == {ending: 1}


@pytest.mark.parametrize("authorization", ["basic R1:K1", "Basic UjE6SzE="])
async def test_the_right_pair_is_accepted_as_written_and_as_base64(client, authorization) -> None:
    async with Sandbox(credentials=("R1", "K1")) as sandbox:
        status, _ = await client.put(sandbox.base_url, "1", authorization=authorization)
    assert status == 200


async def test_with_a_list_of_orders_every_other_one_is_refused(client) -> None:
    async with Sandbox(orders=["a/b"]) as sandbox:
        known = await client.put(sandbox.base_url, "a%2Fb")
        unknown = await client.put(sandbox.base_url, "a")
    assert known[0] == 200
    assert unknown == (400, {"error": {"message": "Order not found", "code": 0}})
    assert list(sandbox.received) == ["a/b"]


async def test_over_the_limit_is_a_400_that_speaks_of_it_until_the_window_has_passed(
    client,
) -> None:
    now = 100.0
    async with Sandbox(faults=Faults(limit=(2, 1.0)), clock=lambda: now) as sandbox:
        answers = [await client.put(sandbox.base_url, str(order)) for order in range(3)]
        now = 101.0
        answers.append(await client.put(sandbox.base_url, "2"))
    assert [status for status, _ in answers] == [200, 200, 400, 200]
    assert "request limit" in answers[2][1]["error"]["message"].lower()
    assert sandbox.counts == {Ending.UPDATED: 3, Ending.LIMITED: 1}
    assert list(sandbox.received) == ["0", "1", "2"]


async def test_a_failed_request_is_a_500_with_the_error_object_and_changes_nothing(client) -> None:
    async with Sandbox(faults=Faults(fail=1.0)) as sandbox:
        status, body = await client.put(sandbox.base_url, "1")
        _, looked_up = await client.get(f"{sandbox.base_url}/order/1/status")
    assert status == 500
    assert body["error"]["message"]
    assert sandbox.received["1"] == [Received(OrderStatus.DISPATCHED, None, 500, applied=False)]
    assert json.loads(looked_up) == {"order_id": "1", "status": None, "tracking": None, "puts": 1}


async def test_a_dropped_request_gets_no_answer_and_may_have_been_applied(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    async with Sandbox(faults=Faults(drop=1.0, seed=1)) as sandbox:
        for order in range(20):
            assert await raw(sandbox.base_url, raw_put(b"/order/%d/status" % order)) == b""
    puts = [put for puts in sandbox.received.values() for put in puts]
    assert {put.answered for put in puts} == {None}
    assert {put.applied for put in puts} == {True, False}
    assert sandbox.counts == {Ending.DROPPED: 20}
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


async def test_a_wrong_request_gets_its_refusal_whatever_faults_are_asked_for(client) -> None:
    async with Sandbox(faults=Faults(fail=0.5, drop=0.5)) as sandbox:
        status, _ = await client.put(sandbox.base_url, "1", b'{"status": 9}')
    assert status == 400


async def test_with_faults_every_request_is_counted_exactly_once() -> None:
    faults = Faults(fail=0.2, drop=0.2, seed=4)
    async with Sandbox(faults=faults) as sandbox:
        for order in range(200):
            await raw(sandbox.base_url, raw_put(b"/order/%d/status" % order))
    assert sandbox.counts.total() == 200
    assert set(sandbox.counts) == {Ending.UPDATED, Ending.FAILED, Ending.DROPPED}
    assert sum(map(len, sandbox.received.values())) == 200


async def test_latency_comes_before_the_answer_and_holds_up_no_other_request(
    client, monkeypatch
) -> None:
    sleep = asyncio.sleep
    both = asyncio.Barrier(2)

    async def wait(seconds: float) -> None:
        if seconds == 0.25:
            waits.append(seconds)
            async with asyncio.timeout(10):
                await both.wait()
        else:
            await sleep(seconds)

    waits: list[float] = []
    monkeypatch.setattr("bulkstatus.sandbox.server.asyncio.sleep", wait)
    async with Sandbox(faults=Faults(latency=0.25)) as sandbox:
        answers = await asyncio.gather(
            client.put(sandbox.base_url, "1"), client.put(sandbox.base_url, "2", b"{")
        )
    assert [status for status, _ in answers] == [200, 400]
    assert len(waits) == 2


HOSTILE = [
    "a/b",
    "a%2Fb",
    "a%252Fb",
    "../../etc",
    "?x=1",
    "#top",
    "a b",
    "a+b",
    "100%",
    "%",
    "Grüße",
    "日本",
    "🚚",
    "\r\nx: y",
    "\x00",
    "\n",
    "<b>",
    "a;b=c",
    "{id}",
    "a\\b",
    ":@&=+$,",
    "status",
]


@pytest.mark.parametrize("order_id", HOSTILE)
async def test_a_hostile_order_id_arrives_as_it_was_sent(client, order_id: str) -> None:
    async with Sandbox() as sandbox:
        status, body = await client.put(sandbox.base_url, quote(order_id, safe=""))
        found, _ = await client.get(f"{sandbox.base_url}/order/{quote(order_id, safe='')}/status")
    assert (status, body["order_id"], found) == (200, order_id, 200)
    assert sandbox.received == {order_id: [DISPATCHED]}


@settings(max_examples=25, deadline=None)
@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=20))
def test_any_order_id_arrives_as_it_was_sent(order_ids: set[str]) -> None:
    async def send() -> None:
        async with Sandbox() as sandbox:
            for order_id in order_ids:
                target = f"/order/{quote(order_id, safe='')}/status".encode()
                await raw(sandbox.base_url, raw_put(target))
        assert set(sandbox.received) == order_ids

    asyncio.run(send())


@pytest.mark.parametrize(
    ("target", "order_id"),
    [
        (b"/order/a%2fb/status", "a/b"),
        (b"/order/a%252Fb/status", "a%2Fb"),
        (b"/order/../status", ".."),
        (b"/order/%2E%2E/status", ".."),
        (b"/order/{id}/status", "{id}"),
        (b"/order/a|b/status", "a|b"),
        (b"/order/100%/status", "100%"),
        (b"/order/%0A/status", "\n"),
        (b"/order/a/status?x=/order/b/status", "a"),
        (b"/order/a%3Fb/status?", "a?b"),
        (b"http://elsewhere/order/a/status", "a"),
    ],
)
async def test_the_path_is_read_as_it_came_over_the_wire(target: bytes, order_id: str) -> None:
    async with Sandbox() as sandbox:
        answer = await raw(sandbox.base_url, raw_put(target))
    assert answer.startswith(b"HTTP/1.1 200")
    assert list(sandbox.received) == [order_id]


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/order",
        b"/order//status",
        b"/order/a/b/status",
        b"/order/a/status/",
        b"/v2/order/a/status",
        b"/order/a/status%2F",
        b"/order/%FF/status",
        b"/x/../order/a/status",
        b"/order/a?/status",
        b"/order/a#/status",
    ],
)
async def test_another_path_is_not_the_api_and_has_no_error_object(target: bytes) -> None:
    async with Sandbox() as sandbox:
        answer = await raw(sandbox.base_url, raw_put(target))
    assert answer.split(b" ")[1] in {b"400", b"404", b"405"}
    assert b'"error"' not in answer
    assert sandbox.received == {}
    assert sandbox.counts == {}


async def test_a_body_without_end_is_cut_off() -> None:
    async with Sandbox() as sandbox:
        answer = await raw(sandbox.base_url, raw_put(b"/order/a/status", b" " * 100_000))
    assert answer.startswith(b"HTTP/1.1 413")
    assert sandbox.received == {}


async def test_stopped_and_started_again_it_still_knows_its_orders(client) -> None:
    sandbox = Sandbox()
    base_url = await sandbox.start()
    await client.put(base_url, "1")
    await sandbox.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.put(base_url, "1")
    port = int(base_url.rpartition(":")[2])
    assert await sandbox.start(port=port) == base_url
    await client.put(base_url, "1")
    await sandbox.stop()
    await sandbox.stop()
    assert sandbox.received == {"1": [DISPATCHED, DISPATCHED]}


async def test_a_port_that_is_taken_is_refused_in_a_sentence() -> None:
    async with Sandbox() as first:
        port = int(first.base_url.rpartition(":")[2])
        with pytest.raises(SettingsRefused, match=f"port {port}.*Choose another port"):
            await Sandbox().start(port=port)


async def test_many_orders_at_once_are_all_taken(client) -> None:
    async with Sandbox() as sandbox:
        answers = await asyncio.gather(
            *(client.put(sandbox.base_url, str(order)) for order in range(1000))
        )
    assert {status for status, _ in answers} == {200}
    assert len(sandbox.received) == 1000
