"""Check: how fast a whole file is checked, and in how much memory."""

from collections.abc import Iterator

from benchmarks.inputs import write_csv
from benchmarks.measure import Bench, Measurement, at_least, median
from benchmarks.needs import POSIX
from benchmarks.process import bulkstatus, peak_mebibytes, run

NEEDS = (POSIX,)
ROWS = 1_000_000


def measure(bench: Bench) -> Iterator[Measurement]:
    rows = bench.rows_or(ROWS)
    for what, duplicated, bar in (
        (f"check of {rows:,} rows", 0.0, at_least(500_000)),
        ("the same with 1 % duplicates", 0.01, None),
    ):
        bench.say(f"check: {bench.runs} runs, {what}")
        source = write_csv(bench.folder / "orders.csv", rows, duplicated=duplicated)
        run(bulkstatus("check", source), bench.folder)
        ended = [run(bulkstatus("check", source), bench.folder) for _ in range(bench.runs)]
        rates = [rows / one.seconds for one in ended]
        peak = median([peak_mebibytes(one) for one in ended])
        yield Measurement(
            "check", what, median(rates), "rows/s", rates, bar, f"peak {peak:.0f} MiB"
        )
