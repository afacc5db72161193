"""What a browser makes of a page, as far as tests ask."""

import base64
import hashlib
import re
from html.parser import HTMLParser

_LOADED = {"src", "href", "action", "data", "xlink:href", "srcset", "poster"}
_FORBIDDEN = ("url(", "@import", "HTML(", "innerHTML", "outerHTML", "write(", "eval(")


class Parsed(HTMLParser):
    """A page without its scripts: elements with their attributes, text, text by ID, table rows."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.by_id: dict[str | None, str] = {}
        self.rows: list[list[str]] = []
        self._id: str | None = None
        self._in_cell = False
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id")
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self.rows[-1].append("")
        self._in_cell = tag == "td" or (tag == "bdi" and self._in_cell)

    def handle_endtag(self, tag: str) -> None:
        self._id, self._in_cell = None, False

    def handle_data(self, data: str) -> None:
        self.text += data
        self.by_id[self._id] = self.by_id.get(self._id, "") + data
        if self._in_cell:
            self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def check_self_contained(source: str, policy: str) -> None:
    """Assert that a page loads nothing, and that its own style and script are all that works."""
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed.pop("default-src") == "'none'"
    for tag, content in re.findall(r"<(style|script)\b[^>]*>(.*?)</\1>", source, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert allowed.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert set(allowed.values()) <= {"'none'", "'self'", "data:"}
    for tag, attributes in Parsed(source).elements:
        assert {attributes[name] for name in _LOADED & attributes.keys()} <= {"data:,"}, tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
    assert not [each for each in _FORBIDDEN if each in source]
