"""The way to the API: which certificate authorities are trusted, and the proxy that is between.

The verification of certificates cannot be switched off.
"""

import os
import ssl
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from yarl import URL

from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.values import is_loopback
from bulkstatus.words import printable


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a verifying context that trusts the system's authorities and those in `ca_file`.

    Raises SettingsRefused when the file cannot be used.
    """
    context = _system_context()
    # Python 3.13 alone asks for more here than others do; the authorities of many companies'
    # own gateways do not have it. The chain, the dates and the name are verified all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise SettingsRefused(
                f"--ca-file {ca_file} holds no certificate that can be read; it must be PEM."
            ) from None
        except OSError as error:
            raise SettingsRefused(
                f"--ca-file {ca_file} cannot be read: {error.strerror}."
            ) from None
    return context


def _system_context() -> ssl.SSLContext:
    """Return a context that trusts what the operating system does.

    Windows and macOS have a store of their own, which truststore asks. Elsewhere OpenSSL reads
    the system's bundle by itself, once (through truststore at every connection: 20 ms each);
    truststore finds it where this Python's OpenSSL was built for another system.
    """
    own_store = sys.platform in {"win32", "darwin"}
    if not own_store and ssl.get_default_verify_paths().cafile:
        return ssl.create_default_context()
    try:
        import truststore
    except ImportError:  # a macOS that is too old for it
        return ssl.create_default_context()
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Proxy(NamedTuple):
    """A proxy's URL, with its user and password where it has them, and where it is set."""

    url: str
    origin: str

    def __repr__(self) -> str:
        return f"Proxy({self.shown!r}, {self.origin!r})"

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without user and password."""
        url = URL(self.url)
        login = ", with a login" if url.user or url.password else ""
        return printable(f"{url.scheme}://{url.host}:{url.port}{login}")


def find_proxy(base_url: str) -> Proxy | None:
    """Return the proxy to use for `base_url`, or None for a direct connection.

    It is the one of HTTPS_PROXY or ALL_PROXY, else the one in the settings of Windows or macOS;
    NO_PROXY and the system's exceptions count, and this machine itself is never reached through
    one. Raises SettingsRefused for a proxy that cannot be used.
    """
    target = urlsplit(base_url)
    host = target.hostname or ""
    if is_loopback(host):
        return None
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    url = proxies.get(target.scheme) or proxies.get("all")
    if not url or proxy_bypass(f"{host}:{target.port}" if target.port else host):
        return None
    return _usable(url, _origin())


def _usable(text: str, origin: str) -> Proxy:
    """Return the proxy, or raise SettingsRefused; the message never quotes user or password."""
    text = text if "://" in text else f"http://{text}"
    try:
        url = URL(text)
        user = url.user or ""
        # A login is sent in Latin-1, its two halves parted by a colon.
        f"{user}{url.password}".encode("latin-1")
    except ValueError:
        url, user = URL(), ""
    if not url.host or ":" in user:
        raise SettingsRefused(
            f"The proxy in the {origin} is not a URL of the form http://host:port, or its login "
            "holds characters that cannot be sent. Correct it, or name the API's host in NO_PROXY "
            "to go without."
        )
    if url.scheme not in {"http", "https"}:
        raise SettingsRefused(
            f"The proxy in the {origin} is of the kind {printable(url.scheme, 20)}, which "
            "bulkstatus cannot use. Set HTTPS_PROXY to an http:// proxy, or name the API's host "
            "in NO_PROXY to go without."
        )
    return Proxy(text, origin)


def _origin() -> str:
    names = {"https_proxy", "all_proxy"}
    return "environment" if any(name.lower() in names for name in os.environ) else "system settings"
