"""Real signals to a real process."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from bulkstatus.cli import execute
from bulkstatus.job import Ended, Terms
from bulkstatus.job.run import Ending
from bulkstatus.sandbox import Faults, Sandbox
from tests.program import end_of, results, run, start

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="a signal to another process is POSIX's"
)


def dispatch_file(folder: Path, rows: int = 300) -> Path:
    path = folder / "dispatch.csv"
    path.write_text("order_id,status,tracking\n" + "".join(f"{100 + n},8,\n" for n in range(rows)))
    return path


async def until_sending(sandbox: Sandbox, count: int) -> None:
    while sandbox.counts.total() < count:
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_stops_in_good_order_and_a_resume_sets_every_order_exactly_once(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    path = dispatch_file(tmp_path)
    log = tmp_path / "dispatch.results.jsonl"
    async with Sandbox(faults=Faults(latency=0.05)) as sandbox:
        process = await start(
            "send", str(path), "--yes", "--rate", "200/s", base_url=sandbox.base_url
        )
        await until_sending(sandbox, 100)
        process.send_signal(number)
        ended = await end_of(process)
        assert ended.status == status, ended.err
        assert f"bulkstatus resume {log}" in ended.out + ended.err
        assert 100 <= sandbox.counts.total() < 300
        assert len(results(log)) == sandbox.counts.total()
        ended = await run("resume", str(log), "--yes", "--rate", "none", base_url=sandbox.base_url)
        assert ended.status == 0, ended.err
        assert sandbox.counts.total() == 300
        assert all(len(puts) == 1 for puts in sandbox.received.values())


async def test_a_second_signal_drops_what_is_on_the_wire_and_says_that_it_is_uncertain(
    tmp_path: Path,
) -> None:
    path = dispatch_file(tmp_path)
    async with Sandbox(faults=Faults(latency=20.0)) as sandbox:
        process = await start(
            "send", str(path), "--yes", "--rate", "none", base_url=sandbox.base_url
        )
        await until_sending(sandbox, 1)
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.2)
        assert process.returncode is None
        process.send_signal(signal.SIGINT)
        ended = await end_of(process)
    assert ended.status == 130, ended.err
    (record,) = results(tmp_path / "dispatch.results.jsonl")
    assert (record["outcome"], record["uncertain"]) == ("failed", True)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT"])
async def test_a_run_that_was_started_to_outlive_its_terminal_does(
    tmp_path: Path, name: str
) -> None:
    number = signal.Signals[name]
    path = dispatch_file(tmp_path, rows=60)
    async with Sandbox(faults=Faults(latency=0.05)) as sandbox:
        # What is ignored here is so in the program as well, which is all that `nohup` does with
        # SIGHUP, and a script's shell with SIGINT in the background.
        before = signal.signal(number, signal.SIG_IGN)
        try:
            process = await start(
                "send", str(path), "--yes", "--rate", "100/s", base_url=sandbox.base_url
            )
        finally:
            signal.signal(number, before)
        await until_sending(sandbox, 10)
        process.send_signal(number)
        ended = await end_of(process)
    assert ended.status == 0, ended.err
    assert sandbox.counts.total() == 60


def test_a_signal_after_the_end_of_a_run_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(terms: Terms) -> Ended:
        return Ended(Ending("finished", 1), {}, 3, 0, None, ran=True)

    told: list[object] = []

    def show(*what: object) -> None:
        signal.raise_signal(signal.SIGINT)
        told.extend(what)

    monkeypatch.setattr(execute, "_show", show)
    names = ("dry_run", "quiet", "yes", "as_json", "limit", "max_failures", "cancellations")
    try:
        assert execute.execute(work, dict.fromkeys(names)) == 1
    except KeyboardInterrupt:
        pytest.fail("the signal was taken")
    assert told
