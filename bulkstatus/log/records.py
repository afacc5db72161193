"""The records of a result log, format 2: one JSON object a line, each of a type of its own.

What is written, what is read and the JSON Schema of `bulkstatus schema` all come from these.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import astuple

from bulkstatus.order import OrderStatus, StatusUpdate

#: The format that this version writes, and the only one that it reads.
FORMAT = 2

#: A number of things, the number of a row, and that of a line, of which four bytes are kept.
Count = Annotated[int, msgspec.Meta(ge=0)]
Number = Annotated[int, msgspec.Meta(ge=1)]
Line = Annotated[int, msgspec.Meta(ge=1, lt=1 << 32)]

#: How a run ended.
Reason = Literal["finished", "stopped", "interrupted"]


class Outcome(StrEnum):
    """What became of a row."""

    UPDATED = "updated"
    REJECTED = "rejected"
    FAILED = "failed"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


#: The outcomes that make a finished run's exit status 1.
FAILURES = frozenset({Outcome.REJECTED, Outcome.FAILED, Outcome.INVALID})


class ErrorKind(StrEnum):
    """Where an error came from."""

    API = "api"
    HTTP = "http"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    ROW = "row"


class RowError(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Why a row was not updated; `code` is the API's own code, where it gave one."""

    kind: ErrorKind
    message: str
    code: int | str | None = None


class RunRecord(msgspec.Struct, frozen=True, tag="run", tag_field="type"):
    """What a run was started with.

    `started_at` is UTC in ISO 8601, `input` the input's file name (or "-"), `rows` how many rows
    the input held, and `settings` the options by which `resume` goes on. `due` has the rows that
    the run is to send, as ranges of `n`, both ends included; None stands for all open rows.
    """

    format: int
    version: str
    run_id: str
    started_at: str
    input: str
    input_sha256: str
    rows: Count
    base_url: str
    ref_id: str
    user: str = ""
    host: str = ""
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    due: list[tuple[Number, Number]] | None = None


class RowRecord(msgspec.Struct, frozen=True, tag="row", tag_field="type", gc=False):
    """A row of the input: `n` is its identity in the log, `line` where it stands in the input.

    `status` and `tracking` of a row that is not to be sent are what could be read of them.
    """

    n: Number
    line: Line
    order_id: str
    status: int | None
    tracking: str | None

    @property
    def update(self) -> StatusUpdate:
        """What the row asks for. Raises KeyError where its status could not be read."""
        # What `StatusUpdate(…)` does, in a third of the time.
        fields = self.order_id, STATUSES[self.status], self.tracking
        return tuple.__new__(StatusUpdate, fields)


class SendingRecord(msgspec.Struct, frozen=True, tag="sending", tag_field="type", gc=False):
    """No row that is due in this run and has an `n` above `through` has left in it yet."""

    through: Count


class Result(
    msgspec.Struct, frozen=True, tag="result", tag_field="type", omit_defaults=True, gc=False
):
    """What became of one row; the latest result of an `n` counts.

    `line`, `order_id`, `status` and `tracking` are the row's own. `http_status` is None where no
    answer came, `attempts` counts the requests that left for the row in this run, `elapsed_ms`
    times the last of them, and `at` is when the outcome was known (UTC in ISO 8601). `uncertain`
    says that a request may have reached the API without its answer being seen.
    """

    n: Number
    line: Line
    order_id: str
    status: int | None
    tracking: str | None
    outcome: Outcome
    http_status: int | None
    attempts: Count
    elapsed_ms: float | None
    at: str
    error: RowError | None = None
    uncertain: bool = False

    @classmethod
    def unsent(
        cls, row: RowRecord, outcome: Outcome, reason: str, at: str, uncertain: bool = False
    ) -> "Result":
        """Return the result of a row that is not sent, for a `reason` of its own or for none."""
        error = RowError(ErrorKind.ROW, reason) if reason else None
        fields: Any = (*astuple(row), outcome, None, 0, None, at, error, uncertain)
        return cls(*fields)


class EndRecord(msgspec.Struct, frozen=True, tag="end", tag_field="type"):
    """How a run ended; `counts` gives the rows by outcome, over all runs of the log."""

    run_id: str
    ended_at: str
    reason: Reason
    message: str = ""
    counts: dict[str, Count] = msgspec.field(default_factory=dict)


Record = RunRecord | RowRecord | SendingRecord | Result | EndRecord

#: The statuses by their codes, as the records have them.
STATUSES: dict[int | None, OrderStatus] = {int(status): status for status in OrderStatus}

#: What is raised for a line that is no record.
NO_RECORD = (msgspec.DecodeError, UnicodeDecodeError)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def line_of(record: Record) -> bytes:
    """Return a record as one line of the log, line end included."""
    return _encoder.encode_lines([record])


def lines_of(records: list[RowRecord] | list[Result]) -> bytes:
    """Return many records as lines at once, for speed."""
    return _encoder.encode_lines(records)


def parse_line(line: bytes) -> Record:
    """Return the record of a line. Raises one of NO_RECORD when it is none."""
    return _decoder.decode(line)


def parse_lines(lines: bytes) -> list[Record]:
    """Return the records of whole lines. Raises one of NO_RECORD when one of them is none."""
    return _decoder.decode_lines(lines)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line of the log."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of a bulkstatus result log, format {FORMAT}",
        **msgspec.json.schema(Record),
    }


def timestamp(seconds: float) -> str:
    """Return seconds since the epoch as UTC in ISO 8601 with milliseconds."""
    return _millisecond(round(seconds * 1000))


@lru_cache(maxsize=8)  # It is that of several results in a row, and its second of very many.
def _millisecond(millisecond: int) -> str:
    return f"{_second(millisecond // 1000)}.{millisecond % 1000:03d}Z"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
