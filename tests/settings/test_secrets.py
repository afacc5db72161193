"""The API key is written nowhere: not by a run that succeeds, is refused or crashes."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests import program
from tests.schema import check_log
from tests.settings.network import HOST, Proxy, api_behind_tls
from tests.terminal import Terminal

REF_ID = "R1"
KEY = "K-3f9/zz+41&c"

# Beside the key as it is: what base64 makes of it and of the pair, without the last characters,
# which depend on what follows.
FORMS = [
    KEY,
    *(
        encode(text.encode()).decode().rstrip("=")[:-1]
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
        for text in (KEY, f"{REF_ID}:{KEY}")
    ),
]

SEND = ("send", "dispatch.csv", "--yes", "--rate", "none")
LOG = Path("dispatch.results.jsonl")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    Path("dispatch.csv").write_text("order_id,status,tracking\n1001,8,\n1002,8,\n1003,8,\n")


async def run(*arguments: str, base_url: str = "", **environ: str) -> tuple[int, str]:
    """Run the program with the key and return its exit status and output, which has no key."""
    account = {"BULKSTATUS_REF_ID": REF_ID, "BULKSTATUS_API_KEY": KEY}
    ended = await program.run(*arguments, base_url=base_url, **account, **environ)
    assert_no_key(ended.out + ended.err)
    return ended.status, ended.out + ended.err


def everything(output: str = "") -> bytes:
    """Return all output, and all files in the program's folders."""
    folders = (".", os.environ["BULKSTATUS_STATE_DIR"], os.environ["BULKSTATUS_CONFIG_DIR"])
    files = [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]
    return output.encode() + b"".join(path.read_bytes() for path in files)


def assert_no_key(output: str = "") -> None:
    for form in FORMS:
        assert form.encode() not in everything(output)


class Echoing:
    """An API that tells back what it was sent, in every form; it waits for `leave` to be set."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.base_url = ""
        self.seen: list[str] = []
        self.arrived, self.leave = asyncio.Event(), asyncio.Event()
        self.leave.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request.headers["authorization"])
        self.arrived.set()
        await self.leave.wait()
        pairs = (KEY, f"{REF_ID}:{KEY}")
        told = " ".join([KEY, *(base64.b64encode(text.encode()).decode() for text in pairs)])
        error = {"message": f"{self.seen[-1]} is wrong: {told}", "code": told}
        return web.json_response({"error": error} if self.status >= 400 else {}, status=self.status)


@asynccontextmanager
async def echoing_api(status: int) -> AsyncIterator[Echoing]:
    api, app = Echoing(status), web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("bundle", [True, False])
async def test_a_run_through_a_proxy_to_a_host_of_a_private_authority_writes_no_key(
    tmp_path: Path, bundle: bool
) -> None:
    netrc, none = tmp_path / "netrc", str(tmp_path / "none")
    netrc.write_text(f"machine {HOST} login L password P\n")
    environ = {"NETRC": str(netrc)}
    if not bundle:  # as in a Python whose OpenSSL was built for another system
        environ |= {"SSL_CERT_FILE": none, "SSL_CERT_DIR": none}
    async with (
        api_behind_tls(tmp_path, (REF_ID, KEY)) as api,
        Proxy(api.port, "anna:pw-7d1@/").running() as proxy,
    ):
        environ["HTTPS_PROXY"] = f"http://anna:pw-7d1%40%2F@127.0.0.1:{proxy.port}"
        to = ("--base-url", f"https://{HOST}:{api.port}", "--ca-file", str(api.ca_file))
        sent = [*SEND, "--quota", "1000/h", "--json"]
        for arguments in (sent, ["config"], ["config", "--json"]):
            status, output = await run(*arguments, *to, **environ)
            assert (status, "pw-7d1" in output) == (0, False)
        asked = {head.split("\r\n")[0] for head in proxy.asked}
        assert asked == {f"CONNECT {HOST}:{api.port} HTTP/1.1"}
        assert not any(KEY in head for head in proxy.asked)
    assert len(api.headers) == 3
    for headers in api.headers:
        assert headers["authorization"] == f"basic {REF_ID}:{KEY}"
        assert "Proxy-Authorization" not in headers
    check_log(LOG)
    assert b"pw-7d1" not in everything()


@pytest.mark.parametrize(
    ("status", "exit_status", "scheme"),
    [
        (400, 1, "plain"),
        (400, 1, "base64"),
        (401, 4, "plain"),
        (403, 4, "base64"),
        (500, 3, "plain"),
    ],
)
async def test_a_run_that_is_refused_writes_no_key_though_the_answer_echoes_it(
    status: int, exit_status: int, scheme: str
) -> None:
    options = ("--attempts", "1", "--auth-scheme", scheme, "--give-up-after", "1")
    async with echoing_api(status) as api:
        ended, output = await run(*SEND, *options, base_url=api.base_url)
        assert (ended, bool(api.seen)) == (exit_status, True)
    assert b"[API key]" in everything(output)
    check_log(LOG)


CRASH = """
from bulkstatus.api.client import OrderStatusApi
async def put(self, update):
    key = self._credentials.api_key
    raise RuntimeError(f"a fault of ours with {self._credentials!r}")
OrderStatusApi.put = put
"""


async def test_a_crash_writes_no_key(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(CRASH)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    async with echoing_api(400) as api:
        status, output = await run(*SEND, base_url=api.base_url, PYTHONPATH=path)
    assert (status, "a fault of ours" in output) == (3, True)
    assert "`bulkstatus resume` goes on" in output


@pytest.mark.parametrize(
    ("arguments", "exit_status"),
    [
        ("send dispatch.csv --dry-run", 0),
        ("send dispatch.csv", 2),
        ("send dispatch.csv --api-key x", 2),
        ("check dispatch.csv --json", 0),
    ],
)
async def test_what_sends_nothing_writes_no_key(arguments: str, exit_status: int) -> None:
    assert (await run(*arguments.split()))[0] == exit_status


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the system has no /proc")
async def test_the_key_is_not_in_the_process_list_while_the_program_runs() -> None:
    async with echoing_api(200) as api:
        api.leave.clear()
        under_way = asyncio.create_task(run(*SEND, base_url=api.base_url))
        try:
            await asyncio.wait_for(api.arrived.wait(), 30)
            paths = await asyncio.to_thread(lambda: list(Path("/proc").glob("[0-9]*/cmdline")))
            lines = [line for path in paths if b"bulkstatus" in (line := _read(path))]
            assert any(b"dispatch.csv" in line for line in lines)
            assert not any(form.encode() in line for line in lines for form in FORMS)
        finally:
            api.leave.set()
            assert (await under_way)[0] == 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended
        return b""


async def test_a_key_that_is_typed_is_not_shown() -> None:
    async with echoing_api(400) as api:
        environ = {"BULKSTATUS_REF_ID": REF_ID, "BULKSTATUS_BASE_URL": api.base_url}
        terminal = Terminal(Path.cwd(), ["send", "dispatch.csv"], environ)
        for question, keys in ((f"the account {REF_ID}:", f"{KEY}\n"), ("[y/N]", "y\n")):
            await asyncio.to_thread(terminal.wait_for, question)
            terminal.type(keys)
        await asyncio.to_thread(terminal.end)
        terminal.close()
        assert api.seen[0] == f"basic {REF_ID}:{KEY}"
    assert_no_key(terminal.output)
