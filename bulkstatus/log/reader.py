"""Reading a log: every line is a record of the log, or the log is refused with that line's number.

A run's beginning counts once a `sending` or an `end` stands behind it, so what a crash left of
one is passed over, as a torn last line is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from bulkstatus.errors import LogRefused, NoLog
from bulkstatus.log.records import (
    FORMAT,
    EndRecord,
    Outcome,
    Record,
    Result,
    RowRecord,
    RunRecord,
    SendingRecord,
    parse_line,
    parse_lines,
)
from bulkstatus.log.state import LogState

# How much is read at a time, in bytes.
_CHUNK = 256 * 1024

_OF_ROWS = (b'{"type":"row"', b'{"type":"result"')


class Region(NamedTuple):
    """A part of the log that holds rows: where it is, in bytes, and which `n` it has."""

    offset: int
    length: int
    first: int
    last: int


@dataclass
class Run:
    """One run of a log: how it began and ended; `end` is None for one that goes on or broke off.

    `rows` are the row records that it brought, as the first `n` and how many.
    """

    record: RunRecord
    first: int
    rows: int = 0
    end: EndRecord | None = None


class LogContents:
    """What a log holds.

    `size` is the length in bytes of what counts, `cut_off` that of what does not: a torn last
    line, or a run's beginning that a crash left without an end. `unended` says that the last
    line is a whole record without its line end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs: list[Run] = []
        self.state = LogState()
        self.regions: list[Region] = []
        self.size = 0
        self.cut_off = 0
        self.unended = False

    @property
    def last_run(self) -> RunRecord:
        """The run that was started last."""
        return self.runs[-1].record

    @property
    def first_run(self) -> RunRecord:
        """The run that the log was made by."""
        return self.runs[0].record

    @property
    def has_answers_of_the_api(self) -> bool:
        """Whether some row was answered by the API, which shows its base URL to be right."""
        return bool({Outcome.UPDATED, Outcome.REJECTED} & self.state.counts().keys())

    @property
    def input_beside(self) -> Path | None:
        """The file that the log was made from, where it stands beside it.

        A log is no authority on what to open: only a bare name counts, and a regular file.
        """
        name = self.first_run.input
        path = self.path.parent / name
        try:
            plain = (
                name not in {"", "-", ".", ".."} and Path(name).name == name and "\\" not in name
            )
            return path if plain and path.is_file() else None
        except (OSError, ValueError):
            return None

    @property
    def is_sandbox(self) -> bool:
        """Whether the log is of a rehearsal."""
        return bool(self.last_run.settings.get("sandbox"))


#: What is told of the records, in order, while they are read.
Take = Callable[[Sequence[Record]], None]


def read_log(path: Path, take: Take | None = None) -> LogContents:
    """Return the contents of the log at `path`, also of one that is still being written.

    `take` is called with the records, many at a time. Raises LogRefused when the file cannot be
    read, is no result log, is of another format, holds no run, or has a line that is broken.
    """
    try:
        if not path.is_file() and path.exists():
            raise LogRefused(f"{path} is no regular file, so it is no result log.")
        with path.open("rb") as file:
            contents = read_records(file, path, take)
    except FileNotFoundError:
        raise no_log(path) from None
    except OSError as error:
        raise LogRefused(f"The result log {path} cannot be read: {error.strerror}.") from None
    if not contents.runs:
        raise no_log(path)
    return contents


def no_log(path: Path) -> NoLog:
    """Return the refusal where there is no log, or nothing of one that counts."""
    return NoLog(f"There is no result log {path}, or it holds no run that began.")


def read_records(file: BinaryIO, path: Path, take: Take | None = None) -> LogContents:
    """Return the contents of an open log, which may have no run yet; see `read_log`."""
    contents = LogContents(path)
    _Reading(contents, file, take).read()
    contents.state.break_off()
    return contents


