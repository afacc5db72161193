"""Several inputs of one log: none of them is forgotten, and what was taken back stays so."""

import sys
from collections.abc import Iterator, Mapping
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

import bulkstatus
from bulkstatus import Outcome
from bulkstatus.sandbox import Sandbox
from bulkstatus.sending import Summary
from tests.program import run
from tests.schema import check_log

HEADER = "order_id,status,tracking\n"
LOG = "day.results.jsonl"
ACCOUNT: Mapping[str, Any] = {"ref_id": "R1", "api_key": "K1", "rate": "none"}
#: Rows 2 and 3 of the day are refused; 33 is what 3 should have been.
DAY = HEADER + "1,8,T1\n2,8,T2\n3,8,T3\n4,8,T4\n5,8,T5\n6,8,T6\n"
MEND = HEADER + "33,8,T3\n"
ORDERS = ["1", "4", "5", "6", "7", "33"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day.csv").write_text(DAY)
    (tmp_path / "mend.csv").write_text(MEND)
    yield tmp_path
    for log in tmp_path.glob("*.jsonl"):
        check_log(log)


async def send(sandbox: Sandbox, path: str = "day.csv", **options: Any) -> Summary:
    options = {**ACCOUNT, "log": LOG, **options}
    return await bulkstatus.send(path, base_url=sandbox.base_url, **options)


async def resume(path: str | None = None, **options: Any) -> Summary:
    return await bulkstatus.resume(LOG, path, **{**ACCOUNT, **options})


def done(report: Any) -> tuple[bool, str | None]:
    return report.done, None if report.unfinished is None else report.unfinished.input


async def test_the_rows_that_an_interrupted_input_left_are_sent_in_the_end() -> None:
    async with Sandbox(orders=ORDERS) as sandbox:
        assert (await send(sandbox, limit=3)).ending.exit_status == 3
        mended = await resume("mend.csv", changed_input=True)
        # That run is at its end, but says that the log is not.
        assert mended.ending.exit_status == 0
        assert mended.unfinished is not None
        assert mended.unfinished.input == "day.csv"
        assert done(await bulkstatus.report(LOG)) == (False, "day.csv")
        last = await resume()
        assert (last.ending.exit_status, last.pending, last.unfinished) == (0, 0, None)
        assert last.counts == {Outcome.UPDATED: 5, Outcome.WITHDRAWN: 2}
        # 2 and 3 were mended, or taken out, and are not sent a second time.
        assert all(len(puts) == 1 for puts in sandbox.received.values())
        assert sorted(sandbox.received) == ["1", "33", "4", "5", "6"]
        assert sandbox.counts.total() == 7
    assert done(await bulkstatus.report(LOG)) == (True, None)


async def test_what_was_taken_out_stays_out_however_often_the_rest_is_interrupted() -> None:
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox, limit=3)
        await resume("mend.csv", changed_input=True)
        for _ in range(2):
            assert (await resume(limit=1)).ending.exit_status == 3
        last = await resume()
        assert (last.ending.exit_status, last.counts[Outcome.WITHDRAWN]) == (0, 2)
        assert sandbox.counts.total() == 7


async def test_a_mended_tracking_is_no_conflict_with_the_older_file(folder: Path) -> None:
    (folder / "mend.csv").write_text(HEADER + "3,8,T33\n")
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox, limit=3)
    async with Sandbox() as sandbox:
        await resume("mend.csv", changed_input=True, base_url=sandbox.base_url)
        assert (await resume()).ending.exit_status == 0
        assert [put.tracking for put in sandbox.received["3"]] == ["T33"]


async def test_failures_of_a_later_file_are_not_withdrawn_by_an_older_one(folder: Path) -> None:
    (folder / "mend.csv").write_text(HEADER + "34,8,T3\n")
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox, limit=3)
        assert (await resume("mend.csv", changed_input=True)).ending.exit_status == 1
        assert (await resume(limit=1)).ending.exit_status == 3
        last = await resume()
        assert last.ending.exit_status == 1
        report = await bulkstatus.report(LOG)
        assert [result.order_id for result in report.failures] == ["34"]
        (folder / "mend.csv").write_text(MEND)
        assert (await resume("mend.csv", changed_input=True)).ending.exit_status == 0
    assert done(await bulkstatus.report(LOG)) == (True, None)


