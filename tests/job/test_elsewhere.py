"""What the logs beside a log have updated takes part in every run: a table, and its edges."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bulkstatus import Observer, Proposal
from bulkstatus.errors import LogRefused, Refused, SettingsRefused
from bulkstatus.job import RowsRefused
from bulkstatus.log import ResultLog, State, read_log
from bulkstatus.log.records import SendingRecord, line_of, timestamp
from tests.job.conftest import Desk, records
from tests.log.lines import result, row, run_record

DAY_SECONDS = 86400.0
MONDAY = ["A:8:T1 updated", "B:8:T2 updated", "C:512 updated", "D:8:T4 failed", "E:8 rejected"]


def days_ago(days: float) -> str:
    return timestamp(time.time() - days * DAY_SECONDS)


# The file's rows and the options: what is sent, or why the file is refused; how that ends.
CASES: list[tuple[str, dict[str, Any], str | type[Refused], int]] = [
    ("F:8", {}, "F", 0),
    ("A:8:T1 F:8 B:8", {}, "F", 0),
    ("D:8:T4 E:8 F:8", {}, "D E F", 0),
    ("C:513 C:8", {}, "C C", 0),
    ("C:512 C:513", {}, "C", 0),
    # All of it is done there: it is the file of another day.
    ("A:8:T1 B:8:T2", {}, LogRefused, 2),
    ("B:8 B:8", {}, LogRefused, 2),
    ("A:8:T1 :8", {"skip_invalid": True}, "", 1),
    ("B:8 A:8:T1", {"go_on": True}, "", 0),
    ("B:8:T2 A:8:T1", {"send_again": True}, "B A", 0),
    ("C:512 C:513", {"send_again": True}, "C C", 0),
    ("A:8", {"send_again": True}, "A", 0),
    ("A:8 A:8:T9", {"send_again": True}, RowsRefused, 2),
    # What contradicts it.
    ("A:128", {"cancellations": 1}, RowsRefused, 2),
    ("A:128 F:8", {"skip_invalid": True}, "F", 1),
    ("A:128", {"cancellations": 1, "send_again": True}, RowsRefused, 2),
    ("A:8:T9", {}, RowsRefused, 2),
    ("A:8:T9", {"on_conflict": "last"}, "A", 0),
    ("A:512", {}, RowsRefused, 2),
    ("A:64", {}, "A", 0),
    ("C:128", {"cancellations": 1}, "C", 0),
    ("C:256", {}, "C", 0),
    ("A:32", {}, RowsRefused, 2),
    # How far back.
    ("A:8:T1", {"look_back": 0}, "A", 0),
    ("A:8:T1", {"look_back": "1h"}, LogRefused, 2),
]


@pytest.mark.parametrize(("rows", "options", "sent", "status"), CASES, ids=str)
async def test_a_file_beside_mondays_log(
    desk: Desk, rows: str, options: dict[str, Any], sent: str | type[Refused], status: int
) -> None:
    desk.logged(*MONDAY, name="monday")
    desk.write(*rows.split())
    if isinstance(sent, type):
        refusal = await desk.refuses(desk.send(**options), sent)
        reasons = [p.reason for p in refusal.plan.problems] if sent is RowsRefused else [refusal]  # type: ignore[attr-defined]
        assert all("monday.results.jsonl of " in str(reason) for reason in reasons)
        return
    ended = await desk.send(**options)
    assert " ".join(order for order, puts in desk.api.received.items() for _ in puts) == sent
    assert (ended.ending.exit_status, ended.rows) == (status, len(rows.split()))


async def test_a_row_done_elsewhere_is_a_duplicate_that_names_log_and_day(desk: Desk) -> None:
    monday = desk.logged(*MONDAY, name="monday", started_at="2999-11-27T12:00:00.000Z")
    desk.write("A:8:T1", "F:8", "B:8")
    told: list[Proposal] = []
    await desk.send(observer=lambda proposal: told.append(proposal) or Observer())
    place = "monday.results.jsonl of 2999-11-27"
    results = {r["n"]: r for r in records(desk.folder / "day.results.jsonl") if "outcome" in r}
    assert [results[n]["outcome"] for n in (1, 2, 3)] == ["duplicate", "updated", "duplicate"]
    assert place in results[1]["error"]["message"]
    plan = told[0].plan
    assert (plan.due, plan.duplicates, plan.elsewhere) == (1, 2, {place: 2})
    assert monday.exists()


@pytest.mark.parametrize(
    ("tuesday", "sent"), [(days_ago(1), ["B"]), (days_ago(3), ["A", "B"])], ids=["later", "before"]
)
async def test_where_the_last_tracking_counts_an_old_log_does_not_take_a_later_one_back(
    desk: Desk, tuesday: str, sent: list[str]
) -> None:
    desk.logged("A:8:T2 updated", name="tuesday", started_at=tuesday)
    desk.logged("A:8:T1 to_send", "B:8 to_send", started_at=days_ago(2))
    assert (await desk.resume(on_conflict="last")).ending.exit_status == 0
    assert list(desk.api.received) == sent


async def test_a_mended_row_is_later_than_those_of_a_log_that_was_begun_before_it(
    desk: Desk,
) -> None:
    desk.logged("A:8:T1 rejected", name="monday", started_at=days_ago(3))
    desk.logged("A:8:T2 to_send", "B:8 to_send", started_at=days_ago(2))
    desk.write("A:8:T3", name="mended.csv")
    monday = ("monday.results.jsonl", "mended.csv")
    assert (await desk.resume(*monday, changed_input=True)).ending.exit_status == 0
    assert (await desk.resume(on_conflict="last")).ending.exit_status == 0
    assert list(desk.api.received) == ["A", "B"]
    assert desk.states == [State.SUPERSEDED, State.UPDATED]


async def test_new_rows_of_a_log_make_its_old_ones_no_younger(desk: Desk) -> None:
    desk.logged("A:8:T1 to_send", "B:8 failed", started_at=days_ago(3))
    desk.logged("A:8:T2 updated", name="tuesday", started_at=days_ago(2))
    desk.write("C:8", name="mended.csv")
    ended = await desk.resume("day.results.jsonl", "mended.csv", changed_input=True)
    assert ended.ending.exit_status == 3
    assert (await desk.resume(on_conflict="last")).ending.exit_status == 0
    assert list(desk.api.received) == ["C"]


@pytest.mark.parametrize(
    ("typed", "sent"), [({}, ["B"]), ({"send_again": True}, ["A", "B"])], ids=["kept", "typed"]
)
async def test_send_again_was_said_of_what_was_done_by_then(
    desk: Desk, typed: dict[str, Any], sent: list[str]
) -> None:
    desk.logged("A:8 updated", "B:8 updated", name="monday", started_at=days_ago(3))
    rows = ("A:8 to_send", "B:8 to_send")
    desk.logged(*rows, started_at=days_ago(2), settings={"send_again": True})
    desk.logged("A:8:T1 updated", name="tuesday", started_at=days_ago(1))
    assert (await desk.resume(**typed)).ending.exit_status == 0
    assert list(desk.api.received) == sent


@pytest.mark.parametrize("name", ["monday.log", "monday", "monday.results.jsonl.txt"])
async def test_a_log_counts_whatever_its_name(desk: Desk, name: str) -> None:
    desk.logged(*MONDAY, name="monday").rename(name)
    desk.write("A:8:T1")
    await desk.refuses(
        desk.send(), LogRefused, f"All rows of day.csv have been sent already: {name}"
    )


async def test_an_order_that_was_held_goes_on_unless_that_was_said_later(desk: Desk) -> None:
    desk.logged("A:256 updated", "B:32 updated", name="monday", started_at=days_ago(3))
    desk.write("A:8", "B:512")
    assert (await desk.send(limit=1)).ending.exit_status == 3
    desk.logged("B:32 updated", name="tuesday", started_at=timestamp(time.time() + 60))
    # Its file is no news either: it has the row that the log has been given.
    said = await desk.refuses(desk.resume("day.csv"), RowsRefused)
    assert "QC Query (tuesday" in said.plan.problems[0].reason  # type: ignore[attr-defined]
    assert (await desk.resume()).ending.exit_status == 1
    assert list(desk.api.received) == ["A"]


async def test_what_a_mended_file_brought_later_than_the_rows_is_later(desk: Desk) -> None:
    monday = desk.logged("A:8:T1 updated", "B:8 to_send", name="monday", started_at=days_ago(3))
    desk.logged("A:8:T2 to_send", "C:8:T1 to_send", started_at=days_ago(2))
    # Monday's log got an order of its own on the day after, and another tracking for C.
    more = [row(3, "C:8:T2"), SendingRecord(3), result(row(3, "C:8:T2"))]
    at = {"started_at": days_ago(1), "base_url": desk.api.base_url, "ref_id": "R1"}
    with monday.open("ab") as log:
        log.writelines(map(line_of, [replace(run_record("tuesday"), **at), *more]))
    assert (await desk.resume(on_conflict="last")).ending.exit_status == 0
    assert desk.states == [State.UPDATED, State.SUPERSEDED]
    assert list(desk.api.received) == ["A"]


async def test_an_order_that_was_cancelled_is_dispatched_where_that_is_said(desk: Desk) -> None:
    desk.logged("A:128 updated", "B:8 updated", name="monday")
    desk.write("A:8", "B:8", "C:8")
    await desk.refuses(desk.send(), RowsRefused)
    assert (await desk.send(skip_invalid=True)).ending.exit_status == 1
    # What was not sent, in a file of its own: with the log, or as a job of its own.
    desk.write("A:8", name="held.csv")
    await desk.refuses(desk.resume("day.results.jsonl", "held.csv", look_back=0), SettingsRefused)
    ended = await desk.resume("day.results.jsonl", "held.csv", look_back=0, changed_input=True)
    assert (ended.ending.exit_status, list(desk.api.received)) == (0, ["C", "A"])
    desk.write("D:8", name="other.csv")
    desk.logged("D:128 updated", name="tuesday")
    assert (await desk.send("other.csv", look_back=0)).ending.exit_status == 0


async def test_a_rolling_export_sends_what_is_new_and_says_so_at_once(desk: Desk) -> None:
    for rows, sent in (
        (["A:8", "B:8"], "A B"),
        (["A:8", "B:8", "C:8"], "C"),
        (["C:8", "D:8"], "D"),
    ):
        before = list(desk.api.received)
        desk.write(*rows)
        assert (await desk.send()).ending.exit_status == 0
        assert " ".join(order for order in desk.api.received if order not in before) == sent
    assert all(len(puts) == 1 for puts in desk.api.received.values())


@pytest.mark.parametrize(
    "run",
    [
        {"base_url": "https://elsewhere.example"},
        {"ref_id": "R9"},
        {"settings": {"sandbox": True}},
        {"started_at": days_ago(31)},
    ],
    ids=lambda run: next(iter(run)),
)
async def test_what_counts_for_nothing(desk: Desk, run: dict[str, Any]) -> None:
    desk.logged("A:8:T1 updated", "B:128 updated", name="monday", **run)
    assert (await desk.send()).ending.exit_status == 0
    assert list(desk.api.received) == ["A", "B"]


async def test_an_old_file_is_not_even_opened(desk: Desk) -> None:
    path = desk.folder / "monday.results.jsonl"
    path.write_bytes(b"broken\n")
    for age, notes in ((29, 1), (31, 0)):
        os.utime(path, times=(0, time.time() - age * DAY_SECONDS))
        desk.write(f"{age}:8")
        assert len((await notes_of(desk))[0]) == notes


async def notes_of(desk: Desk, **options: Any) -> tuple[list[str], int]:
    """Send the day's file, and return what is said of other logs, and the exit status."""
    told: list[Proposal] = []
    ended = await desk.send(observer=lambda p: told.append(p) or Observer(), **options)
    return list(told[0].notes), ended.ending.exit_status


