"""A report as one JSON object."""

from typing import Any

from bulkstatus.reporting.groups import FailureGroup
from bulkstatus.reporting.runs import RunReport
from bulkstatus.reporting.steps import next_commands
from bulkstatus.reporting.summary import Report
from bulkstatus.result import Outcome, Result, timestamp


def report_record(report: Report) -> dict[str, Any]:
    """Return all of a report as JSON has it; times are UTC in ISO 8601, durations in seconds."""
    last = report.contents.last_run
    orders = report.orders
    return {
        "log": str(report.log_path),
        "state": report.how,
        "done": report.done,
        "message": report.runs[-1].message,
        "torn": report.contents.torn > 0,
        "sandbox": report.sandbox,
        "input": None if report.input_path is None else str(report.input_path),
        "input_sha256": last.input_sha256,
        "base_url": last.base_url,
        "ref_id": last.ref_id,
        "rows": report.rows,
        "counts": _counts(report.counts),
        "pending": report.pending,
        "left_behind": report.left_behind,
        "unfinished_input": None if report.unfinished is None else report.unfinished.input,
        "uncertain": report.uncertain,
        "by_status": {
            "none" if status is None else str(int(status)): _counts(counts)
            for status, counts in report.by_status.items()
        },
        "orders": {
            "touched": orders.touched,
            "perhaps_touched": list(orders.perhaps_touched),
            "untouched": list(orders.untouched),
            "unnamed_pending_rows": orders.unnamed,
            "unrecorded": report.unrecorded,
        },
        "started_at": timestamp(report.runs[0].started),
        "ended_at": timestamp(report.runs[-1].ended),
        "seconds": round(report.seconds, 3),
        "waited_seconds": round(report.waited, 3),
        "sent": report.answers,
        "requests": report.requests,
        "latency_ms": None if report.latency is None else report.latency._asdict(),
        "failures": [_failure(result) for result in report.failures],
        "failure_groups": [_group(group) for group in report.groups],
        "runs": [_run(run) for run in report.runs],
        "next": next_commands(report),
    }


def _counts(counts: dict[Outcome, int]) -> dict[str, int]:
    return {str(outcome): count for outcome, count in counts.items()}


def _failure(result: Result) -> dict[str, Any]:
    error = result.error
    return {
        **result._asdict(),
        "at": timestamp(result.at),
        "error": None if error is None else error._asdict(),
    }


def _group(group: FailureGroup) -> dict[str, Any]:
    return {
        "outcome": group.kind.outcome,
        "http_status": group.kind.http_status,
        "code": group.kind.code,
        "message": group.kind.message,
        "count": len(group.results),
        "lines": [result.line for result in group.results[:3]],
    }


def _run(run: RunReport) -> dict[str, Any]:
    record = run.record
    return {
        "run_id": record.run_id,
        "started_at": timestamp(run.started),
        "ended_at": timestamp(run.ended),
        "seconds": round(run.seconds, 3),
        "state": run.how,
        "message": run.message,
        "version": record.version,
        "input": record.input,
        "input_sha256": record.input_sha256,
        "rows": record.rows,
        "base_url": record.base_url,
        "ref_id": record.ref_id,
        "user": record.user,
        "host": record.host,
        "counts": run.counts,
        "waits": [{"from": timestamp(wait.start), "to": timestamp(wait.end)} for wait in run.waits],
    }