async def test_an_invalid_row_that_was_mended_is_not_reported_again(folder: Path) -> None:
    # The last row is another one, although it looks like the first.
    (folder / "day.csv").write_text(HEADER + ",8,T2\n1,8,T1\n4,8,T4\n5,9,\n,8,T2\n")
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox, limit=1, skip_invalid=True)
        await resume("mend.csv", changed_input=True)
        last = await resume()
        assert last.counts[Outcome.INVALID] == 2
        assert last.counts[Outcome.UPDATED] == 3


async def test_an_input_without_anything_left_is_finished_without_a_row_sent(folder: Path) -> None:
    (folder / "all.csv").write_text(f"{DAY}33,8,T3\n".replace("2,8,T2\n3,8,T3\n", ""))
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox, limit=3)
        await resume("all.csv", changed_input=True)
        assert done(await bulkstatus.report(LOG)) == (False, "day.csv")
        requests = sandbox.counts.total()
        before = Path(LOG).read_bytes()
        assert (await resume(dry_run=True)).ran is False
        assert Path(LOG).read_bytes() == before
        settled = await resume()
        assert (settled.ending.exit_status, settled.pending) == (0, 0)
        assert done(await bulkstatus.report(LOG)) == (True, None)
        after = Path(LOG).read_bytes()
        again = await resume()
        assert (again.ran, again.ending.exit_status, again.rows) == (False, 0, 6)
        assert Path(LOG).read_bytes() == after
        assert sandbox.counts.total() == requests


async def test_nothing_to_do_is_no_success_while_rows_of_another_input_failed(
    folder: Path,
) -> None:
    (folder / "all.csv").write_text(DAY.replace("2,8,T2\n3,8,T3\n", "34,8,T3\n"))
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox, limit=3)
        assert (await resume("all.csv", changed_input=True)).ending.exit_status == 1
        assert (await resume()).ending.exit_status == 1
        again = await resume()
        assert (again.ran, again.ending.exit_status) == (False, 1)
        assert (await resume(dry_run=True)).ending.exit_status == 0


async def test_the_settings_are_those_of_the_input_that_is_gone_on_with(folder: Path) -> None:
    (folder / "day.csv").write_text("Auftrag;Stand\n1;8\n4;8\n5;8\n")
    async with Sandbox(orders=ORDERS) as sandbox:
        column = {"order_id": "Auftrag", "status": "Stand"}
        await send(sandbox, limit=1, column=column, timeout=7)
        await resume("mend.csv", changed_input=True, column={}, timeout=8)
        last = await resume()
        assert last.ending.exit_status == 0
        assert sorted(sandbox.received) == ["1", "33", "4", "5"]
    runs = [record for record in check_log(Path(LOG)) if record["type"] == "run"]
    assert [run["settings"]["timeout"] for run in runs] == [7, 8, 7]  # type: ignore[index] - JSON


async def test_the_base_url_is_where_the_last_run_went() -> None:
    async with Sandbox(orders=ORDERS) as sandbox:
        await bulkstatus.send(
            "day.csv", log=LOG, base_url="http://127.0.0.1:1", attempts=1, **ACCOUNT
        )
        await resume("mend.csv", changed_input=True, base_url=sandbox.base_url)
        assert (await resume()).ending.reason == "finished"


async def test_standard_input_that_is_not_finished_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Sandbox(orders=ORDERS) as sandbox:
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(DAY.encode())))
        await send(sandbox, "-", limit=3)
        await resume("mend.csv", changed_input=True)
        with pytest.raises(bulkstatus.Refused, match=f"\n  bulkstatus resume {LOG} INPUT"):
            await resume()
        # The same again needs no confirmation, but for the rows that it brings back.
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(DAY.encode())))
        with pytest.raises(bulkstatus.SettingsRefused, match="brings back 2 rows"):
            await resume("-")


