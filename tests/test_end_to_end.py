"""The main job as a user runs it: the program as a process, against a sandbox that counts."""

import json
import shutil
from pathlib import Path

import pytest

from bulkstatus.sandbox import Sandbox
from tests.program import results, run
from tests.schema import check_log

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("dispatch.csv", "dispatch.jsonl", "cancellations.txt", "mistakes.csv"):
        shutil.copy(SAMPLES / name, tmp_path)
    return tmp_path


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "results" in path.name)


async def test_the_sample_is_dispatched_to_the_sandbox(folder: Path) -> None:
    ended = await run("send", str(folder / "dispatch.csv"), "--sandbox", "--rate", "none")
    assert ended.status == 0, ended.err
    log = folder / "dispatch.sandbox.results.jsonl"
    lines = sorted(record["line"] for record in results(log))
    assert lines == list(range(2, len((folder / "dispatch.csv").read_text().splitlines()) + 1))
    assert {record["outcome"] for record in results(log)} == {"updated"}
    check_log(log)


async def test_csv_and_jsonl_of_the_same_day_give_the_same_puts(folder: Path) -> None:
    received = []
    for name in ("dispatch.csv", "dispatch.jsonl"):
        async with Sandbox() as sandbox:
            log = str(folder / f"{name}.log")
            ended = await run(
                *(
                    "send",
                    str(folder / name),
                    "--yes",
                    "--rate",
                    "none",
                    "--log",
                    log,
                    "--send-again",
                ),
                base_url=sandbox.base_url,
            )
            assert ended.status == 0, ended.err
            received.append(sandbox.received)
    assert dict(received[0]) == dict(received[1])


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


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
async def test_failures_are_mended_in_a_csv_and_fed_back(tmp_path: Path, suffix: str) -> None:
    path, log, mend = (
        tmp_path / name for name in (f"dispatch.{suffix}", "dispatch.results.jsonl", "mend.csv")
    )
    if suffix == "csv":
        path.write_text("Order No,Status,Tracking\n1,8,T1\n2,8,T2\n3,8,T3\n")
    else:
        rows = [{"order_id": str(n), "status": 8, "tracking": f"T{n}"} for n in (1, 2, 3)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    async with Sandbox(orders=["1", "2", "4"]) as sandbox:
        ended = await run("send", str(path), "--yes", base_url=sandbox.base_url)
        assert ended.status == 1, ended.err
        assert "Order not found" in ended.out
        ended = await run("report", str(log), "--failures", str(mend))
        assert ended.status == 0, ended.err
        header, row = mend.read_text("utf-8-sig").splitlines()
        assert row.startswith("3,")
        mend.write_text(f"{header}\n4{row[1:]}\n", "utf-8-sig")
        resume = ("resume", str(log), str(mend), "--yes")
        ended = await run(*resume, base_url=sandbox.base_url)
        assert ended.status == 2
        assert "--changed-input" in ended.err
        ended = await run(*resume, "--changed-input", base_url=sandbox.base_url)
        assert ended.status == 0, ended.err
        assert [put.tracking for put in sandbox.received["4"]] == ["T3"]
        assert all(len(puts) == 1 for puts in sandbox.received.values())
    assert [record["outcome"] for record in results(log)][-2:] == ["withdrawn", "updated"]
    check_log(log)


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


async def test_a_header_and_no_rows_is_nothing_to_send(tmp_path: Path) -> None:
    path = tmp_path / "dispatch.csv"
    path.write_text("order_id,status,tracking\n")
    ended = await run("send", str(path), "--sandbox")
    assert ended.status == 0, ended.err
    assert left_behind(tmp_path) == []
