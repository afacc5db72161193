"""The pages of the desk, made from the templates beside this file."""

from typing import Any

from aiohttp import web

from bulkstatus.desk.folder import state_of
from bulkstatus.desk.work import UNDERSTANDING
from bulkstatus.job import wording
from bulkstatus.order import OrderStatus
from bulkstatus.reporting import text
from bulkstatus.settings.table import SETTINGS
from bulkstatus.source.options import LABELS
from bulkstatus.template import policy, render

# Without any referrer, a form would come from an origin that nobody can check.
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_WORDS = {
    "wording": wording,
    "text": text,
    "state_of": state_of,
    "labels": LABELS,
    "statuses": {str(int(status)): f"{status.label} ({status:d})" for status in OrderStatus},
    "options": {name: SETTINGS[name] for name in UNDERSTANDING},
}


def page(template: str, status: int = 200, **values: Any) -> web.Response:
    """Return a page."""
    shown = render(f"desk/{template}", **_WORDS, **values)
    return web.Response(text=shown, status=status, content_type="text/html", charset="utf-8")


async def guard(request: web.Request, response: web.StreamResponse) -> None:
    """Put the policy on an answer, whatever it is."""
    allowed = policy("desk", served=True)
    response.headers.setdefault("Content-Security-Policy", allowed)
    response.headers.update(_HEADERS)
