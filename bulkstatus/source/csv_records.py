"""Text in pieces → CSV records, each with the line on which it starts.

Python's csv module does the parsing, strictly, one piece at a time: a record that is unfinished
at the end of a piece is read again with the next one. A piece without a quotation mark needs no
parser, since there every line is a record.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from bulkstatus.errors import InputRefused

if TYPE_CHECKING:
    from _csv import Reader

#: What may part the cells of a row.
DELIMITERS = (",", ";", "\t", "|")

# The most characters that are carried from piece to piece, so that a quotation mark that is never
# closed costs neither memory nor time.
_MAX_RECORD = 1024 * 1024

_LINE_END = re.compile("\r\n|\n|\r")


class Records(NamedTuple):
    """Consecutive records.

    `texts[i]` is record i as it stands in the file, with or without its line end. `following` is
    the record after these; None when they are the last.
    """

    lines: Sequence[int]
    cells: list[list[str]]
    texts: list[str]
    following: Sequence[str] | None


class _Parsed(NamedTuple):
    """The complete records of a piece, `starts` counting lines from its beginning."""

    starts: Sequence[int]
    cells: list[list[str]]
    texts: list[str]
    line_count: int
    rest: str


class _OutOfLines(Exception):
    """The rest of the record is in the next piece."""


class RecordReader:
    """Reads the records of one file; `skip_lines` physical lines at its beginning are left out."""

    def __init__(self, name: str, delimiter: str, skip_lines: int = 0) -> None:
        self._name = name
        self._delimiter = delimiter
        self._to_skip = skip_lines
        self._line = 1
        self._rest = ""
        self._held: tuple[int, list[str], str] | None = None

    def feed(self, text: str, final: bool) -> Records:
        """Return the records that `text` completes, but for the last, which is held back.

        The `final` piece yields all. Raises InputRefused for a broken quotation mark and for a
        record that is too long.
        """
        text = self._rest + text
        half_end = ""
        if not final and text.endswith("\r"):
            # Perhaps the first half of CRLF.
            text, half_end = text[:-1], "\r"
        if self._to_skip:
            text = self._skip(text, final)
        parsed = self._parse(text, final)
        self._rest = parsed.rest + half_end
        if len(self._rest) > _MAX_RECORD:
            raise InputRefused(
                f"{self._name}: the record that begins on line {self._line} is longer than a row "
                "can be. The file is damaged, or is no table. Export it again."
            )
        first = self._line
        self._line += parsed.line_count
        lines: Sequence[int] = (
            range(first, self._line)
            if isinstance(parsed.starts, range)
            else [first + start for start in parsed.starts]
        )
        return self._hold_back(lines, parsed.cells, parsed.texts, final)

    def _skip(self, text: str, final: bool) -> str:
        position = 0
        while self._to_skip:
            end = _LINE_END.search(text, position)
            if end is None:
                return "" if final else text[position:]
            position = end.end()
            self._to_skip -= 1
            self._line += 1
        return text[position:]

    def _parse(self, text: str, final: bool) -> _Parsed:
        if self._to_skip:
            return _Parsed(range(0), [], [], 0, text)
        if '"' not in text:
            return _unquoted(text, self._delimiter, final)
        lines = io.StringIO(text, newline="").readlines()
        rest = "" if final or lines[-1].endswith(("\n", "\r")) else lines.pop()
        try:
            cells = list(_reader(lines, self._delimiter))
        except csv.Error:
            cells = []
        if len(cells) == len(lines):
            return _Parsed(range(len(lines)), cells, lines, len(lines), rest)
        return self._of_several_lines(lines, rest, final)

    def _of_several_lines(self, lines: list[str], rest: str, final: bool) -> _Parsed:
        """Parse records of which some run over more than one line."""
        starts: list[int] = []
        cells = []
        start = 0
        reader = _reader(lines if final else _until_out(lines), self._delimiter)
        try:
            for record in reader:
                cells.append(record)
                starts.append(start)
                start = reader.line_num
        except _OutOfLines:
            rest = "".join(lines[start:]) + rest
        except csv.Error:
            text = "".join(lines[start:])
            raise broken_quote(text, self._delimiter, self._name, self._line + start) from None
        texts = ["".join(lines[a:b]) for a, b in pairwise([*starts, start])]
        return _Parsed(starts, cells, texts, start, rest)

    def _hold_back(
        self, lines: Sequence[int], cells: list[list[str]], texts: list[str], final: bool
    ) -> Records:
        """Keep the last record for the next piece: it is what follows these."""
        if self._held is not None and (cells or final):
            line, record, text = self._held
            cells.insert(0, record)
            texts.insert(0, text)
            follows = isinstance(lines, range) and lines.start == line + 1
            lines = range(line, line + len(cells)) if follows else [line, *lines]
        if final or not cells:
            return Records(lines, cells, texts, None)
        self._held = (lines[-1], cells.pop(), texts.pop())
        return Records(lines[:-1], cells, texts, self._held[1])


def first_record(lines: Sequence[str], delimiter: str) -> tuple[list[str], int] | None:
    """Return the first record of `lines` and its number of lines; None if its quotes are broken."""
    reader = _reader(lines, delimiter)
    try:
        return next(reader, []), reader.line_num
    except csv.Error:
        return None


def broken_quote(text: str, delimiter: str, name: str, line: int) -> InputRefused:
    """Return the error for the broken quotation mark in the record `text` that starts on `line`."""
    opened = 0
    state = "start"
    for index, char in enumerate(text):
        at_end = char == delimiter or char in "\r\n"
        if state == "start" and char == '"':
            state, opened = "quoted", index
        elif state == "quoted":
            state = "closed" if char == '"' else state
        elif state == "closed" and char == '"':
            state = "quoted"
        elif state == "closed" and not at_end:
            break
        elif at_end:
            state = "start"
        elif not (state == "start" and char == " "):
            state = "bare"
    line += len(_LINE_END.findall(text[:opened]))
    fault = (
        "is closed before the end of its cell"
        if state == "closed"
        else "is never closed, or not within the length of any real cell"
    )
    return InputRefused(
        f"{name}: the quotation mark that opens on line {line} {fault}, so that nobody can tell "
        "which rows it swallowed. Repair the line (a quotation mark inside a quoted cell is "
        "written twice) or export the file again."
    )


def _unquoted(text: str, delimiter: str, final: bool) -> _Parsed:
    rest = ""
    if "\r" not in text:
        texts = text.split("\n")
    elif text.count("\r") == text.count("\n") == text.count("\r\n"):
        texts = text.split("\r\n")
    else:
        return _of_mixed_ends(text, delimiter, final)
    last = texts.pop()
    if not final:
        rest = last
    elif last:
        texts.append(last)
    cells = [line.split(delimiter) for line in texts]
    return _Parsed(range(len(texts)), cells, texts, len(texts), rest)


def _of_mixed_ends(text: str, delimiter: str, final: bool) -> _Parsed:
    texts = io.StringIO(text, newline="").readlines()
    rest = "" if final or texts[-1].endswith(("\n", "\r")) else texts.pop()
    cells = [line.rstrip("\r\n").split(delimiter) for line in texts]
    return _Parsed(range(len(texts)), cells, texts, len(texts), rest)


def _reader(lines: Iterable[str], delimiter: str) -> "Reader":
    # A blank before an opening quotation mark would otherwise turn the mark into text.
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _until_out(lines: Iterable[str]) -> Iterator[str]:
    """Yield `lines`, then interrupt the parser: it must not take the end of a piece for the end."""
    yield from lines
    raise _OutOfLines
