"""The records of the log that are not a row's: `run` opens a run, `end` closes it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

import orjson

#: The format that this version writes, and the newest that it reads.
FORMAT = 1


@dataclass(frozen=True)
class RunRecord:
    """What a run was started with.

    `started_at` is UTC in ISO 8601, `input` a path relative to the log's folder (or "-"), `rows`
    how many rows the input held, and `settings` the options by which `resume` goes on.
    """

    run_id: str
    started_at: str
    version: str
    input: str
    input_sha256: str
    rows: int
    base_url: str
    ref_id: str
    user: str
    host: str
    settings: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def to_line(self) -> bytes:
        """Return the record as one line of the log, line end included."""
        first = {"type": "run", "format": self.format, "version": self.version}
        return orjson.dumps({**first, **asdict(self)}, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Return the run that a line holds; raises KeyError or TypeError when it is none."""
        run = cls(**{name: record[name] for name in cls.__dataclass_fields__})
        if not isinstance(run.settings, dict) or not isinstance(run.rows, int):
            raise TypeError("not a run")
        return run


@dataclass(frozen=True)
class EndRecord:
    """How a run ended.

    `reason` is "finished", "stopped" or "interrupted"; `counts` gives the rows by outcome, over
    all runs of the log. `perhaps_touched` names the orders that stay pending although a request
    for them may have reached the API.
    """

    run_id: str
    ended_at: str
    reason: str
    counts: dict[str, int]
    message: str = ""
    perhaps_touched: list[str] = field(default_factory=list)

    def to_line(self) -> bytes:
        """Return the record as one line of the log, line end included."""
        record = {"type": "end", **asdict(self)}
        for name in ("message", "perhaps_touched"):
            if not record[name]:
                del record[name]
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Return the end that a line of the log holds; raises KeyError when it is not one."""
        return cls(
            run_id=record["run_id"],
            ended_at=record["ended_at"],
            reason=record["reason"],
            counts=record["counts"],
            message=record.get("message", ""),
            perhaps_touched=record.get("perhaps_touched", []),
        )
