"""What `send`, `resume` and `check` print with --json, typed so that it has a schema."""

from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from bulkstatus.job import Ended
from bulkstatus.job.plan import Plan
from bulkstatus.log import Outcome
from bulkstatus.log.records import Count, Reason
from bulkstatus.reporting import Summary
from bulkstatus.reporting.as_json import Report, report_of, schema_of
from bulkstatus.source import Source


class Problem(Struct):
    """A row that cannot be sent, or is odd; `field` is "conflict" where it contradicts another."""

    line: int
    order_id: str
    field: str
    value: str
    reason: str


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
    counts = {name: getattr(plan, name) for name in Rows.__struct_fields__}
    return {
        **counts,
        "by_status": {str(int(status)): count for status, count in plan.by_status.items() if count},
        "odd": [Problem(*problem) for problem in plan.odd],
        "problems": [Problem(*problem) for problem in plan.problems],
    }


def check_record(source: Source, plan: Plan, exit_status: int) -> object:
    """Return what is said of a checked file, in JSON's types."""
    names = ("sha256", "encoding", "sheet", "columns")
    of_source = {name: getattr(source, name) for name in names}
    return msgspec.to_builtins(
        Check(
            exit_status=exit_status,
            input=source.name,
            notes=[*source.notes],
            layout=source.saved,
            **of_source,
            **_rows(plan),
        )
    )


def refusal_record(reason: Any, exit_status: int, message: str, plan: Plan | None) -> object:
    """Return what is said of a refusal, in JSON's types; `plan` has the rows that refuse a file."""
    refused = Refused(reason, exit_status, message)
    if plan is None:
        return msgspec.to_builtins(refused)
    return msgspec.to_builtins(RowsRefused(**asdict(refused), **_rows(plan)))


def ended_record(ended: Ended, summary: Summary | None) -> object:
    """Return what came of a command, in JSON's types."""
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
    if summary is None:
        return msgspec.to_builtins(over)
    return msgspec.to_builtins(Sent(**{**asdict(report_of(summary)), **asdict(over)}))


def schema(of: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what `check --json` or `send --json` prints."""
    kinds = {"check": (Check, Refused), "send": (Sent, Over, RowsRefused, Refused)}
    return schema_of(f"What bulkstatus {of} --json prints", kinds[of])