async def test_logs_that_are_unfinished_or_in_use_or_broken_are_named_and_stop_nothing(
    desk: Desk,
) -> None:
    desk.logged("B:8 to_send", "F:8 to_send", "G:8 updated", name="left", ref_id="R9")
    desk.logged("G:8 to_send", name="rehearsed", settings={"sandbox": True})
    running = desk.logged("F:8 to_send?", name="running")
    desk.write("A:8", name="orders").rename("orders.results.jsonl")
    (desk.folder / "begun.results.jsonl").touch()
    (desk.folder / "rows.jsonl").write_text('{"order_id":"A","status":8}\n')
    (desk.folder / "folder.jsonl").mkdir()
    held = ResultLog.open(running)
    notes, status = await notes_of(desk)
    held.close()
    assert (status, list(desk.api.received)) == (0, ["A", "B"])
    for name, *words in (
        ("left", "2 rows", "1 of them for orders of this run"),
        ("running", "1 row ", "goes on now, or broke off"),
        ("orders", "cannot be read"),
    ):
        (note,) = (note for note in notes if f"log {name}.results.jsonl" in note)
        assert [word for word in words if word not in note] == []
    assert len(notes) == 3


async def test_a_resume_looks_as_well(desk: Desk) -> None:
    rows = ["A:8:T1 to_send", "B:8:T9 to_send", "C:512 failed", "F:8 to_send"]
    log = desk.logged(*rows)
    desk.logged(*MONDAY, name="monday")
    told: list[Proposal] = []
    ended = await desk.resume(observer=lambda p: told.append(p) or Observer())
    assert (ended.ending.exit_status, list(desk.api.received)) == (1, ["F"])
    # Nothing is said of the log itself, which was not finished.
    assert (told[0].notes, told[0].plan.elsewhere.total()) == ((), 2)
    outcomes = {outcome.value: count for outcome, count in read_log(log).state.counts().items()}
    assert outcomes == {"duplicate": 2, "invalid": 1, "updated": 1}


