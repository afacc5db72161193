"""Reading a log: every line is a record of the log, or the log is refused with that line's number.

A run's beginning counts once a `sending` or an `end` stands behind it, so what a crash left of
one is passed over, as a torn last line is. Rows are read back by their numbers: what a run sends,
and what a check looks at.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, groupby, takewhile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO, NamedTuple

from bulkstatus.errors import LogLost, LogRefused, NoLog
from bulkstatus.log.records import (
    FORMAT,
    NO_RECORD,
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
from bulkstatus.log.state import LogState, Span
from bulkstatus.shard import Shard
from bulkstatus.words import command_line

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

    `rows` is how many row records it brought.
    """

    record: RunRecord
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
    def account(self) -> tuple[str, str]:
        """The base URL and the ref ID of the last run: whose orders the rows are of."""
        return self.last_run.base_url, self.last_run.ref_id

    @property
    def has_answers_of_the_api(self) -> bool:
        """Whether some row was answered by the API, which shows its base URL to be right."""
        return bool({Outcome.UPDATED, Outcome.REJECTED} & self.state.counts().keys())

    def given(self, n: int) -> str:
        """Return when the run began that brought a row."""
        for run in self.runs:
            if n <= run.rows:
                break
            n -= run.rows
        return run.record.started_at

    def beside(self, name: str) -> Path | None:
        """Return the file that a run names as its input, where it stands beside the log.

        A log is no authority on what to open: only a bare name counts, and a regular file.
        """
        path = self.path.parent / name
        try:
            is_bare = {PurePosixPath(name).name, PureWindowsPath(name).name} == {name} - {"", "-"}
            return path if is_bare and path.is_file() else None
        except (OSError, ValueError):  # no name that the system takes
            return None

    def is_of_content(self, sha256: str) -> bool:
        """Tell whether a run of the log had an input of this content."""
        return sha256 in {run.record.input_sha256 for run in self.runs}

    @property
    def shard(self) -> Shard | None:
        """The part of the input that the log has, None where it has the whole of it."""
        with suppress(KeyError, TypeError, ValueError):
            return Shard.parse(self.first_run.settings["shard"])
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
        check_is_file(path)
        with path.open("rb") as file:
            contents = read_records(file, path, take)
    except OSError as error:
        raise LogRefused(f"The result log {path} cannot be read: {error.strerror}.") from None
    if not contents.runs:
        raise no_log(path)
    return contents


def check_is_file(path: Path) -> None:
    """Raise NoLog where there is nothing, and LogRefused where there is no regular file."""
    if not path.exists():
        raise no_log(path)
    if not path.is_file():
        raise LogRefused(f"{path} is no regular file, so it is no result log.")


def no_log(path: Path) -> NoLog:
    """Return the refusal where there is no log, or nothing of one that counts."""
    return NoLog(f"There is no result log {path}, or it holds no run that began.")


def lost(path: Path, what: str, advice: str) -> LogLost:
    """Return the error for a log of which a run has no more use: what became of it."""
    command = command_line("bulkstatus", "resume", path)
    return LogLost(
        f"The result log {path} {what}, so sending stopped. {advice} Then go on with:  {command}"
    )


def read_records(file: BinaryIO, path: Path, take: Take | None = None) -> LogContents:
    """Return the contents of an open log, which may have no run yet; see `read_log`."""
    _check_first_line(file.readline(), path)
    contents = LogContents(path)
    _Reading(contents, file, take).read()
    contents.state.break_off()
    return contents


def _check_first_line(line: bytes, path: Path) -> None:
    """Refuse a file that does not begin with a run of this format, or the beginning of one."""
    start = b'{"type":"run"'
    with suppress(*NO_RECORD):
        record = parse_line(line)
        if isinstance(record, RunRecord) and record.format == FORMAT:
            return
    if line.endswith(b"\n") or not (line.startswith(start) or start.startswith(line)):
        raise LogRefused(
            f"{path} is not a result log of bulkstatus, or not of format {FORMAT}, which this "
            "version reads."
        )


