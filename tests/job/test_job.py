"""`send`, `resume` and `send --resume` by value: what is refused, and what is sent and logged."""

import hashlib
import json
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import bulkstatus
from bulkstatus.errors import (
    BulkstatusError,
    LogInUse,
    LogRefused,
    NoLog,
    Refused,
    SettingsRefused,
)
from bulkstatus.job import Ended, log_and_file
from bulkstatus.log import ResultLog, State, read_log
from bulkstatus.log.records import schema
from bulkstatus.sandbox import Sandbox
from tests.log.lines import log_with


class Desk:
    """A folder with a file `day.csv`, its logs, and the API that it is sent to."""

    def __init__(self, folder: Path, api: Sandbox) -> None:
        self.folder = folder
        self.api = api
        self.write("A:8:T1", "B:8")

    def write(self, *rows: str, name: str = "day.csv") -> Path:
        lines = [",".join((*row.split(":"), "")[:3]) for row in rows]
        path = self.folder / name
        path.write_text("\n".join(["order_id,status,tracking", *lines]) + "\n")
        return path

    def logged(self, *rows: str, name: str = "day", **run: Any) -> Path:
        """Write a log as a run of NAME.csv would have left it, with these rows."""
        file = self.folder / f"{name}.csv"
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
        run = {"input": file.name, "input_sha256": digest, **run}
        run = {"base_url": self.api.base_url, "ref_id": "R1", **run}
        return log_with(self.folder / f"{name}.results.jsonl", rows, **run)

    async def send(self, path: str = "day.csv", **options: Any) -> Ended:
        return await bulkstatus.send(path, rate="none", **options)

    async def resume(self, *paths: str, **options: Any) -> Ended:
        return await bulkstatus.resume(*(paths or ("day.results.jsonl",)), **options)

    async def refuses(
        self, call: Awaitable[Ended], error: type[BulkstatusError], *pieces: str
    ) -> None:
        """Assert that a call is refused for a reason with these pieces, and leaves no trace."""
        before, sent = self.content(), self.api.counts.total()
        with pytest.raises(error) as caught:
            await call
        assert caught.value.exit_status == (3 if error is LogInUse else 2)
        assert [piece for piece in pieces if piece not in str(caught.value)] == []
        assert (self.content(), self.api.counts.total()) == (before, sent)

    def content(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    @property
    def logs(self) -> list[str]:
        return sorted(path.name.split(".results")[0] for path in self.folder.glob("*.jsonl"))

    @property
    def states(self) -> list[State]:
        state = read_log(self.folder / "day.results.jsonl").state
        return [state.state(n) for n in range(1, len(state) + 1)]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BULKSTATUS_REF_ID", "R1")
    monkeypatch.setenv("BULKSTATUS_API_KEY", "K1")
    async with Sandbox() as api:
        monkeypatch.setenv("BULKSTATUS_BASE_URL", api.base_url)
        yield Desk(folder, api)


def records(path: Path) -> list[dict[str, Any]]:
    validator = Draft202012Validator(schema())
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for record in found:
        validator.validate(record)
    return found


# What a run writes.


async def test_the_whole_list_and_what_it_was_sent_with_stand_in_the_log(desk: Desk) -> None:
    path = desk.write("A:8:T1", "B:8", "A:8:T1", ":8", "C:512")
    ended = await desk.send(skip_invalid=True, timeout=7, limit=2)
    assert (ended.ending.exit_status, ended.rows, ended.to_send) == (3, 5, 1)
    run, *rest = records(desk.folder / "day.results.jsonl")
    del run["version"], run["run_id"], run["started_at"], run["user"]
    settings = run.pop("settings")
    assert run == {
        "type": "run",
        "format": 2,
        "input": "day.csv",
        "input_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rows": 5,
        "base_url": desk.api.base_url,
        "ref_id": "R1",
        "host": platform.node(),
        "due": [[1, 2]],
    }
    assert (settings["timeout"], settings["skip_invalid"]) == (7, True)
    assert "K1" not in (desk.folder / "day.results.jsonl").read_text()
    kinds = [record["type"] for record in rest]
    assert kinds[:8] == ["row"] * 5 + ["result"] * 2 + ["sending"]
    numbered = [(row["n"], row["line"], row["order_id"]) for row in rest[:5]]
    assert numbered == [(1, 2, "A"), (2, 3, "B"), (3, 4, "A"), (4, 5, ""), (5, 6, "C")]
    settled = {record["n"]: record["outcome"] for record in rest if record["type"] == "result"}
    assert settled == {1: "updated", 2: "updated", 3: "duplicate", 4: "invalid"}
    assert (rest[-1]["type"], rest[-1]["reason"], kinds.count("end")) == ("end", "stopped", 1)
    counts = {"updated": 2, "invalid": 1, "duplicate": 1}
    assert rest[-1]["counts"] == counts


async def test_a_name_that_is_not_utf8_is_no_reason_to_stop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "ann\udce9")
    path = desk.folder / "day\udce9.csv"
    try:
        path.write_bytes(b"order_id,status\nA,8\n")
    except (OSError, UnicodeError):
        path = desk.folder / "day.csv"
    assert (await desk.send(os.fspath(path))).ending.exit_status == 0
    log = next(desk.folder.glob("*.results.jsonl"))
    assert records(log)[0]["user"] == "ann\\udce9"


