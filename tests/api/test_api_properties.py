"""No order ID and no tracking can change anything of a request but its own place in it."""

import json
from urllib.parse import unquote

import pytest
from api_calls import CREDENTIALS
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from raw_server import OK, RawServer, Request

from bulkstatus.answer import Answer, Meaning
from bulkstatus.api import OrderStatusApi
from bulkstatus.order import OrderStatus, StatusUpdate, parse_update

#: Raw text, far beyond what the input checks let through; more of it the harder the signs are.
raw = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    st.sampled_from("./\\?#%&=:;@+ \r\n\t\0\"'<>{}[]2Ff0aü\u2028\U0001f69a"), max_size=20
)
order_ids = raw.filter(lambda text: text not in {"", ".", ".."})
statuses = st.sampled_from(OrderStatus)
updates = st.builds(StatusUpdate, order_ids, statuses, st.none() | raw)


async def sent(*batch: StatusUpdate) -> tuple[RawServer, list[Request]]:
    async with (
        RawServer(OK) as server,
        OrderStatusApi(f"{server.base_url}/v2", CREDENTIALS, timeout=20.0) as api,
    ):
        for update in batch:
            assert await api.put(update) == Answer(Meaning.UPDATED, 200)
    return server, server.requests


def check(server: RawServer, request: Request, update: StatusUpdate) -> None:
    method, target, version = request.line.split(b" ")
    assert (method, version) == (b"PUT", b"HTTP/1.1")
    empty, base, order, segment, status = target.decode("ascii").split("/")
    assert (empty, base, order, status) == ("", "v2", "order", "status")
    assert not set(segment) & set("?#;:@&=+\\ \r\n")
    assert segment not in {"", ".", ".."}
    assert unquote(segment, errors="strict") == update.order_id
    assert request.headers == [
        (b"Host", server.host.encode()),
        (b"authorization", CREDENTIALS.header("plain").encode()),
        (b"content-type", b"application/json"),
        request.headers[3],
        (b"Accept", b"*/*"),
        (b"Content-Length", str(len(request.body)).encode()),
    ]
    pairs = json.loads(request.body, object_pairs_hook=list)
    expected: list[tuple[str, object]] = [("status", int(update.status))]
    if update.tracking is not None:
        expected.append(("shipping_tracking", update.tracking))
    assert pairs == expected


@settings(deadline=None)
@given(st.lists(updates, min_size=1, max_size=20))
@example([StatusUpdate("../../admin?x#y", OrderStatus.DISPATCHED, '","status":128,"x":"')])
@example([StatusUpdate("1 HTTP/1.1\r\nX: y\r\n\r\n", OrderStatus.DISPATCHED, "\r\n\r\nGET /")])
@example([StatusUpdate("%2e%2e%2f", OrderStatus.DISPATCHED, "\\u0022")])
@example([StatusUpdate("//evil.example/", OrderStatus.DISPATCHED, "\ud7ff\ue000\uffff")])
async def test_raw_text_stays_in_its_place(batch: list[StatusUpdate]) -> None:
    server, requests = await sent(*batch)
    assert len(requests) == len(batch)
    for request, update in zip(requests, batch, strict=True):
        check(server, request, update)


@settings(deadline=None)
@given(st.lists(st.tuples(raw, statuses.map(lambda status: str(int(status))), raw), max_size=20))
@example([("A/1", "8", "T/1"), ("é-1", "64", " "), ("1;2", "128", "")])
async def test_whatever_the_input_check_accepts_stays_in_its_place(
    cells: list[tuple[str, str, str]],
) -> None:
    rows = [parse_update(*row) for row in cells]
    batch = [row for row in rows if isinstance(row, StatusUpdate)]
    assume(batch)
    server, requests = await sent(*batch)
    assert len(requests) == len(batch)
    for request, update in zip(requests, batch, strict=True):
        check(server, request, update)


@pytest.mark.parametrize("cell", [".", "..", " .. ", "", " "])
def test_the_ids_that_no_path_could_hold_are_refused_by_the_input_check(cell: str) -> None:
    assert not isinstance(parse_update(cell, "8", ""), StatusUpdate)
