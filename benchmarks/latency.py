"""Latency: a server that takes 50 ms for an answer must not slow the run down by more.

With 64 requests on the wire it allows 64 ÷ 0.050 of them a second. By the server's own clock,
from the first answer to the last, so that the start of the process is left out.
"""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.inputs import write_csv
from benchmarks.measure import Bench, Measurement, at_least, in_turn, median
from benchmarks.needs import ECHO_MODULE, NGINX, POSIX
from benchmarks.nginx import moments, nginx
from benchmarks.peers import bare_command
from benchmarks.process import forget_logs, run, send

NEEDS = (POSIX, NGINX, ECHO_MODULE)
ROWS = 20_000
LATENCY = 0.050
CONCURRENCY = 64


def measure(bench: Bench) -> Iterator[Measurement]:
    rows = bench.rows_or(ROWS)
    source = write_csv(bench.folder / "orders.csv", rows)
    options = ("--rate", "none", "--concurrency", str(CONCURRENCY))

    def share_of_possible(command: Callable[[str], Sequence[str]]) -> float:
        forget_logs(bench.folder)
        with nginx(bench.folder, logged=True, latency=LATENCY) as server:
            run(command(server.base_url), bench.folder)
        answered = moments(server.log)
        rate = (len(answered) - 1) / (answered[-1] - answered[0])
        return rate / (CONCURRENCY / LATENCY)

    bench.say(f"latency: {bench.runs} runs of {rows:,} rows, and of a bare loop")
    pairs = in_turn(
        bench.runs,
        lambda: share_of_possible(lambda url: send(source, url, *options)),
        lambda: share_of_possible(lambda url: bare_command(url, rows, CONCURRENCY)),
    )
    for what, shares, bar in (
        ("send ÷ (64 ÷ 0.050 s)", [ours for ours, _ in pairs], at_least(0.97)),
        ("bare aiohttp loop ÷ (64 ÷ 0.050 s)", [bare for _, bare in pairs], None),
    ):
        yield Measurement("latency", what, median(shares), "ratio", shares, bar)
