"""A proxy between: what it says is its own, not the API's."""

import pytest
from api_calls import put
from raw_server import OK, RawServer, then_close

from bulkstatus.answer import CHECK_PROXY_LOGIN, Meaning
from bulkstatus.result import ErrorKind

NEEDS_LOGIN = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


async def test_a_plain_request_goes_through_the_proxy_it_is_given() -> None:
    async with RawServer(OK) as proxy:
        answer = await put("http://api.invalid", proxy=proxy.base_url)
    assert answer.meaning is Meaning.UPDATED
    assert proxy.requests[0].line == b"PUT http://api.invalid/order/46140204/status HTTP/1.1"


@pytest.mark.parametrize("base_url", ["http://api.invalid", "https://api.invalid"])
async def test_a_proxy_that_wants_a_login_stops_the_run(base_url: str) -> None:
    async with RawServer(NEEDS_LOGIN) as proxy:
        answer = await put(base_url, proxy=proxy.base_url)
    assert (answer.meaning, answer.http_status) == (Meaning.FATAL, 407)
    assert answer.advice == CHECK_PROXY_LOGIN
    assert not answer.unseen


@pytest.mark.parametrize("status", [b"403 Forbidden", b"502 Bad Gateway", b"503 Unavailable"])
async def test_a_tunnel_that_the_proxy_refuses_is_an_outage_that_sent_nothing(
    status: bytes,
) -> None:
    refusal = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status
    async with RawServer(refusal) as proxy:
        answer = await put("https://api.invalid", proxy=proxy.base_url)
    assert answer.meaning is Meaning.UNANSWERED
    assert not answer.unseen
    assert answer.error == (
        ErrorKind.CONNECTION,
        f"the proxy answered HTTP {status[:3].decode()}",
        None,
    )
    (request,) = proxy.requests
    assert request.line == b"CONNECT api.invalid:443 HTTP/1.1"
    assert request.header(b"authorization") == []
    assert request.body == b""


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
async def test_a_tunnel_that_is_lost_before_it_stands_sent_nothing(answer: bytes) -> None:
    async with RawServer(then_close(answer)) as proxy:
        result = await put("https://api.invalid", proxy=proxy.base_url)
    assert result.meaning is Meaning.UNANSWERED
    assert len(proxy.requests) == 1


async def test_a_proxy_that_cannot_be_reached_is_an_outage() -> None:
    async with RawServer() as gone:
        pass
    answer = await put("http://api.invalid", proxy=gone.base_url)
    assert answer.meaning is Meaning.UNANSWERED
    assert not answer.unseen


async def test_the_proxys_own_password_is_not_told() -> None:
    async with RawServer() as gone:
        pass
    for base_url in ("http://api.invalid", "https://api.invalid"):
        answer = await put(base_url, proxy=f"http://anna:s3cret@{gone.host}")
        assert answer.error is not None
        assert "s3cret" not in answer.error.message
