"""`--failures`: the rows to mend, as CSV in the columns of their input, to be fed back."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bulkstatus.conflict import Fate
from bulkstatus.errors import BulkstatusError, SettingsRefused
from bulkstatus.order import Row, StatusUpdate
from bulkstatus.preflight import check_source
from bulkstatus.reporting.failure_table import FailureTable, lines_of, original_table, plain_table
from bulkstatus.reporting.files import refuse_path, replacing
from bulkstatus.reporting.original import original_records
from bulkstatus.reporting.reasons import FORMULA_SIGNS
from bulkstatus.reporting.summary import Report
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog import LogState
from bulkstatus.rounding import KEPT_DIGITS
from bulkstatus.source import InputOptions, Source, open_source


@dataclass
class FailuresWritten:
    """What became of the failures.

    `failed` is how many of the rows need no mending, since they failed for a passing reason.
    `original` says that the rows stand in all the columns of their input. `left_out` are rows
    that would have been read back as something else; `formulas` are order IDs and trackings that
    a spreadsheet would calculate, and `numbers` those of which it would lose digits.
    """

    rows: int
    failed: int
    original: bool
    left_out: list[Result] = field(default_factory=list)
    formulas: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)


def options_to_feed_back(options: InputOptions) -> InputOptions:
    """Return the options by which the file is read when it is fed back.

    They are those of the log, but for what the file is: CSV in UTF-8, whatever the input was.
    """
    return replace(
        options,
        format="csv" if options.format in {"jsonl", "xlsx"} else options.format,
        encoding="utf-8" if options.encoding else None,
        sheet=None,
    )


async def write_failures(
    path: Path, report: Report, source: Source | None, options: InputOptions, last_wins: bool
) -> FailuresWritten:
    """Write the rejected, failed and invalid rows to `path`.

    `source` is the last run's input where it is still the file that it was, `options` say how it
    is read, and `last_wins` is `--on-conflict last`. The file is read back before it is given its
    name: a row of it means what it meant, or it is left out. Raises SettingsRefused when the file
    cannot be written, is there already, or is not to be called .csv.
    """
    if path.suffix.lower() != ".csv":
        raise SettingsRefused(
            f"--failures {path}: the file is CSV, and its name must say so. End it in .csv."
        )
    refuse_path("--failures", path, {"the log": report.log_path}, None)
    tables = [plain_table(report.failures, options)]
    original = None
    if source is not None:
        lines = await lines_of(source, report.failures)
        original = await original_records(source, options, set(lines.values()))
        if original is not None:
            tables.insert(0, original_table(report.failures, lines, original, options))
    back = options_to_feed_back(options)
    with replacing("--failures", path) as new:
        for table in tables:
            rows = await _write_what_holds(new, table, back, report.contents.state, last_wins)
            if rows is not None:
                break
        else:
            raise SettingsRefused(
                f"--failures {path}: the rows cannot be written so that they are read back as they "
                "are. Mend them in the input itself; --rows lists them."
            )
    written = {id(result) for result in rows}
    return FailuresWritten(
        rows=len(rows),
        failed=sum(result.outcome is Outcome.FAILED for result in rows),
        original=original is not None and table is tables[0],
        left_out=[result for result in report.failures if id(result) not in written],
        formulas=[
            text
            for result in rows
            for text in (result.order_id, result.tracking)
            if text and text.startswith(FORMULA_SIGNS)
        ],
        numbers=[
            text
            for result in rows
            for text in (result.order_id, result.tracking)
            if text and text.isdecimal() and (text.startswith("0") or len(text) > KEPT_DIGITS)
        ],
    )


async def _write_what_holds(
    path: Path, table: FailureTable, options: InputOptions, log: LogState, last_wins: bool
) -> list[Result] | None:
    """Write the rows that are read back as what they are, and return them.

    A row that is not is taken out, and the others are judged again, since rows are read with
    their neighbours. Returns None when it cannot be told which row is at fault.
    """
    rows = table.rows
    while True:
        _write(path, table, rows)
        if not rows:
            return None if table.rows else []
        try:
            async with await open_source(str(path), options) as source:
                fates = await _fates(source, log, last_wins)
        except BulkstatusError:
            return None
        if len(fates) != len(rows):
            return None
        holding = [
            pair for pair, fate in zip(rows, fates, strict=True) if _is_as_before(pair[0], *fate)
        ]
        if len(holding) == len(rows):
            return [result for result, _ in rows]
        rows = holding


def _write(path: Path, table: FailureTable, rows: Sequence[tuple[Result, list[str]]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=table.delimiter)
        if table.header:
            writer.writerow(table.header)
        writer.writerows(cells for _, cells in rows)


async def _fates(source: Source, log: LogState, last_wins: bool) -> list[tuple[Row, Fate]]:
    """Return every row of a source with what `resume` would make of it."""
    plan = await check_source(source, log, last_wins=last_wins, keep=0)
    return [
        (row, plan.fate(line, row, log).fate if isinstance(row, StatusUpdate) else Fate.CONFLICT)
        async for batch in source.batches()
        for line, row in zip(batch.lines, batch.rows, strict=True)
    ]


def _is_as_before(result: Result, row: Row, fate: Fate) -> bool:
    """Tell whether a row that was read back is the failure that was written.

    A row that was never to be sent must not be sent now either.
    """
    same = (row.order_id, row.status, row.tracking) == (
        result.order_id,
        result.status,
        result.tracking,
    )
    if result.outcome is Outcome.INVALID:
        return same and fate is Fate.CONFLICT
    return same and isinstance(row, StatusUpdate)
