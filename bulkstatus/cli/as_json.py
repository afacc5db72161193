"""What the commands print with --json, typed so that it has a schema; of a log, see reporting."""

from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from bulkstatus.job import Ended
from bulkstatus.job.plan import Plan, Problem
from bulkstatus.log import Outcome
from bulkstatus.log.records import Count, Reason
from bulkstatus.reporting import Summary
from bulkstatus.reporting.as_json import Histories, Report, report_of, schema_of
from bulkstatus.source import Source


class Rows(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to become of the rows of a file; `by_status` goes by status code."""

    rows: Count
    due: Count
    orders: Count
    duplicates: Count
    superseded: Count
    invalid: Count
    conflicts: Count
    without_tracking: Count
    by_status: dict[str, Count]
    odd: list[Problem]
    values: dict[str, dict[str, Count]]
    problems: list[Problem]


class Check(Rows, kw_only=True):
    """What `check --json` prints; `columns` maps each field to the header that holds it."""

    exit_status: int
    input: str
    sha256: str
    encoding: str | None
    notes: list[str]
    sheet: str | None
    columns: dict[str, str]
    layout: str | None


class Refused(Struct, forbid_unknown_fields=True):
    """What is printed where a command ends before a run has begun, or has no log."""

    reason: Literal["refused", "stopped", "interrupted"]
    exit_status: int
    message: str


class RowsRefused(Rows, kw_only=True):
    """What is printed where rows of a file refuse it."""

    reason: Literal["refused", "stopped"]
    exit_status: int
    message: str


class Over(Struct, forbid_unknown_fields=True):
    """What came of a command; `ran` says that there was something to do, and it was to be done."""

    reason: Reason
    exit_status: int
    message: str
    ran: bool
    rows: Count
    counts: dict[Outcome, Count]
    to_send: Count


class Sent(Report, kw_only=True):
    """What came of a command that has a log, and what is said of that."""

    reason: Reason
    exit_status: int
    message: str
    ran: bool


def _rows(plan: Plan) -> dict[str, Any]:
    by_status = {str(int(status)): count for status, count in plan.by_status.items() if count}
    return {name: getattr(plan, name) for name in Rows.__struct_fields__} | {"by_status": by_status}


def check_record(source: Source, plan: Plan, exit_status: int) -> Check:
    """Return what is said of a checked file."""
    return Check(
        exit_status=exit_status,
        input=source.name,
        sha256=source.sha256,
        encoding=source.encoding,
        notes=[*source.notes],
        sheet=source.sheet,
        columns=dict(source.columns),
        layout=source.saved,
        **_rows(plan),
    )


def refusal_record(
    reason: Any, exit_status: int, message: str, plan: Plan | None
) -> Refused | RowsRefused:
    """Return what is said of a refusal; `plan` has the rows that refuse a file."""
    refused = Refused(reason, exit_status, message)
    return RowsRefused(**asdict(refused), **_rows(plan)) if plan is not None else refused


def ended_record(ended: Ended, summary: Summary | None) -> Over | Sent:
    """Return what came of a command."""
    ending = ended.ending
    over = Over(
        reason=ending.reason,
        exit_status=ending.exit_status,
        message=ending.message,
        ran=ended.ran,
        rows=ended.rows,
        counts=ended.counts,
        to_send=ended.to_send,
    )
    return Sent(**asdict(report_of(summary)) | asdict(over)) if summary is not None else over


def schema(of: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what `check`, `send` or `report` prints with --json."""
    kinds = {
        "check": (Check, Refused),
        "send": (Sent, Over, RowsRefused, Refused),
        "report": (Report, Histories, Refused),
    }
    return schema_of(f"What bulkstatus {of} --json prints", kinds[of])
