"""The result log: append-only JSON Lines, one record a line.

`records` says what the lines are, `state` what they mean together, `unfinished` which inputs are
not at their end and `inputs` where they are, `reader` reads the log back, `writer` adds to it in
groups, `lock` keeps a second run out.
"""

from bulkstatus.resultlog.reader import LogContents, read_log
from bulkstatus.resultlog.records import FORMAT, EndRecord, RunRecord
from bulkstatus.resultlog.state import LogState
from bulkstatus.resultlog.writer import ResultLog, already_there

__all__ = [
    "FORMAT",
    "EndRecord",
    "LogContents",
    "LogState",
    "ResultLog",
    "RunRecord",
    "already_there",
    "read_log",
]