async def test_the_input_is_not_needed_once_it_was_sent(desk: Desk) -> None:
    await desk.send(limit=1)
    (desk.folder / "day.csv").unlink()
    assert (await desk.resume()).ending.exit_status == 0
    assert list(desk.api.received) == ["A", "B"]
    runs = [record for record in records(desk.folder / "day.results.jsonl") if "due" in record]
    assert [run["due"] for run in runs] == [[[1, 1]], [[2, 2]]]
    assert [run["input"] for run in runs] == ["day.csv", "day.csv"]


async def test_rows_that_a_mended_file_leaves_are_told_and_sent_by_the_log_alone(
    desk: Desk,
) -> None:
    desk.logged("A:8 failed", "B:8 to_send", "C:128 to_send", "D:8 rejected")
    desk.write("A2:8", name="mend.csv")
    mend = ("day.results.jsonl", "mend.csv")
    await desk.refuses(desk.resume(*mend), SettingsRefused, "changed_input")
    ended = await desk.resume(*mend, changed_input=True)
    assert (ended.ending.exit_status, ended.to_send) == (3, 2)
    # That the log's runs were told of the cancellation is enough.
    ended = await desk.resume()
    assert (ended.ending.exit_status, ended.to_send) == (0, 0)
    assert list(desk.api.received) == ["A2", "B", "C"]
    assert desk.states.count(State.WITHDRAWN) == 2


async def test_untold_cancellations_need_their_number(desk: Desk) -> None:
    desk.logged("A:128 to_send")
    path = desk.write("A:128", "B:128")
    call = desk.resume("day.csv", changed_input=True)
    await desk.refuses(call, SettingsRefused, "cancel 2")
    ended = await desk.resume("day.csv", changed_input=True, cancellations=2)
    assert (ended.ending.exit_status, list(desk.api.received)) == (0, ["A", "B"])
    assert log_and_file(path, None) == (path.with_name("day.results.jsonl"), str(path))


async def test_a_run_tells_of_the_cancellations_that_it_is_to_send_and_of_no_others(
    desk: Desk,
) -> None:
    desk.write("A:128", "B:128", "C:128")
    ended = await desk.send(limit=1, cancellations=1)
    assert (ended.ending.exit_status, ended.to_send) == (3, 2)
    await desk.refuses(desk.resume(), SettingsRefused, "cancel 2")
    assert (await desk.resume(cancellations=2)).ending.exit_status == 0


async def test_rejected_rows_are_sent_again_where_that_is_said(desk: Desk) -> None:
    desk.logged("A:8:T1 rejected", "B:8 updated")
    ended = await desk.resume()
    assert (ended.ran, ended.ending.exit_status, desk.api.counts.total()) == (False, 1, 0)
    assert (await desk.resume(retry_rejected=True)).ending.exit_status == 0


