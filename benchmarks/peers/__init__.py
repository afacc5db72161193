"""Other ways to send the same requests, one a file.

Those in Python are scripts that take the base URL and the number of rows, and import nothing of
the project; the others return the command of a program.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Bar, at_least
from benchmarks.needs import CURL, XARGS, Need, package
from benchmarks.peers import curl_parallel, xargs_curl, zyte

#: How many requests each has on the wire, where it is not its own affair.
CONCURRENCY = 16


class Peer(NamedTuple):
    """Another way to send the requests.

    `needs` is what it cannot do without, `bar` what our throughput divided by its has to reach,
    and `share` the part of our rows that it sends, since some would take many minutes for all.
    `command` returns what to run, given the base URL, the rows and a folder for files. It runs
    `often` times as often as others do.
    """

    name: str
    needs: Sequence[Need]
    bar: Bar | None
    share: float
    command: Callable[[str, int, Path], list[str]]
    often: int = 1


def bare_command(base_url: str, rows: int, concurrency: int = CONCURRENCY) -> list[str]:
    """Return the command of the bare loop, also for another concurrency."""
    return _script("bare_aiohttp.py", base_url, rows, concurrency)


def _script(name: str, base_url: str, rows: int, *arguments: int | str) -> list[str]:
    script = Path(__file__).with_name(name)
    return [sys.executable, str(script), base_url, str(rows), *map(str, arguments)]


_REQUESTS, _HTTPX = (package("requests"),), (package("httpx"),)

PEERS = (
    Peer(
        "bare aiohttp loop",
        (),
        at_least(0.90),
        1,
        lambda url, rows, _: bare_command(url, rows),
        # Of 5 runs, the median of a ratio so near its bar is a matter of luck.
        often=3,
    ),
    Peer(
        "the least that an aiohttp loop costs",
        (),
        None,
        1,
        lambda url, rows, _: _script("least_aiohttp.py", url, rows, CONCURRENCY),
    ),
    Peer(
        "requests in 32 threads",
        _REQUESTS,
        at_least(8),
        0.2,
        lambda url, rows, _: _script("requests_threads.py", url, rows, 32),
    ),
    Peer(
        "requests in 32 threads, blind to the environment",
        _REQUESTS,
        None,
        0.2,
        lambda url, rows, _: _script("requests_threads.py", url, rows, 32, "tuned"),
    ),
    Peer(
        "httpx async",
        _HTTPX,
        at_least(15),
        0.2,
        lambda url, rows, _: _script("httpx_async.py", url, rows, CONCURRENCY),
    ),
    Peer(
        "httpx async on uvloop",
        _HTTPX,
        None,
        0.2,
        lambda url, rows, _: _script("httpx_async.py", url, rows, CONCURRENCY, "tuned"),
    ),
    Peer("xargs -P with curl", (XARGS, CURL), at_least(25), 0.1, xargs_curl.command),
    Peer("zyte-api", (package("zyte-api"),), at_least(5), 0.2, zyte.command),
    Peer("curl --parallel", (CURL,), None, 1, curl_parallel.command),
)
