"""How a server may echo an API key: what carries it, and how that is escaped."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

from bulkstatus.api.access import Credentials

#: What a key can be: anything visible of ASCII. Short ones are left to the tables.
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=24)
ref_ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def percent_of_everything(text: str) -> str:
    return "".join(f"%{ord(char):02x}" for char in text)


def entities_of_everything(text: str) -> str:
    return "".join(f"&#{ord(char)};" for char in text)


def php_json(text: str) -> str:
    """As PHP writes JSON: slashes escaped."""
    return json.dumps(text)[1:-1].replace("/", "\\/")


def dotnet_json(text: str) -> str:
    """As .NET writes JSON: all that HTML could stumble over as a code."""
    plain = json.dumps(text)[1:-1].replace('\\"', '"')
    return "".join(f"\\u{ord(char):04X}" if char in "+&<>'\"`" else char for char in plain)


def mustache(text: str) -> str:
    signs = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "/": "&#x2F;",
             "`": "&#x60;", "=": "&#x3D;", "+": "&#43;"}  # fmt: skip
    return "".join(signs.get(char, char) for char in text)


ESCAPES: list[Callable[[str], str]] = [
    str,
    html.escape,
    mustache,
    entities_of_everything,
    lambda text: quote(text, safe=""),
    quote,
    quote_plus,
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: html.escape(html.escape(text)),
    percent_of_everything,
    lambda text: json.dumps(text)[1:-1],
    php_json,
    dotnet_json,
    lambda text: json.dumps(json.dumps(text))[3:-3],
    lambda text: json.dumps(php_json(text))[1:-1],
    lambda text: repr(text)[1:-1],
]
CARRIERS: list[Callable[[Credentials], str]] = [
    lambda pair: pair.api_key,
    lambda pair: f"{pair.ref_id}:{pair.api_key}",
    lambda pair: pair.header("plain"),
    lambda pair: pair.header("base64"),
    lambda pair: base64_of(pair.api_key),
    lambda pair: base64_of(pair.header("plain")),
    lambda pair: base64_of(f"authorization: {pair.header('plain')}\r\n"),
    lambda pair: base64_of(f'{{"auth":"{pair.header("plain")}"}}'),
    lambda pair: base64_of(f"{pair.ref_id}:{pair.api_key}").rstrip("="),
    lambda pair: base64.urlsafe_b64encode(f"{pair.ref_id}:{pair.api_key}".encode()).decode(),
]
