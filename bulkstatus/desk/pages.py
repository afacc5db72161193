"""The pages, made from the templates beside this file.

They escape all that they show, and here it is made printable. The policy of every page lets no
script and no style work but the desk's own, which it knows by their hashes.
"""

import base64
import hashlib
import importlib.resources
from collections.abc import Iterable
from functools import cache
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bulkstatus.cli import question
from bulkstatus.desk.folder import state_of
from bulkstatus.order import OrderStatus
from bulkstatus.reporting import text
from bulkstatus.source.options import LABELS
from bulkstatus.words import printable

_LONGEST_TEXT = 300

# Without any referrer, a form would come from an origin that nobody can check.
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _own(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(name: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(_own(name).encode()).digest()).decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bulkstatus", "desk"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["short"] = lambda value: printable(str(value), _LONGEST_TEXT)
    environment.filters["groups"] = groups
    own = {name: Markup(_own(f"desk.{name}")) for name in ("css", "js")}  # noqa: S704 - our files
    words = {"question": question, "text": text, "state_of": state_of}
    environment.globals |= {**own, **words, "statuses": list(OrderStatus), "labels": LABELS}
    return environment


def _shown(value: Any) -> Any:
    """Return what a template shows: text line by line printable, but for what is markup of ours."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "\n".join(printable(line) for line in value.split("\n"))
    return value


def page(template: str, status: int = 200, **values: Any) -> web.Response:
    """Return a page, or a part of one."""
    shown = _environment().get_template(template).render(**values)
    return web.Response(text=shown, status=status, content_type="text/html", charset="utf-8")


async def guard(request: web.Request, response: web.StreamResponse) -> None:
    """Put the policy on an answer, whatever it is."""
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; style-src '{_hash('desk.css')}'; script-src '{_hash('desk.js')}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'",
    )
    response.headers.update(_HEADERS)


def groups(lines: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return lines as `words.section` labels them, those of one label together."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        label, _, words = line.rpartition("\t")
        if label or not found:
            found.append((label, []))
        found[-1][1].append(words)
    return found
