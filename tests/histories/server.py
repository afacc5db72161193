"""The API of the histories: it keeps what it was asked and what it did, and dies with the run."""

import asyncio
import random
from collections.abc import Callable
from typing import NamedTuple

import orjson
from aiohttp import web

from tests.faults.hostile import HTML, error
from tests.histories.log_reader import Content

# What is answered, and whether the order may be set all the same.
FAULTS: dict[str, tuple[int, bytes, bool]] = {
    "500": (500, error("Internal error"), False),
    "502": (502, HTML.encode(), True),
    "limited": (429, error("Request limit reached"), False),
    "dropped": (0, b"", True),
    "fatal": (401, error("Authentication required"), False),
}
WEIGHTS = {"500": 6, "502": 3, "limited": 2, "dropped": 4, "fatal": 1}


class Put(NamedTuple):
    """`answer` is "updated", "refused" or one of the faults; `applied` says that it was set."""

    content: Content
    answer: str
    applied: bool


class Server:
    """Serves on loopback. `refused` orders draw a 400; `faulty` is the share of faults.

    An answer takes up to `late` seconds. `arrived` is called with the number of each PUT since
    `begin`. Once `dead`, nothing that arrives has ever left: the run is taken to be killed.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.refused: set[str] = set()
        self.faulty = 0.0
        self.late = 0.3
        self.puts: list[Put] = []
        self.since = 0
        self.dead = False
        self.arrived: Callable[[int], None] = lambda number: None

    async def __aenter__(self) -> "Server":
        app = web.Application()
        app.router.add_put("/order/{order}/status", self._put)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()

    def begin(self, arrived: Callable[[int], None] = lambda number: None) -> None:
        """A run is about to begin."""
        self.since, self.dead, self.arrived = len(self.puts), False, arrived

    @property
    def lately(self) -> list[Put]:
        """The PUTs since `begin`."""
        return self.puts[self.since :]

    async def _put(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        if self.dead:
            return self._abort(request)
        order = request.match_info["order"]
        fault = None
        if order not in self.refused and self._chance.random() < self.faulty:
            (fault,) = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        status, answer, may_be_set = FAULTS.get(fault or "", (200, b'{"status":"ok"}', False))
        applied = fault is None and order not in self.refused
        if may_be_set:
            applied = self._chance.random() < 0.5
        if order in self.refused:
            status, answer = 400, error("Order not found")
        name = fault or ("updated" if applied else "refused")
        content = (order, body["status"], body.get("shipping_tracking"))
        self.puts.append(Put(content, name, applied))
        self.arrived(len(self.lately))
        await asyncio.sleep(self._chance.uniform(0.0, self.late))
        if self.dead or fault == "dropped":
            return self._abort(request)
        headers = {"Retry-After": "0.1"} if fault == "limited" else {}
        return web.Response(status=status, body=answer, headers=headers)

    @staticmethod
    def _abort(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