async def test_withdrawing_sends_nothing_and_needs_no_account_of_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = desk.logged("A:8 to_send?", "B:8 failed", "C:8 updated", ref_id="R9")
    monkeypatch.delenv("BULKSTATUS_API_KEY")
    ended = await desk.resume(withdraw=True)
    assert (ended.ending.exit_status, desk.api.counts.total()) == (0, 0)
    assert desk.states == [State.WITHDRAWN, State.WITHDRAWN, State.UPDATED]
    assert [run["ref_id"] for run in records(log) if run["type"] == "run"] == ["R9"] * 3
    assert list(read_log(log).state.unseen()) == [1]


# What is refused.

LOG = "open.results.jsonl"
REFUSED: list[tuple[Callable[[Desk], Awaitable[Ended]], type[BulkstatusError], str]] = [
    (lambda d: d.send("sent.csv"), LogRefused, "sent.results.jsonl|bulkstatus report"),
    (lambda d: d.send("open.csv"), LogRefused, f"2 rows|resume {LOG}\n|{LOG} open.csv|--withdraw"),
    (lambda d: d.send(log="sent.results.jsonl"), LogRefused, "resume sent.results.jsonl|--log"),
    (lambda d: d.send(log="sent.results.jsonl", go_on=True), LogRefused, "sent.results.jsonl"),
    (lambda d: d.send(log="sent.results.jsonl", dry_run=True), LogRefused, "sent.results.jsonl"),
    (lambda d: d.send(log="day.csv"), LogRefused, "day.csv is not a result log"),
    (lambda d: d.send(log=d.folder), LogRefused, "no regular file"),
    (lambda d: d.send("sent.csv", log="sent.sandbox.results.jsonl", sandbox=True), LogRefused, ""),
    (lambda d: d.send("sent.csv", sandbox=True), LogRefused, "sent.sandbox.results.jsonl"),
    (lambda d: d.send("-"), Refused, "--log"),
    (lambda d: d.resume("far.csv"), LogRefused, "--base-url https://far.example|http://127.0.0.1"),
    (lambda d: d.resume("other.results.jsonl"), LogRefused, "R9|R1"),
    (lambda d: d.resume(LOG, sandbox=True), LogRefused, f"{LOG}|of no rehearsal|--sandbox"),
    (lambda d: d.resume("try.results.jsonl", sandbox=False), LogRefused, "is of a rehearsal"),
    (lambda d: d.resume("day.csv"), NoLog, "bulkstatus send day.csv"),
    (lambda d: d.resume("none.csv"), NoLog, "none.csv"),
    (lambda d: d.resume("none.results.jsonl"), NoLog, "none.results.jsonl"),
    (lambda d: d.resume("none.results.jsonl", "day.csv"), NoLog, "none.results.jsonl"),
    (lambda d: d.resume(LOG, "day.csv"), SettingsRefused, "changed_input"),
]


@pytest.mark.parametrize(("call", "error", "pieces"), REFUSED)
async def test_what_is_refused_leaves_no_trace(
    desk: Desk,
    call: Callable[[Desk], Awaitable[Ended]],
    error: type[BulkstatusError],
    pieces: str,
) -> None:
    for name in ("sent", "open", "far", "other"):
        desk.write("A:8", name=f"{name}.csv")
    desk.logged("A:8 updated", name="sent")
    desk.logged("A:8 updated", name="sent.sandbox")
    desk.logged("W:8 updated", "X:8 to_send", "Y:8 to_send", name="open")
    desk.logged("A:8 to_send", name="far", base_url="https://far.example")
    desk.logged("A:8 to_send", name="other", ref_id="R9")
    desk.logged("A:8 to_send", name="try", settings={"sandbox": True})
    await desk.refuses(call(desk), error, *pieces.split("|"))


async def test_what_is_typed_is_meant(desk: Desk) -> None:
    desk.logged("A:8 to_send", base_url="https://far.example")
    assert (await desk.resume(base_url=desk.api.base_url)).ending.exit_status == 0
    desk.logged("B:8 to_send", ref_id="R9")
    config = Path(os.environ["BULKSTATUS_CONFIG_DIR"])
    config.mkdir(exist_ok=True)
    (config / "config.toml").write_text('[profile.mine]\nref_id = "R1"\n')
    assert (await desk.resume(profile="mine")).ending.exit_status == 0
    assert list(desk.api.received) == ["A", "B"]


