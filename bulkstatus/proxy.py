"""The proxy that stands between this machine and the API, where there is one."""

import os
from typing import NamedTuple
from urllib.parse import urlsplit

from yarl import URL

from bulkstatus.config.address import is_loopback
from bulkstatus.errors import SettingsRefused
from bulkstatus.text import printable


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
