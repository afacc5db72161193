"""The result log: the job on disk, as typed records.

`records` are the lines, `reader` reads them into `state` (a byte a row) and rows back by their
numbers, and `writer` adds to a log that it holds locked.
"""

from bulkstatus.log.reader import LogContents, read_log
from bulkstatus.log.records import (
    FAILURES,
    EndRecord,
    ErrorKind,
    Outcome,
    Result,
    RowError,
    RowRecord,
    RunRecord,
)
from bulkstatus.log.state import LogState, State
from bulkstatus.log.writer import ResultLog

__all__ = [
    "FAILURES",
    "EndRecord",
    "ErrorKind",
    "LogContents",
    "LogState",
    "Outcome",
    "Result",
    "ResultLog",
    "RowError",
    "RowRecord",
    "RunRecord",
    "State",
    "read_log",
]
