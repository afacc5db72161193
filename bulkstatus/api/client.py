"""The Order Status API client: one aiohttp session, one PUT per call, every request counted."""

import asyncio
import errno
import os
import select
import ssl
import sys
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from bulkstatus import __version__
from bulkstatus.api.access import Credentials
from bulkstatus.api.answer import CHECK_PROXY_LOGIN, CHECK_URL, Answer, Meaning, judge
from bulkstatus.api.body import BODY_LIMIT
from bulkstatus.errors import SettingsRefused
from bulkstatus.log.records import ErrorKind, RowError
from bulkstatus.order import StatusUpdate


class OrderStatusApi:
    """Sets order statuses, one PUT a call; an async context manager that owns the session."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        auth_scheme: str = "plain",
        timeout: float = 30.0,
        concurrency: int = 16,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        limit_codes: Collection[int | str] = (),
    ) -> None:
        """`timeout` is in seconds and covers one request, from connecting to the body's end.

        An answer with one of `limit_codes` is about a limit, whatever it says.
        Raises SettingsRefused when `base_url` is not a URL.
        """
        try:
            # With all its signs escaped and its host as the network names it.
            self._base = URL(base_url)
        except ValueError:
            raise SettingsRefused(f'The base URL "{base_url}" is not a URL.') from None
        self._path = f"{self._base.raw_path.rstrip('/')}/order/"
        self._credentials = credentials
        self._auth_scheme = auth_scheme
        self._timeout = timeout
        self._concurrency = concurrency
        self._tls = tls
        self._proxy = proxy
        self._limit_codes = limit_codes
        self._hung_up: set[StatusUpdate] = set()
        self._deadlines: Deadlines
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        headers = {
            "Host": self._base.host_port_subcomponent or "",
            "authorization": self._credentials.header(self._auth_scheme),
            "content-type": "application/json",
            "User-Agent": f"bulkstatus/{__version__}",
            "Accept": "*/*",
        }
        self._deadlines = Deadlines(self._timeout, asyncio.get_running_loop())
        # Headers of the session aiohttp shows a proxy too, unencrypted: there, each request brings
        # its own, which costs more.
        self._headers = headers if self._proxy is not None else None
        self._session = aiohttp.ClientSession(
            headers=headers if self._proxy is None else None,
            connector=_Connector(limit=self._concurrency, ssl=self._tls or True),
            # The whole time of a request is kept by our own deadlines. Half of it for connecting
            # tells a request that never left from an answer that never came.
            timeout=aiohttp.ClientTimeout(total=None, connect=self._timeout / 2),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            # A stream that is cut off it would take for a whole one.
            auto_decompress=False,
            request_class=_Request,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._deadlines.close()
        await self._session.close()

    async def put(self, update: StatusUpdate) -> Answer:
        """Send one PUT and return what came of it; nothing the outside world does is raised."""
        order_id = escaped = update.order_id
        if not (order_id.isascii() and order_id.isalnum()):
            escaped = quote(order_id, safe="")
        path = f"{self._path}{escaped}/status"
        payload = _Payload(update.body(), update in self._hung_up)
        try:
            with self._deadlines:
                response = await self._session.put(
                    self._base.with_path(path, encoded=True),
                    data=payload,
                    headers=self._headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                )
                body, complete = await _read(response)
            answer = judge(
                response.status,
                response.headers,
                body,
                complete,
                time.time(),
                (order_id, update.tracking or ""),
                self._limit_codes,
            )
            if payload.wants_new_connection:
                self._hung_up.discard(update)
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:
            answer = _without_answer(error, self._timeout)
            if payload.is_on_kept_connection and _hangs_up(error):
                answer = answer._replace(meaning=Meaning.HUNG_UP)
                self._hung_up.add(update)
        return answer.tidied(self._credentials.redact)


class _Request(aiohttp.ClientRequest):
    """A request with no headers but those that it is given: no compression is asked for."""

    DEFAULT_HEADERS = {}  # noqa: RUF012 - declared so by aiohttp

    def update_headers(self, headers: Any) -> None:
        """Take the session's headers, Host among them; aiohttp puts them together one by one."""
        self.headers = CIMultiDict(headers)


class _Payload(aiohttp.Payload):
    """The body of a PUT, which aiohttp does not send a second time, and what is known of its way.

    When a kept-alive connection turns out closed, it sends a PUT again by itself, unless the body
    says that it is consumed; that request would be neither paced nor counted.
    """

    headers = CIMultiDict({"content-type": "application/json"})
    consumed = True
    autoclose = True
    size = 0
    is_on_kept_connection = False

    def __init__(self, body: bytes, wants_new_connection: bool) -> None:
        # Not the base's, which makes headers for each.
        self._body = body
        self.size = len(body)
        self.wants_new_connection = wants_new_connection

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return self._body.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body."""
        await writer.write(self._body)


def _hangs_up(error: Exception) -> bool:
    """Tell whether the server has closed the connection before a byte of its answer.

    Of one that was reset in the middle of a head, aiohttp tells no more than of any other.
    """
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is what has come of a head
    return isinstance(error, aiohttp.ClientOSError)


class _Connector(aiohttp.TCPConnector):
    """Gives out a kept connection only while nothing has come on it: no answer and no end.

    aiohttp would take a surplus answer for that of the next request.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Of each connection that was given out, what tells whether something waits on it.
        self._waits: dict[ResponseHandler, Callable[[], object]] = {}

    async def connect(self, req: aiohttp.ClientRequest, *more: Any, **named: Any) -> Connection:
        """Return a connection that is new, or on which nothing has come."""
        payload = req.body
        assert isinstance(payload, _Payload)
        while True:
            connection = await super().connect(req, *more, **named)
            protocol = connection.protocol
            assert protocol is not None
            something_waits = self._waits.get(protocol)
            if something_waits is None:
                self._remember(protocol)
                return connection
            if not (payload.wants_new_connection or protocol.should_close or something_waits()):
                payload.is_on_kept_connection = True
                return connection
            connection.close()

    def _remember(self, protocol: ResponseHandler) -> None:
        """Take note of a new connection, and forget those that are closed by now."""
        self._waits = {each: waits for each, waits in self._waits.items() if each.is_connected()}
        if protocol.transport is not None:  # else it was lost at once
            self._waits[protocol] = _waits(protocol.transport)


