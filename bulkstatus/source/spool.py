"""Input that cannot be read twice (a pipe), or not as it is (gzip), copied to a temporary file."""

import gzip
import hashlib
import io
import os
import tempfile
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from bulkstatus.errors import InputRefused

GZIP_MAGIC = b"\x1f\x8b"

_PIECE = 256 * 1024


class Spooled(NamedTuple):
    """A copy that only its owner can read; `sha256` is of the bytes as they came."""

    path: Path
    sha256: str


class _HashingReader(io.RawIOBase):
    """Passes a stream's bytes on and hashes them on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # typeshed's Buffer has no len()
        piece = self._stream.read(len(buffer))
        self.sha256.update(piece)
        buffer[: len(piece)] = piece
        return len(piece)


def spool(stream: BinaryIO, name: str) -> Spooled:
    """Copy `stream` to a temporary file, decompressed when it is gzip.

    The caller removes the file. Raises InputRefused when the compressed data is damaged or the
    copy cannot be written.
    """
    hashing = _HashingReader(stream)
    reader = io.BufferedReader(hashing, _PIECE)
    source: io.BufferedIOBase = reader
    if reader.peek(2).startswith(GZIP_MAGIC):
        source = gzip.GzipFile(fileobj=reader)
    try:
        handle, path = tempfile.mkstemp(prefix="bulkstatus-")
    except OSError as error:
        raise _no_room(name, error) from None
    try:
        with os.fdopen(handle, "wb") as copy:
            while piece := _read(source, name):
                try:
                    copy.write(piece)
                    copy.flush()
                except OSError as error:
                    raise _no_room(name, error) from None
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    return Spooled(Path(path), hashing.sha256.hexdigest())


def _read(source: io.BufferedIOBase, name: str) -> bytes:
    try:
        return source.read(_PIECE)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputRefused(
            f"{name} is damaged or cut short: it cannot be decompressed to its end. "
            "Copy or export it again."
        ) from None


def _no_room(name: str, error: OSError) -> InputRefused:
    return InputRefused(
        f"{name} cannot be copied to {tempfile.gettempdir()} to be checked first "
        f"({error.strerror or error}). Make room there, or set TMPDIR to another folder."
    )
