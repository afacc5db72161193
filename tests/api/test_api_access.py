"""What lies between: a certificate decides whether anything is sent; a proxy answers for itself."""

import datetime
import ssl

import pytest
import trustme
from api_calls import put
from raw_server import OK, RawServer, Step, then_close, then_hang, then_reset

from bulkstatus.api.access import tls_context
from bulkstatus.api.answer import CHECK_PROXY_LOGIN, CHECK_URL, Answer, Meaning
from bulkstatus.log.records import ErrorKind, RowError

AUTHORITY = trustme.CA()
YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What `--ca-file` gives for the authority."""
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(ca_file))
    return tls_context(ca_file)


def served(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def assert_nothing_sent(answer: Answer) -> None:
    assert (answer.meaning, answer.http_status) == (Meaning.UNANSWERED, None)
    assert not answer.unseen
    assert answer.error is not None


async def test_a_certificate_of_an_authority_that_was_added_is_trusted(
    trusting: ssl.SSLContext,
) -> None:
    async with RawServer(OK, tls=served(AUTHORITY.issue_cert("127.0.0.1"))) as server:
        assert await put(server, tls=trusting) == Answer(Meaning.UPDATED, 200)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("host", "until", "trusts"),
    [
        ("127.0.0.1", None, "the default"),
        ("127.0.0.1", None, "the system's"),
        ("api.example", None, "the authority"),
        ("127.0.0.1", YESTERDAY, "the authority"),
    ],
    ids=["unknown to aiohttp", "unknown to the system", "of another host", "run out"],
)
async def test_a_certificate_that_is_not_trusted_stops_the_run(
    trusting: ssl.SSLContext, host: str, until: datetime.datetime | None, trusts: str
) -> None:
    tls = {"the default": None, "the system's": tls_context(None), "the authority": trusting}
    async with RawServer(OK, tls=served(AUTHORITY.issue_cert(host, not_after=until))) as server:
        answer = await put(server, tls=tls[trusts])
    assert (answer.meaning, answer.http_status, answer.unseen) == (Meaning.FATAL, None, False)
    assert answer.error is not None
    assert answer.error.kind is ErrorKind.CONNECTION
    assert "certificate" in answer.error.message
    assert answer.advice.startswith(CHECK_URL)
    assert "--ca-file" in answer.advice
    assert server.requests == []


@pytest.mark.parametrize(
    "on_connect", [then_reset(), b"HTTP/1.1 400 Bad\r\n\r\n"], ids=["resets", "no TLS"]
)
async def test_a_handshake_that_fails_sent_nothing(on_connect: Step | bytes) -> None:
    async with RawServer(on_connect=on_connect) as server:
        assert_nothing_sent(await put(f"https://{server.host}"))


async def test_a_handshake_that_never_ends_sent_nothing() -> None:
    """Half the time is for connecting, so that this differs from an answer that never comes."""
    async with RawServer(on_connect=then_hang()) as server:
        answer = await put(f"https://{server.host}", timeout=0.4)
    error = RowError(ErrorKind.TIMEOUT, "no connection within 0.2 s")
    assert answer == Answer(Meaning.UNANSWERED, error=error)


async def test_a_plain_request_goes_through_the_proxy_it_is_given() -> None:
    async with RawServer(OK) as proxy:
        answer = await put("http://api.invalid", proxy=proxy.base_url)
    assert answer.meaning is Meaning.UPDATED
    assert proxy.requests[0].line == b"PUT http://api.invalid/order/46140204/status HTTP/1.1"


@pytest.mark.parametrize("base_url", ["http://api.invalid", "https://api.invalid"])
async def test_a_proxy_that_wants_a_login_stops_the_run(base_url: str) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with RawServer(refusal) as proxy:
        answer = await put(base_url, proxy=proxy.base_url)
    assert (answer.meaning, answer.http_status) == (Meaning.FATAL, 407)
    assert answer.advice == CHECK_PROXY_LOGIN
    assert not answer.unseen


@pytest.mark.parametrize("status", [b"403", b"502", b"503"])
async def test_a_tunnel_that_the_proxy_refuses_is_an_outage_that_sent_nothing(
    status: bytes,
) -> None:
    refusal = b"HTTP/1.1 %b No\r\nContent-Length: 0\r\n\r\n" % status
    async with RawServer(refusal) as proxy:
        answer = await put("https://api.invalid", proxy=proxy.base_url)
    assert_nothing_sent(answer)
    assert answer.error == RowError(
        ErrorKind.CONNECTION, f"the proxy answered HTTP {status.decode()}"
    )
    (request,) = proxy.requests
    assert request.line == b"CONNECT api.invalid:443 HTTP/1.1"
    assert request.header(b"authorization") == []
    assert request.body == b""


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
async def test_a_tunnel_that_is_lost_before_it_stands_is_an_outage(answer: bytes) -> None:
    async with RawServer(then_close(answer)) as proxy:
        result = await put("https://api.invalid", proxy=proxy.base_url)
    assert result.meaning is Meaning.UNANSWERED
    assert len(proxy.requests) == 1


async def test_a_proxy_out_of_reach_is_an_outage_and_its_password_is_not_told() -> None:
    async with RawServer() as gone:
        pass
    for base_url in ("http://api.invalid", "https://api.invalid"):
        answer = await put(base_url, proxy=f"http://anna:s3cret@{gone.host}")
        assert_nothing_sent(answer)
        assert "s3cret" not in str(answer.error)
