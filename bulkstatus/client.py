"""`Client`: sets the status of one order at a time, by the rules of a run."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Self, TypedDict, Unpack

from bulkstatus.errors import ActionNeeded, BulkstatusError, InputRefused, LedgerLost, Stopped
from bulkstatus.job.connection import quotas_of, way_with
from bulkstatus.job.run import Observer, RunOptions, Sender
from bulkstatus.job.run.conductor import Conductor
from bulkstatus.job.run.delivery import result_of
from bulkstatus.job.run.feed import Job
from bulkstatus.log.records import Outcome, Result
from bulkstatus.order import InvalidRow, OrderStatus, StatusUpdate, parse_update
from bulkstatus.pace import Pacer, Quotas
from bulkstatus.settings.keys import credentials_for
from bulkstatus.settings.sources import settings_for
from bulkstatus.settings.values import refuse_unknown
from bulkstatus.words import capitalised


class NotUpdated(BulkstatusError):
    """The order was not given its status, or it is not known; `result` holds what is known."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


class UpdateRejected(NotUpdated):
    """The API said no to this update; to send it again is no use."""


class UpdateFailed(NotUpdated):
    """No attempt had an answer that says yes or no: the update can be sent again later.

    `result.uncertain` says that the order may have been changed all the same.
    """


class AccessRefused(NotUpdated):
    """The credentials, the base URL, the certificate or the proxy are wrong: no update can pass."""


class ConnectionSettings(TypedDict, total=False):
    """How the API is reached and how fast: options of `bulkstatus send`, by the same names.

    `rate` is like "10/s", `quota` like "1000/h" or several of those; `timeout` and
    `give_up_after` are in seconds, or like "15m".
    """

    auth_scheme: str
    ca_file: str | os.PathLike[str]
    rate: str
    quota: str | Sequence[str]
    concurrency: int
    attempts: int
    timeout: float | str
    give_up_after: float | str


