"""Lines of a report: a label with what there is to say, broken at blanks to fit a terminal."""

import re
import textwrap
from collections.abc import Iterable

from bulkstatus.text import printable

# Where what follows a label stands, and a line that has one: its label ends in two blanks.
_COLUMN = 11
_LABELLED = re.compile(r"(?=.{9}  \S)[A-Z][a-z ]*  ")

# Stands for a blank at which a line is not broken. No printable text holds it.
_KEPT_BLANK = "\0"


def labelled(label: str, text: object) -> str:
    """Return a line with a label of at most nine characters, or under the label before."""
    return f"{label:{_COLUMN}}{printable(str(text))}"


def kept_whole(label: str, text: object) -> str:
    """Return such a line with a command or a path, which is not broken so that it can be copied."""
    line = labelled(label, text)
    return line[:_COLUMN] + line[_COLUMN:].replace(" ", _KEPT_BLANK)


def laid_out(lines: Iterable[str], width: int | None) -> str:
    """Return lines as text, those that are longer than `width` broken and their rests indented.

    None says that a line may be of any length.
    """
    broken = (
        lines
        if width is None
        else (part for line in lines for part in _broken(line, width) or [""])
    )
    return "\n".join(broken).replace(_KEPT_BLANK, " ")


def _broken(line: str, width: int) -> list[str]:
    text = line.lstrip(" ")
    lead = " " * (len(line) - len(text))
    start = _COLUMN if _LABELLED.match(line) else len(lead)
    indent = " " * (start + 2) if start else ""
    width = max(width, len(indent) + 20)
    parts = textwrap.wrap(
        text,
        width,
        initial_indent=lead,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    # A command or a path that does not fit where it belongs takes as little room as can be.
    return [part if len(part) <= width else f"  {part.lstrip(' ')}" for part in parts]
