"""`send`, `resume`, `check` and `report` as functions."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bulkstatus
from bulkstatus import Outcome
from bulkstatus.sandbox import Faults, Sandbox
from bulkstatus.settings.profiles import config_path
from tests.schema import check_log

ACCOUNT = {"ref_id": "R1", "api_key": "K1"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dispatch.csv").write_text(
        "order_id,status,tracking\n1001,8,\n1002,8,\n1003,Cancelled,\n"
    )
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


async def test_a_dry_run_alone_needs_no_credentials_and_sends_nothing(folder: Path) -> None:
    with pytest.raises(bulkstatus.SettingsRefused, match="credentials are incomplete"):
        await bulkstatus.send("dispatch.csv", cancellations=1)
    ended = await bulkstatus.send("dispatch.csv", dry_run=True)
    assert (ended.ending.exit_status, ended.to_send, ended.log_path) == (0, 3, None)
    assert logs(folder) == []


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rat": "1/s"}, '"rat". Did you mean rate?'),
        ({"cancelations": 1}, '"cancelations". Did you mean cancellations?'),
        ({"withdrawn": True}, '"withdrawn". There are: base_url'),
        ({"withdraw": True}, '"withdraw". There are: base_url'),
        ({"limit": "5"}, 'limit must be a whole number from 1 up, not "5"'),
        ({"limit": 0}, "limit must be a whole number from 1 up"),
        ({"max_failures": True}, "max_failures must be a whole number from 1 up"),
        ({"cancellations": -1}, "cancellations must be a whole number from 0 up"),
        ({"cancellations": 9, "dry_run": True}, "say cancellations=1"),
        ({"dry_run": 1}, "dry_run must be true or false"),
        ({"go_on": "no"}, "go_on must be true or false"),
        ({"give_up_after": []}, "give_up_after must be a time such as 30 (seconds)"),
        ({"observer": 5}, "observer must be a function that returns an Observer"),
        ({"log": 5}, 'log must be a path, with ~ only where there is a home, not "5"'),
        ({"log": ".", "go_on": True}, ". is no regular file, so it is no result log"),
        ({"log": "a" * 5000, "go_on": True}, "aaa… cannot be looked at: "),
        ({"source": "a\0b"}, "source must be a path"),
        ({"word": {"\udcff": 8}}, r'--word: "\udcff=8" is not a word'),
        ({"save_layout": "\udcff"}, r'save_layout must be text, not "\udcff"'),
        ({"source": "a" * 5000}, "aaa cannot be read: "),
        ({"source": b"x.csv"}, "source must be a path, or rows: an iterable or async iterable"),
        ({"source": {"1001": 8}}, "not dict"),
        ({"source": 5}, "not int"),
        ({"source": [("1", 8)], "log": None}, "need a place for their log: give it as log"),
        ({"source": [("1", 8)], "column": {"status": "x"}}, "column means nothing for rows"),
    ],
)
@pytest.mark.usefixtures("folder")
async def test_an_argument_that_cannot_be_used_is_told(arguments: Any, said: str) -> None:
    kind = TypeError if said.startswith('"') else bulkstatus.Refused
    with pytest.raises(kind) as refusal:
        await bulkstatus.send(**{"source": "dispatch.csv", "log": "x.jsonl", **arguments})
    assert said in str(refusal.value)


async def test_what_means_nothing_for_a_function_is_no_argument_of_it() -> None:
    with pytest.raises(TypeError, match='no argument "rate"'):
        await bulkstatus.check([("1", 8)], rate="1/s")  # type: ignore[call-arg] - the point
    with pytest.raises(TypeError, match='no argument "sheet"'):
        bulkstatus.Client("https://x.example", "R", "K", sheet="Mon")  # type: ignore[call-arg]


async def one_by_one(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


ITEMS = [
    bulkstatus.StatusUpdate("1001", bulkstatus.OrderStatus.DISPATCHED, "T1"),
    (1002, "received by shipper", None),
    ("1001", 8, "T1"),
    ["1003", 256],
]


@pytest.mark.parametrize(
    "given", [ITEMS, iter(ITEMS), one_by_one(ITEMS)], ids=["list", "iter", "async"]
)
async def test_rows_from_memory_are_sent_and_logged_as_a_files_are(
    folder: Path, given: Any
) -> None:
    async with Sandbox() as sandbox:
        to: Any = {"base_url": sandbox.base_url, "rate": "none", **ACCOUNT}
        ended = await bulkstatus.send(given, log="rows.jsonl", limit=2, **to)
        assert (ended.ending.exit_status, ended.to_send) == (3, 1)
        # The log is the job: it needs the rows no more.
        ended = await bulkstatus.resume("rows.jsonl", **to)
        assert ended.counts == {Outcome.UPDATED: 3, Outcome.DUPLICATE: 1}
        assert sandbox.counts.total() == 3
        # Where the same rows are sent again and again, nothing is left to do.
        again = await bulkstatus.send(ITEMS, log="rows.jsonl", go_on=True, **to)
        assert (again.ran, again.ending.exit_status) == (False, 0)
        with pytest.raises(bulkstatus.LogRefused, match="exists already"):
            await bulkstatus.send(ITEMS, log="rows.jsonl", **to)
        # Other rows have the next log.
        ended = await bulkstatus.send([("1009", 8)], log="rows.jsonl", go_on=True, **to)
        assert (ended.ending.exit_status, ended.log_path) == (0, Path("rows-2.jsonl"))
    rows = [record for record in check_log(folder / "rows.jsonl") if record["type"] == "row"]
    assert [(row["line"], row["order_id"], row["status"], row["tracking"]) for row in rows] == [
        (1, "1001", 8, "T1"), (2, "1002", 516, None), (3, "1001", 8, "T1"), (4, "1003", 256, None),
    ]  # fmt: skip


async def test_rows_from_memory_go_through_the_checks_of_a_file(folder: Path) -> None:
    items: Any = [
        ("4.61402E+07", 8),
        ("1001", 8, "T1"),
        ("1001", 128),
        ("", 8),
        ("1002", "Dispached"),
        (1003.0, 8),
        ("1004\n1005", 8),
        ("1006", 8, 5),
        ("1007", True),
        ("1008", None, "T2"),
    ]
    plan = await bulkstatus.check(items)
    assert [problem.line for problem in plan.problems] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert (await bulkstatus.check(items, status=8)).problems[-1].line == 9
    with pytest.raises(bulkstatus.RowsRefused, match="10 rows of 10") as refusal:
        await bulkstatus.send(items, log="rows.jsonl", **ACCOUNT)
    assert len(refusal.value.plan.problems) == 10
    with pytest.raises(bulkstatus.RowsRefused) as refusal:
        await bulkstatus.send(items * 3, log="rows.jsonl", **ACCOUNT)
    assert "--problems" not in str(refusal.value)
    assert logs(folder) == []


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], "There is not one row"),
        (["1001"], "Row 1 must be a StatusUpdate or .order ID, status, tracking., and is a str"),
        ([("1001", 8), ("1002",)], "Row 2 must be .* and is a tuple of 1"),
        ([("1001", 8), ("1", 8, "T", "x")], "Row 2 must be .* and is a tuple of 4"),
        ([{"order_id": "1001", "status": 8}], "Row 1 must be .* and is a dict"),
        ([("1001", 8, object())], "Row 1 holds what is neither text nor a number"),
        ([("1001", 8, "\ud800")], "Row 1 holds what is neither text nor a number"),
    ],
)
async def test_what_is_no_row_is_refused_with_its_position(items: Any, said: str) -> None:
    with pytest.raises(bulkstatus.InputRefused, match=said):
        await bulkstatus.check(items)


async def test_a_profile_says_nothing_of_how_rows_from_memory_are_read() -> None:
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "[profile.default]\nformat = 'csv'\nno_header = true\nencoding = 'cp1252'\n"
        "status = 8\ncolumn = { order_id = 'Auftrag' }\n"
    )
    assert (await bulkstatus.check([("é", None)])).by_status == {8: 1}


async def test_an_error_of_the_iterable_is_the_callers() -> None:
    async def broken() -> AsyncIterator[Any]:
        yield "1001", 8
        raise OSError("the database is gone")

    with pytest.raises(OSError, match="the database is gone"):
        await bulkstatus.check(broken())


@pytest.mark.usefixtures("folder")
def test_a_script_without_an_event_loop_calls_the_same_functions() -> None:
    sync = bulkstatus.sync
    assert sync.check([("1001", 8)]).due == 1
    ended = sync.send([("1001", 8), ("1002", 8)], log="rows.jsonl", sandbox=True, limit=1)
    assert (ended.ending.exit_status, ended.to_send) == (3, 1)
    assert sync.resume("rows.jsonl").ending.exit_status == 0
    assert sync.report("rows.jsonl").rows == 2
    with pytest.raises(bulkstatus.InputRefused):
        sync.send("none.csv", sandbox=True)


async def test_within_an_event_loop_a_script_is_told_what_to_write() -> None:
    with pytest.raises(RuntimeError, match=r"Write there:  await bulkstatus\.check\("):
        bulkstatus.sync.check([("1001", 8)])


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
        "order_id,status,tracking\n" + "".join(f"{number},8,\n" for number in range(1000, 1200))
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
    column = {"order_id": "Auftrag", "status": "Stand", "tracking": ""}
    plan = await bulkstatus.check("odd.csv", column=column)
    assert (plan.rows, plan.due, plan.refused, len(plan.problems)) == (31, 1, 30, 30)
    (folder / "ids.txt").write_text("1\n2\n")
    for status in (bulkstatus.OrderStatus.CANCELLED, 128, "cancelled"):
        plan = await bulkstatus.check("ids.txt", status=status)
        assert plan.cancellations == 2
