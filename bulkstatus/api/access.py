"""The way to the API: the account's credentials, the trusted authorities and the proxy.

The key is kept out of every text; the verification of certificates cannot be switched off.
"""

import base64
import os
import re
import ssl
import sys
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from yarl import URL

from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.values import is_loopback
from bulkstatus.words import printable


class Credentials(NamedTuple):
    """The ref ID and the API key of an account."""

    ref_id: str
    api_key: str

    def __repr__(self) -> str:
        return f"Credentials(ref_id={self.ref_id!r}, api_key=…)"

    def check(self) -> None:
        """Raise SettingsRefused when the pair cannot be sent in a header."""
        ref_id, key = "The ref ID (BULKSTATUS_REF_ID)", "The API key (BULKSTATUS_API_KEY)"
        pair = {ref_id: self.ref_id, key: self.api_key}
        for name, value in pair.items():
            if not value or not value.isprintable() or not value.isascii() or " " in value:
                raise SettingsRefused(
                    f"{name} is empty or holds blanks, line breaks or other characters that no "
                    "credential has. Copy it again from the platform."
                )
        if ":" in self.ref_id:
            raise SettingsRefused(f"{ref_id} holds a colon, which no ref ID has.")

    def header(self, scheme: str) -> str:
        """Return the value of the `authorization` header.

        `plain` is how every example of the API's page shows it, `base64` how some of its
        integrators send it.
        """
        pair = f"{self.ref_id}:{self.api_key}"
        if scheme == "plain":
            return f"basic {pair}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")

    def redact(self, text: str) -> str:
        """Return `text` with the key replaced, in each form in which a server may echo it.

        These are the key as it is and in base64, alone or with what surrounds it, each as it is
        or with any of its characters escaped as URLs, HTML or JSON do.
        """
        return _echoes(self.ref_id, self.api_key).sub("[API key]", text)


# A shorter piece of base64 could be a word.
_SHORTEST_PIECE = 8


@lru_cache(maxsize=4)
def _echoes(ref_id: str, api_key: str) -> re.Pattern[str]:
    """Return what matches the key wherever a server echoes it."""
    forms = {api_key, _base64(api_key), _base64(f"{ref_id}:{api_key}")}
    for shift in range(3):
        # Amid other text the key begins at one of three places of a base64 group; from `start` to
        # `end` are the characters that then depend on it alone.
        start, end = (shift * 8 + 5) // 6, (shift + len(api_key)) * 8 // 6
        piece = _base64("-" * shift + api_key)[start:end]
        if len(piece) >= _SHORTEST_PIECE:
            forms.add(piece)
    forms |= {form.replace("+", "-").replace("/", "_") for form in forms - {api_key}}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(_however_escaped, longest_first)))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii").rstrip("=")


_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def _however_escaped(text: str) -> str:
    """Return a pattern for `text` with any of its characters escaped, once or twice."""
    parts = []
    for char, run in groupby(text):
        code, count = ord(char), len(list(run))
        entity = rf"#0{{0,6}}+{code}|#x0{{0,6}}+{code:x}"
        if char in _ENTITIES:
            entity += f"|{_ENTITIES[char]}"
        escaped = rf"(?i:u00{code:x}|x{code:x}|%(?:25)?{code:x}|&(?:amp;)?(?:{entity});)"
        if char == "\\":
            # Escaping doubles them; taken as one bounded run, so that no text is slow to search.
            parts.append(rf"(?:\\{{{count},{8 * count}}}+|(?:\\{{0,4}}+{escaped}){{{count}}})")
        else:
            parts.append(rf"(?:\\{{0,4}}+(?:{re.escape(char)}|{escaped})){{{count}}}")
    return "".join(parts)


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
        except OSError as error:  # ssl.SSLError is one
            raise SettingsRefused(
                f"--ca-file {ca_file} cannot be read: {error.strerror or error}. It must be PEM."
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
    import truststore

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
    is_set_here = {"https_proxy", "all_proxy"} & {name.lower() for name in os.environ}
    return _usable(url, "environment" if is_set_here else "system settings")


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
    wrong = ""
    if not url.host or ":" in user:
        wrong = "not a URL of the form http://host:port, or holds characters that cannot be sent"
    elif url.scheme not in {"http", "https"}:
        wrong = f"of the kind {printable(url.scheme, 20)}, which bulkstatus cannot use"
    if wrong:
        raise SettingsRefused(
            f"The proxy in the {origin} is {wrong}. Correct it, or name the API's host in "
            "NO_PROXY to go without."
        )
    return Proxy(text, origin)
