"""The sandbox's HTTP server, what it has received, and the page that shows it.

What a client sent is shown as text alone (see `bulkstatus.template`); the page's own script only
loads it again.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection
from typing import NamedTuple, Self

import orjson
from aiohttp import web

from bulkstatus.loopback import listen
from bulkstatus.order import OrderStatus
from bulkstatus.sandbox.faults import Faults, Window, draws
from bulkstatus.sandbox.protocol import (
    Ending,
    Refusal,
    check_credentials,
    error_body,
    read_order_id,
    read_update,
)
from bulkstatus.template import policy, render

#: How many of the latest PUTs the page shows, and of how many orders the PUTs are kept: beyond it
#: the orders seen first are forgotten.
RECENT = 100
KEPT = 300_000

_LARGEST_BODY = 64 * 1024

_ENDINGS = {200: Ending.UPDATED, 500: Ending.FAILED, None: Ending.DROPPED}


class Received(NamedTuple):
    """One PUT for an order that the API could follow.

    `answered` is the HTTP status, or None where the connection was dropped instead. `applied`
    says whether the order was changed.
    """

    status: OrderStatus
    tracking: str | None
    answered: int | None = 200
    applied: bool = True


class Sandbox:
    """A local stand-in of the Order Status API.

    `orders` are the order IDs it knows; None means any. `credentials` is the (ref ID, API key)
    it accepts; None means any pair that is well formed. Neither the key nor the header that
    holds it is kept. `clock` gives the seconds by which the limit is judged.

    Used as ``async with Sandbox() as sandbox``, or through `start` and `stop`; a sandbox that
    was stopped can be started again and still knows its orders. `base_url` is what a client is
    given: scheme, host and port; empty before the first start. `received` has the PUTs of each
    order that the API could follow, in order of arrival (the latest `KEPT` orders are kept), and
    `counts` how all PUTs ended.
    """

    def __init__(
        self,
        *,
        orders: Collection[str] | None = None,
        credentials: tuple[str, str] | None = None,
        faults: Faults = Faults(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = ""
        self.received: OrderedDict[str, list[Received]] = OrderedDict()
        self.counts: Counter[Ending] = Counter()
        # When, in seconds since the epoch, for which order, and what it said or why it was refused.
        self._recent: deque[tuple[float, str, Received | Refusal]] = deque(maxlen=RECENT)
        self._refused: set[str] = set()
        self._orders = None if orders is None else frozenset(orders)
        self._credentials = credentials
        self._faults = faults
        self._draws = draws(faults)
        self._window = None if faults.limit is None else Window(*faults.limit)
        self._clock = clock
        self._runner: web.AppRunner | None = None

    def make_app(self) -> web.Application:
        """Return the sandbox as an application of aiohttp.web."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        # The router sees a decoded path, so it matches no more than its beginning.
        app.router.add_put(r"/order/{rest:[\s\S]+}", self._put)
        app.router.add_get(r"/order/{rest:[\s\S]+}", self._look_up)
        app.router.add_get("/", self._show)
        return app

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1, on a free port where `port` is 0, and return the base URL.

        Raises SettingsRefused when the port cannot be had.
        """
        runner = await listen(self.make_app(), port, "sandbox")
        self._runner = runner
        self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return self.base_url

    async def stop(self) -> None:
        """Stop listening and close the connections; requests get a second to end."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def _put(self, request: web.Request) -> web.Response:
        body = await request.read()
        answered, payload = self._answer(request, body)
        if self._faults.latency:
            await asyncio.sleep(self._faults.latency)
        if answered is not None:
            return _json(payload, answered)
        if request.transport is not None:
            request.transport.close()
        # aiohttp insists on an answer; this one meets a closed connection.
        return web.Response()

    def _answer(self, request: web.Request, body: bytes) -> tuple[int | None, bytes]:
        """Take in one PUT; return the HTTP status and body of its answer, None for no answer."""
        order_id, now = _order_id(request), time.time()
        try:
            status, tracking = self._read(order_id, request, body)
        except Refusal as refusal:
            self._recent.append((now, order_id, refusal))
            self.counts[refusal.ending] += 1
            return 400, refusal.body
        answered, applied = next(self._draws)
        put = Received(status, tracking, answered, applied)
        self._recent.append((now, order_id, put))
        self.counts[_ENDINGS[answered]] += 1
        self.received.setdefault(order_id, []).append(put)
        if len(self.received) > KEPT:
            self.received.popitem(last=False)
        if answered == 500:
            return 500, error_body("Internal error, injected by the sandbox")
        return answered, orjson.dumps({"order_id": order_id, "status": status})

    def _read(
        self, order_id: str, request: web.Request, body: bytes
    ) -> tuple[OrderStatus, str | None]:
        """Return the (status, tracking) that a PUT asks for, or raise Refusal."""
        check_credentials(request.headers.get("Authorization"), self._credentials)
        if self._window is not None and not self._window.admit(self._clock()):
            raise Refusal("Request limit exceeded, try again later", ending=Ending.LIMITED)
        update = read_update(request.content_type, body)
        if len(self._refused) < self._faults.refuse:
            self._refused.add(order_id)
        is_known = self._orders is None or order_id in self._orders
        if not is_known or order_id in self._refused:
            raise Refusal("Order not found")
        return update

    async def _look_up(self, request: web.Request) -> web.Response:
        order_id = _order_id(request)
        puts = self.received.get(order_id)
        if puts is None:
            return _json(error_body("No PUT was received for this order"), 404)
        last = next((put for put in reversed(puts) if put.applied), None)
        status, tracking = (last.status, last.tracking) if last else (None, None)
        found = {"order_id": order_id, "status": status, "tracking": tracking, "puts": len(puts)}
        return _json(orjson.dumps(found))

    async def _show(self, request: web.Request) -> web.Response:
        """Return the page as it stands: complete without script."""
        text = render(
            "sandbox/page.html",
            counts=self.counts,
            recent=[_shown(*each) for each in reversed(self._recent)],
            base_url=self.base_url,
            endings=Ending,
        )
        allowed = policy("sandbox", served=True)
        headers = {"Content-Security-Policy": allowed, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)


def _shown(at: float, order_id: str, put: Received | Refusal) -> list[str]:
    """Return what the page shows of a PUT, which is a row of its table."""
    began = time.strftime("%H:%M:%S", time.localtime(at))
    if isinstance(put, Refusal):
        return [began, order_id, "", "", f"400: {put}"]
    answered = put.answered or ("none, though changed" if put.applied else "none")
    named = f"{put.status.label} ({put.status:d})"
    return [began, order_id, named, put.tracking or "none", str(answered)]


def _json(body: bytes, http_status: int = 200) -> web.Response:
    return web.Response(status=http_status, body=body, content_type="application/json")


def _order_id(request: web.Request) -> str:
    order_id = read_order_id(request.rel_url.raw_path)
    if order_id is None:
        raise web.HTTPNotFound
    return order_id
