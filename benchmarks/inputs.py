"""Made-up inputs: the day's orders as CSV, and the log of a run over them."""

import hashlib
import time
from collections.abc import Container
from pathlib import Path

from bulkstatus import __version__
from bulkstatus.log.records import (
    FORMAT,
    EndRecord,
    Outcome,
    Result,
    RowRecord,
    RunRecord,
    SendingRecord,
    line_of,
    lines_of,
    timestamp,
)

_FIRST_ID = 46140204
_BLOCK = 10_000


def order_id(number: int) -> str:
    """Return the order ID of row `number`, the first being 0."""
    return str(_FIRST_ID + number)


def tracking(number: int) -> str:
    """Return the tracking number of row `number`."""
    return f"H023YA{number:010d}"


def write_csv(path: Path, rows: int, *, duplicated: float = 0.0) -> Path:
    """Write a file of `rows` dispatched orders, of which a share stands there twice."""
    every = round(1 / duplicated) if duplicated else 0

    def line(number: int) -> str:
        if every and number % every == every - 1:
            number -= 1
        return f"{order_id(number)},8,{tracking(number)}\n"

    with path.open("w") as file:
        file.write("order_id,status,tracking\n")
        for start in range(0, rows, _BLOCK):
            file.write("".join(map(line, range(start, min(start + _BLOCK, rows)))))
    return path


def write_log(path: Path, source: Path, rows: int, left: Container[int]) -> Path:
    """Write the log of a run that has updated all rows of `source` but those `left`."""
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    run = RunRecord(
        format=FORMAT,
        version=__version__,
        run_id="0" * 32,
        started_at=timestamp(time.time()),
        input=source.name,
        input_sha256=sha256,
        rows=rows,
        base_url="http://127.0.0.1:9",
        ref_id="REF",
        user="benchmark",
        host="benchmark",
        due=[(1, rows)],
    )
    end = EndRecord(run.run_id, timestamp(time.time() + rows / 10_000), "stopped")
    with path.open("wb") as log:
        log.write(line_of(run))
        for start in range(0, rows, _BLOCK):
            log.write(lines_of([_row(n) for n in range(start, min(start + _BLOCK, rows))]))
        for start in range(0, rows, _BLOCK):
            stop = min(start + _BLOCK, rows)
            log.write(line_of(SendingRecord(min(rows, stop + _BLOCK))))
            log.write(lines_of([_result(n) for n in range(start, stop) if n not in left]))
        log.write(line_of(end))
    return path


def _row(number: int) -> RowRecord:
    return RowRecord(number + 1, number + 2, order_id(number), 8, tracking(number))


_BEGAN = time.time()


def _result(number: int) -> Result:
    row = _row(number)
    return Result(
        row.n,
        row.line,
        row.order_id,
        row.status,
        row.tracking,
        Outcome.UPDATED,
        200,
        1,
        1.5 + number % 100 / 10,
        timestamp(_BEGAN + number / 10_000),
    )
