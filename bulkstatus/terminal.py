"""What a text stream can show: whether it is a terminal, how wide it is, which characters."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import click

from bulkstatus.words import laid_out

# What stands in for the characters of our own sentences where an encoding lacks them.
_STAND_INS = str.maketrans({"→": "->", "…": "...", "–": "-", "·": "-"})  # noqa: RUF001 - meant


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether somebody looks at the stream."""
    return stream is not None and not stream.closed and stream.isatty()


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
    """Return how many characters a line of a terminal holds, by COLUMNS if set; else None."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else None


def encodable(text: str, stream: TextIO | None) -> str:
    """Return `text` with the characters that the stream's encoding lacks shown otherwise."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_STAND_INS)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text


@contextmanager
def said() -> Iterator[None]:
    """Let what is printed in the body fail without a word: a full disk, or nobody who reads it."""
    try:
        yield
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        _write_nowhere(1, 2)


def _write_nowhere(*descriptors: int) -> None:
    """Take away what is still in the buffers: it would fail again when the program ends."""
    for descriptor in descriptors:
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def tell(text: str | Iterable[str], err: bool = False) -> None:
    """Print a result to stdout: a text, or lines as `words.laid_out` takes them."""
    stream = sys.stderr if err else sys.stdout
    lines = text.split("\n") if isinstance(text, str) else text
    click.echo(encodable(laid_out(lines, width_of(stream)), stream), err=err)


def say(text: str | Iterable[str]) -> None:
    """Print what is not a result to stderr; see `tell`. Where that fails nothing else does."""
    try:
        tell(text, err=True)
    except OSError:
        _write_nowhere(2)
