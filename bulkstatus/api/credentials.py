"""The account's credentials: their header, and keeping the key out of every text."""

import base64
import re
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from bulkstatus.errors import SettingsRefused

AUTH_SCHEMES = ("plain", "base64")


class Credentials(NamedTuple):
    """The ref ID and the API key of an account."""

    ref_id: str
    api_key: str

    def __repr__(self) -> str:
        return f"Credentials(ref_id={self.ref_id!r}, api_key=…)"

    def check(self) -> None:
        """Raise SettingsRefused when the pair cannot be sent in a header."""
        for name, value in (
            ("BULKSTATUS_REF_ID", self.ref_id),
            ("BULKSTATUS_API_KEY", self.api_key),
        ):
            if not value or not value.isprintable() or not value.isascii() or " " in value:
                raise SettingsRefused(
                    f"{name} is empty or holds blanks, line breaks or other characters that no "
                    "credential has. Copy it again from the platform."
                )
        if ":" in self.ref_id:
            raise SettingsRefused("BULKSTATUS_REF_ID holds a colon, which no ref ID has.")

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
