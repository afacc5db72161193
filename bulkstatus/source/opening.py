"""`open_source`: an input is opened, its layout found, and its rows read, once."""

import asyncio
import gzip
import hashlib
import io
import os
import stat
import sys
import threading
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Self, TypeVar, cast

from bulkstatus.errors import InputRefused, Refused, SettingsRefused
from bulkstatus.source.columns import quoted
from bulkstatus.source.doubt import InQuestion
from bulkstatus.source.encoding import Text
from bulkstatus.source.jsonl import Objects
from bulkstatus.source.kinds import (
    format_of,
    refuse_one_line,
    refuse_other_bytes,
    refuse_other_text,
)
from bulkstatus.source.layout import Layout, find_layout
from bulkstatus.source.options import Batch, InputOptions
from bulkstatus.source.table import Table
from bulkstatus.words import printable

#: How many bytes are read, decoded and parsed at a time.
BLOCK_SIZE = 128 * 1024

# How much of the beginning, in characters, is looked at to find the header.
_HEAD = 64 * 1024

# The most bytes of a workbook, all of which are kept.
_MAX_WORKBOOK = 128 * 1024 * 1024

_GZIP = b"\x1f\x8b"

_Result = TypeVar("_Result")


class Source:
    """An input whose beginning could be read. Use it as an async context manager.

    `name` is what messages call it; `path` is None where it is no regular file; `columns` maps
    each field that the input has to the column (or key) that holds it; `header` are the names of a
    table's columns, empty where there is no header; `others` are its columns that nothing is read
    of, by position; `sheet` is that of a workbook. `options` are those given with the answers of
    somebody who was asked and of the layout called `saved`, if one holds.
    """

    def __init__(self, path: str, options: InputOptions, block_size: int) -> None:
        self.name = "standard input" if path == "-" else printable(Path(path).name or path)
        self.path: Path | None = None
        self.columns: Mapping[str, str]
        self.header: tuple[str, ...] = ()
        self.others: Mapping[int, str] = {}
        self.options = options
        self.saved: str | None = None
        self.sheet: str | None = None
        self._file = _opened(path) if path != "-" else None
        if self._file and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            self.path = Path(path)
        self._hashing = _Hashing(self._file or _standard_input())
        self._text: Text | None = None
        self._is_reading = self._is_left = False
        try:
            self._batches: Iterator[Batch] | None = self._look(options, block_size)
        except BaseException:
            self._close()
            raise

    def keep_layout(self) -> None:
        """Keep the answers for the next file of this kind where that was asked for."""
        options = self.options
        if options.layouts is not None and options.save_layout is not None:
            self.saved = options.layouts.keep(self.header, self.columns, options, self.name)

    def _close(self) -> None:
        # Standard input stays open.
        if self._file is not None:
            self._file.close()

    def _look(self, options: InputOptions, block_size: int) -> Iterator[Batch]:
        """Look at the beginning and return the rows."""
        name, path = self.name, self.path
        is_named_gzip = path is not None and path.suffix.lower() == ".gz"
        blocks = _unpacked(self._hashing, block_size, is_named_gzip, name)
        first_blocks, blocks = _ahead(blocks, len, 64)
        first_bytes = b"".join(first_blocks)[:64]
        if not first_bytes:
            raise InputRefused(f"{name} is empty. Export it again.")
        format_ = format_of(path.name if path else "", options.format, first_bytes, name)
        refuse_other_bytes(first_bytes, format_, name)
        _refuse_misfits(options, format_, name)
        if format_ == "xlsx":
            # Not imported before it is needed: it is slow.
            from bulkstatus.source.excel import Workbook

            book = Workbook(_whole(blocks, name), options, name)
            self.sheet = book.title
            self._take(book.layout)
            return book.batches()
        self._text = text = Text(name, options.encoding, first_bytes)
        first_pieces, pieces = _ahead(text.pieces(blocks), lambda piece: len(piece.text), _HEAD)
        head = "".join(piece.text for piece in first_pieces)
        refuse_other_text(head, format_, name)
        if format_ == "jsonl":
            objects = Objects(head, options, text)
            self.columns = objects.columns
            return objects.batches(pieces)
        if not options.no_header:
            refuse_one_line(head, name)
        try:
            layout = find_layout(head, options, name, format_)
        except Refused as refused:
            # Perhaps the header only cannot be read.
            refused.args = (f"{refused} {text.advice}".rstrip(),)
            raise
        self._take(layout)
        return Table(layout, text).batches(pieces, name)

    def _take(self, layout: Layout) -> None:
        self.columns, self.header, self.others = layout.names(), layout.header, layout.others()
        self.options, self.saved = layout.options, layout.saved

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        # A read that was given up may still wait for its file, which it then closes itself.
        self._is_left = True
        if not self._is_reading:
            self._close()

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Yield the rows in file order; they are read once.

        Raises InputRefused where the input cannot be read with certainty.
        """
        batches, self._batches = self._batches, None
        if batches is None:
            raise RuntimeError("the rows of a source can be read once")
        self._is_reading = True
        while (batch := await _in_thread(lambda: self._read(batches))) is not None:
            yield batch
            self._is_reading = True

    def _read(self, batches: Iterator[Batch]) -> Batch | None:
        try:
            return next(batches, None)
        finally:
            self._is_reading = False
            if self._is_left:
                self._close()

    @property
    def sha256(self) -> str:
        """The SHA-256, in hex, of the bytes as given, once `batches` has ended."""
        return self._hashing.sha256.hexdigest()

    @property
    def encoding(self) -> str:
        """The encoding in force, "" for a workbook; a guess may change it until the end."""
        return self._text.encoding if self._text else ""

    @property
    def notes(self) -> list[str]:
        """Sentences for the user; complete once `batches` has ended."""
        if self.sheet is not None:
            return [f"The sheet {quoted(self.sheet)} of {self.name} is read."]
        if self._text and self._text.assumed:
            advice = self._text.advice or "--encoding decides otherwise."
            return [f"{self.name} is not UTF-8; it was read as Windows-1252. {advice}"]
        return []


async def open_source(path: str, options: InputOptions, *, block_size: int = BLOCK_SIZE) -> Source:
    """Open the input `path` ("-" is standard input) and look at its beginning.

    It is read `block_size` bytes at a time. Raises InputRefused when the input cannot be read
    with certainty, SettingsRefused when an option does not fit it.
    """
    # What cannot be read again is not asked about.
    # `os.path` raises nothing for a path that no file can have.
    asks = options.asks if os.path.isfile(path) else None  # noqa: ASYNC240, PTH113
    given = options
    while True:
        try:
            source = await _in_thread(partial(Source, path, options, block_size))
        except InQuestion as doubt:
            answered = asks.answer(doubt, options) if asks is not None else None
            if answered is None:
                raise
            # Words are asked about once: some may mean none.
            options = answered if doubt.fields else replace(answered, asks=None)
            continue
        is_asked = options is not given and options.save_layout is None and source.header
        if asks is not None and is_asked and asks.keep():
            source.options = replace(source.options, save_layout="")
        return source


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns in a thread that, unlike an executor's, no program's end awaits.

    A pipe that nobody writes to may keep the thread for ever.
    """
    done: Future[_Result] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(done)