class _Reading:
    """Reads a file's lines into the contents of a log."""

    def __init__(self, contents: LogContents, file: BinaryIO, take: Take | None) -> None:
        self._contents = contents
        self._file = file
        self._take = take
        # The number of the next line.
        self._line = 1

    def read(self) -> None:
        contents, file = self._contents, self._file
        while True:
            file.seek(contents.size)
            # Whole lines, but for a last one that has no end.
            chunk = file.read(_CHUNK) + file.readline()
            end = chunk.rfind(b"\n") + 1
            if not end:
                break
            if not self._take_in(chunk[:end]):
                contents.cut_off = file.seek(0, 2) - contents.size
                return
        contents.cut_off = len(chunk)
        with suppress(*NO_RECORD):
            parse_line(chunk)
            if self._take_in(chunk):
                contents.unended, contents.cut_off = True, 0

    def _take_in(self, chunk: bytes) -> bool:
        """Take in whole lines, up to the next run's record; False where that does not count."""
        records: list[Record] = []
        with suppress(*NO_RECORD):
            records = parse_lines(chunk)
        # A blank line is passed over, and is no record.
        if len(records) != chunk.count(b"\n") + (not chunk.endswith(b"\n")):
            raise self._refused(_first_broken(chunk))
        if isinstance(records[0], RunRecord) and not self._has_begun():
            return False
        kinds = [*map(type, records)]
        if RunRecord in kinds[1:]:
            place = kinds.index(RunRecord, 1)
            records, chunk = records[:place], chunk[: -len(chunk.split(b"\n", place)[place])]
        self._add(records, len(chunk))
        return True

    def _add(self, records: list[Any], length: int) -> None:
        """Take in records that count, of so many bytes together."""
        contents, state = self._contents, self._contents.state
        before, place = len(state), 0
        for kind, some in groupby(records, type):
            group = list(some)
            if kind is RowRecord:
                taken = state.add_rows(group)
                contents.runs[-1].rows += taken
            elif kind is Result:
                taken = state.add_results(group)
            else:
                taken = len([*takewhile(self._add_of_run, group)])
            place += taken
            if taken < len(group):
                raise self._refused(place)
        if len(state) > before:
            contents.regions.append(Region(contents.size, length, before + 1, len(state)))
        contents.size += length
        self._line += len(records)
        if self._take is not None:
            self._take(records)

    def _add_of_run(self, record: RunRecord | SendingRecord | EndRecord) -> bool:
        """Take in a record about a run; False says that it is none of the last run's."""
        contents, state = self._contents, self._contents.state
        if isinstance(record, RunRecord):
            contents.runs.append(Run(record))
            state.begin_run(record.due)
        elif isinstance(record, SendingRecord):
            if record.through > len(state):
                return False
            state.sending(record.through)
        else:
            if contents.last_run.run_id != record.run_id:
                return False
            contents.runs[-1].end = record
            state.end_run()
        return True

    def _has_begun(self) -> bool:
        """Tell whether the run whose record comes next counts: `sending` or `end` follows it.

        Raises LogRefused where another run follows, which is not to be cut off with it.
        """
        self._file.seek(self._contents.size)
        next(self._file)
        for line in self._file:
            if line.startswith(_OF_ROWS):
                continue
            with suppress(*NO_RECORD):
                record = parse_line(line)
                if isinstance(record, RunRecord):
                    raise self._refused(0)
                if isinstance(record, (SendingRecord, EndRecord)):
                    return True
        return False

    def _refused(self, place: int) -> LogRefused:
        """Return the refusal of the line at a place from the next one on."""
        return LogRefused(
            f"{self._contents.path}, line {self._line + place}: this is not what comes next in a "
            "result log. It is no record of one, its row does not have the next number, it is of a "
            "row or a run that the log does not have, or of a run that never began. Restore the "
            "log from a copy, or repair that line by hand."
        )


def _first_broken(lines: bytes) -> int:
    """Return the place of the first line that is no record, where they are not all records."""
    for place, line in enumerate(lines.split(b"\n")):
        try:
            parse_line(line)
        except NO_RECORD:
            return place
    raise AssertionError("what comes after the last line end is no record")


# The rows of a log, read back by their numbers.


def read_rows(contents: LogContents, spans: Sequence[Span]) -> Iterator[RowRecord]:
    """Yield the rows of some spans, which rise. Raises LogLost as `rows_of` does."""
    return chain.from_iterable(_lots(contents, spans))


async def rows_of(contents: LogContents, spans: Sequence[Span]) -> AsyncIterator[list[RowRecord]]:
    """Yield the rows of some spans, which rise, a few thousand at a time.

    Raises LogLost when the log can no longer be read.
    """
    lots = _lots(contents, spans)
    while (rows := await asyncio.to_thread(next, lots, None)) is not None:
        yield rows


def _lots(contents: LogContents, spans: Sequence[Span]) -> Iterator[list[RowRecord]]:
    parts = list(regions_of(contents.regions, spans))
    if not parts:
        return
    try:
        with contents.path.open("rb") as file:
            for region, wanted in parts:
                file.seek(region.offset)
                yield rows_in(file.read(region.length), wanted)
    except (OSError, *NO_RECORD) as error:
        reason = getattr(error, "strerror", None) or "it was changed"
        raise lost(contents.path, f"can no longer be read ({reason})", "Put it back.") from None


def regions_of(
    regions: Sequence[Region], spans: Sequence[Span]
) -> Iterator[tuple[Region, list[Span]]]:
    """Yield each region that holds rows of the spans, with those of its rows."""
    for region in regions:
        start = bisect_left(spans, region.first, key=lambda span: span[1])
        end = bisect_right(spans, region.last, key=lambda span: span[0])
        if start < end:
            yield (
                region,
                [
                    (max(first, region.first), min(last, region.last))
                    for first, last in spans[start:end]
                ],
            )


def rows_in(lines: bytes, wanted: Sequence[Span]) -> list[RowRecord]:
    """Return the rows of some spans that stand in the lines of one region."""
    rows = [record for record in parse_lines(lines) if isinstance(record, RowRecord)]
    start = rows[0].n if rows else 0
    return [row for first, last in wanted for row in rows[first - start : last - start + 1]]
