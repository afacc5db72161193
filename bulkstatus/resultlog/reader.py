"""Reading a log back: every line is a record, or the log is refused with the line's number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from bulkstatus.errors import LogRefused
from bulkstatus.order import OrderStatus
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog.records import FORMAT, EndRecord, RunRecord
from bulkstatus.resultlog.state import Content, LogState
from bulkstatus.resultlog.unfinished import run_to_resume, unfinished_runs

_STATUSES = frozenset(map(int, OrderStatus))

# A member of an enum takes its time to be looked up, here once for each row.
_UPDATED = Outcome.UPDATED

# The outcomes of rows that no request was sent for.
_UNSENT = {Outcome.INVALID, Outcome.DUPLICATE, Outcome.SUPERSEDED}


class LogContents:
    """What a log holds.

    `runs` and `ends` are the records of those types in order; `run_numbers` has the number, from 1,
    of the run that wrote the latest record of each row other than an update. `updated_before` has
    for each run how many rows were updated when it began. `size` is the length
    in bytes of the whole lines, `torn` that of an unfinished last line, which no record is read
    from. `unended` says that the last line is a whole record without its line end.
    """

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []
        self.ends: list[EndRecord] = []
        self.run_numbers: dict[Content, int] = {}
        self.updated_before: list[int] = []
        self.state = LogState()
        self.size = 0
        self.torn = 0
        self.unended = False

    @property
    def last_run(self) -> RunRecord:
        """The run that was started last."""
        return self.runs[-1]

    @property
    def run_to_resume(self) -> RunRecord:
        """The run whose input and settings `resume` goes on with when no input is named."""
        return run_to_resume(self.runs, self.ends)

    @property
    def unfinished(self) -> list[RunRecord]:
        """The runs whose input is still to be gone on with, in order; see `unfinished_runs`."""
        return unfinished_runs(self.runs, self.ends)

    @property
    def changed_nothing(self) -> bool:
        """Whether it is certain that no order was changed by any of the runs.

        It is not where a run was killed, since what it had sent last was not logged.
        """
        ended = {end.run_id for end in self.ends}
        return (
            all(run.run_id in ended for run in self.runs)
            and self.state.counts().keys() <= _UNSENT
            and not self.state.perhaps_touched
        )


def read_log(path: Path, on_result: Callable[[Result], None] | None = None) -> LogContents:
    """Return the contents of the log at `path`, also of one that is still being written.

    `on_result` is called with each row's record. Raises LogRefused when the file cannot be read,
    is not a result log, is of a newer format, or holds a broken line that is not its last.
    """
    try:
        with path.open("rb") as file:
            return read_records(file, path, on_result)
    except FileNotFoundError:
        raise LogRefused(f"There is no result log {path}.") from None
    except IsADirectoryError:
        raise LogRefused(f"{path} is a folder, not a result log.") from None
    except OSError as error:
        raise LogRefused(f"The result log {path} cannot be read: {error.strerror}.") from None


def read_records(
    file: BinaryIO, path: Path, on_result: Callable[[Result], None] | None = None
) -> LogContents:
    """Return the contents of an open log; `path` is what messages call it."""
    contents = LogContents()
    line = b""
    for number, line in enumerate(file, 1):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            if number > 1 and not line.endswith(b"\n"):
                contents.torn = len(line)
                break
            record = None
        if number == 1:
            _check_first(record, line.endswith(b"\n"), path)
        try:
            _take_in(record, contents, on_result)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _broken(path, number) from None
        contents.size += len(line)
    if not contents.size:
        raise _cut_off(path)
    contents.unended = not contents.torn and not line.endswith(b"\n")
    return contents


def _take_in(
    record: Any, contents: LogContents, on_result: Callable[[Result], None] | None
) -> None:
    """Take in one record; any of the errors that a wrong one leads to says that it is broken."""
    # Nearly every record is an update, of which little needs to be known.
    if on_result is None and record.get("outcome") == "updated":
        order_id, status = record["order_id"], record["status"]
        if type(order_id) is not str or status not in _STATUSES:
            raise ValueError(record)
        contents.state.read_update(order_id, status, record["tracking"])
    elif record["type"] == "result":
        result = Result.from_record(record)
        contents.state.read(result)
        if on_result is not None:
            on_result(result)
        if result.outcome is not _UPDATED:
            row = Content.of(result)
            contents.run_numbers[row] = len(contents.runs)
    elif record["type"] == "run":
        contents.runs.append(RunRecord.from_record(record))
        contents.updated_before.append(len(contents.state.updated))
    elif record["type"] == "end":
        end = EndRecord.from_record(record)
        contents.ends.append(end)
        contents.state.perhaps_touched.update(end.perhaps_touched)
    else:
        raise ValueError(record)


def _check_first(record: object, ended: bool, path: Path) -> None:
    """Raise LogRefused unless the first line opens a log that this version reads."""
    if record is None and not ended:
        raise _cut_off(path)
    if not isinstance(record, dict) or record.get("type") != "run":
        raise LogRefused(f"{path} is not a result log of bulkstatus: line 1 opens no run.")
    if not isinstance(record.get("format"), int) or record["format"] > FORMAT:
        raise LogRefused(
            f"{path} was written by a newer bulkstatus (log format {record.get('format')}, this "
            f"version reads {FORMAT}). Use that version, or upgrade this one."
        )


def _cut_off(path: Path) -> LogRefused:
    return LogRefused(
        f"{path} breaks off in its first line, so nothing had been sent when it was written. "
        "Delete it and send the file again."
    )


def _broken(path: Path, number: int) -> LogRefused:
    return LogRefused(
        f"{path}, line {number}: the line is damaged, and what it said is not guessed. "
        "Restore the log from a copy, or repair that line by hand."
    )