class _Reading:
    """Reads a file's lines from a place on into the contents of a log."""

    def __init__(self, contents: LogContents, file: BinaryIO, take: Take | None) -> None:
        self._contents = contents
        self._file = file
        self._take = take
        self._line = 1
        """The number of the line at which the next chunk starts; known where it is from 1."""

    def read(self) -> None:
        contents, file = self._contents, self._file
        while True:
            file.seek(contents.size)
            chunk = file.read(_CHUNK)
            end = chunk.rfind(b"\n") + 1
            if not end and len(chunk) == _CHUNK:
                # A line that is longer than a chunk: a run's record with many settings.
                chunk += file.readline()
                end = len(chunk) if chunk.endswith(b"\n") else 0
            if not end:
                self._last_line(chunk)
                return
            if not self._take_in(chunk[:end]):
                contents.cut_off = file.seek(0, 2) - contents.size
                return

    def _last_line(self, line: bytes) -> None:
        """Take in a last line without its line end, where it is a whole record."""
        if not line:
            return
        try:
            parse_line(line)
        except msgspec.DecodeError:
            if not self._contents.runs and not self._contents.size:
                self._check_first_line(line)
            self._contents.cut_off = len(line)
            return
        if self._take_in(line):
            self._contents.unended = True
        else:
            self._contents.cut_off = len(line)

    def _take_in(self, chunk: bytes) -> bool:
        """Take in whole lines; False says that a run's beginning that does not count was met."""
        contents = self._contents
        try:
            records = parse_lines(chunk)
            whole = len(records) == chunk.count(b"\n") + (not chunk.endswith(b"\n"))
        except msgspec.DecodeError:
            whole = False
        if not whole:
            raise self._broken(chunk)
        if not contents.runs:
            self._check_first(records[0])
        counted = len(chunk)
        if RunRecord in set(map(type, records)):
            lines = chunk.splitlines(keepends=True)
            for place, record in enumerate(records):
                offset = sum(map(len, lines[:place])) if isinstance(record, RunRecord) else 0
                if isinstance(record, RunRecord) and not self._has_begun(
                    contents.size + offset, self._line + place
                ):
                    records, counted = records[:place], offset
                    break
        self._add(records, counted)
        return counted == len(chunk)

    def _add(self, records: list[Record], length: int) -> None:
        """Take in records that count, of so many bytes together."""
        contents, state = self._contents, self._contents.state
        before = len(state)
        place = 0
        while place < len(records):
            record = records[place]
            if isinstance(record, Result):
                if not contents.runs or not state.add_result(record):
                    raise _no_row_of_its_own(contents.path, self._line + place)
            elif isinstance(record, RowRecord):
                rows: list[RowRecord] = []
                for row in records[place:]:
                    if not isinstance(row, RowRecord):
                        break
                    rows.append(row)
                if not contents.runs or not state.add_rows(rows):
                    raise _out_of_order(contents.path, self._line + place)
                contents.runs[-1].rows += len(rows)
                place += len(rows) - 1
            else:
                self._add_of_run(record, self._line + place)
            place += 1
        if len(state) > before:
            contents.regions.append(Region(contents.size, length, before + 1, len(state)))
        contents.size += length
        self._line += len(records)
        if self._take is not None:
            self._take(records)

    def _add_of_run(self, record: Record, line: int) -> None:
        contents, state = self._contents, self._contents.state
        if isinstance(record, RunRecord):
            contents.runs.append(Run(record, len(state) + 1))
            state.begin_run(record.due)
        elif isinstance(record, SendingRecord):
            if record.through > len(state):
                raise _out_of_order(contents.path, line)
            state.sending(record.through)
        elif isinstance(record, EndRecord):
            if not contents.runs or contents.last_run.run_id != record.run_id:
                raise _no_row_of_its_own(contents.path, line)
            contents.runs[-1].end = record
            state.end_run()

    def _has_begun(self, offset: int, line_number: int) -> bool:
        """Tell whether a run's beginning at `offset` counts: a `sending` or an `end` follows it.

        Raises LogRefused where another run follows, which is not to be cut off with it.
        """
        self._file.seek(offset)
        next(self._file)
        for line in self._file:
            if line.startswith(_OF_ROWS):
                continue
            try:
                record = parse_line(line)
            except msgspec.DecodeError:
                continue
            if isinstance(record, RunRecord):
                raise _out_of_order(self._contents.path, line_number)
            if isinstance(record, (SendingRecord, EndRecord)):
                return True
        return False

    def _check_first(self, record: Record) -> None:
        """Refuse a file that does not begin with a run of this format."""
        if not isinstance(record, RunRecord):
            raise _not_a_log(self._contents.path)
        if record.format != FORMAT:
            raise LogRefused(
                f"The result log {self._contents.path} is of format {record.format}, and this "
                f"version of bulkstatus reads format {FORMAT}. Use the version that wrote it "
                f"({record.version})."
            )

    def _check_first_line(self, line: bytes) -> None:
        """Refuse a file whose first line cannot be the beginning of a run's record."""
        start = b'{"type":"run"'
        if not (line.startswith(start) or start.startswith(line)):
            raise _not_a_log(self._contents.path)

    def _broken(self, chunk: bytes) -> LogRefused:
        """Return the refusal that names the first broken line of a chunk."""
        for place, line in enumerate(chunk.splitlines(keepends=True)):
            try:
                if line.strip():
                    parse_line(line)
                    continue
            except msgspec.DecodeError:
                pass
            if self._line + place == 1:
                return self._not_first(line)
            return _broken(self._contents.path, self._line + place)
        return _broken(self._contents.path, self._line)

    def _not_first(self, line: bytes) -> LogRefused:
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError:
            return _not_a_log(self._contents.path)
        if isinstance(record, dict) and record.get("type") == "run":
            if record.get("format") == FORMAT:
                return _broken(self._contents.path, 1)
            return LogRefused(
                f"The result log {self._contents.path} is of a format that this version of "
                f"bulkstatus, which reads format {FORMAT}, does not know."
            )
        return _not_a_log(self._contents.path)


_RESTORE = "Restore the log from a copy, or repair that line by hand."


def _broken(path: Path, line: int) -> LogRefused:
    return LogRefused(f"{path}, line {line}: the line is no record of a result log. {_RESTORE}")


def _out_of_order(path: Path, line: int) -> LogRefused:
    return LogRefused(
        f"{path}, line {line}: from here on a row's number is not the next one, no row has the "
        f"number that is named, or a run goes on without having begun. {_RESTORE}"
    )


def _no_row_of_its_own(path: Path, line: int) -> LogRefused:
    return LogRefused(
        f"{path}, line {line}: the record is of a row or a run that the log does not have. "
        f"{_RESTORE}"
    )


def _not_a_log(path: Path) -> LogRefused:
    return LogRefused(f"{path} is not a result log of bulkstatus.")
