"""Logs written by hand: a row is "A:8:T1", and what became of it a word, with "?" for unseen."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bulkstatus.log import EndRecord, ErrorKind, Outcome, Result, RowError, RowRecord, RunRecord
from bulkstatus.log.records import Record, SendingRecord, line_of
from bulkstatus.log.state import Span, spans_of

AT = "2026-11-28T17:31:02.114Z"


def run_record(run_id: str = "run", due: list[Span] | None = None) -> RunRecord:
    return RunRecord(
        format=2,
        version="0.2.0",
        run_id=run_id,
        started_at=AT,
        input="dispatch.csv",
        input_sha256="0" * 64,
        rows=3,
        base_url="https://api.example",
        ref_id="ref",
        user="anna",
        host="DESK-3",
        due=due,
    )


def row(n: int, text: str) -> RowRecord:
    order_id, status, tracking = (*text.split(":"), "", "")[:3]
    return RowRecord(n, n + 1, order_id, int(status) if status else None, tracking or None)


def result(of: RowRecord, word: str = "updated") -> Result:
    outcome = Outcome(word.rstrip("?"))
    error = None
    if outcome is not Outcome.UPDATED:
        error = RowError(ErrorKind.API, "No")
    fields = (of.n, of.line, of.order_id, of.status, of.tracking, outcome)
    return Result(*fields, 200, 1, 41.7, AT, error, word.endswith("?"))


def end_record(run_id: str = "run", reason: str = "finished") -> EndRecord:
    return EndRecord(run_id, AT, reason)


def log_of(path: Path, *records: Record | bytes) -> Path:
    path.write_bytes(b"".join(r if isinstance(r, bytes) else line_of(r) for r in records))
    return path


def log_with(path: Path, rows: Sequence[str], **run: Any) -> Path:
    """Write a log with rows such as "A:8:T1 failed", and with `run` in its runs' records.

    A row "to_send?" is one that a second run, which broke off, may have sent.
    """
    records = [row(n, text.split()[0]) for n, text in enumerate(rows, 1)]
    words = [text.split()[1] for text in rows]
    results = [
        result(record, word)
        for record, word in zip(records, words, strict=True)
        if not word.startswith("to_send")
    ]
    perhaps = spans_of(n for n, word in enumerate(words, 1) if word == "to_send?")
    broken_off: list[Record] = []
    if perhaps:
        broken_off = [replace(run_record("second", perhaps), **run), SendingRecord(perhaps[-1][1])]
    first = [replace(run_record(), **run), *records, SendingRecord(len(records)), *results]
    counts = dict(Counter(str(result.outcome) for result in results))
    return log_of(path, *first, replace(end_record(reason="stopped"), counts=counts), *broken_off)
