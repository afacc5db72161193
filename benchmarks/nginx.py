"""The server that is measured against: an nginx of our own on a free port of loopback."""

import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.needs import echo_module, program
from benchmarks.process import Failed

#: How many seconds a server may take to start.
_PATIENCE = 10.0

_CONFIGURATION = """
{modules}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.errors.txt;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format moments '{format}';
    {zone}
    access_log {log};
    default_type application/json;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ {answer} }}
        location /upstream/ {{ access_log off; return 200 '{{"success":true}}'; }}
        location = /answer {{ internal; return 200 '{{"success":true}}'; }}
        location = /served {{ access_log off; stub_status; }}
    }}
}}
"""


class Server(NamedTuple):
    """A running nginx; `log` gets the moment of each answer, whole once the server has ended."""

    base_url: str
    log: Path

    def served(self) -> int:
        """Return how many requests came so far, those of this method included."""
        with urllib.request.urlopen(f"{self.base_url}/served", timeout=_PATIENCE) as answer:
            text = answer.read().decode()
        match = re.search(r"requests\s+\d+ \d+ (\d+)", text)
        if match is None:
            raise Failed(f"nginx's status page is not as expected: {text}")
        return int(match[1])


@contextmanager
def nginx(
    folder: Path, *, logged: bool = False, latency: float = 0.0, limit: str = ""
) -> Iterator[Server]:
    """Run an nginx that answers every request with 200 and a small JSON body.

    It has one process to serve with. `logged` has it note the moment of each answer, in
    milliseconds of its own clock, in memory until the end. `latency` is how many seconds it
    takes for an answer. `limit` are the parameters of a `limit_req` for each account, such as
    "rate=5r/s", and what stands beside it; the log then has moment, status and account.
    Raises Failed when it does not start.
    """
    log = folder / "moments.txt"
    log.unlink(missing_ok=True)
    port = _free_port()
    rate, _, beside = limit.partition(";")
    if limit:
        answer = f"limit_req zone=account; {beside} proxy_pass http://127.0.0.1:{port}/upstream/;"
    elif latency:
        answer = f"echo_sleep {latency}; echo_exec /answer;"
    else:
        answer = "return 200 '{\"success\":true}';"
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            modules=f"load_module {echo_module()};" if latency else "",
            folder=folder,
            port=port,
            log=f"{log} moments buffer=16m" if logged else "off",
            answer=answer,
            format="$msec $status $http_authorization" if limit else "$msec",
            zone=f"limit_req_zone $http_authorization zone=account:1m {rate};" if limit else "",
        )
    )
    process = subprocess.Popen(
        [program("nginx") or "nginx", "-c", configuration, "-e", folder / "nginx.errors.txt"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_up(process, port, folder)
        yield Server(f"http://127.0.0.1:{port}", log)
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def moments(log: Path) -> list[float]:
    """Return the moments of a server's log, in seconds since the epoch, in order."""
    with log.open() as file:
        return sorted(map(float, file))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    errors = folder / "nginx.errors.txt"
    said = errors.read_text()[-1000:] if errors.exists() else "it left no message"
    raise Failed(f"nginx did not start: {said}")
