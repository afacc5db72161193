"""`Client`: sets the status of one order at a time, within the same limits as a run."""

import asyncio
import random
import time
from types import TracebackType
from typing import Self, Unpack

from bulkstatus.answer import Answer, Meaning
from bulkstatus.api import OrderStatusApi
from bulkstatus.config import settings_from
from bulkstatus.errors import BulkstatusError, InputRefused
from bulkstatus.library import ConnectionSettings, credentials_for, given_settings
from bulkstatus.order import InvalidRow, OrderStatus, StatusUpdate, parse_update
from bulkstatus.pace import Ledger, Pacer, Place, Quotas
from bulkstatus.proxy import find_proxy
from bulkstatus.result import ErrorKind, Outcome, Result, RowError
from bulkstatus.run.backoff import backoff
from bulkstatus.tls import tls_context
from bulkstatus.wording import capitalised

# A server that asks for more patience than this many seconds gets none.
_LONGEST_WAIT = 300.0


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


class Client:
    """Sets order statuses one at a time; an async context manager that owns the connections.

    What is not given comes from where the commands take it: the environment, the profile, the
    defaults. `rate` and `quota` hold for all calls together, the quota with every other run of
    the account on this machine. Calls may be made concurrently: `concurrency` of them are under
    way at once, the others wait. One client belongs to one event loop.

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
        given = {**given_settings(settings), "profile": profile}
        if base_url is not None:
            given["base_url"] = base_url
        resolved = settings_from(given, given_name="argument")
        credentials = credentials_for(resolved, ref_id, api_key)
        credentials.check()
        proxy = find_proxy(resolved.base_url)
        self._api = OrderStatusApi(
            resolved.base_url,
            credentials,
            auth_scheme=resolved.auth_scheme,
            timeout=resolved.timeout,
            concurrency=resolved.concurrency,
            tls=tls_context(resolved.ca_file),
            proxy=proxy.url if proxy else None,
        )
        self._attempts = resolved.attempts
        self._timeout = resolved.timeout
        self._account = f"{resolved.base_url} {credentials.ref_id}"
        self._ledger = Ledger()
        self._limits = resolved.quotas
        self._pacer = Pacer(resolved.rate)
        self._turn = asyncio.Semaphore(resolved.concurrency)
        self._quotas: Quotas

    async def __aenter__(self) -> Self:
        """Raises SettingsRefused when the ledger of the quota cannot be used."""
        self._quotas = Quotas(self._limits, self._ledger, self._account, self._timeout)
        await self._api.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._api.__aexit__(exc_type, exc, traceback)
        self._ledger.close()

    async def set_status(
        self, order_id: str, status: OrderStatus | int | str, tracking: str | None = None
    ) -> Result:
        """Set one order's status and return the result, whose outcome is `updated`.

        `status` is a code (8, "8") or a name ("dispatched"). What may pass is tried again, with
        growing waits, up to `attempts` times in all. Raises InputRefused for an update that
        cannot be sent, such as an empty order ID; UpdateRejected, UpdateFailed or AccessRefused
        (all three NotUpdated) when the API was asked and the order is not updated; Stopped when
        the ledger of the quota cannot be used any more.
        """
        text = str(int(status)) if isinstance(status, int) else status
        row = parse_update(order_id, text, tracking or "")
        if isinstance(row, InvalidRow):
            raise InputRefused(f"{capitalised(row.reason)}.")
        async with self._turn:
            return await self._deliver(row)

    async def _deliver(self, update: StatusUpdate) -> Result:
        """Send an update until it has an answer that counts, or its attempts are used up."""
        unseen = False
        for attempt in range(1, self._attempts + 1):
            place = await self._place()
            started = time.perf_counter()
            answer = await self._api.put(update)
            elapsed_ms = (time.perf_counter() - started) * 1000
            self._quotas.answered(place)
            unseen = unseen or answer.unseen
            wait = backoff(attempt, random.random(), answer.retry_after)  # noqa: S311 - no secret
            if answer.meaning not in _MAY_PASS or attempt == self._attempts or wait > _LONGEST_WAIT:
                break
            await asyncio.sleep(wait)
        return _conclude(update, answer, attempt, round(elapsed_ms, 1), unseen)

    async def _place(self) -> Place:
        """Wait until a request may leave, and return its place in the quotas."""
        # A window has no event to wait for.
        while not isinstance(place := self._quotas.try_take(), Place):  # noqa: ASYNC110
            await asyncio.sleep(place)
        try:
            await self._pacer.wait()
        except asyncio.CancelledError:
            self._quotas.give_back(place)
            raise
        return place


_MAY_PASS = frozenset({Meaning.LIMITED, Meaning.TRANSIENT, Meaning.UNANSWERED})
_ABOUT_ALL = frozenset({Meaning.FATAL, Meaning.UNKNOWN_PAGE})


def _conclude(
    update: StatusUpdate, answer: Answer, attempts: int, elapsed_ms: float, unseen: bool
) -> Result:
    """Return the result of an update that was made, or raise what became of it."""
    updated = answer.meaning is Meaning.UPDATED
    refused = answer.meaning in {Meaning.REFUSED, Meaning.FORBIDDEN}
    outcome = Outcome.REJECTED if refused else Outcome.FAILED
    result = Result(
        line=1,
        order_id=update.order_id,
        status=update.status,
        tracking=update.tracking,
        outcome=Outcome.UPDATED if updated else outcome,
        at=time.time(),
        http_status=answer.http_status,
        attempts=attempts,
        elapsed_ms=elapsed_ms,
        error=answer.error,
        uncertain=unseen and not updated,
    )
    if updated:
        return result
    error = answer.error or RowError(ErrorKind.HTTP, f"HTTP {answer.http_status}")
    message = f"Order {update.order_id} was not updated: {error.message.rstrip('.')}."
    if answer.advice:
        message = f"{message} {answer.advice}"
    if refused:
        raise UpdateRejected(message, result)
    if answer.meaning in _ABOUT_ALL:
        raise AccessRefused(message, result)
    if result.uncertain:
        message = f"{message} It may have been changed all the same."
    raise UpdateFailed(message, result)
