"""What is said of a log, of several, and of one order, as JSON, typed so that it has a schema.

Times are UTC in ISO 8601, durations in seconds. Rows, results and runs are as the log has them.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from bulkstatus.log import Outcome, Result, RowRecord, RunRecord, State, read_log
from bulkstatus.log.records import Count, Record, timestamp
from bulkstatus.reporting.failures import next_steps
from bulkstatus.reporting.several import MissingShards, missing_shards
from bulkstatus.reporting.summary import How, Summary


class Orders(Struct):
    """How many orders were touched, and the IDs of the others."""

    touched: Count
    perhaps_touched: list[str]
    untouched: list[str]


class Run(RunRecord, tag=False, kw_only=True, frozen=True):
    """A run as its record has it, and how it went."""

    state: How
    message: str
    ended_at: str
    seconds: float
    answers: Count
    requests: Count


class Report(Struct):
    """What `report --json` prints; `logs` has the same of each of several logs.

    `by_status` goes by status code, or "none", then by outcome, or "to_send". `latency_ms` has in
    how many milliseconds half of the answers were there ("median"), and 95 of 100 ("p95"). `next`
    are the commands that bring the logs nearer to their end.
    """

    log: str | None
    state: How
    sandbox: bool
    rows: Count
    counts: dict[Outcome, Count]
    to_send: Count
    by_status: dict[str, dict[str, Count]]
    orders: Orders
    failures: list[Result]
    runs: list[Run]
    latency_ms: dict[str, Count]
    next: list[str]
    missing_shards: list[MissingShards]
    logs: "list[Report] | UnsetType" = UNSET


class History(Struct):
    """What a log knows of an order: its rows and their results, in the order of the log."""

    log: str
    touched: Literal["yes", "perhaps", "no"]
    records: list[RowRecord | Result]


class Histories(Struct):
    """What `report --order ID --json` prints."""

    order_id: str
    logs: list[History]


def summary_record(told: Summary) -> dict[str, Any]:
    """Return all that is said of a log, or of several, in JSON's types; see `report_of`."""
    built: dict[str, Any] = msgspec.to_builtins(report_of(told))
    return built


def report_of(told: Summary) -> Report:
    """Return all that is said of a log, or of several.

    Raises LogRefused when a log can no longer be read.
    """
    millis = sorted(told.latencies.elements())
    percentiles = {"median": len(millis) // 2, "p95": len(millis) * 95 // 100} if millis else {}
    touched, perhaps, untouched, _ = told.orders
    return Report(
        log=None if told.parts else _name(told.log),
        state=told.state,
        sandbox=told.contents.is_sandbox,
        rows=told.rows,
        counts=told.counts,
        to_send=told.to_send,
        by_status={
            "none" if status is None else str(int(status)): {
                state.name.lower(): count for state, count in counts.items()
            }
            for status, counts in told.by_status.items()
        },
        orders=Orders(len(touched), [*told.ids_of(perhaps)], [*told.ids_of(untouched)]),
        failures=[*told.failures],
        runs=[
            Run(
                **asdict(run.record),
                state=run.how,
                message=run.message,
                ended_at=timestamp(run.ended),
                seconds=round(run.seconds, 3),
                answers=run.answers,
                requests=run.requests,
            )
            for run in told.runs
        ],
        latency_ms={name: millis[place] for name, place in percentiles.items()},
        next=[step[1] for each in told.logs for step in next_steps(each)],
        logs=[report_of(each) for each in told.parts] or UNSET,
        missing_shards=[*missing_shards(told)],
    )


def history_of(path: Path, order_id: str) -> History:
    """Return all that the log at `path` knows of an order. Raises LogRefused."""
    found: list[RowRecord | Result] = []

    def take(records: Sequence[Record]) -> None:
        of_rows = (each for each in records if isinstance(each, (RowRecord, Result)))
        found.extend(each for each in of_rows if each.order_id == order_id)

    state = read_log(path, take).state
    rows = {record.n for record in found}
    is_touched = any(state.state(n) is State.UPDATED for n in rows)
    perhaps = any(map(state.is_unseen, rows))
    return History(_name(path), "yes" if is_touched else "perhaps" if perhaps else "no", found)


def _name(path: Path) -> str:
    """Return a file's name as UTF-8, whatever the locale, with its odd bytes escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def schema_of(title: str, kinds: Sequence[type]) -> dict[str, Any]:
    """Return the JSON Schema of a value of one of some kinds."""
    any_of, types = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "anyOf": list(any_of),
        "$defs": types,
    }