@pytest.mark.parametrize(
    ("day", "named", "is_meant"),
    [
        # The day's file was interrupted, and the last run, over mend.csv, finished.
        (DAY, None, True),
        (f"{DAY}7,8,T7\n", None, False),
        (f"{DAY}7,8,T7\n", "day.csv", False),
        (DAY, "mend.csv", True),
        (DAY, "other.csv", False),
        # It has rows that were withdrawn since.
        (DAY, "day.csv", False),
        (DAY, "copy.csv", False),
    ],
)
async def test_an_input_that_the_log_does_not_go_on_with_is_sent_only_when_that_is_meant(
    folder: Path, day: str, named: str | None, is_meant: bool
) -> None:
    (folder / "other.csv").write_text(HEADER + "7,8,T7\n")
    (folder / "copy.csv").write_text(DAY)
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox, limit=3)
        await resume("mend.csv", changed_input=True)
        (folder / "day.csv").write_text(day)
        if not is_meant:
            requests = sandbox.counts.total()
            with pytest.raises(bulkstatus.SettingsRefused, match="changed_input=True"):
                await resume(named)
            assert sandbox.counts.total() == requests
        summary = await resume(named, changed_input=not is_meant)
        assert summary.ending.reason == "finished"


async def test_a_file_that_was_put_back_as_it_was_is_another_than_the_latest(
    folder: Path,
) -> None:
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox)
        (folder / "day.csv").write_text(DAY.replace("2,8,T2\n3,8,T3\n", "33,8,T3\n"))
        assert (await resume(changed_input=True)).ending.exit_status == 0
        (folder / "day.csv").write_text(DAY)
        for named in (None, "day.csv"):
            with pytest.raises(bulkstatus.SettingsRefused, match="changed_input=True"):
                await resume(named)


async def test_withdrawn_rows_whose_file_is_named_are_sent_again_also_by_the_next_resume() -> None:
    async with Sandbox(orders=ORDERS) as sandbox:
        await send(sandbox)
        await resume("mend.csv", changed_input=True)
        with pytest.raises(bulkstatus.SettingsRefused, match="brings back 2 rows that failed"):
            await resume("day.csv")
        stopped = await resume("day.csv", changed_input=True, limit=1)
        assert (stopped.pending, stopped.counts[Outcome.REJECTED]) == (1, 1)
        last = await resume()
        assert (last.ending.exit_status, last.counts[Outcome.REJECTED]) == (1, 2)
        assert Outcome.WITHDRAWN not in last.counts


async def test_every_step_is_said_and_every_command_is_the_exact_one(folder: Path) -> None:
    async with Sandbox(orders=ORDERS) as sandbox:
        await run(
            *("send", "day.csv", "--yes", "--rate", "none", "--limit", "3"),
            base_url=sandbox.base_url,
        )
        ended = await run(
            *("resume", LOG, "mend.csv", "--yes", "--changed-input"), base_url=sandbox.base_url
        )
        assert ended.status == 0, ended.err
        asked = ended.err.splitlines()
        place = next(n for n, line in enumerate(asked) if "No run has finished day.csv" in line)
        assert asked[place].strip() == (
            "No run has finished day.csv, which this log was made for, so a later resume without a "
            "file goes on with it. If that was the wrong file, stop here and send the right one by "
            "itself instead:"
        )
        assert asked[place + 1].strip() == "bulkstatus send mend.csv --rate none"
        assert ended.out.splitlines() == [
            "2 rows updated so far. Besides 2 withdrawn, which failed earlier and since then were "
            "mended or taken out of the file.",
            "",
            f"Log   {LOG}",
            "No run has finished day.csv, an earlier input of this log: rows of it may never have "
            "been sent.",
            "Next, to go on with that:",
            f"  bulkstatus resume {LOG}",
            "If day.csv was the wrong file, leave it, and do not resume this log again.",
        ]
        quiet = await run(
            *("resume", LOG, "mend.csv", "--yes", "--quiet"), base_url=sandbox.base_url
        )
        assert (quiet.status, quiet.out) == (0, "")
        assert "No run has finished day.csv" in quiet.err
        report = (await run("report", LOG)).out
        assert "no run has finished day.csv, an earlier input\n" in report
        assert report.endswith(
            "Next       go on with day.csv, an earlier input that no run has finished:\n"
            f"           bulkstatus resume {LOG}\n"
            "           if day.csv was the wrong file, leave it, and do not resume this log again\n"
        )
        ended = await run("resume", LOG, "--yes", base_url=sandbox.base_url)
        assert ended.status == 0, ended.err
        assert "File      day.csv, 6 rows" in ended.err
        assert (
            "This goes on with day.csv, which no run has finished; the last run, over mend.csv, "
            "finished." in ended.err
        )
        assert "2 rows of it that failed were mended or taken out of a later file" in ended.err
        assert "1 done, 3 not sent before\n" in ended.err
        assert ended.out.startswith("All 5 rows are updated. Besides 2 withdrawn, ")
        assert "No run has finished" not in ended.out + ended.err
    report = (await run("report", LOG)).out
    assert report.endswith("Next       nothing is left to do\n")


