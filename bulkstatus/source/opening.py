"""`open_source`: an input is looked at as a whole once, then read as often as needed."""

import asyncio
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, Self

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS
from bulkstatus.source.blocks import texts
from bulkstatus.source.csv_records import RecordReader
from bulkstatus.source.jsonl import JsonLines, known_keys
from bulkstatus.source.kinds import format_of, refuse_other_bytes, refuse_other_text
from bulkstatus.source.layout import Layout, find_layout
from bulkstatus.source.options import FIELDS, Batch, InputOptions
from bulkstatus.source.spool import GZIP_MAGIC, spool
from bulkstatus.source.survey import BLOCK_SIZE, Survey, hash_file, survey, survey_bytes
from bulkstatus.source.table import Table

_PLACES = ("first column", "second column", "third column")


class _Touched(NamedTuple):
    """What changes when a file is touched, and is cheap to look at."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Self:
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class _Given(NamedTuple):
    """The input as it was given: `data` is the file to read, a copy where `is_copy` says so.

    `path` and `touched` are None for a pipe; `sha256` is of the bytes as they came, None where
    `data` itself is to be hashed.
    """

    name: str
    path: Path | None
    touched: _Touched | None
    data: Path
    is_copy: bool
    sha256: str | None


class _Content(NamedTuple):
    """What is in the input, and how to read it."""

    columns: Mapping[str, str]
    header: Sequence[str]
    batches: Callable[[], AsyncGenerator[Batch, None]]


class Source:
    """An input that was looked at as a whole and found readable.

    `name` is what messages call it; `path` is None for standard input; `sha256` is of the bytes
    as given; `encoding` is the one in force; `notes` are sentences for the user; `columns` maps
    each field that the input has to the column (or key) that holds it; `header` is the header of
    a table as it stands, empty where there is none. Use it as an async context manager: a copy
    that had to be made is removed at the end.
    """

    def __init__(self, given: _Given, surveyed: Survey, notes: Sequence[str], content: _Content):
        self.name = given.name
        self.path = given.path
        self.sha256 = given.sha256 or surveyed.sha256
        self.encoding = surveyed.encoding
        self.notes = notes
        self.columns = content.columns
        self.header = content.header
        self._given = given
        self._touched = given.touched
        self._content = content

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._given.is_copy:
            self._given.data.unlink(missing_ok=True)

    def batches(self) -> AsyncGenerator[Batch, None]:
        """Yield the rows in file order, from the start.

        Raises InputChanged before a row that is not as it was when the input was opened,
        InputRefused for a broken quotation mark.
        """
        return self._content.batches()

    def has_changed(self) -> bool:
        """Say whether the file is no longer the one that was opened.

        Reads the file only when its size or its times are others than before.
        """
        if self.path is None:
            return False
        try:
            touched = _Touched.of(self.path)
            if touched == self._touched:
                return False
            if hash_file(self.path) != self.sha256:
                return True
        except OSError:
            return True
        self._touched = touched
        return False


async def open_source(path: str, options: InputOptions, *, block_size: int = BLOCK_SIZE) -> Source:
    """Look at the whole input `path` ("-" is standard input) and return it, ready to be read.

    Files are read `block_size` bytes at a time. Raises InputRefused when the input cannot be read
    with certainty, SettingsRefused when an option does not fit it.
    """
    return await asyncio.to_thread(_open, path, options, block_size)


def _open(path: str, options: InputOptions, block_size: int) -> Source:
    given = _take(path)
    try:
        return _look(given, options, block_size)
    except OSError as error:
        raise _unreadable(given.name, error) from None
    except BaseException:
        if given.is_copy:
            given.data.unlink(missing_ok=True)
        raise


def _take(path: str) -> _Given:
    """Find the input and copy it where it cannot be read twice, or not as it is."""
    if path == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise InputRefused(
                "Standard input is the keyboard. Pipe the file into the command, or name it."
            )
        copied = spool(sys.stdin.buffer, "standard input")
        return _Given("standard input", None, None, copied.path, True, copied.sha256)
    file = Path(path)
    name = file.name or path
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputRefused(f"{path} is a folder. Name a file in it.")
        touched = _Touched.of(file)
        with file.open("rb") as stream:
            if stat.S_ISREG(mode) and not _is_gzip(file, stream.read(2)):
                return _Given(name, file, touched, file, False, None)
            if stat.S_ISREG(mode):
                stream.seek(0)
            copied = spool(stream, name)
    except FileNotFoundError:
        raise InputRefused(_not_found(file)) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISREG(mode):
        return _Given(name, file, touched, copied.path, True, copied.sha256)
    return _Given(name, None, None, copied.path, True, copied.sha256)


def _is_gzip(file: Path, first_bytes: bytes) -> bool:
    if first_bytes == GZIP_MAGIC:
        return True
    if file.suffix.lower() == ".gz" and first_bytes:
        raise InputRefused(
            f"{file.name} is not compressed, whatever its name says. Take .gz off its name."
        )
    return False


def _look(given: _Given, options: InputOptions, block_size: int) -> Source:
    name = given.name
    with given.data.open("rb") as file:
        first_bytes = file.read(64)
    if not first_bytes:
        raise InputRefused(f"{name} is empty. Export it again.")
    file_name = given.path.name if given.path else ""
    format_ = format_of(file_name, options.format, first_bytes, name)
    refuse_other_bytes(first_bytes, format_, name)
    _refuse_misfits(options, format_, name)
    if format_ == "xlsx":
        surveyed = survey_bytes(given.data, name, block_size)
        return Source(given, surveyed, [], _workbook(surveyed, options))
    surveyed = survey(given.data, name, options.encoding, block_size)
    refuse_other_text(surveyed.head, format_, name)
    notes = []
    if surveyed.assumed:
        notes.append(
            f"{name} is not UTF-8; it was read as Windows-1252. --encoding decides otherwise."
        )
    if format_ == "jsonl":
        content = _json_lines(surveyed, options)
    else:
        content = _table(surveyed, options, find_layout(surveyed, options, format_ == "txt"))
    return Source(given, surveyed, notes, content)


def _refuse_misfits(options: InputOptions, format_: str, name: str) -> None:
    """Refuse options that mean nothing for the format."""
    if options.sheet is not None and format_ != "xlsx":
        raise SettingsRefused(f"{name} has no sheets. Leave --sheet out.")
    if options.encoding is not None and format_ == "xlsx":
        raise SettingsRefused(f"{name} says itself how it is encoded. Leave --encoding out.")
    if options.no_header and format_ == "jsonl":
        raise SettingsRefused(f"{name} is JSON Lines, which has no header. Leave --no-header out.")
    for field, column in options.columns.items():
        if field not in FIELDS:
            raise SettingsRefused(
                f"--column {field}=… names no field. The fields are {', '.join(FIELDS)}."
            )
        if field == "order_id" and not column:
            raise SettingsRefused("--column order_id= says that there is no order ID. Name one.")


def _json_lines(surveyed: Survey, options: InputOptions) -> _Content:
    async def batches() -> AsyncGenerator[Batch, None]:
        reader = JsonLines(surveyed.name, options, surveyed.assumed)
        async with aclosing(texts(surveyed)) as pieces:
            async for text, final in pieces:
                yield reader.feed(text, final)

    return _Content(known_keys(surveyed, options), (), batches)


def _table(surveyed: Survey, options: InputOptions, layout: Layout) -> _Content:
    async def batches() -> AsyncGenerator[Batch, None]:
        reader = RecordReader(surveyed.name, layout.delimiter, layout.skip_lines)
        table = Table(layout, options, surveyed.assumed)
        async with aclosing(texts(surveyed)) as pieces:
            async for text, final in pieces:
                yield table.batch(reader.feed(text, final))

    return _Content(_chosen(layout), layout.header, batches)


def _workbook(surveyed: Survey, options: InputOptions) -> _Content:
    # Not imported before it is needed: it is slow, and its library is optional.
    from bulkstatus.source.excel import find_sheet, sheet_batches

    sheet = find_sheet(surveyed.path.read_bytes(), options, surveyed.name)
    return _Content(
        _chosen(sheet.layout),
        sheet.layout.header,
        lambda: sheet_batches(surveyed, sheet, options),
    )


def _chosen(layout: Layout) -> Mapping[str, str]:
    """Return the name of each field's column."""
    names = layout.header or _PLACES
    return {
        field: names[place].strip(BLANKS)
        for field, place in zip(FIELDS, layout.columns, strict=True)
        if place is not None
    }


def _not_found(file: Path) -> str:
    beside = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    close = get_close_matches(file.name, beside, n=1, cutoff=0.8)
    hint = f" Did you mean {file.with_name(close[0])}?" if close else ""
    return f"{file} does not exist.{hint}"


def _unreadable(name: str, error: OSError) -> InputRefused:
    if isinstance(error, PermissionError):
        return InputRefused(
            f"{name} cannot be opened: permission denied. If it is open in Excel, close it there; "
            "otherwise ask its owner for access."
        )
    return InputRefused(f"{name} cannot be read: {error.strerror or error}.")
