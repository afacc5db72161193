import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from bulkstatus.cli import main
from bulkstatus.cli.as_json import schema
from bulkstatus.sandbox import Sandbox
from tests.threads import own_loop


class Done(NamedTuple):
    """A run of the program that has ended."""

    status: int
    out: str
    err: str


Program = Callable[..., Done]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("BULKSTATUS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("BULKSTATUS_REF_ID", "acme")
    monkeypatch.setenv("BULKSTATUS_API_KEY", "secret-key")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return a function that runs the program in `tmp_path`, its streams being pipes."""

    def run(*arguments: object, stdin: str = "") -> Done:
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["bulkstatus", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            with pytest.raises(SystemExit) as end:
                main()
        texts = [stream.buffer.getvalue().decode() for stream in streams]  # type: ignore[attr-defined]
        kinds = {"send": "send", "resume": "send", "check": "check", "report": "report"}
        if "--json" in arguments and arguments[0] in kinds:
            kind = kinds[str(arguments[0])]
            Draft202012Validator(schema(kind)).validate(json.loads(texts[0]))
        return Done(int(end.value.code or 0), *texts)

    return run


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that starts a sandbox in a thread of its own; its base URL is the
    environment's from then on.
    """
    with own_loop() as in_loop, ExitStack() as running:

        def start(**options: Any) -> Sandbox:
            sandbox = Sandbox(**options)
            monkeypatch.setenv("BULKSTATUS_BASE_URL", in_loop(sandbox.start(port=0)))
            running.callback(lambda: in_loop(sandbox.stop()))
            return sandbox

        yield start
