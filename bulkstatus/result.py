"""`Result`: what became of one row, and its JSON form (one line of the result log)."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Self

import orjson


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


class RowError(NamedTuple):
    """Why a row was not updated; `code` is the API's own code, where it gave one."""

    kind: ErrorKind
    message: str
    code: int | str | None = None


class Result(NamedTuple):
    """One row's outcome.

    `line` is the row's line in the input. `status` is None only where an invalid row held none.
    `attempts` counts the requests that left for the row, `elapsed_ms` times the last of them
    and `at` is when the outcome was known, in seconds since the epoch. `uncertain` says that an
    attempt may have reached the API without its answer being seen.
    """

    line: int
    order_id: str
    status: int | None
    tracking: str | None
    outcome: Outcome
    at: float
    http_status: int | None = None
    attempts: int = 0
    elapsed_ms: float | None = None
    error: RowError | None = None
    uncertain: bool = False

    def to_line(self) -> bytes:
        """Return the result as one line of the result log, line end included."""
        # Unpacked, since eleven look-ups by name take longer than the dict itself.
        line, order_id, status, tracking, outcome, at = self[:6]
        http_status, attempts, elapsed_ms, error, uncertain = self[6:]
        record: dict[str, Any] = {
            "type": "result",
            "line": line,
            "order_id": order_id,
            "status": status,
            "tracking": tracking,
            "outcome": outcome,
            "http_status": http_status,
            "attempts": attempts,
            "elapsed_ms": elapsed_ms,
            "at": timestamp(at),
        }
        if error is not None:
            reason: dict[str, Any] = {"kind": error.kind, "message": error.message}
            if error.code is not None:
                reason["code"] = error.code
            record["error"] = reason
        if uncertain:
            record["uncertain"] = True
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Return the result that a line of the log holds.

        Raises KeyError, TypeError or ValueError when the record is not a result.
        """
        error = record.get("error")
        return cls(
            line=record["line"],
            order_id=record["order_id"],
            status=record["status"],
            tracking=record["tracking"],
            outcome=Outcome(record["outcome"]),
            at=datetime.fromisoformat(record["at"]).timestamp(),
            http_status=record["http_status"],
            attempts=record["attempts"],
            elapsed_ms=record["elapsed_ms"],
            error=error and RowError(ErrorKind(error["kind"]), error["message"], error.get("code")),
            uncertain=record.get("uncertain", False),
        )


def timestamp(seconds: float) -> str:
    """Return seconds since the epoch as UTC in ISO 8601 with milliseconds."""
    return _millisecond(round(seconds * 1000))


# Both are those of many results in a row.


@lru_cache(maxsize=8)
def _millisecond(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
