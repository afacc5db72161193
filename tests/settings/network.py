"""A company's network on loopback: an API behind TLS of a private authority, behind a proxy."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import trustme
from aiohttp import web

from bulkstatus.sandbox import Sandbox

#: A name that nothing resolves: only a proxy leads there.
HOST = "api.example.test"


@dataclass
class Proxy:
    """A CONNECT proxy that leads every name to `target`, a port of this machine.

    `login` is the "user:password" that it asks for. `asked` holds each request's head.
    """

    target: int
    login: str | None = None
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.asked.append(head)
        if self.login is not None:
            pair = base64.b64encode(self.login.encode()).decode()
            if f"proxy-authorization: basic {pair}\r\n".lower() not in head.lower():
                writer.write(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b'Proxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
                )
                await writer.drain()
                return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pipe(reader, there_writer), _pipe(there_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Api(NamedTuple):
    """A sandbox behind TLS; `ca_file` holds the authority that signed its certificate."""

    port: int
    ca_file: Path
    headers: list[Mapping[str, str]]


@asynccontextmanager
async def api_behind_tls(folder: Path, pair: tuple[str, str]) -> AsyncIterator[Api]:
    authority = trustme.CA()
    ca_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    sandbox = Sandbox(credentials=pair)
    headers: list[Mapping[str, str]] = []

    @web.middleware
    async def note(request: web.Request, handler: object) -> web.StreamResponse:
        headers.append(request.headers)
        return await handler(request)  # type: ignore[operator, no-any-return] - aiohttp's Handler

    app = sandbox.make_app()
    app.middlewares.append(note)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield Api(runner.addresses[0][1], ca_file, headers)
    finally:
        await runner.cleanup()