class Client:
    """Sets order statuses one at a time; an async context manager that owns the connections.

    What is not given comes from where the commands take it: the environment, the profile, the
    defaults. Calls may be made concurrently; together they go as the rows of a run do. `rate`,
    `concurrency` and the slow start hold for all of them, `quota` with every other run of the
    account on this machine, and calls for one order are carried out in the order in which they
    were made. An answer about a limit costs waiting only. Leaving the context waits for what is
    on the wire and fails the calls that have not left. One client belongs to one event loop.

    >>> import asyncio, bulkstatus
    >>> from bulkstatus.sandbox import Sandbox
    >>> async def main() -> None:
    ...     async with Sandbox() as sandbox:
    ...         async with bulkstatus.Client(sandbox.base_url, "DEMO", "demo-key") as client:
    ...             result = await client.set_status("46140204", "dispatched", "H023YA0000361469")
    ...             print(result.outcome, result.http_status, result.attempts)
    >>> asyncio.run(main())
    updated 200 1
    """

    def __init__(
        self,
        base_url: str | None = None,
        ref_id: str | None = None,
        api_key: str | None = None,
        *,
        profile: str | None = None,
        **settings: Unpack[ConnectionSettings],
    ) -> None:
        """Raises SettingsRefused for a setting that cannot be used or credentials that are missing.

        Nothing is sent before the first update.
        """
        refuse_unknown(settings, ConnectionSettings.__annotations__)
        given = {**settings, "base_url": base_url, "ref_id": ref_id, "profile": profile}
        self._settings = settings_for(given, given_name="argument")
        credentials = credentials_for(self._settings, api_key)
        credentials.check()
        self._way = way_with(self._settings, credentials)
        self._api = self._way.api(self._settings)

    async def __aenter__(self) -> Self:
        """Raises SettingsRefused when the ledger of the quota cannot be used."""
        settings = self._settings
        options = RunOptions(settings.concurrency, settings.attempts, settings.give_up_after)
        async with AsyncExitStack() as stack:
            quotas = stack.enter_context(quotas_of(settings, self._way.account))
            await stack.enter_async_context(self._api)
            self._calls = _Calls(self._api, Pacer(settings.rate), quotas, options)
            stack.push_async_callback(self._calls.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def set_status(
        self, order_id: str, status: OrderStatus | int | str, tracking: str | None = None
    ) -> Result:
        """Set one order's status and return the result, whose outcome is `updated`.

        `status` is a code (8, "8") or a name ("dispatched"); `n` and `line` of the result number
        the client's updates. A call waits for as long as a run would hold; bound that with
        asyncio.timeout. To cancel it takes its update back, unless the request is on the wire.

        Raises InputRefused for an update that cannot be sent, such as an empty order ID, and for
        an argument of another type;
        UpdateRejected, UpdateFailed or AccessRefused (all three NotUpdated) when the order is not
        updated; Stopped when the ledger of the quota cannot be used any more. UpdateFailed comes
        once the `attempts` are used up; to all calls that wait when an outage has lasted for
        `give_up_after`, or the API is not reached at first. AccessRefused comes to the call whose
        answer was fatal, to all that wait and to all later ones, until the client is made anew.
        """
        text = str(int(status)) if isinstance(status, int) else status
        given = {"order_id": order_id, "status": text, "tracking": tracking or ""}
        for name, value in given.items():
            if not isinstance(value, str):
                what = "a code or a name" if name == "status" else "text"
                raise InputRefused(f"{name} must be {what}, not {type(value).__name__}.")
        update = parse_update(order_id, text, tracking or "")
        if isinstance(update, InvalidRow):
            raise InputRefused(f"{capitalised(update.reason)}.")
        return _concluded(await self._calls.send(update))


class _Call(Job):
    """An update that is waited for: `done` gets its result.

    `stop` is why no more is sent, where that is why the update has no result of its own.
    """

    stop: BaseException | None = None

    def __init__(self, n: int, update: StatusUpdate) -> None:
        super().__init__(n, n, update)
        self.done: asyncio.Future[Result] = asyncio.Future()


class _Calls:
    """Sends what `send` is called with; the `Book` of its own conductor.

    The conductor is at work while an update waits. One that was stopped is followed by a new
    one, but for a reason that somebody has to put right.
    """

    through = sys.maxsize

    def __init__(
        self, api: Sender, pacer: Pacer | None, quotas: Quotas | None, options: RunOptions
    ) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self._way = api, pacer, quotas, options
        self._waiting: dict[int, _Call] = {}
        self._count = 0
        self._vouched = False
        self._conductor = self._new_conductor()
        self._sending: asyncio.Task[None] | None = None

    def _new_conductor(self) -> Conductor:
        conductor = Conductor(self, *self._way, Observer(), vouched=self._vouched)
        # As far as anybody knows; it is woken when there is more.
        conductor.feed.is_complete = True
        return conductor

    async def send(self, update: StatusUpdate) -> _Call:
        """Send an update and return its call, which is done.

        To cancel that takes it back, unless its request is on the wire.
        """
        self._count += 1
        call = self._waiting[self._count] = _Call(self._count, update)
        self._conductor.feed.add(call)
        self._conductor.wake()
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        try:
            await call.done
        except asyncio.CancelledError:
            self._waiting.pop(call.n, None)
            self._conductor.take_back(call)
            raise
        return call

    async def close(self) -> None:
        """Wait for what is on the wire, and send nothing more."""
        self._conductor.stop(Stopped("The client was closed."))
        if self._sending is not None:
            await self._sending

    async def _send(self) -> None:
        """Send what waits; where that is stopped, tell those that are left the reason."""
        conductor = self._conductor
        try:
            await conductor.conduct()
        finally:
            if conductor.cause is not None:
                for call in list(self._waiting.values()):
                    conductor.take_back(call)
                    call.stop = conductor.cause
                    self.add(result_of(call, Outcome.FAILED))
                if not isinstance(conductor.cause, ActionNeeded):
                    self._conductor = self._new_conductor()

    def add(self, result: Result) -> None:
        """See Book."""
        self._vouched = self._vouched or result.outcome is Outcome.UPDATED
        self._conductor.feed.settle(result.order_id)
        call = self._waiting.pop(result.n, None)
        if call is not None and not call.done.done():
            call.done.set_result(result)

    def look(self) -> None:
        """See Book: nothing here can get lost."""


def _concluded(call: _Call) -> Result:
    """Return the result of an update that was made, or raise what became of it."""
    result, stop = call.done.result(), call.stop
    if result.outcome is Outcome.UPDATED:
        return result
    if isinstance(stop, LedgerLost) or not isinstance(stop, Stopped | None):
        raise stop
    kind: type[NotUpdated] = UpdateFailed
    if isinstance(stop, ActionNeeded):
        kind = AccessRefused
    elif result.outcome is Outcome.REJECTED:
        kind = UpdateRejected
    why = result.error.message if result.error else ""
    advice = call.answer.advice if call.answer else ""
    text = str(stop) if stop else f"{why.rstrip('.')}. {advice}".rstrip()
    if result.uncertain:
        text += " It may have been changed all the same."
    raise kind(f"Order {result.order_id} was not updated: {text}", result)
