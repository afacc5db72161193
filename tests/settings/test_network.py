"""Proxies and private authorities: the rules as tables.

A whole run through the real thing is in test_secrets; what the API client makes of proxies and
certificates that are in the way, in tests/api.
"""

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

PASSWORD = "pr0xy-w0rd"

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("base_url", "environment", "url"),
    [
        ("https://api.example", "", None),
        ("https://api.example", f"HTTPS_PROXY={PROXY}", PROXY),
        ("https://api.example", f"https_proxy={PROXY}", PROXY),
        ("https://api.example", f"ALL_PROXY={PROXY}", PROXY),
        ("https://api.example", f"HTTPS_PROXY={PROXY} ALL_PROXY=http://other:1", PROXY),
        ("https://api.example", f"HTTP_PROXY={PROXY}", None),
        ("https://api.example", "HTTPS_PROXY=", None),
        ("https://api.example", "HTTPS_PROXY=proxy.example:3128", PROXY),
        ("https://api.example", "HTTPS_PROXY=https://proxy:443", "https://proxy:443"),
        ("https://api.example", f"HTTPS_PROXY=http://anna:{PASSWORD}@proxy.example:3128", PROXY),
        ("https://api.example", f"HTTPS_PROXY={PROXY} NO_PROXY=api.example", None),
        ("https://api.example", f"HTTPS_PROXY={PROXY} NO_PROXY=example", None),
        ("https://api.example", f"HTTPS_PROXY={PROXY} NO_PROXY=*", None),
        ("https://api.example", f"HTTPS_PROXY={PROXY} NO_PROXY=other.example", PROXY),
        ("https://api.example:8443", f"HTTPS_PROXY={PROXY} NO_PROXY=api.example:8443", None),
        ("https://api.example:8443", f"HTTPS_PROXY={PROXY} NO_PROXY=api.example:1", PROXY),
        ("https://localhost:8443", f"HTTPS_PROXY={PROXY}", None),
        ("https://127.0.0.1", f"ALL_PROXY={PROXY}", None),
        ("http://127.0.0.1:8080", f"HTTP_PROXY={PROXY}", None),
        ("http://[::1]:8080", f"HTTP_PROXY={PROXY}", None),
    ],
)
def test_the_proxy_is_the_environments_unless_the_host_is_excepted_or_this_machine(
    monkeypatch: pytest.MonkeyPatch, base_url: str, environment: str, url: str | None
) -> None:
    for pair in environment.split():
        monkeypatch.setenv(*pair.split("=", 1))
    proxy = find_proxy(base_url)
    assert (proxy and proxy.shown.removesuffix(", with a login")) == url
    if proxy is not None:
        assert proxy.origin == "environment"
        assert (", with" in proxy.shown) == (PASSWORD in environment) == (PASSWORD in proxy.url)
        assert not [word for word in ("anna", PASSWORD) if word in repr(proxy)]


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
    (tmp_path / "some.pem").write_text("no certificate")
    with pytest.raises(SettingsRefused, match="must be PEM"):
        tls_context(tmp_path / "some.pem")


async def test_what_cannot_be_used_is_refused_before_there_is_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, log = [("1001", 8)], tmp_path / "x.results.jsonl"
    account: Any = {"ref_id": "R1", "api_key": "K1"}
    with pytest.raises(SettingsRefused, match=r"--ca-file .*none\.pem cannot be read"):
        await bulkstatus.send(rows, log=log, ca_file="none.pem", **account)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(SettingsRefused, match="socks5"):
        await bulkstatus.send(rows, log=log, **account)
    assert not log.exists()
