"""Text from outside made harmless for a terminal."""

import re

#: C0 and C1 controls (escape sequences begin with one), the format characters that hide text or
#: turn its direction, and lone surrogates, which no file and no terminal takes.
INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def printable(text: str, limit: int | None = None) -> str:
    """Return `text` with control and format characters shown as escapes, cut to `limit`."""
    shown = INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown
