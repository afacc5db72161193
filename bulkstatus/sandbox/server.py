"""The sandbox's HTTP server."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

import orjson
from aiohttp import web

from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus
from bulkstatus.sandbox.faults import Dice, Fault, Faults, Window
from bulkstatus.sandbox.history import Ending, History, Received
from bulkstatus.sandbox.page import Page
from bulkstatus.sandbox.protocol import (
    WRONG_CREDENTIALS,
    Refusal,
    error_body,
    read_order_id,
    read_pair,
    read_update,
)

_JSON = {"Content-Type": "application/json"}
_LARGEST_BODY = 64 * 1024

# How a PUT that could succeed ends, what is answered, and whether the order is changed.
_ENDINGS: dict[Fault, tuple[Ending, int | None, bool]] = {
    Fault.NONE: (Ending.UPDATED, 200, True),
    Fault.FAIL: (Ending.FAILED, 500, False),
    Fault.DROP_BEFORE: (Ending.DROPPED, None, False),
    Fault.DROP_AFTER: (Ending.DROPPED, None, True),
}


class Sandbox:
    """A local stand-in of the Order Status API.

    `orders` are the order IDs it knows; None means any. `credentials` is the (ref ID, API key)
    it accepts; None means any pair that is well formed. Neither the key nor the header that
    holds it is kept. `clock` gives the seconds by which the limit is judged.

    Used as ``async with Sandbox() as sandbox``, or through `start` and `stop`; a sandbox that
    was stopped can be started again and still knows its orders. `base_url` is what a client is
    given: scheme, host and port; empty before the first start.
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
        self.history = History()
        self._orders = None if orders is None else frozenset(orders)
        self._credentials = credentials
        self._latency = faults.latency
        self._window = None if faults.limit is None else Window(*faults.limit)
        self._dice = Dice(faults)
        self._clock = clock
        self._page = Page()
        self._runner: web.AppRunner | None = None

    @property
    def received(self) -> dict[str, list[Received]]:
        """The PUTs of each order that the API could follow, in order of arrival."""
        return self.history.received

    @property
    def counts(self) -> Counter[Ending]:
        """How many PUTs ended in which way; `counts.total()` is all of them."""
        return self.history.counts

    def make_app(self) -> web.Application:
        """Return the sandbox as an application of aiohttp.web."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        # The router sees a decoded path, so it matches no more than its beginning.
        app.router.add_put(r"/order/{rest:[\s\S]+}", self._put)
        app.router.add_get(r"/order/{rest:[\s\S]+}", self._look_up)
        app.router.add_get("/orders", self._feed)
        app.router.add_get("/", self._show)
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, on a free port where `port` is 0, and return the base URL.

        Raises SettingsRefused when the port cannot be had.
        """
        runner = web.AppRunner(self.make_app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise SettingsRefused(
                f"The sandbox cannot listen on {host}, port {port}: {error.strerror or error}. "
                "Choose another port with --port, or leave --port out."
            ) from error
        self._runner = runner
        bound = runner.addresses[0][1]
        self.base_url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        return self.base_url

    async def stop(self) -> None:
        """Stop listening and close the connections; requests get a second to end."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _put(self, request: web.Request) -> web.Response:
        body = await request.read()
        answer = self._answer(request, body)
        if self._latency:
            await asyncio.sleep(self._latency)
        if answer is None:
            if request.transport is not None:
                request.transport.close()
            # aiohttp insists on an answer; this one meets a closed connection.
            return web.Response()
        http_status, payload = answer
        return web.Response(status=http_status, body=payload, headers=_JSON)

    def _answer(self, request: web.Request, body: bytes) -> tuple[int, bytes] | None:
        """Take in one PUT; return the HTTP status and body of its answer, None for no answer."""
        history = self.history
        order_id = _order_id(request)
        try:
            status, tracking = self._read(order_id, request, body)
        except Refusal as refusal:
            history.counts[refusal.ending] += 1
            return 400, refusal.body
        ending, answered, applied = _ENDINGS[self._dice.throw()]
        history.counts[ending] += 1
        history.add(order_id, Received(status, tracking, answered, applied), time.time())
        if answered is None:
            return None
        if answered == 500:
            return 500, error_body("Internal error, injected by the sandbox")
        return 200, orjson.dumps({"order_id": order_id, "status": status})

    def _read(
        self, order_id: str, request: web.Request, body: bytes
    ) -> tuple[OrderStatus, str | None]:
        """Return the (status, tracking) that a PUT asks for, or raise Refusal."""
        pair = read_pair(request.headers.get("Authorization"))
        if self._credentials is not None and pair != self._credentials:
            raise Refusal(
                "The RefID or the API key is incorrect", WRONG_CREDENTIALS, Ending.UNAUTHORISED
            )
        if self._window is not None and not self._window.admit(self._clock()):
            raise Refusal("Request limit exceeded, try again later", ending=Ending.LIMITED)
        update = read_update(request.content_type, body)
        if self._orders is not None and order_id not in self._orders:
            raise Refusal("Order not found")
        return update

    async def _look_up(self, request: web.Request) -> web.Response:
        order_id = _order_id(request)
        puts = self.history.received.get(order_id)
        if puts is None:
            return web.Response(
                status=404, body=error_body("No PUT was received for this order"), headers=_JSON
            )
        current = self.history.current(order_id)
        found = {
            "order_id": order_id,
            "status": current and current.status,
            "tracking": current and current.tracking,
            "puts": len(puts),
        }
        return web.Response(body=orjson.dumps(found), headers=_JSON)

    async def _show(self, request: web.Request) -> web.Response:
        return self._page.show(self.history, self.base_url)

    async def _feed(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not (since.isascii() and since.isdecimal() and len(since) < 16):
            raise web.HTTPBadRequest(text="since is the number of the last change already seen.")
        return self._page.feed(self.history, int(since))


def _order_id(request: web.Request) -> str:
    order_id = read_order_id(request.rel_url.raw_path)
    if order_id is None:
        raise web.HTTPNotFound
    return order_id
