"""Which base URLs are safe to send an API key to."""

import ipaddress
from urllib.parse import urlsplit

from bulkstatus.errors import SettingsRefused


def check_base_url(text: str) -> str:
    """Return a base URL without a trailing slash; raise SettingsRefused when it is not safe."""
    try:
        url = urlsplit(text.strip())
        host, _ = url.hostname or "", url.port
        host.encode("idna")
    except ValueError:
        raise SettingsRefused(f'The base URL "{text}" is not a URL.') from None
    if url.username is not None or url.password is not None:
        # Not quoted, since it holds a secret.
        raise SettingsRefused(
            "The base URL holds a user name or password. Take it out, and give the credentials in "
            "BULKSTATUS_REF_ID and BULKSTATUS_API_KEY."
        )
    unfit = url.scheme not in {"http", "https"} or not host or url.query or url.fragment
    if unfit or not text.isprintable() or " " in text.strip():
        raise SettingsRefused(
            f'The base URL "{text}" is not one of the form https://host or https://host/path.'
        )
    if url.scheme == "http" and not is_loopback(host):
        raise SettingsRefused(
            f'The base URL "{text}" is not encrypted, so anyone on the way could read the API key. '
            "Use https://; http:// is for a sandbox on this machine (localhost)."
        )
    return text.strip().rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a URL's host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
