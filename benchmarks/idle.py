"""Idle: the CPU time of a run that does little but wait for its turn, at 10 requests a second.

Two runs of different length are compared, so that what the start costs is left out.
"""

from collections.abc import Iterator

from benchmarks.inputs import write_csv
from benchmarks.measure import Bench, Measurement, at_most, in_turn, median
from benchmarks.needs import NGINX, POSIX
from benchmarks.nginx import Server, nginx
from benchmarks.process import Ended, send_anew

NEEDS = (POSIX, NGINX)
RATE = 10
SHORT, LONG = 50, 350


def measure(bench: Bench) -> Iterator[Measurement]:
    long = max(bench.rows_or(LONG), 2 * SHORT)
    bench.say(f"idle: {bench.runs} runs of {SHORT} and {long} rows at {RATE}/s")
    with nginx(bench.folder) as server:
        pairs = in_turn(
            bench.runs, lambda: _send(bench, server, long), lambda: _send(bench, server, SHORT)
        )
    shares = [
        100 * (more.cpu_seconds - less.cpu_seconds) / (more.seconds - less.seconds)
        for more, less in pairs
    ]
    yield Measurement(
        "idle",
        f"CPU time while waiting at {RATE}/s",
        median(shares),
        "% of a core",
        shares,
        at_most(2),
        f"start and end cost {median([less.cpu_seconds for _, less in pairs]):.2f} s",
    )


def _send(bench: Bench, server: Server, rows: int) -> Ended:
    source = write_csv(bench.folder / "orders.csv", rows)
    return send_anew(source, server.base_url, "--rate", f"{RATE}/s")
