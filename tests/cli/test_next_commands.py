"""The commands that are printed to be typed next do what they say, as they are printed."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkstatus.sandbox import Sandbox
from tests.cli.conftest import Program


def commands(text: str) -> list[list[str]]:
    """Return the words of the commands that stand in a text, without the program."""
    lines = (line.strip() for line in text.splitlines())
    return [shlex.split(line)[1:] for line in lines if line.startswith("bulkstatus resume")]


@pytest.mark.skipif(os.name == "nt", reason="commands are quoted otherwise there")
def test_what_was_typed_and_no_log_keeps_is_typed_again(
    tmp_path: Path,
    program: Program,
    api: Callable[..., Sandbox],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = api()
    monkeypatch.delenv("BULKSTATUS_BASE_URL")
    (tmp_path / "day.csv").write_text("order id,status,tracking\n1,32,\n2,32,\n3,32,\n")
    send = ["send", "day.csv", "--base-url", sandbox.base_url, "--auth-scheme", "base64", "--yes"]
    first = program(*send, "--limit", "1")
    go_on, withdraw = commands(first.out)
    assert go_on[-4:] == send[2:6]
    refused = program(*send)
    assert refused.status == 2
    assert commands(refused.err)[0] == go_on
    # What withdraws sends nothing, so that it needs no such thing.
    assert "--withdraw" in withdraw
    assert program(*withdraw, "--dry-run").status == 0
    assert program(*go_on, "--yes", "--limit", "1").status == 3
    record = program(*go_on, "--yes", "--limit", "0", "--json")
    assert record.status == 2
    assert program(*go_on, "--yes").status == 0
    assert len(sandbox.received) == 3
