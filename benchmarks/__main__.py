"""`python -m benchmarks [NAME …]`: measure, and print one table."""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

from benchmarks.machine import describe
from benchmarks.measure import Bench, Measurement
from benchmarks.needs import Need
from benchmarks.process import Failed
from benchmarks.table import markdown, write_json

NAMES = (
    "throughput",
    "pacing",
    "limits",
    "latency",
    "memory",
    "check",
    "start",
    "resume",
    "report",
    "startup",
    "idle",
)


class Benchmark(Protocol):
    """What a benchmark's module holds."""

    NEEDS: Sequence[Need]

    def measure(self, bench: Bench) -> Iterator[Measurement]: ...


def main() -> int:
    """Measure what was asked for; the exit status is 1 when a benchmark could not be run."""
    options = _options()
    measurements: list[Measurement] = []
    complete = True
    machine = describe()
    for name in options.names or NAMES:
        benchmark = cast("Benchmark", importlib.import_module(f"benchmarks.{name}"))
        lacking = [need for need in benchmark.NEEDS if not need.is_there()]
        for need in lacking:
            _say(f"{name}: left out, {need.name} is not there; get it with  {need.get_it}")
        if lacking:
            complete = False
            continue
        with tempfile.TemporaryDirectory(prefix="bulkstatus-benchmarks-") as folder:
            bench = Bench(Path(folder), options.runs, options.rows, _say)
            try:
                measurements.extend(benchmark.measure(bench))
            except Failed as failure:
                _say(f"{name}: broken off, {failure}")
                complete = False
    print(markdown(measurements, machine, options.runs))
    if options.rows:
        print(f"A quick look with at most {options.rows:,} rows: it decides nothing.\n")
    if options.json:
        write_json(options.json, measurements, machine, options.runs)
    return 0 if complete else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure bulkstatus against its bars and its peers. Installs nothing; what it "
        "lacks, it names.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(NAMES)}  [all]"
    )
    parser.add_argument(
        "--runs", type=_positive, default=5, metavar="N", help="how often each is run  [5]"
    )
    parser.add_argument(
        "--rows",
        type=_positive,
        metavar="N",
        help="at most so many rows, for a quick look; the bars speak of the default numbers",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here too")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
