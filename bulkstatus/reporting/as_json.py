"""What is said of a log, of several, and of one order, as one JSON object each.

Times are UTC in ISO 8601, durations in seconds. Rows and results are as the log has them.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bulkstatus.log import Result, RowRecord, RunRecord, State, read_log
from bulkstatus.log.records import Record, timestamp
from bulkstatus.reporting.failures import commands, next_steps, reason
from bulkstatus.reporting.summary import Figures, RunSummary, Summary, Total


def summary_record(told: Summary | Total, mend: Path | None = None) -> dict[str, Any]:
    """Return all that is said of a log, or of several, as JSON has it.

    `mend` is the file that the failures have just been written to. Raises LogRefused when a log
    can no longer be read.
    """
    touched, perhaps, untouched = told.orders
    record = {
        **_figures(told),
        "orders": {
            "touched": len(touched),
            "perhaps_touched": told.order_ids(perhaps),
            "untouched": told.order_ids(untouched),
        },
        "failures": [_result(result) for result in told.failures],
    }
    if isinstance(told, Total):
        logs = [{**_log(each), **_figures(each)} for each in told.summaries]
        steps = [step for each in told.summaries for step in next_steps(each)]
        return {"logs": logs, **record, "next": commands(steps)}
    last = told.contents.last_run
    return {
        **_log(told),
        "message": told.runs[-1].message,
        "sandbox": told.contents.is_sandbox,
        "input": told.contents.first_run.input,
        "base_url": last.base_url,
        "ref_id": last.ref_id,
        "uncertain": sum(1 for _ in told.contents.state.unseen()),
        **record,
        "runs": [_run(run) for run in told.runs],
        "seconds": round(told.seconds, 3),
        "sent": told.answers,
        "requests": told.requests,
        "next": commands(next_steps(told, mend)),
    }


def history_record(path: Path, order_id: str) -> dict[str, Any]:
    """Return all that the log at `path` knows of an order, as JSON has it. Raises LogRefused.

    `touched` is "yes", "perhaps" or "no"; each row has its results, with the number of their run,
    from 1.
    """
    rows: dict[int, dict[str, Any]] = {}
    runs = 0

    def take(records: Sequence[Record]) -> None:
        nonlocal runs
        for record in records:
            if isinstance(record, RunRecord):
                runs += 1
            elif isinstance(record, RowRecord) and record.order_id == order_id:
                rows[record.n] = {**msgspec.structs.asdict(record), "results": []}
            elif isinstance(record, Result) and record.order_id == order_id:
                told = {**_result(record), "reason": reason(record), "run": runs}
                rows[record.n]["results"].append(told)

    state = read_log(path, take).state
    for n, row in rows.items():
        row["state"] = state.state(n).name.lower()
    touched = "perhaps" if any(map(state.is_unseen, rows)) else "no"
    if any(state.state(n) is State.UPDATED for n in rows):
        touched = "yes"
    return {
        "log": _name(path),
        "order_id": order_id,
        "touched": touched,
        "rows": list(rows.values()),
    }


def _log(summary: Summary) -> dict[str, Any]:
    return {"log": _name(summary.log), "state": summary.state}


def _name(path: Path) -> str:
    """Return a file's name as UTF-8, whatever the locale, with its odd bytes escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "rows": figures.rows,
        "counts": {str(outcome): count for outcome, count in figures.counts.items()},
        "to_send": figures.to_send,
        "by_status": {
            "none" if status is None else str(int(status)): {
                state.name.lower(): count for state, count in counts.items()
            }
            for status, counts in figures.by_status.items()
        },
    }


def _result(result: Result) -> dict[str, Any]:
    error = None if result.error is None else msgspec.structs.asdict(result.error)
    return {**msgspec.structs.asdict(result), "error": error}


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(run.record),
        "state": run.how,
        "message": run.message,
        "ended_at": timestamp(run.ended),
        "seconds": round(run.seconds, 3),
        "answers": run.answers,
    }
