"""Pacing: how exactly a rate is filled, and whether a second ever holds more than it allows.

By the server's own clock, the best of three runs: what disturbs the machine delays requests,
and that says nothing of the pacer.
"""

from collections.abc import Iterator, Sequence

from benchmarks.inputs import write_csv
from benchmarks.measure import Bench, Measurement, at_least, at_most
from benchmarks.needs import NGINX, POSIX
from benchmarks.nginx import moments, nginx
from benchmarks.process import send_anew

NEEDS = (POSIX, NGINX)

#: For each rate per second, what is to be achieved of it, and how full a second may be.
RATES = {10: (0.99, 1.0), 100: (0.99, 1.0), 1000: (0.99, 1.02), 3000: (0.97, 1.02)}
SECONDS = 20
TRIES = 3


def measure(bench: Bench) -> Iterator[Measurement]:
    for rate, (least, most) in RATES.items():
        rows = max(bench.rows_or(rate * SECONDS), 2 * rate)
        bench.say(f"pacing: {TRIES} runs of {rows:,} rows at {rate}/s")
        achieved, fullest = [], []
        for _ in range(TRIES):
            arrived = _arrivals(bench, rate, rows)
            achieved.append((len(arrived) - 1) / (arrived[-1] - arrived[0]) / rate)
            fullest.append(most_within(arrived, 1.0) / rate)
        yield Measurement(
            "pacing", f"achieved ÷ {rate}/s", max(achieved), "ratio", achieved, at_least(least)
        )
        yield Measurement(
            "pacing",
            f"most in any second ÷ {rate}",
            min(fullest),
            "ratio",
            fullest,
            at_most(most),
        )


def _arrivals(bench: Bench, rate: int, rows: int) -> list[float]:
    source = write_csv(bench.folder / "orders.csv", rows)
    with nginx(bench.folder, logged=True) as server:
        send_anew(source, server.base_url, "--rate", f"{rate}/s")
    return moments(server.log)


def most_within(arrived: Sequence[float], seconds: float) -> int:
    """Return the most of the sorted moments that lie in any half-open window of `seconds`."""
    most = first = 0
    for last, moment in enumerate(arrived):
        # The clock is of milliseconds; a rounding error of the subtraction must not count.
        while moment - arrived[first] > seconds - 0.0005:
            first += 1
        most = max(most, last - first + 1)
    return most