def _waits(transport: asyncio.Transport) -> Callable[[], object]:
    """Return what tells whether bytes, or the end, have come that the event loop has not seen."""
    socket = transport.get_extra_info("socket")
    if sys.platform == "win32":
        return lambda: select.select([socket], [], [], 0)[0]
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return partial(waiting.poll, 0)


async def _read(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Return the body up to the limit, and whether that is all of it; release the connection."""
    if response.content.is_eof():
        # All of it has come, and the connection is released; `response.read` costs more.
        body = response.content.read_nowait()
        return body[:BODY_LIMIT], len(body) <= BODY_LIMIT
    chunks, size = [], 0
    async with response:
        while chunk := await response.content.readany():
            chunks.append(chunk)
            size += len(chunk)
            if size > BODY_LIMIT:
                response.close()
                return b"".join(chunks)[:BODY_LIMIT], False
    return b"".join(chunks), True


def _without_answer(error: Exception, timeout: float) -> Answer:
    """Return what an attempt means that ended in `error` instead of an answer.

    `advice` makes it fatal, and `unseen` says that the request may have reached the API.
    """
    kind, http_status, advice, unseen = ErrorKind.CONNECTION, None, "", False
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        message = f"The server's certificate is not trusted: {error}"
        advice = f"{CHECK_URL} A private certificate authority can be added with --ca-file."
    elif isinstance(error, aiohttp.ClientHttpProxyError):
        # The proxy would not open a tunnel.
        message = f"the proxy answered HTTP {error.status}"
        if error.status == 407:
            http_status, advice = 407, CHECK_PROXY_LOGIN
    elif isinstance(error, (aiohttp.InvalidURL, UnicodeError)):
        message = f"the base URL names no host that can be looked up: {error}"
        advice = CHECK_URL
    elif isinstance(error, aiohttp.ConnectionTimeoutError):
        kind, message = ErrorKind.TIMEOUT, f"no connection within {timeout / 2:g} s"
    elif isinstance(error, TimeoutError):
        kind, message, unseen = ErrorKind.TIMEOUT, f"no answer within {timeout:g} s", True
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        message = f"the name {error.host} cannot be resolved: {error.os_error.strerror}"
    elif isinstance(error, aiohttp.ClientConnectorError):
        # In the system's own words: asyncio's text for it repeats the address.
        number = error.os_error.errno or 0
        reason = os.strerror(number) if number in errno.errorcode else error.os_error.strerror
        proxy = "the proxy " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
        place = f"{proxy}{error.host}:{error.port}"
        message = f"{place} cannot be reached: {reason or error.os_error}"
    else:
        unseen = True
        message = f"connection lost: {error}"
        if isinstance(error, aiohttp.ClientPayloadError):
            message = "the answer broke off"
        elif isinstance(error, aiohttp.ClientResponseError):
            # What aiohttp quotes after the colon is cut anywhere, through the key as well.
            message = f"the answer is not proper HTTP ({error.message.partition(':')[0]})"
        elif isinstance(error, aiohttp.ServerDisconnectedError):
            message = "connection lost: the server closed the connection"
    meaning = Meaning.FATAL if advice else Meaning.UNANSWERED
    return Answer(meaning, http_status, RowError(kind, message), unseen=unseen, advice=advice)


class Deadlines:
    """A limit of `seconds` for what a task does in a `with` of it, which then raises TimeoutError.

    `asyncio.timeout` and aiohttp set a timer for each request and take it back, which is a
    fifteenth of all the work at thousands of requests a second. Here the limit is the same for
    all tasks of the event loop `loop`, so that the one which began first is the first to be over,
    and one timer waits for that. As `asyncio.timeout` it leaves the cancellations of others alone.
    A task is in one such `with` at a time.
    """

    def __init__(self, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        self._seconds = seconds
        self._loop = loop
        # Of each task that is in time: its deadline, and how often it was cancelled before; of
        # each that is late: the latter alone.
        self._running: dict[asyncio.Task[Any], tuple[float, int]] = {}
        self._late: dict[asyncio.Task[Any], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Stop the timer: no limit is over any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        # Without the loop it would have to be looked up, which takes longer than all the rest.
        task = asyncio.current_task(self._loop)
        assert task is not None
        deadline = self._loop.time() + self._seconds
        self._running[task] = deadline, task.cancelling()
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look)

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        task = asyncio.current_task(self._loop)
        assert task is not None
        if self._running.pop(task, None) is None:
            own = task.uncancel() <= self._late.pop(task)
            if own and exc_type is asyncio.CancelledError:
                raise TimeoutError

    def _look(self) -> None:
        """Cancel what the tasks wait for whose time is over, and wait for the next."""
        self._timer = None
        while self._running:
            task, (deadline, cancelled_before) = next(iter(self._running.items()))
            if deadline > self._loop.time():
                self._timer = self._loop.call_at(deadline, self._look)
                return
            del self._running[task]
            self._late[task] = cancelled_before
            task.cancel()
