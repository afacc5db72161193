"""Cases that were found from outside, each kept from coming back."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from bulkstatus.answer import Meaning
from bulkstatus.pace import Pacer, Rate
from bulkstatus.run import RunOptions
from bulkstatus.sandbox import Sandbox
from tests.program import REF_ID, Ended, end_of, environment, final_states, results, run, start
from tests.run.simulated import simulate
from tests.run.world import UPDATED, Request, World, orders, refused, unanswered

HEADER = "order_id,status,tracking\n"


def test_answers_during_the_wait_for_a_turn_do_not_hide_an_outage(tmp_path: Path) -> None:
    async def work(world: World) -> object:
        world.pacer = Pacer(Rate(10, 1.0))
        return await world.send()

    world = World(
        tmp_path,
        orders(60),
        lambda r: unanswered() if 2.0 <= r.at < 7.0 else UPDATED,
        options=RunOptions(attempts=1),
        latency=0.001,
    )
    simulate(work(world))
    assert set(world.outcomes().values()) == {"updated"}


def test_an_end_does_not_wait_for_turns_that_are_far_away(tmp_path: Path) -> None:
    async def work(world: World) -> float:
        world.pacer = Pacer(Rate(1, 60.0))
        await world.send()
        return asyncio.get_running_loop().time()

    fatal = refused(Meaning.FATAL)
    world = World(tmp_path, orders(50), lambda r: UPDATED if r.number < 6 else fatal)
    assert simulate(work(world)) < 6 * 61
    assert set(world.outcomes().values()) == {"updated"}


def test_a_row_that_alone_hangs_does_not_hold_the_run_for_ever(tmp_path: Path) -> None:
    async def hang(request: Request) -> object:
        await asyncio.sleep(1.0)
        return unanswered()

    world = World(
        tmp_path,
        orders(120),
        lambda r: hang(r) if r.update.order_id == "120" else UPDATED,  # type: ignore[arg-type, return-value]
        latency=0.001,
        options=RunOptions(attempts=3),
    )
    assert simulate(world.send()).exit_status == 1
    assert world.outcomes()["120"] == "failed"


def test_refusals_in_between_break_a_row_of_forbidden_orders(tmp_path: Path) -> None:
    forbidden, refusal = refused(Meaning.FORBIDDEN, 403), refused(Meaning.REFUSED)
    world = World(
        tmp_path,
        orders(6),
        lambda r: forbidden if r.number % 2 else refusal,
        options=RunOptions(concurrency=1),
    )
    assert simulate(world.send()).exit_status == 1
    assert list(world.outcomes().values()) == ["rejected"] * 6


def test_refusals_of_the_api_in_the_log_vouch_for_its_url(tmp_path: Path) -> None:
    world = World(tmp_path, orders(2), lambda r: refused(Meaning.REFUSED))
    simulate(world.send())
    world.rule = lambda r: refused(Meaning.UNKNOWN_PAGE, 404)
    assert simulate(world.send()).exit_status == 1


async def sent(folder: Path, sandbox: Sandbox, text: str, *options: str) -> Path:
    path = folder / "dispatch.csv"
    path.write_text(HEADER + text)
    await run(*("send", str(path), "--yes", "--rate", "none", *options), base_url=sandbox.base_url)
    return folder / "dispatch.results.jsonl"


async def test_nothing_is_withdrawn_without_a_yes(tmp_path: Path) -> None:
    async with Sandbox(orders=["1"]) as sandbox:
        log = await sent(tmp_path, sandbox, "1,8,\n2,8,\n")
        before = log.read_bytes()
        (tmp_path / "dispatch.csv").write_text(HEADER)
        for options in ([], ["--yes"]):
            ended = await run("resume", str(log), *options, base_url=sandbox.base_url)
            assert ended.status == 2, ended.err
        assert log.read_bytes() == before


async def test_rows_that_are_superseded_or_repeated_are_logged_although_none_is_due(
    tmp_path: Path,
) -> None:
    async with Sandbox() as sandbox:
        log = await sent(tmp_path, sandbox, "1,512,\n1,8,\n")
        (tmp_path / "dispatch.csv").write_text(HEADER + "1,512,\n1,515,\n1,8,\n1,8,\n")
        ended = await run(
            *("resume", str(log), "--yes", "--changed-input"), base_url=sandbox.base_url
        )
        assert ended.status == 0, ended.err
        assert sandbox.counts.total() == 2
    outcomes = [record["outcome"] for record in results(log)]
    assert outcomes == ["updated", "updated", "superseded", "duplicate"]


@pytest.mark.parametrize("options", [["--yes", "--cancellations", "7"], [], ["--dry-run"]])
async def test_a_limit_that_comes_to_nothing_leaves_no_traceback(
    tmp_path: Path, options: list[str]
) -> None:
    path = tmp_path / "cancel.txt"
    path.write_text("".join(f"{1000 + number}\n" for number in range(60)))
    ended = await run("send", str(path), "--status", "cancelled", "--limit", "5", *options)
    assert ended.status in {0, 2}
    assert "Traceback" not in ended.err
    assert "Error" not in ended.err


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps others from cutting an open file")
@pytest.mark.parametrize("damage", ["cut", "added"])
async def test_a_log_that_another_program_changes_stops_the_run(
    tmp_path: Path, damage: str
) -> None:
    def rule(request: Request) -> object:
        if request.number == 30:
            with world.log_path.open("r+b" if damage == "cut" else "ab") as file:
                file.truncate(0) if damage == "cut" else file.write(b"mine\n")
        return UPDATED

    world = World(tmp_path, orders(2000), rule)  # type: ignore[arg-type]
    ending = await asyncio.to_thread(lambda: simulate(world.send()))
    assert ending.exit_status == 3
    assert "Another program" in ending.message


@pytest.mark.parametrize(
    "record",
    [
        {"order_id": 1, "status": 8, "tracking": None},
        {"order_id": "1", "status": 9999, "tracking": None},
    ],
)
async def test_a_record_of_the_wrong_type_is_a_damaged_line(
    tmp_path: Path, record: dict[str, object]
) -> None:
    async with Sandbox() as sandbox:
        log = await sent(tmp_path, sandbox, "1,8,\n")
        line = {"type": "result", "line": 2, **record, "outcome": "updated", "http_status": 200}
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        ended = await run("resume", str(log), "--yes", base_url=sandbox.base_url)
        assert ended.status == 2
        assert "line 4" in ended.err


async def test_a_torn_last_line_is_said(tmp_path: Path) -> None:
    async with Sandbox(orders=["1"]) as sandbox:
        log = await sent(tmp_path, sandbox, "1,8,\n2,8,\n")
        with log.open("a") as file:
            file.write('{"type":"resu')
        ended = await run("resume", str(log), "--yes", base_url=sandbox.base_url)
        assert "torn" in ended.err


@pytest.mark.skipif(sys.platform != "linux", reason="such names are Linux's")
async def test_a_file_name_that_is_no_text_is_sent_all_the_same(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xfc.csv"
    Path(os.fsdecode(path)).write_text(HEADER + "1,8,\n")
    async with Sandbox() as sandbox:
        ended = await run("send", os.fsdecode(path), "--yes", base_url=sandbox.base_url)
        assert ended.status == 0, ended.err
        assert "Traceback" not in ended.err


async def test_rows_left_behind_by_another_file_are_pointed_out(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        rows = "".join(f"{number},8,\n" for number in range(20))
        log = await sent(tmp_path, sandbox, rows, "--limit", "5")
        other = tmp_path / "mend.csv"
        other.write_text(HEADER + "77,8,\n")
        ended = await run(
            *("resume", str(log), str(other), "--yes", "--changed-input"),
            base_url=sandbox.base_url,
        )
    assert "14 rows of the last run's file were never sent" in " ".join(ended.err.split())


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to another process is POSIX's")
async def test_ctrl_c_after_the_end_does_not_say_that_nothing_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "dispatch.csv"
    path.write_text(HEADER + "1,8,\n")
    async with Sandbox() as sandbox:
        process = await start("send", str(path), "--yes", base_url=sandbox.base_url)
        while not sandbox.counts.total():
            await asyncio.sleep(0.001)
        for _ in range(40):
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.01)
        ended = await end_of(process)
    assert "nothing was sent" not in ended.err + ended.out
    # A signal in the very last instant, when Python is on its way out, ends it as one does.
    assert ended.status in {0, 130, -signal.SIGINT}


@pytest.mark.skipif(os.name != "posix", reason="closing a standard stream is the shell's")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
async def test_a_closed_standard_stream_does_no_harm(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "dispatch.csv"
    path.write_text(HEADER + "1,8,\n")
    async with Sandbox() as sandbox:
        process = await asyncio.create_subprocess_shell(
            f'"{sys.executable}" -m bulkstatus send "{path}" --yes --quiet {closed}',
            env=environment(sandbox.base_url),
        )
        assert await process.wait() == 0
        assert sandbox.counts.total() == 1
    assert REF_ID in (tmp_path / "dispatch.results.jsonl").read_text()


def test_a_refusal_is_uncertain_when_an_earlier_run_had_an_attempt_unanswered(
    tmp_path: Path,
) -> None:
    def rule(request: Request) -> object:
        if request.update.order_id != "103":
            return UPDATED
        assert world.run is not None
        world.run.interrupt(130)
        return unanswered()

    world = World(tmp_path, orders(4), rule)  # type: ignore[arg-type]
    assert simulate(world.send()).exit_status == 130
    assert "103" not in world.outcomes()
    world.rule = lambda r: refused(Meaning.REFUSED)
    for _ in range(2):  # as told by the end of the first run, then by the record of the second
        assert simulate(world.send()).exit_status == 1
        assert world.records()[-1]["uncertain"] is True


async def test_every_file_that_a_run_of_the_log_had_is_known_to_it(tmp_path: Path) -> None:
    async with Sandbox(orders=["1", "22"]) as sandbox:
        log = await sent(tmp_path, sandbox, "1,8,\n2,8,\n")
        mended = tmp_path / "mend.csv"
        mended.write_text(HEADER + "22,8,\n")

        async def resume(path: Path, *options: str) -> Ended:
            return await run(
                *("resume", str(log), str(path), "--yes", *options), base_url=sandbox.base_url
            )

        refused = await resume(mended)
        assert refused.status == 2
        assert "add --changed-input" in refused.err
        done = await resume(mended, "--changed-input")
        assert done.status == 0, done.err
        said = " ".join(done.err.split())
        assert "mend.csv is another file than the last run's (dispatch.csv)." in said
        assert "The 1 row updated so far stays so and is not sent again." in said
        assert "1 row that failed before is not in this file as it was (mended or taken" in said
        assert final_states(log)["2", 8, None]["outcome"] == "withdrawn"
        assert final_states(log)["1", 8, None]["outcome"] == "updated"
        # The first run's file has a row that was mended since.
        again = await resume(tmp_path / "dispatch.csv")
        assert again.status == 2
        assert "1 row of it that failed was mended or taken out" in again.err.splitlines()[-1]
        assert again.err.endswith("add --changed-input.\n")
        again = await resume(tmp_path / "dispatch.csv", "--changed-input")
        assert again.status == 1
        assert "the file of an earlier run of this log" in " ".join(again.err.split())
