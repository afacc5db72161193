"""A server on loopback that keeps every byte it is sent and misbehaves exactly as told."""

import asyncio
import socket
import ssl
import struct
from typing import NamedTuple, Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Request(NamedTuple):
    """One request as it came over the wire."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Step(NamedTuple):
    """Bytes to answer with, and how it goes on then: "ready" for more, or as below."""

    answer: bytes
    then: str = "ready"
    again: bytes = b""
    pause: float = 0.0


def then_close(answer: bytes = b"") -> Step:
    """Answer, then close the connection in good order."""
    return Step(answer, "close")


def then_reset(answer: bytes = b"") -> Step:
    """Answer, then tear the connection down (a TCP reset)."""
    return Step(answer, "reset")


def then_hang(answer: bytes = b"") -> Step:
    """Answer, then leave the connection open and say nothing more."""
    return Step(answer, "hang")


def without_end(answer: bytes, again: bytes, pause: float = 0.0) -> Step:
    """Answer, then go on with `again` for as long as the client takes it."""
    return Step(answer, "repeat", again, pause)


class RawServer:
    """Answers each request with the next of `steps`, the last one again and again.

    `on_connect` is done to each connection before anything is read from it.
    """

    def __init__(
        self,
        *steps: Step | bytes,
        on_connect: Step | bytes | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._steps = list(steps) or [OK]
        self._on_connect = on_connect
        self._tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        scheme = "https" if self._tls else "http"
        self.host = f"127.0.0.1:{port}"
        self.base_url = f"{scheme}://{self.host}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def say(self, unasked: bytes) -> None:
        """Send bytes on every connection."""
        for writer in self._writers:
            writer.write(unasked)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._on_connect is not None:
                await _do(self._on_connect, writer)
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                line, *fields = head[:-4].split(b"\r\n")
                headers = [tuple(field.split(b": ", 1)) for field in fields]
                request = Request(line, headers, b"")
                size = int((request.header(b"content-length") or [b"0"])[0])
                self.requests.append(request._replace(body=await reader.readexactly(size)))
                step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
                await _do(step, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()


async def _do(step: Step | bytes, writer: asyncio.StreamWriter) -> None:
    step = Step(step) if isinstance(step, bytes) else step
    writer.write(step.answer)
    await writer.drain()
    if step.then == "close":
        writer.close()
        await writer.wait_closed()
    elif step.then == "reset":
        # A few turns of the loop, which is the client's too: it reads what was written before
        # the reset throws it away.
        for _ in range(9 if step.answer else 0):
            await asyncio.sleep(0)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif step.then == "hang":
        await asyncio.Event().wait()
    while step.then == "repeat":
        writer.write(step.again)
        await writer.drain()
        await asyncio.sleep(step.pause)
