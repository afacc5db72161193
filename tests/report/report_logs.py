"""Logs to report on, written record by record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from bulkstatus.cli.as_json import schema
from bulkstatus.log import EndRecord, ErrorKind, Outcome, Result, RowError, RowRecord, RunRecord
from bulkstatus.log.records import FORMAT, Record, SendingRecord, line_of, timestamp
from bulkstatus.reporting import Summary, summary_record

#: When everything begins.
START = 1_795_500_000.0

REFUSAL = RowError(ErrorKind.API, "Invalid order status", 0)
TIMEOUT = RowError(ErrorKind.TIMEOUT, "no answer within 30 s")
BAD_ID = RowError(ErrorKind.ROW, "the order ID is empty; fill it in or delete the row")

UPDATED, REJECTED, FAILED, INVALID = (
    Outcome.UPDATED,
    Outcome.REJECTED,
    Outcome.FAILED,
    Outcome.INVALID,
)

#: What a row may be given as: an order ID, or that with a status and a tracking.
GivenRow = str | tuple[str, int | None, str | None]

_SCHEMA = Draft202012Validator(schema("report"))

_ERRORS = {REJECTED: REFUSAL, FAILED: TIMEOUT, INVALID: BAD_ID}


class Log:
    """A log at `path`; every result comes a tenth of a second after the one before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = START
        self.rows: list[RowRecord] = []
        self._runs = 0
        path.write_bytes(b"")

    def write(self, *records: Record) -> "Log":
        with self.path.open("ab") as file:
            file.writelines(map(line_of, records))
        return self

    def run(
        self,
        *rows: GivenRow,
        due: list[tuple[int, int]] | None = None,
        source: str = "today.csv",
        settings: Mapping[str, Any] | None = None,
        through: int | None = None,
        base_url: str = "https://api.example",
    ) -> "Log":
        """Begin a run that brings `rows`, and say that all rows may leave, or those `through`."""
        self._runs += 1
        self.write(
            RunRecord(
                format=FORMAT,
                version="0.2.0",
                run_id=f"run-{self._runs}",
                started_at=timestamp(self.now),
                input=source,
                input_sha256="aa",
                rows=len(rows),
                base_url=base_url,
                ref_id="R1",
                user="anna",
                host="desk",
                settings=dict(settings or {}),
                due=due,
            )
        )
        for given in rows:
            order_id, status, tracking = (given, 8, None) if isinstance(given, str) else given
            n = len(self.rows) + 1
            self.rows.append(RowRecord(n, n + 1, order_id, status, tracking))
            self.write(self.rows[-1])
        return self.write(SendingRecord(len(self.rows) if through is None else through))

    def result(
        self,
        n: int,
        outcome: Outcome = UPDATED,
        error: RowError | None = None,
        *,
        uncertain: bool = False,
        elapsed_ms: float = 40.0,
        attempts: int = 1,
        after: float = 0.1,
    ) -> "Log":
        """Write what became of the row `n`."""
        self.now += after
        row = self.rows[n - 1]
        is_sent = outcome in {UPDATED, REJECTED, FAILED}
        return self.write(
            Result(
                n,
                row.line,
                row.order_id,
                row.status,
                row.tracking,
                outcome,
                {UPDATED: 200, REJECTED: 400}.get(outcome),
                attempts if is_sent else 0,
                elapsed_ms if is_sent else None,
                timestamp(self.now),
                error or _ERRORS.get(outcome),
                uncertain,
            )
        )

    def results(self, *outcomes: Outcome | None) -> "Log":
        """Write what became of the first rows, one after the other; None leaves one out."""
        for n, outcome in enumerate(outcomes, 1):
            if outcome is not None:
                self.result(n, outcome)
        return self

    def end(self, reason: str = "finished", message: str = "") -> "Log":
        self.now += 0.1
        return self.write(EndRecord(f"run-{self._runs}", timestamp(self.now), reason, message))


def follow_schema(record: dict[str, Any]) -> None:
    """Assert that what `report --json` prints is as its schema says, and has nothing besides."""
    _SCHEMA.validate(record)
    told = "Histories" if "order_id" in record else "Report"
    assert record.keys() <= schema("report")["$defs"][told]["properties"].keys()


def as_json(summary: Summary) -> dict[str, Any]:
    """Return what `report --json` prints of a summary, once it is known to follow its schema."""
    record: dict[str, Any] = orjson.loads(orjson.dumps(summary_record(summary)))
    follow_schema(record)
    return record
