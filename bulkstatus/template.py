"""Pages made from templates, which escape all that they show and make it printable.

All are made from `page.html` and have its style (`page.css`), to which each place that has pages,
a folder beside this file, adds its own; `page.js` keeps a page as things stand. A page's policy
lets no style and no script work but those, known by their hashes.
"""

import base64
import hashlib
import importlib.resources
from functools import cache
from typing import TYPE_CHECKING, Any

from bulkstatus.words import printable, utf8

if TYPE_CHECKING:
    import jinja2

_LONGEST_TEXT = 300


@cache
def _environment() -> "jinja2.Environment":
    # Not imported before it is needed: it is slow.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    def shown(value: object) -> object:
        if isinstance(value, str) and not isinstance(value, Markup):
            return "\n".join(map(printable, value.split("\n")))
        return value

    environment = Environment(
        loader=PackageLoader("bulkstatus", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    environment.filters |= {
        "short": lambda value: printable(str(value), _LONGEST_TEXT),
        "counted": lambda number: f"{number:,}",
        # What comes back from a page as it was: the name of a file or of a column.
        "raw": lambda value: escape(utf8(str(value))),
        "ours": Markup,
    }
    environment.globals["script"] = _read("page.js")
    return environment


@cache
def _style(place: str) -> str:
    return "".join(_read(name) for name in ("page.css", f"{place}/page.css"))


@cache
def _read(name: str) -> str:
    return importlib.resources.files("bulkstatus").joinpath(name).read_text("utf-8")


def render(template: str, **values: Any) -> str:
    """Return a page made from a template, such as "desk/run.html"."""
    style = _style(template.partition("/")[0])
    return _environment().get_template(template).render(style=style, **values)


def policy(place: str, *, served: bool) -> str:
    """Return the Content-Security-Policy of the pages of a place.

    Those that are `served` may ask whoever serves them, and stand in no frame.
    """
    parts = ["default-src 'none'", f"style-src '{_hash(_style(place))}'", "img-src data:"]
    if served:
        parts += [f"script-src '{_hash(_read('page.js'))}'", "connect-src 'self'"]
        parts += ["frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"]
    else:
        parts += ["form-action 'none'", "base-uri 'none'"]
    return "; ".join(parts)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