def _ahead(
    parts: Iterator[_Result], size: Callable[[_Result], int], enough: int
) -> tuple[list[_Result], Iterator[_Result]]:
    """Return as many of the first parts as are `enough` together, and all parts."""
    first: list[_Result] = []
    for part in parts:
        first.append(part)
        if sum(map(size, first)) >= enough:
            break
    return first, chain(first, parts)


def _whole(blocks: Iterator[bytes], name: str) -> io.BytesIO:
    """Return all of a workbook, whose parts are found from its end."""
    whole = io.BytesIO()
    for block in blocks:
        whole.write(block)
        if whole.tell() > _MAX_WORKBOOK:
            raise InputRefused(f"{name} is too large for a workbook. Save it as CSV.")
    return whole


def _refuse_misfits(options: InputOptions, format_: str, name: str) -> None:
    """Refuse options that mean nothing for the format."""
    for option, is_given, fits in (
        ("--sheet", options.sheet is not None, format_ == "xlsx"),
        ("--encoding", options.encoding is not None, format_ != "xlsx"),
        ("--no-header", options.no_header, format_ != "jsonl"),
        ("--save-layout", options.save_layout is not None, format_ != "jsonl"),
    ):
        if is_given and not fits:
            raise SettingsRefused(f"{option} means nothing for {name}. Leave it out.")


class _Hashing(io.RawIOBase):
    """Passes the bytes of `raw` on and hashes them on the way."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no slices
        # A pipe gives what it has; all that look at the first bytes want to see them all.
        filled = 0
        while filled < len(buffer) and (count := self._raw.readinto(buffer[filled:])) != 0:
            if count is None:
                raise OSError("it does not wait for what is to come (it is non-blocking)")
            filled += count
        self.sha256.update(buffer[:filled])
        return filled


def _unpacked(hashing: _Hashing, size: int, is_named_gzip: bool, name: str) -> Iterator[bytes]:
    """Yield all bytes, unpacked. Raises InputRefused when they cannot be read to the end."""
    try:
        data = io.BufferedReader(hashing, max(size, 2))
        unpacked: io.BufferedIOBase = data
        if data.peek(2).startswith(_GZIP):
            unpacked = gzip.GzipFile(fileobj=data)
        elif is_named_gzip and data.peek(1):
            raise InputRefused(
                f"{name} is not compressed, whatever its name says. Take .gz off its name."
            )
        while block := unpacked.read(size):
            yield block
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputRefused(
            f"{name} is damaged or cut short: it cannot be decompressed to its end. "
            "Copy or export it again."
        ) from None
    except OSError as error:
        raise _unreadable(name, error) from None


def _opened(path: str) -> io.FileIO:
    try:
        if Path(path).is_dir():
            raise InputRefused(f"{printable(path)} is a folder. Name a file in it.")
        return Path(path).open("rb", buffering=0)
    except OSError as error:
        raise _unreadable(printable(path), error) from None


def _standard_input() -> io.RawIOBase:
    if sys.stdin is None or sys.stdin.isatty():
        raise InputRefused(
            "Standard input is the keyboard. Pipe the file into the command, or name it."
        )
    # Past the buffer, whose lock a reader that waits would hold when the program ends.
    buffer = sys.stdin.buffer
    return cast("io.RawIOBase", getattr(buffer, "raw", buffer))


def _unreadable(name: str, error: OSError) -> InputRefused:
    if isinstance(error, FileNotFoundError):
        return InputRefused(f"{name} does not exist.")
    advice = ""
    if isinstance(error, PermissionError):
        advice = " If it is open in Excel, close it there; otherwise ask its owner for access."
    return InputRefused(f"{name} cannot be read: {error.strerror or error}.{advice}")
