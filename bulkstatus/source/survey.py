"""The survey: one look at all bytes of the input before any of them is believed.

It fixes what the file is (SHA-256 and one hash per block, so that a later pass notices any
change before it uses it) and which encoding its bytes are in.
"""

import codecs
import hashlib
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS
from bulkstatus.text import printable

#: How many bytes are read, verified and decoded at a time.
BLOCK_SIZE = 128 * 1024

# How much of the beginning is looked at to find the header.
_HEAD_SIZE = 64 * 1024

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16"),
)

# What decoding with "surrogateescape" makes of bytes that are not UTF-8, and of those that are.
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_DECODED = re.compile("[^\x00-\x7f\udc80-\udcff]")


# When Windows-1252 is only a guess, this is what it may have got wrong: all but a single Western
# letter between ASCII, on which Windows-1252 and Latin-1 agree.
_DOUBTFUL = re.compile("[^\x00-\x7f\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]|[\u00c0-\u00ff]{2}")


@dataclass(frozen=True)
class Survey:
    """What the bytes of an input are.

    `hashes` holds one hash per block of `block_size` bytes. Of a text, `encoding` is what it is
    read in, a guess where `assumed` says so; `head` is its beginning, all of it where
    `head_is_whole` says so.
    """

    name: str
    path: Path
    sha256: str
    block_size: int
    hashes: "array[int]"
    encoding: str = ""
    assumed: bool = False
    head: str = ""
    head_is_whole: bool = False


def survey_bytes(path: Path, name: str, block_size: int = BLOCK_SIZE) -> Survey:
    """Look at the bytes of `path`, which are no text. Raises OSError."""
    sha256 = hashlib.sha256()
    hashes = array("q")
    for block in _blocks(path, block_size):
        sha256.update(block)
        hashes.append(hash(block))
    return Survey(name, path, sha256.hexdigest(), block_size, hashes)


def survey(path: Path, name: str, encoding: str | None, block_size: int = BLOCK_SIZE) -> Survey:
    """Look at the text in `path`; messages call it `name`.

    Raises InputRefused when it holds NUL or cannot be decoded, SettingsRefused when `encoding` is
    no encoding or not this file's, and OSError.
    """
    if encoding is not None:
        encoding = _known(encoding)
    surveyed = survey_bytes(path, name, block_size)
    with path.open("rb") as file:
        head = file.read(_HEAD_SIZE)
        head_is_whole = not file.read(1)
    assumed = False
    if marked := _from_bom(head, encoding, name):
        encoding = marked
    if encoding is not None:
        _check(path, name, encoding, False, block_size)
    elif _is_utf8(path, name, block_size):
        encoding = "utf-8"
    else:
        encoding, assumed = "cp1252", True
        _check(path, name, encoding, True, block_size)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return replace(
        surveyed,
        encoding=encoding,
        assumed=assumed,
        head=decoder.decode(head, head_is_whole).removeprefix("\ufeff"),
        head_is_whole=head_is_whole,
    )


def guessed(order_id: str, tracking: str) -> str | None:
    """Return why a row cannot be believed when its encoding is assumed, or None when it can."""
    for label, value in (("order ID", order_id), ("tracking", tracking)):
        if _DOUBTFUL.search(value.strip(BLANKS)):
            return (
                f'the {label} "{printable(value, 60)}" depends on the encoding of the file, which '
                "is a guess; say it with --encoding"
            )
    return None


def hash_file(path: Path, block_size: int = BLOCK_SIZE) -> str:
    """Return the SHA-256 of the bytes of `path`. Raises OSError."""
    sha256 = hashlib.sha256()
    for block in _blocks(path, block_size):
        sha256.update(block)
    return sha256.hexdigest()


