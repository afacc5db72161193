"""Servers with a limit for each account, and what came of each request there."""

import asyncio
import math
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple, Protocol

from aiohttp import web


class Seen(NamedTuple):
    """A request as its server saw it: when, whether it got through, for which order."""

    at: float
    passed: bool
    order: str


class Limiter(Protocol):
    """Says of a request at a moment what is answered: None when it gets through."""

    def __call__(self, now: float, order: str) -> "Refusal | None": ...


class Refusal(NamedTuple):
    """An answer that is none of success."""

    status: int = 429
    headers: Mapping[str, str] = MappingProxyType({})


class Window:
    """No more than so many in any window of seconds; `asks` for a wait in whole seconds."""

    def __init__(self, count: int, seconds: float, asks: bool = False) -> None:
        self._count, self._seconds, self._asks = count, seconds, asks
        self._passed: deque[float] = deque()

    def __call__(self, now: float, order: str) -> Refusal | None:
        while self._passed and self._passed[0] <= now - self._seconds:
            self._passed.popleft()
        if len(self._passed) >= self._count:
            wait = math.ceil(self._passed[0] + self._seconds - now)
            return Refusal(headers={"Retry-After": str(wait)} if self._asks else {})
        self._passed.append(now)
        return None


class Bucket:
    """So many a second, and `burst` at once; `asks` is the Retry-After of a refusal."""

    def __init__(self, rate: float, burst: float, asks: str | None = None) -> None:
        self._rate, self._burst, self._left, self._at = rate, burst, burst, 0.0
        self._headers = {} if asks is None else {"Retry-After": asks}

    def __call__(self, now: float, order: str) -> Refusal | None:
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return Refusal(headers=self._headers)
        self._left -= 1
        return None


class Shedding:
    """Refuses a share of all requests at random."""

    def __init__(self, share: float) -> None:
        self._share, self._chance = share, random.Random(1)

    def __call__(self, now: float, order: str) -> Refusal | None:
        return Refusal() if self._chance.random() < self._share else None


class Out:
    """Answers every request with `status` for some seconds, some time after the first."""

    def __init__(self, status: int, after: float, seconds: float) -> None:
        self._status, self._after, self._seconds = status, after, seconds
        self._began = 0.0

    def __call__(self, now: float, order: str) -> Refusal | None:
        self._began = self._began or now
        out = 0 <= now - self._began - self._after < self._seconds
        return Refusal(self._status) if out else None


class Poisoned:
    """Draws a limit's answer from every `nth` order, always, and from no other."""

    def __init__(self, nth: int) -> None:
        self._nth = nth

    def __call__(self, now: float, order: str) -> Refusal | None:
        return Refusal() if int(order) % self._nth == 0 else None


class Limited(NamedTuple):
    """A running server; `seen` holds what it saw of each account, by its authorization."""

    base_url: str
    seen: dict[str, list[Seen]]


@contextmanager
def limited(limiter: Callable[[], Limiter]) -> Iterator[Limited]:
    """Serve on a free port of loopback, in a thread of its own; each account has its limiter."""
    limiters: dict[str, Limiter] = defaultdict(limiter)
    seen: dict[str, list[Seen]] = defaultdict(list)

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        account, order = request.headers["authorization"], request.match_info["order"]
        refusal = limiters[account](time.monotonic(), order)
        seen[account].append(Seen(time.monotonic(), refusal is None, order))
        if refusal is None:
            return web.json_response({"success": True})
        error = {"error": {"message": "Request limit exceeded", "code": 0}}
        if refusal.status >= 500:
            return web.Response(status=refusal.status, text="out of order")
        return web.json_response(error, status=refusal.status, headers=refusal.headers)

    async def serve() -> None:
        app = web.Application()
        app.router.add_put("/order/{order}/status", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
        ended[0] = asyncio.Event()
        loops.append(asyncio.get_running_loop())
        up.set()
        await ended[0].wait()
        await runner.cleanup()

    ports: list[int] = []
    loops: list[asyncio.AbstractEventLoop] = []
    ended: dict[int, asyncio.Event] = {}
    up = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    up.wait(10)
    try:
        yield Limited(f"http://127.0.0.1:{ports[0]}", seen)
    finally:
        loops[0].call_soon_threadsafe(ended[0].set)
        thread.join(10)
