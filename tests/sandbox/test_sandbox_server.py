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


async def test_updates_are_kept_in_order_and_can_be_looked_up(client) -> None:
    async with Sandbox() as sandbox:
        for code in (515, 516, 8, 515):
            body = b'{"status": %d, "shipping_tracking": "ABC"}' % code
            answer = await client.put(sandbox.base_url, "46140204", body)
            assert answer == (200, {"order_id": "46140204", "status": code})
        status, text = await client.get(f"{sandbox.base_url}/order/46140204/status")
        missing, _ = await client.get(f"{sandbox.base_url}/order/2/status")
    found = {"order_id": "46140204", "status": 515, "tracking": "ABC", "puts": 4}
    assert (status, json.loads(text)) == (200, found)
    assert missing == 404
    assert [put.status for put in sandbox.received["46140204"]] == [515, 516, 8, 515]
    assert sandbox.counts == {Ending.UPDATED: 4}


@pytest.mark.parametrize(
    ("authorization", "body", "code", "ending"),
    [
        ("basic R1:K1", b'{"status": 9}', 0, Ending.REFUSED),
        ("Basic UjE6SzE=", b"{", 100, Ending.REFUSED),
        ("", b'{"status": 8}', 401, Ending.UNAUTHORISED),
        ("basic R1:other", b'{"status": 8}', 50000, Ending.UNAUTHORISED),
    ],
)
async def test_a_refusal_is_the_api_s_error_object_and_changes_nothing(
    client, authorization, body, code, ending
) -> None:
    async with Sandbox(credentials=("R1", "K1"), faults=Faults(fail=0.5, drop=0.5)) as sandbox:
        status, told = await client.put(sandbox.base_url, "1", body, authorization=authorization)
    assert (status, told["error"]["code"]) == (400, code)
    assert sandbox.received == {}
    assert sandbox.counts == {ending: 1}


async def test_unknown_orders_and_those_over_the_limit_are_refused(client) -> None:
    now = 100.0
    faults = Faults(limit=(2, 1.0))
    async with Sandbox(orders=["a/b", "c"], faults=faults, clock=lambda: now) as sandbox:
        known, unknown, limited = [
            await client.put(sandbox.base_url, segment) for segment in ("a%2Fb", "a", "c")
        ]
        now = 101.0
        again = await client.put(sandbox.base_url, "c")
    assert known[0] == again[0] == 200
    assert unknown == (400, {"error": {"message": "Order not found", "code": 0}})
    assert (limited[0], "request limit" in limited[1]["error"]["message"].lower()) == (400, True)
    assert sandbox.counts == {Ending.UPDATED: 2, Ending.REFUSED: 1, Ending.LIMITED: 1}
    assert list(sandbox.received) == ["a/b", "c"]


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
        (b"/order/100%/status", "100%"),
        (b"/order/%0A/status", "\n"),
        (b"/order/a/status?x=/order/b/status", "a"),
        (b"/order/a%3Fb/status?", "a?b"),
        (b"http://elsewhere/order/a/status", "a"),
        # Another path is not the API's, and has no error object.
        *(
            (target, None)
            for target in (
                *(b"/", b"/order", b"/order//status", b"/order/a/b/status", b"/order/a/status/"),
                *(b"/v2/order/a/status", b"/order/a/status%2F", b"/order/%FF/status"),
                *(b"/x/../order/a/status", b"/order/a?/status", b"/order/a#/status"),
            )
        ),
    ],
)
async def test_the_path_is_read_as_it_came_over_the_wire(
    target: bytes, order_id: str | None
) -> None:
    async with Sandbox() as sandbox:
        answer = await raw(sandbox.base_url, raw_put(target))
    assert list(sandbox.received) == ([] if order_id is None else [order_id])
    if order_id is None:
        assert answer.split(b" ")[1] in {b"400", b"404", b"405"}
        assert b'"error"' not in answer
        assert sandbox.counts == {}
    else:
        assert answer.startswith(b"HTTP/1.1 200")


async def test_a_body_without_end_is_cut_off() -> None:
    async with Sandbox() as sandbox:
        answer = await raw(sandbox.base_url, raw_put(b"/order/a/status", b" " * 100_000))
    assert answer.startswith(b"HTTP/1.1 413")
    assert sandbox.received == {}


async def test_stopped_and_started_again_it_still_knows_its_orders(client) -> None:
    sandbox = Sandbox()
    base_url = await sandbox.start()
    await client.put(base_url, "1")
    port = int(base_url.rpartition(":")[2])
    with pytest.raises(SettingsRefused, match=f"port {port}.*--port"):
        await Sandbox().start(port=port)
    await sandbox.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.put(base_url, "1")
    assert await sandbox.start(port=port) == base_url
    await client.put(base_url, "1")
    await sandbox.stop()
    assert sandbox.received == {"1": [DISPATCHED, DISPATCHED]}


async def test_the_orders_kept_are_bounded_and_those_seen_first_go(client, monkeypatch) -> None:
    monkeypatch.setattr("bulkstatus.sandbox.server.KEPT", 10)
    async with Sandbox() as sandbox:
        for order in range(25):
            await client.put(sandbox.base_url, str(order))
    assert list(sandbox.received) == [str(order) for order in range(15, 25)]
    assert sandbox.counts == {Ending.UPDATED: 25}
