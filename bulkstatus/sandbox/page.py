"""The page on which the sandbox shows what it has received, and the feed that keeps it fresh.

Everything a client sent is shown printable and escaped. The script of the page only ever sets
text, and the page's policy lets no other script run.
"""

import importlib.resources
import secrets
import time
from collections.abc import Iterator
from html import escape
from string import Template

import orjson
from aiohttp import web

from bulkstatus.order import OrderStatus
from bulkstatus.sandbox.history import Change, Ending, History
from bulkstatus.text import printable

_LONGEST_TEXT = 120


class Page:
    """Renders a `History` as an HTML page and as the JSON that the page's script asks for."""

    def __init__(self) -> None:
        source = importlib.resources.files(__package__).joinpath("page.html")
        self._template = Template(source.read_text(encoding="utf-8"))
        # Tells the script that the sandbox was started afresh.
        self._run = secrets.token_hex(8)

    def show(self, history: History, base_url: str) -> web.Response:
        """Return the page as it stands: complete without script."""
        nonce = secrets.token_urlsafe(16)
        text = self._template.substitute(
            _figures(history),
            nonce=nonce,
            run=self._run,
            seen=history.changes,
            base_url=escape(base_url),
            statuses="".join(_status_items(history)),
            rows="".join(_row(cells) for cells in _cells(history, 0)),
        )
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return web.Response(
            text=text,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": policy, **_HEADERS},
        )

    def feed(self, history: History, since: int) -> web.Response:
        """Return the changes after the number `since`, newest first, and all figures.

        JSON: {"run", "seen": number of the last change, "figures": {id: text},
        "changes": [[time, order, status, tracking, how often sent], …]}.
        """
        body = orjson.dumps(
            {
                "run": self._run,
                "seen": history.changes,
                "figures": _figures(history),
                "changes": list(_cells(history, since)),
            }
        )
        return web.Response(body=body, content_type="application/json", headers=_HEADERS)


_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _figures(history: History) -> dict[str, str]:
    """Return every figure of the page as text, by the id of the element that shows it."""
    figures = {str(ending): history.counts[ending] for ending in Ending}
    figures |= {f"status_{status}": history.by_status[status] for status in OrderStatus}
    figures["requests"] = history.counts.total()
    figures["orders"] = len(history.received) + history.forgotten
    figures["forgotten"] = history.forgotten
    return {name: f"{number:,}" for name, number in figures.items()}


def _status_items(history: History) -> Iterator[str]:
    for status in OrderStatus:
        name = escape(f"{status.label} ({status:d})")
        number = f"{history.by_status[status]:,}"
        yield f'<div><dt>{name}</dt><dd id="status_{status}">{number}</dd></div>\n'


def _cells(history: History, since: int) -> Iterator[list[str]]:
    """Yield the cells of each change after the number `since`, newest first."""
    new = min(max(history.changes - since, 0), len(history.recent))
    newest_first = reversed(history.recent)
    for _ in range(new):
        yield _shown(next(newest_first))


def _shown(change: Change) -> list[str]:
    return [
        time.strftime("%H:%M:%S", time.localtime(change.at)),
        printable(change.order_id, _LONGEST_TEXT),
        f"{change.status.label} ({change.status:d})",
        printable(change.tracking or "none", _LONGEST_TEXT),
        f"{change.put:,}",
    ]


def _row(cells: list[str]) -> str:
    at, order, status, tracking, put = map(escape, cells)
    return (
        f"<tr><td>{at}</td><td><bdi>{order}</bdi></td><td>{status}</td>"
        f"<td><bdi>{tracking}</bdi></td><td>{put}</td></tr>\n"
    )