async def test_each_content_has_a_log_of_its_own(desk: Desk) -> None:
    for order, log in (("A", "day"), ("B", "day-2"), ("C", "day-3")):
        desk.write(f"{order}:8")
        assert (await desk.send()).log_path == Path(f"{log}.results.jsonl")
    for order, log in (("A", "day"), ("B", "day-2"), ("C", "day-3")):
        desk.write(f"{order}:8")
        await desk.refuses(desk.send(), LogRefused, f"{log}.results.jsonl")
    # Only the newest counts, and failed rows are no rows that were never sent.
    desk.logged("X:8 to_send", name="day-2")
    desk.logged("Y:8 failed", name="day-3")
    assert (await desk.send()).log_path == Path("day-4.results.jsonl")


async def test_a_log_that_is_given_up_is_no_longer_in_the_way(desk: Desk) -> None:
    desk.logged("X:8 to_send", "Y:8 failed", input_sha256="1")
    await desk.resume(withdraw=True)
    assert (await desk.send()).log_path == Path("day-2.results.jsonl")
    assert list(desk.api.received) == ["A", "B"]


@pytest.mark.parametrize("name", ["day.results.jsonl", "mine.jsonl"])
async def test_a_log_that_another_run_makes_during_the_question_is_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = desk.logged("A:8:T1 updated", "B:8 updated").read_bytes()
    (desk.folder / "day.results.jsonl").unlink()
    confirmed = "bulkstatus.library._check_confirmed"
    monkeypatch.setattr(confirmed, lambda *terms: Path(name).write_bytes(made))
    with pytest.raises(LogRefused, match="exists already"):
        await desk.send(log=None if name.startswith("day") else name)
    assert (Path(name).read_bytes(), desk.api.counts.total()) == (made, 0)


async def test_a_log_in_use_is_waited_for_by_trying_again(desk: Desk) -> None:
    path = desk.logged("A:8:T1 updated", "B:8 to_send")
    running = ResultLog.open(path)
    sends = (desk.send(), desk.send(log=path), desk.send(go_on=True))
    for call in (*sends, desk.resume(), desk.resume("day.csv"), desk.resume(withdraw=True)):
        await desk.refuses(call, LogInUse, "anna on DESK-3", path.name)
    running.close()
    assert (await desk.resume()).ending.exit_status == 0


async def test_a_rehearsal_counts_for_nothing_and_makes_room_for_the_next(desk: Desk) -> None:
    for orders in (["A:8"], ["B:8"], ["B:8"]):
        desk.write(*orders)
        assert (await desk.send(sandbox=True, limit=1)).ending.exit_status == 0
        assert desk.logs == ["day.sandbox"]
    assert [row["order_id"] for row in records(Path("day.sandbox.results.jsonl"))[1:2]] == ["B"]
    assert desk.api.counts.total() == 0
    assert (await desk.send()).ending.exit_status == 0
    assert list(desk.api.received) == ["B"]


async def test_a_dry_run_leaves_no_trace(desk: Desk) -> None:
    desk.logged("A:8 updated", "Z:8 to_send", input_sha256="1")
    with (desk.folder / "day.results.jsonl").open("ab") as log:
        log.write(b'{"type":"res')
    before = desk.content()
    desk.write("A:8", "C:8", name="new.csv")
    for call, to_send in (
        (desk.send("new.csv", dry_run=True), 2),
        (desk.resume(dry_run=True), 1),
        (desk.resume("day.results.jsonl", "new.csv", dry_run=True), 1),
        (desk.resume(dry_run=True, withdraw=True), 0),
        (desk.send(go_on=True, dry_run=True), 1),
    ):
        ended = await call
        assert (ended.ran, ended.ending.exit_status, ended.to_send) == (False, 0, to_send)
    assert (before | {"new.csv": b""}).keys() == desk.content().keys()
    assert desk.content() | before == desk.content()


# `send --resume`: one command that is started again and again.


