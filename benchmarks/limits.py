"""Limits: what is made of one that nobody told of, beside the best constant pace there.

A constant pace knows the limit: some are tried, a little below it and at it, and the best counts.
What got through, and what was refused, is what the server saw.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.inputs import write_csv
from benchmarks.limited import Bucket, Limiter, Out, Poisoned, Seen, Shedding, Window, limited
from benchmarks.measure import Bar, Bench, Measurement, at_least, at_most
from benchmarks.needs import NGINX, POSIX
from benchmarks.nginx import nginx
from benchmarks.pacing import most_within
from benchmarks.peers.constant import send_at
from benchmarks.process import API_KEY, REF_ID, Failed, run, send

NEEDS = (POSIX, NGINX)

#: The parts of a limit that are tried as a constant pace.
PARTS = (0.9, 0.94, 0.97, 1.0)
_OWN = f"basic {REF_ID}:{API_KEY}"

#: Where to send, and what was seen there of each account.
Place = tuple[str, Callable[[], dict[str, list[Seen]]]]


class Shape(NamedTuple):
    """A limit of about `limit` a second, the rate that is asked for, and the bars."""

    name: str
    place: Callable[[Path], AbstractContextManager[Place]]
    limit: float
    rate: str
    rows: int
    share: Bar
    refused: Bar | None


def measure(bench: Bench) -> Iterator[Measurement]:
    for shape in SHAPES:
        yield from _measure_shape(bench, shape)
    yield from _measure_faults(bench)


def _measure_shape(bench: Bench, shape: Shape) -> Iterator[Measurement]:
    rows = bench.rows_or(shape.rows)
    bench.say(f"limits: {rows} rows, {shape.name}")
    source = write_csv(bench.folder / "orders.csv", rows)
    with shape.place(bench.folder) as (base_url, seen):
        accounts = {f"basic CONSTANT:{part}": part * shape.limit for part in PARTS}
        asyncio.run(_at_constant_paces(base_url, accounts, rows))
        _send(source, base_url, 0, "--rate", shape.rate)
    all_seen = seen()
    own = all_seen[_OWN]
    best, pace = max((_speed(all_seen[account]), pace) for account, pace in accounts.items())
    speed = _speed(own)
    note = f"{speed:.3g}/s; best at a constant pace: {best:.3g}/s, at {pace:.3g}/s"
    ratio, refused = speed / best, _refused(own)
    yield Measurement("limits", shape.name, ratio, "ratio", [ratio], shape.share, note)
    name = f"{shape.name}: refused"
    yield Measurement("limits", name, refused, "ratio", [refused], shape.refused)


def _measure_faults(bench: Bench) -> Iterator[Measurement]:
    """What is no limit of the account's: nothing may be lost, and no others wait."""
    rows = 300
    source = write_csv(bench.folder / "orders.csv", rows)

    def sent(what: str, limiter: Callable[[], Limiter], status: int, *options: str) -> list[Seen]:
        bench.say(f"limits: {rows} rows, {what}")
        with limited(limiter) as server:
            _send(source, server.base_url, status, *options)
            return server.seen[_OWN]

    for what, limiter in (
        ("half of all answered 429 at random", lambda: Shedding(0.5)),
        ("503 for everybody for 10 s", lambda: Out(503, 2.0, 10.0)),
        ("502 for everybody for 10 s", lambda: Out(502, 2.0, 10.0)),
    ):
        seen = sent(what, limiter, 0, "--rate", "60/s")
        lost = float(rows - len({one.order for one in seen if one.passed}))
        note = f"in {seen[-1].at - seen[0].at:.0f} s"
        yield Measurement("limits", f"{what}: rows lost", lost, "rows", [lost], at_most(0), note)

    what = "12 of 300 always answered 429"
    seen = sent(what, lambda: Poisoned(25), 1, "--rate", "60/s")
    others = [one.at for one in seen if one.passed]
    seconds = others[-1] - seen[0].at
    note = f"{len(others)} others; the 12 have failed after {seen[-1].at - seen[0].at:.0f} s"
    name = f"{what}: the others through"
    yield Measurement("limits", name, seconds, "s", [seconds], at_most(10), note)

    what = "Retry-After: 0 at 20/s without burst"
    seen = sent(what, lambda: Bucket(20, 1, "0"), 0, "--rate", "none")
    most = float(most_within([one.at for one in seen], 1.0))
    name = f"{what}: most in any second"
    yield Measurement("limits", name, most, "requests", [most], at_most(100))


async def _at_constant_paces(base_url: str, accounts: dict[str, float], rows: int) -> None:
    async with asyncio.timeout(180), asyncio.TaskGroup() as tasks:
        for account, pace in accounts.items():
            tasks.create_task(send_at(base_url, account, pace, rows))


def _send(source: Path, base_url: str, expected: int, *options: str) -> None:
    source.with_suffix(".results.jsonl").unlink(missing_ok=True)
    run(send(source, base_url, *options), source.parent, expected=expected)


def _speed(seen: Sequence[Seen]) -> float:
    """Return how many got through a second, up to the last."""
    passed = [one.at for one in seen if one.passed]
    if len(passed) < 2:
        raise Failed("the server saw next to nothing")
    return (len(passed) - 1) / (passed[-1] - seen[0].at)


def _refused(seen: Sequence[Seen]) -> float:
    return sum(not one.passed for one in seen) / len(seen)


def _of_nginx(limit: str) -> Callable[[Path], AbstractContextManager[Place]]:
    @contextmanager
    def place(folder: Path) -> Iterator[Place]:
        with nginx(folder, logged=True, limit=limit) as server:

            def seen() -> dict[str, list[Seen]]:
                by_account: dict[str, list[Seen]] = {}
                for line in server.log.read_text().splitlines():
                    moment, status, account = line.split(" ", 2)
                    one = Seen(float(moment), status == "200", "")
                    by_account.setdefault(account, []).append(one)
                return by_account

            yield server.base_url, seen

    return place


def _of(limiter: Callable[[], Limiter]) -> Callable[[Path], AbstractContextManager[Place]]:
    @contextmanager
    def place(_: Path) -> Iterator[Place]:
        with limited(limiter) as server:
            yield server.base_url, lambda: server.seen

    return place


SHAPES = (
    Shape(
        "40/s without burst, 429",
        _of_nginx("rate=40r/s; limit_req_status 429;"),
        40,
        "60/s",
        400,
        at_least(0.85),
        at_most(0.08),
    ),
    Shape("nginx's 5/s as it is", _of_nginx("rate=5r/s;"), 5, "10/s", 100, at_least(0.85), None),
    Shape(
        "100 per 5 s, silent",
        _of(lambda: Window(100, 5.0)),
        20,
        "60/s",
        500,
        at_least(0.9),
        at_most(0.05),
    ),
    Shape(
        "20/s with a burst of 20",
        _of(lambda: Bucket(20, 20)),
        20,
        "60/s",
        500,
        at_least(0.9),
        at_most(0.05),
    ),
    Shape(
        "100 per 5 s, Retry-After",
        _of(lambda: Window(100, 5.0, asks=True)),
        20,
        "60/s",
        500,
        at_least(0.9),
        at_most(0.05),
    ),
)
