"""`send`, `resume`, `check` and `report` as functions."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import bulkstatus
from bulkstatus import Outcome
from bulkstatus.sandbox import Faults, Sandbox
from bulkstatus.settings.sources import config_path
from tests.schema import check_log

ACCOUNT = {"ref_id": "R1", "api_key": "K1"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dispatch.csv").write_text("order_id,status\n1001,8\n1002,8\n1003,Cancelled\n")
    yield tmp_path
    for log in tmp_path.glob("*.jsonl"):
        check_log(log)


def logs(folder: Path) -> list[Path]:
    return list(folder.glob("*.jsonl"))


@pytest.mark.usefixtures("folder")
async def test_what_was_sent_is_resumed_with_the_logs_settings() -> None:
    async with Sandbox(credentials=("R1", "K1")) as sandbox:
        first = await bulkstatus.send(
            "dispatch.csv", base_url=sandbox.base_url, limit=2, timeout=7, **ACCOUNT
        )
        assert (first.ending.exit_status, first.to_send) == (3, 1)
        assert first.log_path == Path("dispatch.results.jsonl")
        second = await bulkstatus.resume(
            first.log_path, base_url=sandbox.base_url, cancellations=1, **ACCOUNT
        )
        assert (second.ending.exit_status, second.to_send) == (0, 0)
        assert second.counts == {Outcome.UPDATED: 3}
        assert {order: len(puts) for order, puts in sandbox.received.items()} == {
            "1001": 1, "1002": 1, "1003": 1,
        }  # fmt: skip
    runs = [record for record in check_log(first.log_path) if record["type"] == "run"]
    assert [run["settings"]["timeout"] for run in runs] == [7, 7]  # type: ignore[index] - JSON


@pytest.mark.parametrize("cancellations", [None, 0, 2])
async def test_cancellations_are_sent_only_when_their_number_is_confirmed(
    folder: Path, cancellations: int | None
) -> None:
    async with Sandbox() as sandbox:
        with pytest.raises(bulkstatus.SettingsRefused, match="cancellations=1"):
            await bulkstatus.send(
                "dispatch.csv", base_url=sandbox.base_url, cancellations=cancellations, **ACCOUNT
            )
        assert sandbox.counts.total() == 0
    assert logs(folder) == []


async def test_a_mended_file_is_merged_only_when_that_is_meant(folder: Path) -> None:
    async with Sandbox() as sandbox:
        await bulkstatus.send("dispatch.csv", base_url=sandbox.base_url, limit=1, **ACCOUNT)
        (folder / "dispatch.csv").write_text("order_id,status\n1001,8\n1004,8\n")
        log, file = "dispatch.results.jsonl", "dispatch.csv"
        with pytest.raises(bulkstatus.SettingsRefused, match="changed_input=True"):
            await bulkstatus.resume(log, file, base_url=sandbox.base_url, **ACCOUNT)
        ended = await bulkstatus.resume(
            log, file, base_url=sandbox.base_url, changed_input=True, **ACCOUNT
        )
    assert ended.counts[Outcome.UPDATED] == 2


async def test_a_dry_run_needs_no_credentials_and_sends_nothing(folder: Path) -> None:
    ended = await bulkstatus.send("dispatch.csv", dry_run=True)
    assert (ended.ending.exit_status, ended.to_send, ended.log_path) == (0, 3, None)
    assert logs(folder) == []


@pytest.mark.usefixtures("folder")
async def test_without_credentials_nothing_is_sent() -> None:
    with pytest.raises(bulkstatus.SettingsRefused, match="credentials are incomplete"):
        await bulkstatus.send("dispatch.csv", cancellations=1)


@pytest.mark.usefixtures("folder")
async def test_what_is_not_given_comes_from_the_profile_also_when_the_log_is_resumed() -> None:
    key = config_path().parent / "key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text("K9")
    key.chmod(0o600)
    async with Sandbox(credentials=("R9", "K9")) as sandbox:
        config_path().write_text(
            f'[profile.shop]\nbase_url = "{sandbox.base_url}"\n'
            'ref_id = "R9"\napi_key_file = "key"\n'
            '[profile.default]\nref_id = "R1"\nbase_url = "https://never.example"\n'
        )
        first = await bulkstatus.send("dispatch.csv", profile="shop", limit=1)
        assert first.counts == {Outcome.UPDATED: 1}
        # The log does not say whose key is used, nor where.
        with pytest.raises(bulkstatus.Refused):
            await bulkstatus.resume("dispatch.results.jsonl", cancellations=1)
        second = await bulkstatus.resume("dispatch.results.jsonl", profile="shop", cancellations=1)
        assert second.ending.exit_status == 0
        assert sandbox.counts.total() == 3
        with pytest.raises(bulkstatus.LogRefused, match="account R9"):
            await bulkstatus.resume(
                "dispatch.results.jsonl", profile="shop", ref_id="R1", api_key="K1"
            )


async def test_an_unknown_argument_is_a_type_error_with_the_nearest() -> None:
    with pytest.raises(TypeError, match=r'"rat"\. Did you mean rate'):
        await bulkstatus.send("dispatch.csv", rat="1/s")  # type: ignore[call-arg] - the point


@pytest.mark.usefixtures("folder")
async def test_a_library_call_leaves_the_signals_of_the_program_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    class Look(bulkstatus.Observer):
        def wrote(self, results: object) -> None:
            seen.append(signal.getsignal(signal.SIGINT))

    await bulkstatus.send("dispatch.csv", sandbox=True, observer=lambda proposal: Look())
    assert seen
    assert set(seen) == {before}


async def test_a_call_that_is_cancelled_leaves_a_log_that_is_resumed(folder: Path) -> None:
    (folder / "many.csv").write_text(
        "order_id,status\n" + "".join(f"{number},8\n" for number in range(1000, 1200))
    )
    async with Sandbox(faults=Faults(latency=0.02)) as sandbox:
        run = asyncio.create_task(
            bulkstatus.send("many.csv", base_url=sandbox.base_url, rate="none", **ACCOUNT)
        )
        async with asyncio.timeout(30):
            while sandbox.counts.total() < 60:
                await asyncio.sleep(0.005)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        ended = await bulkstatus.resume("many.results.jsonl", base_url=sandbox.base_url, **ACCOUNT)
        assert (ended.ending.exit_status, ended.counts) == (0, {Outcome.UPDATED: 200})
        assert len(sandbox.received) == 200


async def test_check_gives_every_problem_and_takes_the_options_of_the_command(
    folder: Path,
) -> None:
    bad = "".join(f"{number},x\n" for number in range(30))
    (folder / "odd.csv").write_text(f"Auftrag,Stand\n1,8\n{bad}")
    plan = await bulkstatus.check("odd.csv", column={"order_id": "Auftrag", "status": "Stand"})
    assert (plan.rows, plan.due, plan.refused, len(plan.problems)) == (31, 1, 30, 30)
    (folder / "ids.txt").write_text("1\n2\n")
    for status in (bulkstatus.OrderStatus.CANCELLED, 128, "cancelled"):
        plan = await bulkstatus.check("ids.txt", status=status)
        assert plan.cancellations == 2


async def test_report_reads_a_log_that_needs_no_file(folder: Path) -> None:
    await bulkstatus.send("dispatch.csv", sandbox=True, limit=1)
    (folder / "dispatch.csv").unlink()
    summary = await bulkstatus.report(folder / "dispatch.sandbox.results.jsonl")
    assert (summary.rows, summary.to_send) == (3, 2)
    with pytest.raises(bulkstatus.LogRefused):
        await bulkstatus.report("none.jsonl")
