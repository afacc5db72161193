"""Logs to report on, written record by record."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bulkstatus.result import ErrorKind, Outcome, Result, RowError, timestamp
from bulkstatus.resultlog import EndRecord, RunRecord

#: When everything begins.
START = 1_795_500_000.0

REFUSAL = RowError(ErrorKind.API, "Invalid order status", 0)
TIMEOUT = RowError(ErrorKind.TIMEOUT, "no answer within 30 s")


def written(log: "Log", name: str, *order_ids: str) -> str:
    """Write an input of these orders beside a log and return its SHA-256."""
    data = "".join(["order_id,status\n", *(f"{order_id},8\n" for order_id in order_ids)]).encode()
    log.path.with_name(name).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


class Log:
    """A log at `path`; every record comes a tenth of a second after the one before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = START
        self._run = 0
        self._line = 1
        path.write_bytes(b"")

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def run(
        self,
        rows: int = 0,
        sha256: str = "aa",
        source: str = "today.csv",
        settings: Mapping[str, Any] | None = None,
    ) -> "Log":
        self._run += 1
        self.write(
            RunRecord(
                run_id=f"run-{self._run}",
                started_at=timestamp(self.now),
                version="0.1.0",
                input=source,
                input_sha256=sha256,
                rows=rows,
                base_url="https://api.example",
                ref_id="R1",
                user="anna",
                host="desk",
                settings={"rate": "10/s", **(settings or {})},
            ).to_line()
        )
        return self

    def row(
        self,
        order_id: str,
        outcome: Outcome = Outcome.UPDATED,
        error: RowError | None = None,
        *,
        line: int | None = None,
        status: int | None = 8,
        tracking: str | None = None,
        uncertain: bool = False,
        elapsed_ms: float = 40.0,
        attempts: int = 1,
        after: float = 0.1,
    ) -> "Log":
        self.now += after
        self._line = self._line + 1 if line is None else line
        sent = outcome in {Outcome.UPDATED, Outcome.REJECTED, Outcome.FAILED}
        answers = {Outcome.UPDATED: 200, Outcome.REJECTED: 400}
        self.write(
            Result(
                self._line,
                order_id,
                status,
                tracking,
                outcome,
                self.now,
                answers.get(outcome),
                attempts if sent else 0,
                elapsed_ms if sent else None,
                error,
                uncertain,
            ).to_line()
        )
        return self

    def end(
        self, reason: str = "finished", message: str = "", perhaps: tuple[str, ...] = ()
    ) -> "Log":
        self.now += 0.1
        self.write(
            EndRecord(
                f"run-{self._run}", timestamp(self.now), reason, {}, message, list(perhaps)
            ).to_line()
        )
        return self