async def test_so_does_one_with_a_mended_file(desk: Desk) -> None:
    desk.logged("A:8:T1 rejected", "Z:8 failed", "B:8:T2 updated")
    desk.logged(*MONDAY, name="monday")
    desk.write("A:8:T1", "B:8:T2", "C:512", "Z:8", "F:8")
    ended = await desk.resume("day.csv", changed_input=True)
    assert (ended.ending.exit_status, sorted(desk.api.received)) == (0, ["F", "Z"])
    # What the log itself has done is no new row of it.
    states = [state.name for state in desk.states]
    assert states == ["DUPLICATE", "UPDATED", "UPDATED", "DUPLICATE", "UPDATED"]


async def test_rows_to_be_sent_again_are_so_by_a_resume(desk: Desk) -> None:
    desk.logged(*MONDAY, name="monday")
    desk.write("A:8:T1", "B:8:T2")
    assert (await desk.send(send_again=True, limit=1)).ending.exit_status == 3
    assert (await desk.resume()).ending.exit_status == 0
    assert list(desk.api.received) == ["A", "B"]
    # The same content is sent again only by a command that says so.
    await desk.refuses(desk.send(), LogRefused, "day.results.jsonl")
    assert (await desk.send(send_again=True)).log_path == Path("day-2.results.jsonl")
    assert [len(puts) for puts in desk.api.received.values()] == [2, 2]
    # What the log itself has done is not, whatever other logs say besides.
    desk.write("A:8:T1", "B:8:T2", "F:8")
    again = {"send_again": True, "changed_input": True}
    assert (await desk.resume("day-2.results.jsonl", "day.csv", **again)).ending.exit_status == 0
    assert [len(puts) for puts in desk.api.received.values()] == [2, 2, 1]


