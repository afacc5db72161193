import asyncio
import io
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from desk_world import Clock, Done, Program, Propose, Screen

from bulkstatus.cli import main
from bulkstatus.config import resolve
from bulkstatus.preflight import check_source, limit_plan
from bulkstatus.resultlog import LogState, read_log
from bulkstatus.sandbox import Sandbox
from bulkstatus.sending import Proposal
from bulkstatus.source import open_source


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def propose(tmp_path: Path) -> Propose:
    """Return a function that makes the proposal for a file of the given text."""

    async def make(
        text: str,
        *,
        name: str = "today.csv",
        limit: int | None = None,
        log: Path | None = None,
        changed: bool = False,
        seconds: float = 34.0,
        **values: Any,
    ) -> Proposal:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        settings = resolve(("option", values))
        async with await open_source(str(path), settings.input) as source:
            contents = None if log is None else read_log(log)
            state = contents.state if contents else LogState()
            plan = await check_source(source, state, last_wins=settings.last_wins)
            shown = plan if limit is None else await limit_plan(source, plan, state, limit)
        return Proposal(
            source=source,
            plan=shown,
            all_due=plan.due,
            settings=settings,
            base_url="https://api.example.com",
            ref_id="acme",
            log_path=log or tmp_path / "today.results.jsonl",
            seconds=seconds,
            log=contents,
            changed=changed,
        )

    return make


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return a function that runs the program in `tmp_path`, its streams being pipes."""

    def run(*arguments: object, stdin: str = "", **environment: str) -> Done:
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["bulkstatus", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            with pytest.raises(SystemExit) as end:
                main()
        texts = [stream.buffer.getvalue().decode() for stream in streams]
        return Done(int(end.value.code or 0), *texts)

    return run


@pytest.fixture
def api() -> Iterator[Callable[..., str]]:
    """Return a function that starts a sandbox in a thread of its own and returns its base URL."""
    with ExitStack() as running:

        def start(**options: Any) -> str:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever)
            thread.start()
            sandbox = Sandbox(**options)

            def in_loop(work: Coroutine[Any, Any, Any]) -> Any:
                return asyncio.run_coroutine_threadsafe(work, loop).result(30)

            def stop() -> None:
                in_loop(sandbox.stop())
                loop.call_soon_threadsafe(loop.stop)
                thread.join()
                loop.close()

            base_url = in_loop(sandbox.start(port=0))
            running.callback(stop)
            return str(base_url)

        yield start
