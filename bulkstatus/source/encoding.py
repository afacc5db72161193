"""Bytes → text, in pieces of whole lines; the encoding is marked, said, or found on the way."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import NamedTuple
from unicodedata import category

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS
from bulkstatus.words import printable

#: The most characters of a line or record: all that is carried from block to block.
MAX_RECORD = 1024 * 1024

# Those of UTF-32 begin as one of UTF-16 does.
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

# What Python decodes to text, but no file is written in.
_NO_FILES = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}

# When Windows-1252 is only a guess, this is what it may have got wrong: all but a single Western
# letter between ASCII, on which Windows-1252 and Latin-1 agree.
_DOUBTFUL = re.compile("[^\x00-\x7f\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]|[\u00c0-\u00ff]{2}")

# Encodings to try where it is none of these, and a word that depends on which one it is.
_OTHERS = ("shift_jis", "gbk", "big5", "euc_kr", "cp1251", "cp1250", "cp850", "mac_roman")
_WORD = re.compile(r'[^\s,;|"]*[^\x00-\x7f][^\s,;|"]*')

# Of words, one character in so many at most is no letter.
_ONE_IN = 10

# What Windows-1252 makes of two such characters, and no Western language has in its words.
_NO_WORD = re.compile("[\u00c0-\u00ff]{3}")

# How many of them are named.
_NAMED = 4

# What decoding with "surrogateescape" makes of bytes that are UTF-8 and not ASCII.
_UTF_8 = re.compile("[^\x00-\x7f\udc80-\udcff]")


class Piece(NamedTuple):
    """Some whole lines; `line` is the number of the first."""

    line: int
    text: str


class Text:
    """The text of the input `name`.

    `encoding` is the one in force, a guess where `assumed` says so; `advice` says what to try where
    the guess reads no words. Without a byte order mark and
    without being `said` it is UTF-8, until bytes turn up that are not. Raises SettingsRefused
    when `said` is no encoding, or not the one that is marked in `first_bytes`.
    """

    def __init__(self, name: str, said: str | None, first_bytes: bytes) -> None:
        known = _known(said) if said is not None else None
        known = _marked(first_bytes, known, name) or known
        self.encoding = known or "utf-8"
        self.assumed = False
        self.advice = ""
        self.name = name
        self._is_known = known is not None
        self._is_ascii = True
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        # Of a guess: the line that led to it, and what looks for text that speaks against it.
        self._guessed_on = 0
        self._utf_8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        # What was decoded and is not yet a whole line, and the number of that line.
        self._rest = ""
        self._line = 1

    def pieces(self, blocks: Iterable[bytes]) -> Iterator[Piece]:
        """Yield the whole text. Raises InputRefused where it is damaged, or no text."""
        for block in chain(blocks, [b""]):
            text = self._decode(block)
            if "\0" in text:
                raise InputRefused(
                    f"{self.name}, line {self._line_after(text[: text.index(chr(0))])} holds a "
                    "NUL character: the file is damaged, is not text, or is UTF-16 without its "
                    "mark (then say so with --encoding utf-16-le). Export it again."
                )
            text = self._rest + text
            # A CR at the end is perhaps the first half of CRLF.
            end = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1 if block else len(text)
            whole, self._rest = text[:end], text[end:]
            if whole:
                yield Piece(self._line, whole)
            self._line += _line_ends(whole)
            if len(self._rest) > MAX_RECORD:
                raise too_long(self.name, self._line)

    def _decode(self, block: bytes) -> str:
        """Return the text of the next block; an empty one is the end."""
        if self.assumed and _UTF_8.search(self._utf_8.decode(block, not block)):
            raise self._undecodable(block, self._guessed_on, "UTF-8")
        try:
            text = self._decoder.decode(block, not block)
        except UnicodeDecodeError as error:
            pending, _ = self._decoder.getstate()
            before = ""
            with suppress(UnicodeError):
                before = self._decoder.decode(error.object[len(pending) : error.start])
            if self._is_known or not (self._is_ascii and before.isascii()):
                raise self._undecodable(error.object, self._line_after(before)) from None
            self._guessed_on = self._line_after(before)
            self.encoding, self.assumed = "cp1252", True
            word = _words(error.object, "cp1252")
            self.advice = "" if word and not _NO_WORD.search(word) else to_try(error.object)
            self._is_known = True
            self._decoder = codecs.getincrementaldecoder(self.encoding)()
            return self._decode(error.object)
        except UnicodeError:
            raise self._undecodable(block, self._line) from None
        self._is_ascii = self._is_ascii and text.isascii()
        return text

    def _line_after(self, before: str) -> int:
        """Return the line on which text goes on after `before`, which was just decoded."""
        return self._line + _line_ends(self._rest + before)

    def _undecodable(self, data: bytes, line: int, encoding: str = "") -> InputRefused:
        encoding = encoding or ("UTF-8 or Windows-1252" if self.assumed else self.encoding)
        return InputRefused(
            f"{self.name}, line {line} holds bytes that are not {encoding}. {to_try(data)}"
        )


def to_try(data: bytes) -> str:
    """Return what to do about text in an encoding that is not known: which ones can read it."""
    read = ((encoding, _words(data, encoding)) for encoding in _OTHERS)
    tried = [f'{encoding} "{printable(words, 20)}"' for encoding, words in read if words]
    advice = "Save the file as UTF-8, or say its encoding with --encoding"
    if not tried:
        return f"{advice}."
    return f"{advice}; a word of it tells which is right: {', '.join(tried[:_NAMED])}."


def _words(data: bytes, encoding: str) -> str:
    """Return a word as an encoding reads the lines, "" where it makes no words of them."""
    whole = data[data.find(b"\n") + 1 : data.rfind(b"\n") + 1]
    try:
        text = (whole if not whole.isascii() else data).decode(encoding)
    except UnicodeError:
        return ""
    if "\0" in text:
        return ""
    # A sign of a currency speaks for none and against none.
    others = [char for char in text if not char.isascii() and category(char) != "Sc"]
    letters = [char for char in others if char.isalnum()]
    word = _WORD.search(text)
    return word[0] if word and len(letters) * _ONE_IN >= len(others) * (_ONE_IN - 1) else ""


def too_long(name: str, line: int) -> InputRefused:
    """Return the error for what begins on `line` and is longer than MAX_RECORD."""
    return InputRefused(
        f"{name}: what begins on line {line} is longer than a row can be. "
        "The file is damaged, or is no table. Export it again."
    )


def split_lines(text: str) -> list[str]:
    """Return the lines of `text` with their ends, which are LF, CRLF or a lone CR."""
    return io.StringIO(text, newline="").readlines()


def guessed(order_id: str, tracking: str) -> str | None:
    """Return why a row cannot be believed when its encoding is assumed, or None when it can."""
    for label, value in (("order ID", order_id), ("tracking", tracking)):
        if _DOUBTFUL.search(value.strip(BLANKS)):
            return (
                f'the {label} "{printable(value, 60)}" depends on the encoding of the file, which '
                "is a guess; say it with --encoding"
            )
    return None


def _known(encoding: str) -> str:
    """Return the canonical name of a text encoding."""
    codec: codecs.CodecInfo | None
    try:
        codec = codecs.lookup(encoding)
        # Weeds out the codecs that are no encodings of text, such as "hex".
        b"a".decode(encoding)
    except UnicodeDecodeError:
        pass
    except (LookupError, ValueError):
        codec = None
    if codec is None or codec.incrementaldecoder is None or codec.name in _NO_FILES:
        raise SettingsRefused(
            f'"{printable(encoding, 60)}" is not an encoding that a file can be read in. '
            "Usual ones are utf-8, utf-16, cp1252 (Windows), latin-1 and cp850 (DOS)."
        )
    return codec.name


def _marked(first_bytes: bytes, said: str | None, name: str) -> str | None:
    """Return the encoding that a byte order mark at the beginning names."""
    marked = next((_BOMS[bom] for bom in _BOMS if first_bytes.startswith(bom)), None)
    family = (marked or "").removesuffix("-sig")
    if said is not None and not said.startswith(family):
        raise SettingsRefused(
            f"{name} begins with the byte order mark of {family.upper()}, and "
            f"--encoding says {said}. Leave --encoding out."
        )
    return marked


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
