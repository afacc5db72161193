"""The request itself: byte for byte what the API's page asks for, and nothing besides."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from api_calls import CREDENTIALS, DISPATCHED, put
from raw_server import OK, RawServer

from bulkstatus import __version__
from bulkstatus.answer import Answer, Meaning
from bulkstatus.api import OrderStatusApi
from bulkstatus.credentials import Credentials
from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus, StatusUpdate

UPDATED = Answer(Meaning.UPDATED, 200)

#: The calls of the API's page: what they set, and the JSON that they send.
CALLS = [
    (StatusUpdate("46140204", OrderStatus.DISPATCHED), '{ "status": 8 }'),
    (
        StatusUpdate("46140204", OrderStatus.DISPATCHED, "ABC"),
        '{ "status": 8, "shipping_tracking": "ABC"}',
    ),
    (StatusUpdate("46140204", OrderStatus.CANCELLED), '{ "status": 128 }'),
]


@pytest.mark.parametrize(("update", "data"), CALLS)
async def test_the_request_is_the_one_of_the_apis_page(update: StatusUpdate, data: str) -> None:
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
        (b"Content-Length", str(len(request.body)).encode()),
    ]
    assert json.loads(request.body) == json.loads(data)
    assert list(json.loads(request.body)) == list(json.loads(data))


@pytest.mark.skipif(shutil.which("curl") is None, reason="compares with curl itself")
@pytest.mark.parametrize(("update", "data"), CALLS)
async def test_a_server_sees_no_difference_to_curl_but_the_user_agent(
    update: StatusUpdate, data: str
) -> None:
    async with RawServer(OK) as server:
        await put(server, update, Credentials("REFID", "APIKEY"))
        await run_curl(
            "-X", "PUT", "-d", data, "-H", "authorization: basic REFID:APIKEY",
            "-H", "content-type: application/json", f"{server.base_url}/order/46140204/status",
        )  # fmt: skip
    ours, curls = server.requests
    assert ours.line == curls.line
    assert json.loads(ours.body) == json.loads(curls.body)
    left_out = (b"User-Agent", b"Content-Length")
    assert sorted(field for field in ours.headers if field[0] not in left_out) == sorted(
        field for field in curls.headers if field[0] not in left_out
    )


async def run_curl(*arguments: str) -> None:
    curl = await asyncio.create_subprocess_exec(
        "curl", "-q", "-sS", "--noproxy", "*", *arguments, stdout=subprocess.DEVNULL
    )
    assert await curl.wait() == 0


async def test_base64_credentials_are_those_of_http_basic() -> None:
    async with RawServer(OK) as server:
        await put(server, credentials=Credentials("REFID", "APIKEY"), auth_scheme="base64")
    assert server.requests[0].header(b"authorization") == [b"Basic UkVGSUQ6QVBJS0VZ"]


@pytest.mark.parametrize(
    ("order_id", "segment"),
    [
        ("3165671600-PSTEST4", "3165671600-PSTEST4"),
        ("a/b", "a%2Fb"),
        ("../../admin", "..%2F..%2Fadmin"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("a b+c", "a%20b%2Bc"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("a;b:c@d", "a%3Bb%3Ac%40d"),
        ("a\\b", "a%5Cb"),
        ("Grün", "Gr%C3%BCn"),
        ("東京", "%E6%9D%B1%E4%BA%AC"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A%201"),
        ("\x00", "%00"),
        ("...", "..."),
    ],
)
async def test_an_order_id_is_exactly_one_segment_of_the_path(order_id: str, segment: str) -> None:
    async with RawServer(OK) as server:
        await put(server, StatusUpdate(order_id, OrderStatus.DISPATCHED))
    assert server.requests[0].line == f"PUT /order/{segment}/status HTTP/1.1".encode()
    assert len(server.requests[0].headers) == 6


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/order/46140204/status"),
        ("/", "/order/46140204/status"),
        ("/v2.2", "/v2.2/order/46140204/status"),
        ("/v2.2//", "/v2.2/order/46140204/status"),
        ("/a%2Fb", "/a%2Fb/order/46140204/status"),
        ("/a b", "/a%20b/order/46140204/status"),
        ("/ü", "/%C3%BC/order/46140204/status"),
        ("/a HTTP/1.1\r\nX-Evil: 1", "/a%20HTTP/1.1X-Evil:%201/order/46140204/status"),
    ],
)
async def test_the_path_of_the_base_url_comes_first(suffix: str, path: str) -> None:
    async with RawServer(OK) as server:
        assert await put(server.base_url + suffix) == UPDATED
    assert server.requests[0].line == f"PUT {path} HTTP/1.1".encode()
    assert len(server.requests[0].headers) == 6


@pytest.mark.parametrize(
    "base_url", ["http://:80", "https://[::1", "https://x:port", "https://\ud800"]
)
def test_what_is_no_url_is_refused(base_url: str) -> None:
    with pytest.raises(SettingsRefused, match="is not a URL"):
        OrderStatusApi(base_url, CREDENTIALS)


async def test_no_cookie_is_ever_sent_back() -> None:
    cookies = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nSet-Cookie: a=b\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    async with RawServer(cookies) as server:
        # By name: cookies from an address are not kept anyway.
        base_url = server.base_url.replace("127.0.0.1", "localhost")
        async with OrderStatusApi(base_url, CREDENTIALS) as api:
            assert await api.put(DISPATCHED) == UPDATED
            assert await api.put(DISPATCHED) == UPDATED
    first, second = server.requests
    assert first == second
    assert second.header(b"cookie") == []


async def test_a_cookie_that_cannot_be_read_does_no_harm() -> None:
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a[]{}=\x80;;;=\r\nContent-Length: 0\r\n\r\n"
    async with RawServer(cookie) as server:
        assert await put(server) == UPDATED


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 T", b"308 P"])
async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(status: bytes) -> None:
    async with RawServer(OK) as elsewhere:
        target = f"{elsewhere.base_url}/order/46140204/status".encode()
        redirect = b"HTTP/1.1 %b\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, target)
        async with RawServer(redirect) as server:
            answer = await put(server)
    assert answer.meaning is Meaning.FATAL
    assert f"redirects to {target.decode()}" in answer.advice
    assert len(server.requests) == 1
    assert elsewhere.connections == 0


async def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".netrc", "_netrc"):
        netrc = tmp_path / name
        netrc.write_text("machine 127.0.0.1 login other password secret\n")
        netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with RawServer(OK) as server:
        assert await put(server) == UPDATED
    assert server.requests[0].header(b"authorization") == [b"basic REFID:APIKEY-0123456789"]


async def test_a_proxy_of_the_environment_is_left_to_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with RawServer(OK) as proxy, RawServer(OK) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert await put(server) == UPDATED
    assert len(server.requests) == 1
    assert proxy.connections == 0


async def test_one_connection_serves_one_put_after_another() -> None:
    async with RawServer(OK) as server, OrderStatusApi(server.base_url, CREDENTIALS) as api:
        for _ in range(5):
            assert await api.put(DISPATCHED) == UPDATED
    assert len(server.requests) == 5
    assert server.connections == 1