@pytest.mark.parametrize(
    ("log", "is_same", "options", "exit_status", "sent", "logs"),
    [
        (None, True, {}, 0, ["A", "B"], ["day"]),
        (["A:8:T1 updated", "B:8 to_send"], True, {}, 0, ["B"], ["day"]),
        (["A:8:T1 updated", "B:8 failed"], True, {}, 0, ["B"], ["day"]),
        (["A:8:T1 to_send", "B:8 to_send"], True, {"limit": 1}, 3, ["A"], ["day"]),
        # Nothing is left of the log, which says how it ended.
        (["A:8:T1 updated", "B:8 updated"], True, {}, 0, [], ["day"]),
        (["A:8:T1 updated", "B:8 withdrawn"], True, {}, 0, [], ["day"]),
        (["A:8:T1 updated", "B:8 rejected"], True, {}, 1, [], ["day"]),
        (["A:8:T1 invalid", "B:8 updated"], True, {}, 1, [], ["day"]),
        # The file has another content by now: it is sent after what is left.
        (["Y:8 updated", "Z:8 to_send"], False, {}, 0, ["Z", "A", "B"], ["day", "day-2"]),
        (["Y:8 rejected", "Z:8 failed"], False, {}, 1, ["Z", "A", "B"], ["day", "day-2"]),
        (["Y:8 rejected", "Z:8 updated"], False, {}, 0, ["A", "B"], ["day", "day-2"]),
        (["Y:8 to_send", "Z:8 to_send"], False, {"limit": 1}, 3, ["Y"], ["day"]),
        # A log of its own name, too.
        (None, True, {"log": "day.results.jsonl"}, 0, ["A", "B"], ["day"]),
        (["A:8:T1 updated", "B:8 failed"], True, {"log": "day.results.jsonl"}, 0, ["B"], ["day"]),
        (["A:8:T1 updated", "B:8 rejected"], True, {"log": "day.results.jsonl"}, 1, [], ["day"]),
    ],
)
async def test_it_starts_or_goes_on(
    desk: Desk,
    log: Sequence[str] | None,
    is_same: bool,
    options: dict[str, Any],
    exit_status: int,
    sent: list[str],
    logs: list[str],
) -> None:
    if log is not None:
        desk.logged(*log, **({} if is_same else {"input_sha256": "1"}))
    ended = await desk.send(go_on=True, **options)
    assert (ended.ending.exit_status, ended.ran) == (exit_status, bool(sent))
    assert (list(desk.api.received), desk.logs) == (sent, logs)
    assert ended.log_path is not None
    assert ended.log_path.name == f"{logs[-1]}.results.jsonl"
    # Started once more it goes to the end, and sends no row twice.
    for _ in range(2):
        await desk.send(go_on=True, **{**options, "limit": None})
    assert all(len(puts) == 1 for puts in desk.api.received.values())


async def test_cancellations_are_gone_on_with_by_the_command_that_began_them(desk: Desk) -> None:
    desk.write("A:128", "B:128")
    desk.logged("A:128 updated", "B:128 to_send")
    await desk.refuses(desk.resume(cancellations=2), SettingsRefused, "cancel 1")
    ended = await desk.send(go_on=True, cancellations=2, limit=1)
    assert (ended.ending.exit_status, list(desk.api.received)) == (0, ["B"])


async def test_what_a_log_was_never_told_of_needs_its_number_there_too(desk: Desk) -> None:
    desk.logged("A:128 updated", "B:128 to_send", "C:128 to_send", due=[(1, 2)])
    await desk.refuses(desk.send(go_on=True, cancellations=3), SettingsRefused, "cancel 2")


async def test_it_goes_on_with_a_log_whose_file_is_gone(desk: Desk) -> None:
    desk.logged("A:8:T1 updated", "B:8 to_send")
    (desk.folder / "day.csv").unlink()
    assert (await desk.send(go_on=True)).ending.exit_status == 0
    assert list(desk.api.received) == ["B"]


async def test_another_content_is_not_taken_for_sent_since_a_log_is_named(desk: Desk) -> None:
    log = desk.logged("Y:8 updated", "Z:8 to_send", input_sha256="1")
    with pytest.raises(LogRefused, match="--log"):
        await desk.send(go_on=True, log=log)
    assert list(desk.api.received) == ["Z"]
