"""A server that answers each request with one of everything that can go wrong, at random.

Some orders draw one and the same for ever.

It keeps a record of its own: which orders it set, and to what.
"""

import asyncio
import gzip
import random
from collections import Counter
from typing import Any

import orjson
from aiohttp import web

HTML = "<!DOCTYPE html><html><body>Bad gateway</body></html>"
XML = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
NO = '{"success": false, "message": "Order unknown"}'
SURPLUS = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def error(message: str, code: int = 0) -> bytes:
    return orjson.dumps({"error": {"message": message, "code": code}})


# What is answered, whether the order may be set all the same (then it is, half of the time), and
# how often, in parts of 10,000.
FAULTS: dict[str, tuple[int, bytes, dict[str, str], bool, int]] = {
    "500": (500, error("Internal error"), {}, False, 100),
    "500 html": (500, HTML.encode(), {}, True, 50),
    "502": (502, HTML.encode(), {}, True, 50),
    "503": (503, b"", {}, False, 50),
    "504": (504, HTML.encode(), {}, True, 50),
    "408": (408, b"", {}, False, 20),
    "425": (425, b"", {}, False, 20),
    "503 retry-after": (503, b"", {"Retry-After": "0.2"}, False, 5),
    "429": (429, b"", {"Retry-After": "0.1"}, False, 5),
    "400 limit": (400, error("Request limit of 1000 per hour exceeded"), {}, False, 2),
    "400": (400, error("Invalid order status"), {}, False, 100),
    "404": (404, error("Order not found"), {}, False, 50),
    "404 bare": (404, b"not here", {}, False, 20),
    "409": (409, b"", {}, False, 20),
    "422": (422, error("Tracking may be 50 characters at most"), {}, False, 20),
    "403": (403, error("Permission denied (order.status)"), {}, False, 10),
    "200 error": (200, error("Invalid item specified, index 0"), {}, False, 50),
    "200 null": (200, b'{"error": null}', {}, True, 50),
    "200 empty": (200, b"", {}, True, 50),
    "200 cut": (200, b'{"error": {"mess', {}, True, 20),
    "200 success": (200, NO.encode(), {}, False, 30),
    "200 status": (200, b'[{"status": "error", "code": 50001}]', {}, False, 5),
    "200 errors": (200, b'{"data": null, "errors": [{"message": "No"}]}', {}, False, 30),
    "200 utf-16": (200, NO.encode("utf-16"), {}, False, 20),
    "200 utf-16 cut": (200, NO.encode("utf-16")[:-9], {}, True, 10),
    "200 python": (200, b"{'success': False, 'error': None}", {}, True, 10),
    "200 gzip cut": (200, gzip.compress(b"ok")[:-5], {"Content-Encoding": "gzip"}, True, 10),
    "200 short": (200, NO.encode(), {}, True, 10),
    "400 quoting": (400, b"", {}, False, 20),
    "50001": (400, error("Company type", 50001), {}, False, 5),
    "surplus at once": (200, b"ok", {}, True, 100),
    "hung up": (200, b"ok", {}, True, 300),
    "401": (401, error("Authentication required"), {}, False, 2),
    "50000": (400, error("Either your RefID or your API key are incorrect", 50000), {}, False, 2),
    "302": (302, b"", {"Location": "/login"}, False, 1),
    "200 html": (200, HTML.encode(), {}, False, 1),
    "200 xml": (200, XML, {}, False, 1),
}
DROPPED = 100
SHARES = [share for *_, share in FAULTS.values()]


def always(order: str) -> str | None:
    """Return the fault that an order always draws, if it is one of those whose number ends in 25
    or 75.
    """
    number, rest = divmod(int(order), 50)
    return ("500", "dropped", "429", "403")[number % 4] if rest == 25 else None


# These say that the order is set, so it is, always.
SUCCESSES = {"200 null", "200 empty", "surplus at once", "hung up"}

# These say for certain that it is not: the API refused it, before it looked at anything else.
REFUSALS = {"400", "404", "404 bare", "409", "422", "403", "50001", "400 quoting"} | {
    f"200 {name}" for name in ("error", "success", "status", "errors", "utf-16")
}
NOT_NOW = {"429", "400 limit", "401", "50000", "302", "200 html", "200 xml"}


Asked = tuple[str, int, str | None]

MISBEHAVES = {"surplus at once", "hung up", "200 short"}


async def misbehave(name: str, request: web.Request, response: web.Response) -> None:
    """Answer with more or less than is announced, or close the connection unannounced."""
    body = response.body
    assert isinstance(body, bytes)
    assert request.transport is not None
    response.headers["Content-Length"] = "99" if name == "200 short" else str(len(body))
    if name == "surplus at once":
        response.body = body + SURPLUS
    await response.prepare(request)
    await response.write_eof()
    if name == "surplus":
        # While the next request is on the wire it could not be told from its answer.
        request.transport.write(SURPLUS)
    elif name != "surplus at once":
        request.transport.close()


class HostileServer:
    """Serves on loopback; `orders` holds what each order was set to, in order.

    `answers` has what was answered to each (order, status, tracking), by the names of the faults
    or "updated", in order.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.orders: dict[str, list[tuple[int, str | None]]] = {}
        self.answers: dict[Asked, list[str]] = {}
        self.counts: Counter[str] = Counter()
        self.overlaps = 0
        self._busy: set[str] = set()

    async def __aenter__(self) -> "HostileServer":
        app = web.Application()
        app.router.add_put("/order/{order}/status", self._put)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()

    async def _put(self, request: web.Request) -> web.StreamResponse:
        order = request.match_info["order"]
        self.overlaps += order in self._busy
        self._busy.add(order)
        try:
            return await self._answer(request, order, orjson.loads(await request.read()))
        finally:
            self._busy.discard(order)

    async def _answer(
        self, request: web.Request, order: str, body: dict[str, Any]
    ) -> web.StreamResponse:
        await asyncio.sleep(0)
        drawn = self._drawn(order)
        for name, (status, answer, headers, may_be_set, share) in FAULTS.items():
            if drawn < share:
                self._note(order, body, name)
                if name in SUCCESSES or (may_be_set and self._random.random() < 0.5):
                    self._set(order, body)
                if name == "400 quoting":
                    answer = error(f"Unknown: {order}, {body.get('shipping_tracking')}")
                response = web.Response(status=status, body=answer, headers=headers)
                if name in MISBEHAVES:
                    await misbehave(name, request, response)
                return response
            drawn -= share
        if drawn < DROPPED:
            self._note(order, body, "dropped")
            if self._random.random() < 0.5:
                self._set(order, body)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        self._note(order, body, "updated")
        self._set(order, body)
        return web.Response(body=b'{"status":"ok"}')

    def _drawn(self, order: str) -> int:
        """Return the first number of the fault that an order always draws, or one by chance."""
        if (name := always(order)) is None:
            return self._random.randrange(10_000)
        before = {name: sum(SHARES[:at]) for at, name in enumerate(FAULTS)}
        return before.get(name, sum(SHARES))

    def _note(self, order: str, body: dict[str, Any], name: str) -> None:
        self.counts[name] += 1
        asked = (order, body["status"], body.get("shipping_tracking"))
        self.answers.setdefault(asked, []).append(name)

    def _set(self, order: str, body: dict[str, Any]) -> None:
        self.orders.setdefault(order, []).append((body["status"], body.get("shipping_tracking")))
