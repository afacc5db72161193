"""`--rows`: the state of every row, as CSV."""

import csv
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

from bulkstatus.order import OrderStatus, Row
from bulkstatus.reporting.files import refuse_path, replacing
from bulkstatus.reporting.pending import PendingInput
from bulkstatus.reporting.positions import Positions
from bulkstatus.reporting.reasons import harmless, reason
from bulkstatus.reporting.summary import Report
from bulkstatus.result import FAILURES, ErrorKind, Outcome, Result, RowError, timestamp
from bulkstatus.resultlog.inputs import input_name
from bulkstatus.resultlog.state import Content

_HEADER = (
    *("line", "order_id", "status", "status_name", "tracking", "outcome", "uncertain"),
    *("attempts", "http_status", "error", "at", "run", "input", "touched"),
)
_BEGINNING = ("\ufeff" + ",".join(_HEADER) + "\r\n").encode()


async def write_rows(path: Path, report: Report, inputs: Sequence[PendingInput]) -> None:
    """Write the state of every row to `path`: those of the log, and the pending ones of `inputs`.

    They come in file order, the inputs in the order of the log, each row of the log with its
    latest record; a pending one has no run. A row is uncertain when its own attempt is, or an
    earlier one of its order that no update has followed; that is unknown where a run broke off
    that may have sent it. `touched` is of the row's order, as the report counts it. A withdrawn
    row has the line, attempts, run and file of its failure, and says in which run it was
    withdrawn.

    Raises SettingsRefused when the file cannot be written, or holds something else than an
    earlier table of this kind.
    """
    others = {
        "the log": report.log_path,
        "the input": report.input_path,
        "the first input": report.first_input_path,
    }
    refuse_path("--rows", path, others, _BEGINNING)
    state, positions = report.contents.state, Positions(report.contents.runs)
    orders = _Orders(report)
    recorded = _in_file_order(report, positions)
    following = next(recorded, None)
    with replacing("--rows", path) as new, new.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        # A later input comes first in a report, and last in the log.
        for there in sorted(inputs, key=lambda there: positions.of(there.unfinished.number, 0)):
            number, broken_off = there.unfinished.number, bool(there.unfinished.broken_off)
            async for line, row in there.pending_rows(state):
                while following and following.position <= positions.of(number, line):
                    writer.writerow(following.cells(report, orders))
                    following = next(recorded, None)
                cells = _pending_cells(line, row, orders.uncertain(row.order_id, broken_off))
                name = harmless(there.source.name)
                writer.writerow((*cells, name, orders.touched(row.order_id)))
        if following:
            writer.writerow(following.cells(report, orders))
        writer.writerows(row.cells(report, orders) for row in recorded)


class _Orders:
    """What is known of the orders of a report."""

    def __init__(self, report: Report) -> None:
        orders = report.orders
        self._updated = report.contents.state.updated
        self._perhaps = frozenset(orders.perhaps_touched)
        self._attempted = orders.attempted

    def touched(self, order_id: str) -> str:
        """Return "yes", "perhaps" or "no"."""
        if self._updated.of(order_id):
            return "yes"
        return "perhaps" if order_id in self._perhaps else "no"

    def uncertain(self, order_id: str, broken_off: bool = False) -> str:
        """Return "yes", "unknown" or ""; a row of which a run broke off is unknown at the least."""
        if order_id in self._attempted:
            return "yes"
        return "unknown" if broken_off or order_id in self._perhaps else ""


class _Recorded(NamedTuple):
    """A row of the log: where it stands, its latest record, and the number of its run, from 1."""

    position: int
    number: int
    result: Result

    def cells(self, report: Report, orders: _Orders) -> Iterable[object]:
        order_id, name = self.result.order_id, input_name(report.contents.runs[self.number - 1])
        uncertain = "yes" if self.result.uncertain else orders.uncertain(order_id)
        cells = _cells(self.result, uncertain)
        return (*cells, self.number, harmless(name), orders.touched(order_id))


def _in_file_order(report: Report, positions: Positions) -> Iterator[_Recorded]:
    """Yield the rows of the log in file order.

    Only where they stand is held in memory, as one number each. A withdrawn row is held whole,
    since it is put together from two records.
    """
    keys: list[int] = []
    numbers = array("L")
    withdrawn: dict[int, Result] = {}
    for number, offset, result in _latest_results(report):
        if result.outcome is Outcome.WITHDRAWN:
            withdrawn[len(keys)] = result
        numbers.append(number)
        keys.append((positions.of(number, result.line) << 64 | len(keys)) << 64 | offset)
    keys.sort()
    with report.log_path.open("rb") as file:
        for key in keys:
            ahead, offset = divmod(key, 1 << 64)
            position, place = divmod(ahead, 1 << 64)
            found = withdrawn.get(place)
            if found is None:
                file.seek(offset)
                found = Result.from_record(orjson.loads(file.readline()))
            yield _Recorded(position, numbers[place], found)


def _latest_results(report: Report) -> Iterator[tuple[int, int, Result]]:
    """Yield the latest record of each row in the order of the log.

    Each comes with its run's number, from 1, and the place of its line in the log, in bytes. What
    was added to the log since the report was made is left out.
    """
    state = report.contents.state
    duplicates = Counter(state.duplicates)
    withdrawn = {
        content for content, result in state.open.items() if result.outcome is Outcome.WITHDRAWN
    }
    failures: dict[tuple[Content, int], tuple[int, Result]] = {}
    with report.log_path.open("rb") as file:
        for number, offset, result in _results(file, report.contents.size):
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
                yield (
                    failed_in,
                    offset,
                    _withdrawn(failure, f"run {number}: {gone_from}", result.at),
                )
            elif latest:
                yield number, offset, result


def _withdrawn(failure: Result, gone_from: str, at: float) -> Result:
    """Return the record of a withdrawn row with what there is to tell of its failure."""
    said = f"Withdrawn in {gone_from} no longer has it."
    if before := reason(failure):
        said += f" Before that: {before}"
    error = RowError(ErrorKind.ROW, said)
    return failure._replace(outcome=Outcome.WITHDRAWN, at=at, error=error)


def _results(file: BinaryIO, size: int) -> Iterator[tuple[int, int, Result]]:
    """Yield the results among the first `size` bytes of a log that was found to be whole.

    Each comes with its run's number and the place of its line.
    """
    number = offset = 0
    for line in file:
        if offset + len(line) > size:
            return
        record = orjson.loads(line)
        number += record["type"] == "run"
        if record["type"] == "result":
            yield number, offset, Result.from_record(record)
        offset += len(line)


def _cells(result: Result, uncertain: str) -> Iterable[object]:
    return (
        result.line,
        result.order_id,
        result.status,
        _name(result.status),
        result.tracking,
        result.outcome,
        uncertain,
        result.attempts,
        result.http_status,
        harmless(reason(result)),
        timestamp(result.at),
    )


def _pending_cells(line: int, row: Row, uncertain: str) -> Iterable[object]:
    status = None if row.status is None else int(row.status)
    name = _name(status)
    return (line, row.order_id, status, name, row.tracking, "pending", uncertain, *[""] * 5)


def _name(status: int | None) -> str:
    return OrderStatus(status).label if status in set(OrderStatus) else ""
