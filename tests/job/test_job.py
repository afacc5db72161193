"""`send`, `resume` and `send --resume` by value: what is refused, and what is sent and logged."""

import hashlib
import os
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bulkstatus import Observer, Proposal
from bulkstatus.api.access import Credentials
from bulkstatus.errors import (
    ActionNeeded,
    BulkstatusError,
    InputRefused,
    LogInUse,
    LogRefused,
    NoLog,
    Refused,
    SettingsRefused,
    Stopped,
)
from bulkstatus.job import Ended, RowsRefused, Terms, log_and_file, send_or_resume
from bulkstatus.log import ResultLog, State, read_log
from bulkstatus.settings.sources import settings_for
from bulkstatus.settings.table import Settings
from tests.job.conftest import Desk, records

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


async def test_what_a_limit_leaves_of_a_mended_file_is_as_it_was(desk: Desk) -> None:
    desk.logged("A:8 rejected", "B:8 rejected", "C:8 to_send", "D:8 failed")
    desk.write("A:8", "B:8", "C:8", "D:8", name="mend.csv")
    mend = ("day.results.jsonl", "mend.csv")
    ended = await desk.resume(*mend, changed_input=True, limit=3)
    assert (ended.ending.exit_status, list(desk.api.received)) == (3, ["C", "D", "A"])
    # A row's state is its latest result: what the API refused is so until it is sent again.
    done = [State.UPDATED, State.REJECTED, State.UPDATED, State.UPDATED]
    assert (desk.states, ended.to_send) == (done, 0)
    assert (await desk.resume()).ending.exit_status == 1
    assert (await desk.resume(*mend, changed_input=True)).ending.exit_status == 0
    assert list(desk.api.received) == ["C", "D", "A", "B"]


async def test_untold_cancellations_need_their_number(desk: Desk) -> None:
    desk.logged("A:128 to_send")
    path = desk.write("A:128", "B:128")
    call = desk.resume("day.csv", changed_input=True)
    await desk.refuses(call, SettingsRefused, "cancel 2")
    ended = await desk.resume("day.csv", changed_input=True, cancellations=2)
    assert (ended.ending.exit_status, list(desk.api.received)) == (0, ["A", "B"])
    for given in (None, "mend.csv"):
        found = path.with_name("day.results.jsonl"), given or str(path)
        assert log_and_file(path, given, settings_for({})) == found


async def test_the_log_of_another_file_is_not_gone_on_with_for_its_name(desk: Desk) -> None:
    desk.logged("A:8 updated")
    desk.logged("B:8 to_send", name="day-2")
    desk.write("C:8")
    with pytest.raises(NoLog):
        await desk.resume("day-3.csv")
    ended = await desk.send(go_on=True)
    assert (ended.log_path, list(desk.api.received)) == (Path("day-3.results.jsonl"), ["C"])
    desk.write("D:8", name="day-3.csv")
    ended = await desk.send("day-3.csv")
    assert (ended.log_path, list(desk.api.received)) == (Path("day-3-2.results.jsonl"), ["C", "D"])


async def test_rejected_rows_are_sent_again_where_that_is_said(desk: Desk) -> None:
    desk.logged("A:8:T1 rejected", "B:8 updated")
    ended = await desk.resume()
    assert (ended.ran, ended.ending.exit_status, desk.api.counts.total()) == (False, 1, 0)
    assert (await desk.resume(retry_rejected=True)).ending.exit_status == 0


