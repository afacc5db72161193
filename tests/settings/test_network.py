"""Proxies and private authorities: the rules as tables, and a whole run through the real thing."""

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

import bulkstatus
from bulkstatus.api.access import _usable, find_proxy, tls_context
from bulkstatus.errors import SettingsRefused
from tests.schema import check_log
from tests.settings.network import HOST, Api, Proxy, api_behind_tls

PASSWORD = "pr0xy-w0rd"

# The rules.

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("base_url", "environment", "url"),
    [
        ("https://api.example", {}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://api.example", {"https_proxy": PROXY}, PROXY),
        ("https://api.example", {"ALL_PROXY": PROXY}, PROXY),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "ALL_PROXY": "http://other:1"}, PROXY),
        ("https://api.example", {"HTTP_PROXY": PROXY}, None),
        ("https://api.example", {"HTTPS_PROXY": ""}, None),
        ("https://api.example", {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ("https://api.example", {"HTTPS_PROXY": "https://proxy:443"}, "https://proxy:443"),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "example"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ("https://api.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "other.example"}, PROXY),
        ("https://api.example:8443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example:8443"}, None),
        ("https://api.example:8443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example:1"}, PROXY),
        ("https://localhost:8443", {"HTTPS_PROXY": PROXY}, None),
        ("https://127.0.0.1", {"ALL_PROXY": PROXY}, None),
        ("http://127.0.0.1:8080", {"HTTP_PROXY": PROXY}, None),
        ("http://[::1]:8080", {"HTTP_PROXY": PROXY}, None),
    ],
)
def test_the_proxy_is_the_environments_unless_the_host_is_excepted_or_this_machine(
    monkeypatch: pytest.MonkeyPatch, base_url: str, environment: dict[str, str], url: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = find_proxy(base_url)
    assert (proxy and proxy.url) == url
    assert proxy is None or proxy.origin == "environment"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"socks5://user:{PASSWORD}@proxy:1080", "of the kind socks5, which bulkstatus cannot"),
        (f"http://user:{PASSWORD}@", "is not a URL of the form http://host:port"),
        (f"http://user:{PASSWORD}@proxy:port", "is not a URL of the form http://host:port"),
        (f"http://us%3Aer:{PASSWORD}@proxy:1", "is not a URL of the form http://host:port"),
        (f"http://user:{PASSWORD}%E2%82%AC@proxy:1", "holds characters that cannot be sent"),
        (f"http://user:{PASSWORD}@[proxy", "is not a URL of the form http://host:port"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(SettingsRefused, match=said) as refusal:
        find_proxy("https://api.example")
    assert PASSWORD not in str(refusal.value)


@given(st.text())
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    with suppress(SettingsRefused):
        assert URL(_usable(text, "environment").url).host


def test_a_proxys_login_is_not_in_what_is_shown_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://anna:{PASSWORD}@proxy.example:3128")
    proxy = find_proxy("https://api.example")
    assert proxy is not None
    assert proxy.shown == "http://proxy.example:3128, with a login"
    assert PASSWORD not in repr(proxy)
    assert "anna" not in repr(proxy)


@pytest.mark.parametrize("bundle", [True, False])
def test_every_context_verifies_chain_and_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: bool
) -> None:
    if not bundle:  # as in a Python whose OpenSSL was built for another system
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
    context = tls_context(None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_ca_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"--ca-file .*none\.pem cannot be read"):
        tls_context(tmp_path / "none.pem")
    (tmp_path / "some.pem").write_text("no certificate")
    with pytest.raises(SettingsRefused, match="must be PEM"):
        tls_context(tmp_path / "some.pem")


# Whole runs.


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "dispatch.csv"
    path.write_text("order_id,status,tracking\n1001,8,T1\n1002,8,\n1003,128,\n")
    return path


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKSTATUS_REF_ID", "R1")
    monkeypatch.setenv("BULKSTATUS_API_KEY", "K1")


async def send(rows: Path, api: Api, **settings: Any) -> bulkstatus.Ended:
    given = {"base_url": api.base_url, "ca_file": api.ca_file, "rate": "none", "attempts": 2}
    return await bulkstatus.send(rows, cancellations=1, **(given | settings))


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*.jsonl"))


@pytest.mark.parametrize("bundle", [True, False])
@pytest.mark.usefixtures("account")
async def test_a_run_goes_through_a_proxy_with_a_login_to_a_host_of_a_private_authority(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, bundle: bool
) -> None:
    if not bundle:
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login L password P\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with (
        api_behind_tls(tmp_path) as api,
        Proxy(api.port, f"anna:{PASSWORD}@/").running() as proxy,
    ):
        login = f"anna:{PASSWORD}%40%2F"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{login}@127.0.0.1:{proxy.port}")
        ended = await send(rows, api)
        assert ended.ending.exit_status == 0
        assert ended.counts == {bulkstatus.Outcome.UPDATED: 3}
        assert len(api.sandbox.received) == 3
        assert {head.split("\r\n")[0] for head in proxy.asked} == {
            f"CONNECT {HOST}:{api.port} HTTP/1.1"
        }
        for headers in api.headers:
            assert headers["authorization"] == "basic R1:K1"
            assert "Proxy-Authorization" not in headers
        assert not any("K1" in head for head in proxy.asked)
    assert ended.log_path is not None
    check_log(ended.log_path)
    assert PASSWORD.encode() not in everything_written(tmp_path)


@pytest.mark.parametrize(
    "what", ["no login", "another login", "a proxy that is down", "an authority not trusted"]
)
@pytest.mark.usefixtures("account")
async def test_what_is_in_the_way_stops_the_run_before_a_key_goes_anywhere(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    is_trusted = what != "an authority not trusted"
    async with (
        api_behind_tls(tmp_path) as api,
        Proxy(api.port, f"anna:{PASSWORD}" if is_trusted else None).running() as proxy,
    ):
        port = 1 if what == "a proxy that is down" else proxy.port
        login = "" if what == "no login" else f"anna:wrong-{PASSWORD}@"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{login}127.0.0.1:{port}")
        ended = await send(rows, api, **({} if is_trusted else {"ca_file": None}))
        assert api.headers == []
        assert len(proxy.asked) == (1 if "login" in what else len(proxy.asked))
    ending = ended.ending
    assert (ending.exit_status, ended.to_send) == (3 if "down" in what else 4, 3)
    assert ("proxy" if is_trusted else "--ca-file") in ending.message
    assert "down" not in what or "127.0.0.1:1" in ending.message
    assert PASSWORD not in ending.message
    assert not any("K1" in head for head in proxy.asked)
    assert PASSWORD.encode() not in everything_written(tmp_path)


@pytest.mark.usefixtures("account")
async def test_this_machine_is_reached_without_the_proxy(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api_behind_tls(tmp_path) as api, Proxy(api.port).running() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        ended = await send(rows, api, base_url=f"https://localhost:{api.port}")
        assert proxy.asked == []
    assert ended.ending.exit_status == 0


@pytest.mark.usefixtures("account")
async def test_what_cannot_be_used_is_refused_before_there_is_a_log(
    rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsRefused, match="--ca-file"):
        await bulkstatus.send(rows, ca_file="none.pem", cancellations=1)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(SettingsRefused, match="socks5"):
        await bulkstatus.send(rows, cancellations=1)
    assert list(rows.parent.glob("*.jsonl")) == []
