"""What a text stream can show: whether it is a terminal, how wide it is, which characters."""

import os
import re
import sys
import textwrap
from typing import TextIO

import click

# A command to be copied, and where one follows a sentence in the same line.
_COMMAND = re.compile(r"  (?:bulkstatus|chmod) ")
_AT_COLON = re.compile(rf":(?={_COMMAND.pattern})  ")

# What stands in for the characters of our own sentences where an encoding lacks them.
_STAND_INS = str.maketrans({"→": "->", "…": "...", "–": "-", "·": "-"})  # noqa: RUF001 - meant


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether somebody looks at the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def can_redraw(stream: TextIO | None) -> bool:
    """Say whether the stream is a terminal whose lines can be drawn anew.

    A CI system may well give its jobs a terminal, but keeps all that is written to it.
    """
    return (
        is_terminal(stream)
        and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}
        and os.environ.get("CI", "").lower() in {"", "0", "false"}
    )


def width_of(stream: TextIO | None) -> int | None:
    """Return how many characters a line of the terminal holds; None for what is none.

    COLUMNS decides where it is set.
    """
    if stream is None or not is_terminal(stream):
        return None
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def encodable(text: str, stream: TextIO | None) -> str:
    """Return `text` with the characters that the stream's encoding lacks shown otherwise."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_STAND_INS)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text


def tell(text: str, whole: bool = False) -> None:
    """Print a result to stdout. Lines that are too long are broken, unless they are `whole`.

    A command is not broken but gets a line of its own, so that it can be copied.
    """
    click.echo(encodable(text if whole else _broken(text, sys.stdout), sys.stdout))


def say(text: str, whole: bool = False) -> None:
    """Print what is not a result to stderr; see `tell`."""
    click.echo(encodable(text if whole else _broken(text, sys.stderr), sys.stderr), err=True)


def _broken(text: str, stream: TextIO | None) -> str:
    """Return `text` with its lines broken at blanks to fit a terminal, rests indented further."""
    width = width_of(stream)
    if width is None:
        return text
    lines: list[str] = []
    for line in _AT_COLON.sub(":\n  ", text).split("\n"):
        if _COMMAND.match(line):
            lines.append(line)
            continue
        indent = " " * (len(line) - len(line.lstrip(" "))) + ("  " if line.startswith(" ") else "")
        lines += textwrap.wrap(
            line,
            max(width, len(indent) + 20),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines)
