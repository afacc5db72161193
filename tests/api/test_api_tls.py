"""TLS: the certificate decides whether anything is sent at all."""

import datetime
import ssl

import pytest
import trustme
from api_calls import put
from raw_server import OK, RawServer, Step, then_hang, then_reset

from bulkstatus.answer import CHECK_URL, Answer, Meaning
from bulkstatus.result import ErrorKind
from bulkstatus.tls import tls_context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What `--ca-file` gives for this authority."""
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return tls_context(ca_file)


def served(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def assert_untrusted(answer: Answer) -> None:
    assert answer.meaning is Meaning.FATAL
    assert not answer.unseen
    assert answer.http_status is None
    assert answer.error is not None
    assert answer.error.kind is ErrorKind.CONNECTION
    assert answer.error.message.startswith("The server's certificate is not trusted: ")
    assert answer.advice.startswith(CHECK_URL)
    assert "--ca-file" in answer.advice


async def test_a_certificate_of_an_authority_that_was_added_is_trusted(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    async with RawServer(OK, tls=served(authority.issue_cert("127.0.0.1"))) as server:
        assert await put(server, tls=trusting) == Answer(Meaning.UPDATED, 200)
    assert len(server.requests) == 1


@pytest.mark.parametrize("tls", [None, tls_context(None)], ids=["no context", "the usual ones"])
async def test_a_certificate_of_an_unknown_authority_stops_the_run(
    authority: trustme.CA, tls: ssl.SSLContext | None
) -> None:
    async with RawServer(OK, tls=served(authority.issue_cert("127.0.0.1"))) as server:
        assert_untrusted(await put(server, tls=tls))
    assert server.requests == []


async def test_a_certificate_of_another_host_stops_the_run(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    async with RawServer(OK, tls=served(authority.issue_cert("api.example"))) as server:
        assert_untrusted(await put(server, tls=trusting))
    assert server.requests == []


async def test_a_certificate_that_has_run_out_stops_the_run(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    expired = authority.issue_cert("127.0.0.1", not_after=yesterday)
    async with RawServer(OK, tls=served(expired)) as server:
        answer = await put(server, tls=trusting)
    assert_untrusted(answer)
    assert server.requests == []


@pytest.mark.parametrize(
    "on_connect", [then_reset(), b"HTTP/1.1 400 Bad\r\n\r\n"], ids=["resets", "no TLS"]
)
async def test_a_handshake_that_fails_sent_nothing(on_connect: Step) -> None:
    async with RawServer(on_connect=on_connect) as server:
        answer = await put(server.base_url.replace("http://", "https://"))
    assert answer.meaning is Meaning.UNANSWERED
    assert not answer.unseen
    assert answer.error is not None
    assert answer.error.kind is ErrorKind.CONNECTION


async def test_a_handshake_that_never_ends_sent_nothing() -> None:
    """Half the time is for connecting, so that this differs from an answer that never comes."""
    async with RawServer(on_connect=then_hang()) as server:
        answer = await put(server.base_url.replace("http://", "https://"), timeout=0.4)
    assert answer.meaning is Meaning.UNANSWERED
    assert not answer.unseen
    assert answer.error == (ErrorKind.TIMEOUT, "no connection within 0.2 s", None)