async def test_withdrawing_sends_nothing_and_needs_neither_account_nor_address(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = "https://far.example"
    log = desk.logged("A:8 to_send?", "B:8 failed", "C:8 updated", ref_id="R9", base_url=far)
    monkeypatch.delenv("BULKSTATUS_API_KEY")
    ended = await desk.resume(withdraw=True)
    assert (ended.ending.exit_status, desk.api.counts.total()) == (0, 0)
    assert desk.states == [State.WITHDRAWN, State.WITHDRAWN, State.UPDATED]
    runs = [(run["ref_id"], run["base_url"]) for run in records(log) if run["type"] == "run"]
    assert runs == [("R9", far)] * 3
    assert list(read_log(log).state.unseen()) == [1]
    # By mistake? They are new rows of it where their file is given again.
    monkeypatch.setenv("BULKSTATUS_API_KEY", "K1")
    desk.write("A:8", "B:8", "C:8")
    monkeypatch.setenv("BULKSTATUS_REF_ID", "R9")
    given = {"base_url": desk.api.base_url, "changed_input": True}
    ended = await desk.resume("day.results.jsonl", "day.csv", **given)
    assert (ended.ending.exit_status, list(desk.api.received)) == (0, ["A", "B"])


# What is refused.

LOG = "open.results.jsonl"
REFUSED: list[tuple[Callable[[Desk], Awaitable[Ended]], type[BulkstatusError], str]] = [
    (lambda d: d.send("sent.csv"), LogRefused, "sent.results.jsonl|bulkstatus report"),
    (lambda d: d.send("open.csv"), LogRefused, f"2 rows|resume {LOG}\n|{LOG} open.csv|--withdraw"),
    (lambda d: d.send(log="sent.results.jsonl"), LogRefused, "resume sent.results.jsonl|--log"),
    (lambda d: d.send(log="sent.results.jsonl", dry_run=True), LogRefused, "sent.results.jsonl"),
    (lambda d: d.send(log="day.csv"), LogRefused, "day.csv is not a result log"),
    (lambda d: d.send(log=d.folder), LogRefused, "no regular file"),
    (lambda d: d.send("sent.csv", log="sent.sandbox.results.jsonl", sandbox=True), LogRefused, ""),
    (lambda d: d.send("sent.csv", sandbox=True), LogRefused, "sent.sandbox.results.jsonl"),
    (lambda d: d.send("-"), Refused, "--log"),
    (lambda d: d.resume("far.csv"), LogRefused, "--base-url https://far.example|http://127.0.0.1"),
    (lambda d: d.resume("other.results.jsonl"), LogRefused, "R9|R1"),
    (lambda d: d.resume(LOG, sandbox=True), LogRefused, f"{LOG}|of no rehearsal|--sandbox"),
    (lambda d: d.resume("try.results.jsonl", sandbox=False), LogRefused, "and of a rehearsal"),
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
        desk.write("S:8", name=f"{name}.csv")
    desk.logged("S:8 updated", name="sent")
    desk.logged("S:8 updated", name="sent.sandbox")
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
    desk.logged("X:8 to_send", name="day-2", input="day.csv")
    desk.logged("Y:8 failed", name="day-3", input="day.csv")
    assert (await desk.send()).log_path == Path("day-4.results.jsonl")


@pytest.mark.parametrize("name", ["day.results.jsonl", "mine.jsonl"])
async def test_a_log_that_another_run_makes_during_the_question_is_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = desk.logged("A:8:T1 updated", "B:8 updated").read_bytes()
    (desk.folder / "day.results.jsonl").unlink()
    confirmed = "bulkstatus.job.consent.Said.check"
    monkeypatch.setattr(confirmed, lambda *terms, **more: Path(name).write_bytes(made))
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
        await desk.send(sandbox=True, log="mine.jsonl")
        assert desk.logs == ["day.sandbox", "mine.jsonl"]
    await desk.refuses(desk.resume("day.csv"), NoLog, "send day.csv")
    await desk.refuses(desk.resume("no.csv", sandbox=True), NoLog, "send no.csv --sandbox")
    assert (await desk.resume("day.csv", sandbox=True)).rows == 1
    assert [row["order_id"] for row in records(Path("day.sandbox.results.jsonl"))[1:2]] == ["B"]
    assert desk.api.counts.total() == 0
    assert (await desk.send()).ending.exit_status == 0
    assert list(desk.api.received) == ["B"]


@pytest.mark.parametrize("other", [{"base_url": "http://127.0.0.1:1"}, {"ref_id": "R2"}], ids=str)
async def test_what_was_sent_elsewhere_is_not_said_to_have_been_sent(
    desk: Desk, other: dict[str, Any]
) -> None:
    desk.logged("A:8:T1 updated", "B:8 updated", **other)
    told = "name with --profile" if "ref_id" in other else "type the one that is meant"
    await desk.refuses(desk.send(go_on=True), LogRefused, *other.values(), told)


async def test_a_rehearsal_under_the_name_of_a_log_counts_for_nothing(desk: Desk) -> None:
    assert (await desk.send(sandbox=True, log="day.results.jsonl")).ending.exit_status == 0
    await desk.refuses(desk.resume("day.csv"), NoLog, "send day.csv")
    for go_on, sent in ((False, ["A", "B"]), (True, ["A", "B", "C"])):
        assert (await desk.send(go_on=go_on)).ending.exit_status == 0
        assert list(desk.api.received) == sent
        desk.write("A:8:T1", "B:8", "C:8")
    assert desk.logs == ["day", "day-2", "day-3"]


async def test_a_dry_run_leaves_no_trace(desk: Desk) -> None:
    desk.logged("A:8 updated", "Z:8 to_send", input_sha256="1")
    with (desk.folder / "day.results.jsonl").open("ab") as log:
        log.write(b'{"type":"res')
    before = desk.content()
    desk.write("A:8", "C:8", name="new.csv")
    for call, to_send in (
        (desk.send("new.csv", dry_run=True), 1),
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
    # Where nothing is left, an export that did not come is no success.
    await desk.refuses(desk.send(go_on=True), InputRefused, "day.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
async def test_what_a_pipe_holds_is_never_taken_for_what_was_sent(desk: Desk) -> None:
    os.mkfifo("pipe")
    desk.logged("A:8 updated", name="pipe")
    await desk.refuses(desk.send("pipe", go_on=True), Refused, "pipe is no file")


@pytest.mark.parametrize("older", [["updated", "updated"], ["updated", "failed"], ["rejected"] * 2])
@pytest.mark.parametrize("newest", ["updated", "failed", "rejected"])
async def test_an_older_log_of_the_same_content_says_how_it_ended(
    desk: Desk, older: list[str], newest: str
) -> None:
    desk.logged(f"A:8:T1 {older[0]}", f"B:8 {older[1]}")
    desk.logged(f"Z:8 {newest}", name="day-2", input="day.csv", input_sha256="1")
    ended = await desk.send(go_on=True)
    exit_status = 1 if "rejected" in older else 0
    assert ended.ending.exit_status == exit_status
    sent = ["Z"] * (newest == "failed") + ["B"] * (older[1] == "failed")
    assert (list(desk.api.received), ended.ran) == (sent, bool(sent))
    assert desk.logs == ["day", "day-2"]


async def test_a_log_with_a_name_of_its_own_is_followed_by_the_next(desk: Desk) -> None:
    for rows, name in ((["A:8"], "mine"), (["B:8"], "mine-2"), (["C:8"], "mine-3")):
        desk.write(*rows)
        ended = await desk.send(go_on=True, log="mine.jsonl")
        assert (ended.ending.exit_status, ended.log_path) == (0, Path(f"{name}.jsonl"))
    assert list(desk.api.received) == ["A", "B", "C"]


async def test_a_file_that_is_refused_after_rows_were_sent_is_not_nothing_sent(desk: Desk) -> None:
    desk.logged("Y:8 updated", "Z:8 to_send", input_sha256="1")
    desk.write("A:99")
    with pytest.raises(ActionNeeded, match=r"(?s)day.results.jsonl had left was sent.*1 row") as no:
        await desk.send(go_on=True)
    assert (no.value.exit_status, list(desk.api.received)) == (4, ["Z"])
    # The next one finds nothing to send but the file, which is refused as ever.
    await desk.refuses(desk.send(go_on=True), RowsRefused)


async def test_a_no_to_the_file_after_the_rest_was_sent_leaves_it_for_later(desk: Desk) -> None:
    desk.logged("Y:8 updated", "Z:8 to_send", input_sha256="1")
    terms = Terms(
        credentials=lambda settings: Credentials("R1", "K1"),
        confirm=lambda proposal: proposal.restarts,
    )
    with pytest.raises(Stopped) as no:
        await send_or_resume("day.csv", settings_for({}), settings_for_log, None, terms)
    assert (no.value.exit_status, list(desk.api.received)) == (3, ["Z"])


def settings_for_log(kept: Mapping[str, Any], log: Path) -> Settings:
    return settings_for({}, kept, log)


@pytest.mark.skipif(os.name != "posix", reason="an open file can be deleted on POSIX")
async def test_where_the_log_is_gone_before_the_first_row_leaves_none_is_in_doubt(
    desk: Desk,
) -> None:
    def gone(proposal: Proposal) -> Observer:
        proposal.log_path.unlink()
        return Observer()

    ended = await desk.send(observer=gone)
    assert (ended.ending.exit_status, ended.to_send, desk.api.counts.total()) == (4, 2, 0)
    contents = read_log(desk.folder / "day.results.jsonl")
    assert [run.end and run.end.reason for run in contents.runs] == ["stopped"]
    assert [*contents.state.unseen()] == []
