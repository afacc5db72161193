"""The main job as a user runs it: the program as a process, against a sandbox that counts."""

import json
import shutil
from pathlib import Path

import pytest

from bulkstatus.sandbox import Sandbox
from tests.program import run
from tests.schema import check_log

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("dispatch.csv", "dispatch.jsonl", "cancellations.txt", "mistakes.csv"):
        shutil.copy(SAMPLES / name, tmp_path)
    return tmp_path


async def test_a_wrong_key_costs_one_request_and_is_resumed_with_the_right_one(
    folder: Path,
) -> None:
    log = folder / "dispatch.results.jsonl"
    async with Sandbox(credentials=("ref-4711", "another key")) as sandbox:
        ended = await run("send", str(folder / "dispatch.csv"), "--yes", base_url=sandbox.base_url)
        assert (ended.status, sandbox.counts.total()) == (4, 1)
    for word in ("BULKSTATUS_API_KEY", "--auth-scheme", f"bulkstatus resume {log}"):
        assert word in ended.err + ended.out
    async with Sandbox() as sandbox:
        ended = await run(
            *("resume", str(log), "--yes", "--rate", "none", "--base-url", sandbox.base_url)
        )
        assert ended.status == 0, ended.err


async def test_a_second_file_that_is_refused_is_told_after_the_rest_that_was_sent(
    tmp_path: Path,
) -> None:
    path = tmp_path / "day.csv"
    command = ("send", str(path), "--resume", "--yes", "--json")
    async with Sandbox() as sandbox:
        path.write_text("order_id,status,tracking\n1,8,\n2,8,\n")
        await run(*command, "--limit", "1", base_url=sandbox.base_url)
        path.write_text("order_id,status,tracking\n3,9,\n")
        ended = await run(*command, base_url=sandbox.base_url)
        told = json.loads(ended.out)
        assert (ended.status, told["reason"], told["exit_status"]) == (4, "stopped", 4)
        assert [problem["line"] for problem in told["problems"]] == [2]
        assert list(sandbox.received) == ["1", "2"]


async def test_json_is_one_object_on_stdout_whatever_happens(folder: Path) -> None:
    sandboxed = ("--sandbox", "--rate", "none", "--json")
    for arguments, status in (
        (("send", str(folder / "dispatch.csv"), *sandboxed), 0),
        (("send", str(folder / "mistakes.csv"), *sandboxed), 2),
        (("send", str(folder / "mistakes.csv"), *sandboxed, "--skip-invalid"), 1),
        (("send", str(folder / "missing.csv"), *sandboxed), 2),
        (("send", str(folder / "dispatch.csv"), "--rate", "x", "--json"), 2),
        (("check", str(folder / "mistakes.csv"), "--json"), 2),
        (("send", "--json"), 2),
    ):
        ended = await run(*arguments)
        assert ended.status == status, ended.err
        assert json.loads(ended.out)["exit_status"] == status
    check_log(folder / "dispatch.sandbox.results.jsonl")


async def test_a_header_and_no_rows_is_nothing_to_send(tmp_path: Path) -> None:
    path = tmp_path / "dispatch.csv"
    path.write_text("order_id,status,tracking\n")
    ended = await run("send", str(path), "--sandbox")
    assert ended.status == 0, ended.err
    assert list(tmp_path.iterdir()) == [path]
