"""The request itself: byte for byte what the API's page asks for, and nothing besides.

No order ID and no tracking can change anything of it but its own place in it.
"""

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from api_calls import CREDENTIALS, DISPATCHED, put
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_server import OK, RawServer

from bulkstatus import __version__
from bulkstatus.api.access import Credentials
from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.api.client import OrderStatusApi
from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus, StatusUpdate

UPDATED = Answer(Meaning.UPDATED, 200)


@pytest.mark.parametrize(
    ("status", "tracking", "data"),
    [
        (OrderStatus.DISPATCHED, None, b'{"status":8}'),
        (OrderStatus.DISPATCHED, "ABC", b'{"status":8,"shipping_tracking":"ABC"}'),
        (OrderStatus.CANCELLED, None, b'{"status":128}'),
    ],
)
async def test_the_request_is_the_one_of_the_apis_page(
    status: OrderStatus, tracking: str | None, data: bytes
) -> None:
    update = StatusUpdate("46140204", status, tracking)
    async with RawServer(OK) as server:
        assert await put(server, update, Credentials("REFID", "APIKEY")) == UPDATED
    (request,) = server.requests
    assert request.line == b"PUT /order/46140204/status HTTP/1.1"
    assert request.headers == [
        (b"Host", server.host.encode()),
        (b"authorization", b"basic REFID:APIKEY"),
        (b"content-type", b"application/json"),
        (b"User-Agent", f"bulkstatus/{__version__}".encode()),
        (b"Accept", b"*/*"),
        (b"Content-Length", str(len(data)).encode()),
    ]
    assert request.body == data


#: Raw text, far beyond what the input checks let through; more of it the harder the signs are.
raw = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    st.sampled_from("./\\?#%&=:;@+ \r\n\t\0\"'<>{}[]2Ff0aü\u2028\U0001f69a"), max_size=20
)
order_ids = raw.filter(lambda text: text not in {"", ".", ".."})
updates = st.builds(StatusUpdate, order_ids, st.sampled_from(OrderStatus), st.none() | raw)


@settings(deadline=None)
@given(st.lists(updates, min_size=1, max_size=20))
@example([StatusUpdate("../../admin?x#y", OrderStatus.DISPATCHED, '","status":128,"x":"')])
@example([StatusUpdate("1 HTTP/1.1\r\nX: y\r\n\r\n", OrderStatus.DISPATCHED, "\r\n\r\nGET /")])
@example([StatusUpdate("%2e%2e%2f", OrderStatus.DISPATCHED, "\\u0022")])
@example([StatusUpdate("//evil.example/", OrderStatus.DISPATCHED, "\ud7ff\ue000\uffff")])
@example([StatusUpdate("a;b:c@d+e", OrderStatus.DISPATCHED), StatusUpdate("é1", OrderStatus(8))])
async def test_raw_text_stays_in_its_place(batch: list[StatusUpdate]) -> None:
    async with (
        RawServer(OK) as server,
        OrderStatusApi(f"{server.base_url}/v2", CREDENTIALS, timeout=20.0) as api,
    ):
        for update in batch:
            assert await api.put(update) == UPDATED
    assert len(server.requests) == len(batch)
    for request, update in zip(server.requests, batch, strict=True):
        method, target, version = request.line.split(b" ")
        assert (method, version) == (b"PUT", b"HTTP/1.1")
        empty, base, order, segment, status = target.decode("ascii").split("/")
        assert (empty, base, order, status) == ("", "v2", "order", "status")
        assert not set(segment) & set("?#;:@&=+\\ \r\n")
        assert unquote(segment, errors="strict") == update.order_id
        assert len(request.headers) == 6
        expected: dict[str, object] = {"status": int(update.status)}
        if update.tracking is not None:
            expected["shipping_tracking"] = update.tracking
        assert json.loads(request.body, object_pairs_hook=list) == list(expected.items())


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("/", ""),
        ("/v2.2//", "/v2.2"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a b", "/a%20b"),
        ("/ü", "/%C3%BC"),
        ("/a HTTP/1.1\r\nX-Evil: 1", "/a%20HTTP/1.1X-Evil:%201"),
    ],
)
async def test_the_path_of_the_base_url_comes_first(suffix: str, path: str) -> None:
    async with RawServer(OK) as server:
        assert await put(server.base_url + suffix) == UPDATED
    assert server.requests[0].line == f"PUT {path}/order/46140204/status HTTP/1.1".encode()
    assert len(server.requests[0].headers) == 6


@pytest.mark.parametrize(
    "base_url", ["http://:80", "https://[::1", "https://x:port", "https://\ud800"]
)
def test_what_is_no_url_is_refused(base_url: str) -> None:
    with pytest.raises(SettingsRefused, match="is not a URL"):
        OrderStatusApi(base_url, CREDENTIALS)


@pytest.mark.parametrize("cookie", [b"session=1; Path=/\r\nSet-Cookie: a=b", b"a[]{}=\x80;;;="])
async def test_no_cookie_is_ever_sent_back_and_one_connection_serves_all(cookie: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: %b\r\nContent-Length: 0\r\n\r\n" % cookie
    async with RawServer(answer) as server:
        # By name: cookies from an address are not kept anyway.
        base_url = server.base_url.replace("127.0.0.1", "localhost")
        async with OrderStatusApi(base_url, CREDENTIALS) as api:
            assert [await api.put(DISPATCHED) for _ in range(3)] == [UPDATED] * 3
    assert server.requests[1:] == server.requests[:1] * 2
    assert len(server.requests[0].headers) == 6
    assert server.connections == 1


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 T", b"308 P"])
async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(status: bytes) -> None:
    async with RawServer(OK) as elsewhere:
        target = f"{elsewhere.base_url}/order/46140204/status".encode()
        redirect = b"HTTP/1.1 %b\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, target)
        async with RawServer(redirect) as server:
            answer = await put(server)
    assert answer.meaning is Meaning.ELSEWHERE
    assert target.decode() in answer.advice
    assert len(server.requests) == 1
    assert elsewhere.connections == 0


async def test_netrc_and_the_proxies_of_the_environment_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".netrc", "_netrc"):
        netrc = tmp_path / name
        netrc.write_text("machine 127.0.0.1 login other password secret\n")
        netrc.chmod(0o600)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with RawServer(OK) as proxy, RawServer(OK) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)
        assert await put(server) == UPDATED
    assert server.requests[0].header(b"authorization") == [b"basic REFID:APIKEY-0123456789"]
    assert proxy.connections == 0
