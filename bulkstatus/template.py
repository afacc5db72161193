"""Pages made from a template, which escapes all that it shows and makes it printable.

They have one style (`page.css`), to which a template adds its own. A page's policy lets no style
and no script work but those, known by their hashes.
"""

import base64
import hashlib
import importlib.resources
import re
from functools import cache
from typing import TYPE_CHECKING

from bulkstatus.words import printable

if TYPE_CHECKING:
    import jinja2

_LONGEST_TEXT = 300


@cache
def page_of(package: str) -> tuple["jinja2.Template", str]:
    """Return the template `page.html` of a package, and the policy of the pages made from it."""
    # Not imported before it is needed: it is slow.
    from jinja2 import Environment, StrictUndefined

    source, style = (
        importlib.resources.files(home).joinpath(name).read_text("utf-8")
        for home, name in ((package, "page.html"), ("bulkstatus", "page.css"))
    )
    source = source.replace("{{ common style }}", style)
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) else value,
    )
    environment.filters["short"] = lambda value: printable(value, _LONGEST_TEXT)
    environment.filters["counted"] = lambda number: f"{number:,}"
    policy = ["default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
    for tag, content in re.findall(r"<(style|script)>(.*?)</\1>", source, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        policy.append(f"{tag}-src 'sha256-{digest}'")
    return environment.from_string(source), "; ".join(policy)
