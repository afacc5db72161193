"""The pages of the desk, made from the templates beside this file."""

import re
from typing import Any

from aiohttp import web

from bulkstatus.desk.folder import page_of
from bulkstatus.desk.work import MOST_ROWS, UNDERSTANDING
from bulkstatus.job import changed_file, wording
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

_VOID = "No column says that a row is void"

# What stands on a page for an option: the beginning of its help, for the most part.
_ALL_THE_SAME = ("skip_invalid", "send_again")
_OFFERED = {name: SETTINGS[name].help for name in (*_ALL_THE_SAME, *UNDERSTANDING, "word")}
_CALLED = {name: re.split("[.:;,]", told)[0] for name, told in _OFFERED.items()}
_CALLED |= {"column": "What each column is", "column void=": _VOID}
_OPTION = re.compile(r"--(column void=|[a-z-]+)(?: \"[^\"]*\")?")

# What is to be typed: in brackets, in a sentence of its own, or below the words that lead to it.
_IN_BRACKETS = re.compile(r" \(`bulkstatus [^)]*\)")
_TYPED = re.compile(r"`(?:bulkstatus |--)|:$|^As before, from the log:")


def said(sentence: str) -> str:
    """Return a sentence as a page says it, whose reader has no command line.

    There are no commands in it, and an option is called by what stands on the page.
    """

    def called(option: re.Match[str]) -> str:
        name = option[1].replace("-", "_")
        return f"“{_CALLED[name]}”" if name in _CALLED else option[0].removeprefix("--")

    line = re.split(r"\n|  (?=bulkstatus )", sentence, maxsplit=1)[0]
    line = _IN_BRACKETS.sub("", line)
    line = " ".join(part for part in re.split(r"(?<=\.) ", line) if not _TYPED.search(part))
    return _OPTION.sub(called, line).replace("Ctrl-C again", "Stop now").replace("Ctrl-C", "Stop")


_WORDS = {
    "zip": zip,
    "wording": wording,
    "text": text,
    "page_of": page_of,
    "changed_file": changed_file,
    "most": MOST_ROWS,
    "labels": LABELS,
    "statuses": {str(int(status)): f"{status.label} ({status:d})" for status in OrderStatus},
    "options": SETTINGS,
    "understanding": UNDERSTANDING,
    "all_the_same": _ALL_THE_SAME,
    "void": _VOID,
    "said": said,
}


def page(template: str, status: int = 200, **values: Any) -> web.Response:
    """Return a page."""
    shown = render(f"desk/{template}", **(_WORDS | values))
    return web.Response(text=shown, status=status, content_type="text/html", charset="utf-8")


async def guard(request: web.Request, response: web.StreamResponse) -> None:
    """Put the policy on an answer, whatever it is."""
    response.headers.setdefault("Content-Security-Policy", policy("desk", served=True))
    response.headers.update(_HEADERS)
