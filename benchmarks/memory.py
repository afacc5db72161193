"""Memory: the peak of a `send`, and how it grows with the file."""

from collections.abc import Iterator

from benchmarks.inputs import write_csv
from benchmarks.measure import Bench, Measurement, at_most, in_turn, median
from benchmarks.needs import NGINX, POSIX
from benchmarks.nginx import Server, nginx
from benchmarks.process import peak_mebibytes, send_anew

NEEDS = (POSIX, NGINX)
FEW, MANY = 10_000, 1_000_000


def measure(bench: Bench) -> Iterator[Measurement]:
    many = max(bench.rows_or(MANY), 2 * FEW)
    bench.say(f"memory: {bench.runs} runs of {FEW:,} and {many:,} rows")
    with nginx(bench.folder) as server:
        pairs = in_turn(
            bench.runs, lambda: _peak(bench, server, many), lambda: _peak(bench, server, FEW)
        )
    peaks = [peak for peak, _ in pairs]
    yield Measurement(
        "memory", f"peak of send at {many:,} rows", median(peaks), "MiB", peaks, at_most(200)
    )
    growth = [(peak - small) * 2**20 / (many - FEW) for peak, small in pairs]
    small = median([small for _, small in pairs])
    yield Measurement(
        "memory",
        f"growth from {FEW:,} rows",
        median(growth),
        "bytes/row",
        growth,
        at_most(150),
        f"{small:.0f} MiB at {FEW:,} rows",
    )


def _peak(bench: Bench, server: Server, rows: int) -> float:
    source = write_csv(bench.folder / "orders.csv", rows)
    return peak_mebibytes(send_anew(source, server.base_url, "--rate", "none"))