async def test_a_wrong_file_that_was_left_for_the_right_one_does_not_come_back(
    folder: Path,
) -> None:
    (folder / "wrong.csv").write_text(HEADER + "91,8,T1\n92,8,T2\n93,8,T3\n")
    async with Sandbox() as sandbox:
        await send(sandbox, limit=3)
        wrong = await resume("wrong.csv", changed_input=True, limit=1)
        assert wrong.ending.exit_status == 3
        right = await resume("day.csv")
        assert (right.ending.exit_status, right.unfinished) == (0, None)
        assert (await resume()).ending.exit_status == 0
        assert sorted(sandbox.received) == ["1", "2", "3", "4", "5", "6", "91"]
    assert done(await bulkstatus.report(LOG)) == (True, None)


async def test_a_right_file_is_not_led_into_the_log_of_a_wrong_one(folder: Path) -> None:
    (folder / "right.csv").write_text(HEADER + "91,8,T1\n92,8,T2\n")
    send_alone = "  bulkstatus send right.csv"
    async with Sandbox() as sandbox:
        await run("send", "day.csv", "--yes", "--limit", "3", base_url=sandbox.base_url)
        # The refusal says it too, since --quiet shows no question.
        for options in (["--yes"], ["--yes", "--quiet"]):
            refused = await run("resume", LOG, "right.csv", *options, base_url=sandbox.base_url)
            assert refused.status == 2
            assert "If that was the wrong file, stop here" in refused.err
            assert refused.err.splitlines()[-1] == send_alone
        typed = ("--base-url", sandbox.base_url)
        refused = await run("resume", LOG, "right.csv", "--yes", *typed)
        assert refused.err.splitlines()[-1] == " ".join([send_alone, *typed])
        # Once some of its rows are sent, to send it by itself would send them again.
        options = ["--yes", "--changed-input", "--limit", "1"]
        await run("resume", LOG, "right.csv", *options, base_url=sandbox.base_url)
        going_on = await run("resume", LOG, "--yes", base_url=sandbox.base_url)
        assert going_on.status == 0
        assert "File      right.csv, 2 rows" in going_on.err
        assert "do not resume this log again when this file is done." in going_on.err
        assert send_alone not in going_on.err
        assert [len(puts) for puts in sandbox.received.values()] == [1] * 5


async def test_a_changed_file_of_a_finished_log_is_told_of_no_wrong_file(folder: Path) -> None:
    async with Sandbox() as sandbox:
        await run("send", "day.csv", "--yes", base_url=sandbox.base_url)
        refused = await run("resume", LOG, "mend.csv", "--yes", base_url=sandbox.base_url)
        assert refused.status == 2
        assert "wrong file" not in refused.err
