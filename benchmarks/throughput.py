"""Throughput: a whole `send` against other ways to send the same requests.

Both are timed as whole processes, and each run of the other has a run of ours beside it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.inputs import write_csv
from benchmarks.measure import Bench, Measurement, in_turn, median
from benchmarks.needs import NGINX, POSIX
from benchmarks.nginx import Server, nginx
from benchmarks.peers import PEERS, Peer
from benchmarks.process import Failed, forget_logs, run, send

NEEDS = (POSIX, NGINX)
ROWS = 50_000


def measure(bench: Bench) -> Iterator[Measurement]:
    rows = bench.rows_or(ROWS)
    source = write_csv(bench.folder / "orders.csv", rows)
    ours: list[float] = []
    with nginx(bench.folder) as server:
        _send(source, server, rows)
        for peer in PEERS:
            lacking = [need for need in peer.needs if not need.is_there()]
            for need in lacking:
                bench.say(
                    f"throughput: without {peer.name}, {need.name} is not there; get it with"
                    f"  {need.get_it}"
                )
            if not lacking:
                yield from _against(peer, bench, source, server, rows, ours)
    yield Measurement("throughput", "send, rows a second", median(ours), "rows/s", ours)


def _against(
    peer: Peer, bench: Bench, source: Path, server: Server, rows: int, ours: list[float]
) -> Iterator[Measurement]:
    peer_rows = max(1, round(rows * peer.share))
    command = peer.command(server.base_url, peer_rows, bench.folder)
    runs = bench.runs * peer.often
    bench.say(f"throughput: {runs} runs of {rows:,} rows, and {peer.name} with {peer_rows:,}")

    def theirs() -> float:
        return _rate(command, bench.folder, server, peer_rows)

    pairs = in_turn(runs, lambda: _send(source, server, rows), theirs)
    ours.extend(rate for rate, _ in pairs)
    ratios = [rate / their_rate for rate, their_rate in pairs]
    yield Measurement(
        "throughput",
        f"send ÷ {peer.name}",
        median(ratios),
        "ratio",
        ratios,
        peer.bar,
        f"{median([rate for _, rate in pairs]):,.0f} rows/s over {peer_rows:,} rows",
    )


def _send(source: Path, server: Server, rows: int) -> float:
    """Send the file and return how many rows a second that made."""
    forget_logs(source.parent)
    return _rate(send(source, server.base_url, "--rate", "none"), source.parent, server, rows)


def _rate(command: Sequence[str], folder: Path, server: Server, rows: int) -> float:
    before = server.served()
    seconds = run(command, folder).seconds
    served = server.served() - before - 1
    if served != rows:
        raise Failed(f"{command[0]} … sent {served:,} requests instead of {rows:,}")
    return rows / seconds
