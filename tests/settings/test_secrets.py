"""The API key is written nowhere: not by a run that succeeds, is refused or crashes."""

import asyncio
import base64
import os
import select
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.schema import check_log
from tests.settings.network import Proxy, api_behind_tls

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


class Program:
    """Runs the program in a folder of its own and keeps every byte that it wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = b""
        self.environ = {
            **os.environ,
            "BULKSTATUS_REF_ID": REF_ID,
            "BULKSTATUS_API_KEY": KEY,
            "PYTHONUNBUFFERED": "1",
        }

    async def run(self, *arguments: str, program: tuple[str, ...] = ("-m", "bulkstatus")) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, *arguments),
            cwd=self.folder,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        self.written += output
        return process.returncode or 0

    def everything(self) -> bytes:
        """Return all output, and all files in the program's folders."""
        state, config = (self.environ[f"BULKSTATUS_{name}_DIR"] for name in ("STATE", "CONFIG"))
        folders = (self.folder, Path(state), Path(config))
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return self.written + b"".join(path.read_bytes() for path in files)

    def assert_no_key(self) -> None:
        everything = self.everything()
        assert everything
        for form in FORMS:
            assert form.encode() not in everything


@pytest.fixture
def program(tmp_path: Path) -> Program:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "dispatch.csv").write_text("order_id,status\n1001,8\n1002,8\n1003,8\n")
    return Program(folder)


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


async def test_a_run_that_succeeds_through_a_proxy_writes_no_key(
    tmp_path: Path, program: Program
) -> None:
    async with api_behind_tls(tmp_path) as api, Proxy(api.port, "anna:pw-7d1").running() as proxy:
        api.sandbox._credentials = (REF_ID, KEY)
        program.environ["HTTPS_PROXY"] = f"http://anna:pw-7d1@127.0.0.1:{proxy.port}"
        to = ("--base-url", api.base_url, "--ca-file", str(api.ca_file))
        options = ("--yes", "--rate", "none", "--quota", "1000/h", "--json", *to)
        assert await program.run("send", "dispatch.csv", *options) == 0
        assert api.headers[0]["authorization"] == f"basic {REF_ID}:{KEY}"
        assert await program.run("config", *to) == 0
        assert await program.run("config", *to, "--json") == 0
    check_log(program.folder / "dispatch.results.jsonl")
    program.assert_no_key()
    assert b"pw-7d1" not in program.everything()


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
    program: Program, status: int, exit_status: int, scheme: str
) -> None:
    async with echoing_api(status) as api:
        options = ("--yes", "--rate", "none", "--attempts", "1", "--auth-scheme", scheme)
        to = ("--give-up-after", "1", "--base-url", api.base_url)
        assert await program.run("send", "dispatch.csv", *options, *to) == exit_status
        assert api.seen
    assert b"[API key]" in program.everything()
    check_log(program.folder / "dispatch.results.jsonl")
    program.assert_no_key()


CRASH = """
from bulkstatus.api.client import OrderStatusApi
async def put(self, update):
    key = self._credentials.api_key
    raise RuntimeError(f"a fault of ours with {self._credentials!r}")
OrderStatusApi.put = put
from bulkstatus.cli import main
main()
"""


async def test_a_crash_writes_no_key(program: Program) -> None:
    async with echoing_api(400) as api:
        options = ("send", "dispatch.csv", "--yes", "--base-url", api.base_url)
        assert await program.run(*options, program=("-X", "dev", "-c", CRASH)) == 3
    assert b"a fault of ours" in program.written
    assert b"`bulkstatus resume` goes on" in program.written
    program.assert_no_key()


@pytest.mark.parametrize(
    ("arguments", "exit_status"),
    [
        (["send", "dispatch.csv", "--dry-run"], 0),
        (["send", "dispatch.csv"], 2),
        (["send", "dispatch.csv", "--api-key", "x"], 2),
        (["check", "dispatch.csv", "--json"], 0),
    ],
)
async def test_what_sends_nothing_writes_no_key(
    program: Program, arguments: list[str], exit_status: int
) -> None:
    assert await program.run(*arguments) == exit_status
    program.assert_no_key()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the system has no /proc")
async def test_the_key_is_not_in_the_process_list_while_the_program_runs(program: Program) -> None:
    async with echoing_api(200) as api:
        api.leave.clear()
        run = asyncio.create_task(
            program.run("send", "dispatch.csv", "--yes", "--base-url", api.base_url)
        )
        try:
            await asyncio.wait_for(api.arrived.wait(), 30)
            paths = await asyncio.to_thread(lambda: list(Path("/proc").glob("[0-9]*/cmdline")))
            lines = [line for path in paths if b"bulkstatus" in (line := _read(path))]
            assert any(b"dispatch.csv" in line for line in lines)
            assert not any(form.encode() in line for line in lines for form in FORMS)
        finally:
            api.leave.set()
            assert await run == 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended
        return b""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal to type at")
async def test_a_key_that_is_typed_is_not_shown(program: Program) -> None:
    import pty

    del program.environ["BULKSTATUS_API_KEY"]
    ours, theirs = pty.openpty()
    async with echoing_api(400) as api:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bulkstatus", "send", "dispatch.csv", "--base-url", api.base_url,
            cwd=program.folder, env=program.environ, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        await asyncio.to_thread(_converse, ours, program)
        await process.wait()
        assert api.seen[0] == f"basic {REF_ID}:{KEY}"
    os.close(ours)
    program.assert_no_key()


def _converse(terminal: int, program: Program) -> None:
    """Type the key and a yes when asked, and keep all that is shown."""
    answers = [(f"API key of the account {REF_ID}:".encode(), KEY), (b"[y/N]", "y")]
    shown = b""
    while select.select([terminal], [], [], 30)[0]:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # what Linux says at the end of a terminal
            break
        if not data:
            break
        program.written += data
        shown += data
        if answers and answers[0][0] in shown:
            os.write(terminal, f"{answers.pop(0)[1]}\n".encode())
            shown = b""
    assert not answers, shown