def _blocks(path: Path, block_size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(block_size):
            yield block


def _known(encoding: str) -> str:
    """Return the canonical name of a text encoding."""
    codec: codecs.CodecInfo | None
    try:
        codec = codecs.lookup(encoding)
        # Weeds out the codecs that are no encodings of text, such as "hex".
        b"a".decode(encoding)
    except UnicodeDecodeError:
        pass
    except (LookupError, UnicodeError, ValueError):
        codec = None
    if codec is None or codec.incrementaldecoder is None:
        raise SettingsRefused(
            f'"{encoding}" is not an encoding that Python knows. '
            "Usual ones are utf-8, utf-16, cp1252 (Windows), latin-1 and cp850 (DOS)."
        )
    return codec.name


def _from_bom(head: bytes, encoding: str | None, name: str) -> str | None:
    """Return the encoding that a byte order mark at the beginning names."""
    for bom, marked, family in _BOMS:
        if head.startswith(bom):
            if encoding is not None and not encoding.startswith(family):
                raise SettingsRefused(
                    f"{name} begins with the byte order mark of {family.upper()}, and "
                    f"--encoding says {encoding}. Leave --encoding out."
                )
            return marked
    return None


def _is_utf8(path: Path, name: str, block_size: int) -> bool:
    """Say whether the whole file is UTF-8, and refuse one that is so in part, or holds NUL."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        if all("\0" not in decoder.decode(block) for block in _blocks(path, block_size)):
            decoder.decode(b"", True)
            return True
    except UnicodeDecodeError:
        pass
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    lines = _LineCounter()
    bad_line = 0
    any_decoded = False
    for block in chain(_blocks(path, block_size), [b""]):
        text = decoder.decode(block, not block)
        _refuse_nul(text, lines, name)
        if not bad_line and (bad := _UNDECODABLE.search(text)):
            bad_line = lines.at(text, bad.start())
        any_decoded = any_decoded or _DECODED.search(text) is not None
        if bad_line and any_decoded:
            raise InputRefused(
                f"{name}, line {bad_line} holds bytes that are not UTF-8, while other text in it "
                "is UTF-8: the file is damaged, or two files of different encodings were joined. "
                "Export it again, or say its encoding with --encoding."
            )
        lines.add(text)
    return False


def _check(path: Path, name: str, encoding: str, assumed: bool, block_size: int) -> None:
    """Refuse the file when it cannot be decoded, or holds NUL."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = _LineCounter()
    try:
        for block in _blocks(path, block_size):
            text = decoder.decode(block)
            _refuse_nul(text, lines, name)
            lines.add(text)
        _refuse_nul(decoder.decode(b"", True), lines, name)
    except UnicodeDecodeError as error:
        pending, _ = decoder.getstate()
        before = decoder.decode(error.object[len(pending) : error.start])
        line = lines.at(before, len(before))
        known = "neither UTF-8 nor Windows-1252" if assumed else f"not {encoding}"
        raise InputRefused(
            f"{name}, line {line} holds bytes that are {known}. "
            "Save the file as UTF-8, or say its encoding with --encoding."
        ) from None
    except UnicodeError:
        raise InputRefused(
            f"{name} cannot be read as {encoding}. "
            "Save the file as UTF-8, or say its encoding with --encoding."
        ) from None


def _refuse_nul(text: str, lines: "_LineCounter", name: str) -> None:
    if "\0" in text:
        raise InputRefused(
            f"{name}, line {lines.at(text, text.index(chr(0)))} holds a NUL character: the file "
            "is damaged, is not text, or is UTF-16 without its mark (then say so with "
            "--encoding utf-16-le). Export it again."
        )


class _LineCounter:
    """Counts LF, CRLF and lone CR over text that comes in pieces."""

    def __init__(self) -> None:
        self._ends = 0
        self._after_cr = False

    def add(self, text: str) -> None:
        self._ends += _line_ends(text)
        if self._after_cr and text.startswith("\n"):
            self._ends -= 1
        if text:
            self._after_cr = text.endswith("\r")

    def at(self, text: str, index: int) -> int:
        """Return the line of `text[index]`, `text` coming after what was added."""
        before = text[:index]
        joined = self._after_cr and text.startswith("\n") and index > 0
        return 1 + self._ends + _line_ends(before) - joined


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