async def test_what_a_check_would_not_find_is_no_reason_to_run_one(desk: Desk) -> None:
    orders = [f"A{n}" for n in range(30)]
    desk.write(*(f"{order}:99" for order in orders))
    assert "bulkstatus check" in str(await desk.refuses(desk.send(), RowsRefused))
    desk.logged(*(f"{order}:128 updated" for order in orders), name="monday")
    desk.write(*(f"{order}:8" for order in orders))
    assert "bulkstatus check" not in str(await desk.refuses(desk.send(), RowsRefused))


async def test_the_same_content_again_is_told_as_that_whatever_was_done_since(desk: Desk) -> None:
    desk.write("C:513", "A:8:T1")
    desk.logged("C:513 failed", "A:8:T1 updated")
    desk.logged("C:8 updated", name="day-2", input="day.csv", input_sha256="2")
    await desk.refuses(desk.send(), LogRefused, "day.csv has been sent already", "report")


async def test_what_is_done_elsewhere_fails_no_job_that_is_started_again(desk: Desk) -> None:
    desk.logged(*MONDAY, name="monday")
    desk.write("A:8:T1", "B:8")
    for ran in (True, False):
        ended = await desk.send(go_on=True)
        assert (ended.ending.exit_status, ended.ran, desk.api.counts.total()) == (0, ran, 0)
        # That is in its own log from now on, however old Monday's will be.
        assert [state.name for state in desk.states] == ["DUPLICATE", "DUPLICATE"]


