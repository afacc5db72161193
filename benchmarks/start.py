"""Start: how soon the first PUT of a file of a million rows leaves."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.inputs import write_csv
from benchmarks.measure import Bench, Measurement, at_most, median
from benchmarks.needs import NGINX, POSIX
from benchmarks.nginx import moments, nginx
from benchmarks.process import forget_logs, peak_mebibytes, run, send

NEEDS = (POSIX, NGINX)
ROWS = 1_000_000
SENT = 1_000


def measure(bench: Bench) -> Iterator[Measurement]:
    rows = max(bench.rows_or(ROWS), 2 * SENT)
    bench.say(f"start: {bench.runs} runs of {rows:,} rows, {SENT:,} of them sent")
    source = write_csv(bench.folder / "orders.csv", rows)
    figures = [_start(bench.folder, source) for _ in range(bench.runs)]
    for what, unit, samples, bar in (
        ("first PUT", "s", [seconds for seconds, _ in figures], at_most(5)),
        ("peak", "MiB", [peak for _, peak in figures], at_most(200)),
    ):
        what = f"{what} of a file of {rows:,} rows"
        yield Measurement("start", what, median(samples), unit, samples, bar)


def _start(folder: Path, source: Path) -> tuple[float, float]:
    """Send the first rows of a file and return the seconds to the first PUT and the peak in MiB."""
    forget_logs(source.parent)
    with nginx(folder, logged=True) as server:
        command = send(source, server.base_url, "--rate", "none", "--limit", str(SENT))
        ended = run(command, folder, expected=3)
    return moments(server.log)[0] - ended.started, peak_mebibytes(ended)
