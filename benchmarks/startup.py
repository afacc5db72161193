"""Startup: `--version` and `--help` against importing click, which does the least of it."""

import sys
from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Bench, Measurement, at_most, in_turn, median
from benchmarks.needs import POSIX
from benchmarks.process import bulkstatus, run

NEEDS = (POSIX,)
IMPORT_CLICK = [sys.executable, "-c", "import click"]

#: Such short runs are done so many times as often.
TIMES = 5


def measure(bench: Bench) -> Iterator[Measurement]:
    bench.say(f"startup: {TIMES * bench.runs} runs of --version and --help")
    for option in ("--version", "--help"):
        command = bulkstatus(option)
        run(command, bench.folder)
        pairs = in_turn(
            TIMES * bench.runs,
            partial(run, command, bench.folder),
            partial(run, IMPORT_CLICK, bench.folder),
        )
        ratios = [ours.seconds / click.seconds for ours, click in pairs]
        yield Measurement(
            "startup",
            f"bulkstatus {option} ÷ import click",
            median(ratios),
            "ratio",
            ratios,
            at_most(2),
            f"{median([ours.seconds for ours, _ in pairs]) * 1000:.0f} ms",
        )