async def test_of_two_logs_the_later_is_named(desk: Desk) -> None:
    for name, age in (("b", 0), ("c", 1), ("a", 2)):
        path = desk.logged("A:8:T1 updated", "B:8 updated", name=name)
        os.utime(path, times=(0, time.time() - age * DAY_SECONDS))
    refusal = await desk.refuses(desk.send(), LogRefused, "b.results.jsonl of", "(2 rows)")
    assert "c.results.jsonl" not in str(refusal)


async def test_of_many_logs_a_few_are_named(desk: Desk) -> None:
    for n in range(8):
        desk.logged("A:8 updated", *(f"{n}{k}:8 updated" for k in range(n)), name=f"log{n}")
    desk.write(*(f"{n}{k}:8" for n in range(8) for k in range(n)))
    names = [f"log{n}.results.jsonl of" for n in range(3, 8)]
    refusal = await desk.refuses(desk.send(), LogRefused, *names, "2 other logs (3 rows)")
    assert "log2" not in str(refusal)


async def test_what_an_older_log_has_too_is_no_less_late(desk: Desk) -> None:
    desk.logged("A:8:T1 to_send", "B:8 to_send", started_at=days_ago(2))
    desk.logged("A:8:T2 updated", name="tuesday", started_at=days_ago(1))
    desk.logged("A:8:T2 updated", name="monday", started_at=days_ago(3))
    assert (await desk.resume(on_conflict="last")).ending.exit_status == 0
    assert list(desk.api.received) == ["B"]


async def test_a_kept_send_again_is_said_of_no_file_but_of_what_was_done_by_then(
    desk: Desk,
) -> None:
    desk.logged("A:8 updated", name="monday", started_at=days_ago(3))
    desk.logged("B:8 rejected", started_at=days_ago(2), settings={"send_again": True})
    desk.logged("B:8 updated", "C:8 updated", name="tuesday", started_at=days_ago(1))
    desk.write("A:8", "B:8", "C:8")
    assert (await desk.resume("day.csv", changed_input=True)).ending.exit_status == 0
    assert list(desk.api.received) == ["A"]
