"""`--rows`: the state of every row, as CSV."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import BinaryIO

import orjson

from bulkstatus.order import OrderStatus, Row
from bulkstatus.reporting.files import refuse_path, replacing
from bulkstatus.reporting.pending import PendingRows, pending_rows
from bulkstatus.reporting.reasons import harmless, reason
from bulkstatus.reporting.summary import Report
from bulkstatus.result import FAILURES, ErrorKind, Outcome, Result, RowError, timestamp
from bulkstatus.resultlog.inputs import input_name
from bulkstatus.resultlog.state import Content
from bulkstatus.source import Source

_HEADER = (
    *("line", "order_id", "status", "status_name", "tracking", "outcome", "uncertain"),
    *("attempts", "http_status", "error", "at", "run", "input"),
)
_BEGINNING = ("\ufeff" + ",".join(_HEADER) + "\r\n").encode()


async def write_rows(
    path: Path, report: Report, source: Source | None, last_wins: bool
) -> PendingRows | None:
    """Write the state of every row to `path` and return the pending ones, None without a source.

    The rows of the log come in the order in which they were settled, each with its latest record;
    the pending ones follow, without a run, which only `source`, the last run's input, tells. A row
    is uncertain when its own attempt is, or an earlier one of its order that no update has
    followed; for a pending one that is unknown once a run broke off. A withdrawn row has the line,
    attempts, run and file of its failure, and says in which run it was withdrawn.
    `last_wins` is `--on-conflict last`.

    Raises SettingsRefused when the file cannot be written, or holds something else than an
    earlier table of this kind.
    """
    refuse_path(
        "--rows", path, {"the log": report.log_path, "the input": report.input_path}, _BEGINNING
    )
    pending = None
    perhaps = set(report.orders.perhaps_touched)
    with replacing("--rows", path) as new, new.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        runs = report.contents.runs
        writer.writerows(
            (*_cells(result, perhaps), number, harmless(input_name(runs[number - 1])))
            for number, result in _latest_results(report)
        )
        if source is not None:
            pending = PendingRows()
            async for line, row in pending_rows(source, report.contents.state, last_wins):
                pending.take(row)
                uncertain = _yes(row.order_id in perhaps) or ("unknown" * report.unrecorded)
                writer.writerow((*_pending_cells(line, row, uncertain), harmless(source.name)))
    return pending


def _latest_results(report: Report) -> Iterator[tuple[int, Result]]:
    """Yield the latest record of each row in the order of the log, with its run's number, from 1.

    What was added to the log since the report was made is left out.
    """
    state = report.contents.state
    duplicates = Counter(state.duplicates)
    withdrawn = {
        content for content, result in state.open.items() if result.outcome is Outcome.WITHDRAWN
    }
    failures: dict[tuple[Content, int], tuple[int, Result]] = {}
    with report.log_path.open("rb") as file:
        for number, result in _results(file, report.contents.size):
            content = Content.of(result)
            if result.outcome is Outcome.UPDATED:
                latest = content in state.updated
            elif result.outcome is Outcome.DUPLICATE:
                latest = duplicates[content] > 0
                duplicates[content] -= 1
            elif result.outcome is Outcome.INVALID:
                latest = state.invalid.get(content, {}).get(result.line) == result
            else:
                latest = state.open.get(content) == result
            if result.outcome in FAILURES and content in withdrawn:
                failures[content, result.line] = number, result
            if latest and result.outcome is Outcome.WITHDRAWN:
                failed_in, failure = failures.get((content, result.line), (number, result))
                gone_from = input_name(report.contents.runs[number - 1])
                yield failed_in, _withdrawn(failure, f"run {number}: {gone_from}", result.at)
            elif latest:
                yield number, result


def _withdrawn(failure: Result, gone_from: str, at: float) -> Result:
    """Return the record of a withdrawn row with what there is to tell of its failure."""
    said = f"Withdrawn in {gone_from} no longer has it."
    if before := reason(failure):
        said += f" Before that: {before}"
    error = RowError(ErrorKind.ROW, said)
    return failure._replace(outcome=Outcome.WITHDRAWN, at=at, error=error)


def _results(file: BinaryIO, size: int) -> Iterator[tuple[int, Result]]:
    """Yield the results among the first `size` bytes of a log that was found to be whole."""
    number = 0
    for line in file:
        size -= len(line)
        if size < 0:
            return
        record = orjson.loads(line)
        number += record["type"] == "run"
        if record["type"] == "result":
            yield number, Result.from_record(record)


def _cells(result: Result, perhaps: Set[str]) -> Iterable[object]:
    return (
        result.line,
        result.order_id,
        result.status,
        _name(result.status),
        result.tracking,
        result.outcome,
        _yes(result.uncertain or result.order_id in perhaps),
        result.attempts,
        result.http_status,
        harmless(reason(result)),
        timestamp(result.at),
    )


def _pending_cells(line: int, row: Row, uncertain: str) -> Iterable[object]:
    status = None if row.status is None else int(row.status)
    name = _name(status)
    return (line, row.order_id, status, name, row.tracking, "pending", uncertain, *[""] * 5)


def _yes(true: bool) -> str:
    return "yes" if true else ""


def _name(status: int | None) -> str:
    return OrderStatus(status).label if status in set(OrderStatus) else ""
