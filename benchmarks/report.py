"""Report: how long a report of a million rows takes, and in how much memory."""

from collections.abc import Iterator

from benchmarks.inputs import write_csv, write_log
from benchmarks.measure import Bench, Measurement, at_most, median
from benchmarks.needs import POSIX
from benchmarks.process import bulkstatus, peak_mebibytes, run

NEEDS = (POSIX,)
ROWS = 1_000_000
LEFT = 1_000


def measure(bench: Bench) -> Iterator[Measurement]:
    rows = max(bench.rows_or(ROWS), 2 * LEFT)
    source = write_csv(bench.folder / "orders.csv", rows)
    log = write_log(bench.folder / "orders.results.jsonl", source, rows, range(rows - LEFT, rows))
    for what, bar, options in (
        ("text", 5, []),
        ("page", 6, ["--html", "report.html"]),
        ("rows", 9, ["--rows", "rows.csv"]),
    ):
        bench.say(f"report: {bench.runs} runs of {rows:,} rows as {what}")
        ended = [run(bulkstatus("report", log, *options), bench.folder) for _ in range(bench.runs)]
        seconds = [one.seconds for one in ended]
        peaks = [peak_mebibytes(one) for one in ended]
        name = f"{rows:,} rows as {what}"
        yield Measurement("report", name, median(seconds), "s", seconds, at_most(bar))
        yield Measurement("report", f"{name}, peak", median(peaks), "MiB", peaks, at_most(200))
