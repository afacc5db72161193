"""Made-up inputs: the day's orders as CSV, and the log of a run over them."""

import hashlib
import time
from collections.abc import Container, Iterable
from pathlib import Path

from bulkstatus import __version__
from bulkstatus.result import Outcome, Result, timestamp
from bulkstatus.resultlog import RunRecord

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
        run_id="0" * 32,
        started_at=timestamp(time.time()),
        version=__version__,
        input=source.name,
        input_sha256=sha256,
        rows=rows,
        base_url="http://127.0.0.1:9",
        ref_id="REF",
        user="benchmark",
        host="benchmark",
    )
    with path.open("wb") as log:
        log.write(run.to_line())
        log.writelines(_results(number for number in range(rows) if number not in left))
    return path


def _results(numbers: Iterable[int]) -> Iterable[bytes]:
    now = time.time()
    for number in numbers:
        yield Result(
            line=number + 2,
            order_id=order_id(number),
            status=8,
            tracking=tracking(number),
            outcome=Outcome.UPDATED,
            at=now + number / 10_000,
            http_status=200,
            attempts=1,
            elapsed_ms=1.5,
        ).to_line()
