"""What is said of the orders of a run that was killed, or is still going on."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from report_logs import REFUSAL, TIMEOUT, Log, written

from bulkstatus.reporting.page import render
from bulkstatus.reporting.pending import pending_inputs, report_with_input, with_pending
from bulkstatus.reporting.record import report_record
from bulkstatus.reporting.rows import write_rows
from bulkstatus.reporting.summary import Report, summarise
from bulkstatus.reporting.text import report_text
from bulkstatus.result import Outcome
from bulkstatus.resultlog import ResultLog

REJECTED, FAILED = Outcome.REJECTED, Outcome.FAILED


async def report_of(log: Log) -> Report:
    return await report_with_input(summarise(log.path))


def counted(report: Report) -> tuple[int, list[str], list[str]]:
    orders = report.orders
    return orders.touched, list(orders.perhaps_touched), list(orders.untouched)


async def touched_of(log: Log) -> list[tuple[str, str, str]]:
    """Return order, outcome and `touched` of each row of the table, in its order."""
    path = log.path.with_name("rows.csv")
    report = summarise(log.path)
    async with pending_inputs(report) as inputs:
        await write_rows(path, with_pending(report, inputs), inputs)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-1] == "touched"
    return [(row["order_id"], row["outcome"], row["touched"]) for row in rows]


async def test_pending_rows_are_perhaps_touched_after_a_kill_and_so_everywhere(log: Log) -> None:
    log.run(5, written(log, "today.csv", "9", "2", "8", "3", "7")).row("2", line=3)
    log.row("8", REJECTED, line=4)
    report = await report_of(log)
    assert counted(report) == (1, ["9", "3", "7"], ["8"])
    text = report_text(report)
    assert "Orders     1 touched, 3 perhaps touched, 1 not touched\n" in text
    assert (
        "           3 perhaps touched: run 1 broke off without a word of them; rows leave in the "
        "order of the file, so most likely only the first of them were sent\n"
    ) in text
    record = report_record(report)["orders"]
    assert (record["perhaps_touched"], record["untouched"]) == (["9", "3", "7"], ["8"])
    assert record["unrecorded"] is True
    page = render(report)
    assert "<p><bdi>9</bdi>, <bdi>3</bdi>, <bdi>7</bdi></p>" in page
    assert "3 perhaps touched: run 1 broke off without a word of them;" in page
    assert await touched_of(log) == [
        ("9", "pending", "perhaps"),
        ("2", "updated", "yes"),
        ("8", "rejected", "no"),
        ("3", "pending", "perhaps"),
        ("7", "pending", "perhaps"),
    ]


async def test_pending_rows_of_ended_runs_are_not_touched_but_for_those_that_the_end_names(
    log: Log,
) -> None:
    source = written(log, "today.csv", "9", "2", "8", "3", "7")
    log.run(5, source).row("2", line=3).end("interrupted", perhaps=("7", "9"))
    report = await report_of(log)
    assert counted(report) == (1, ["9", "7"], ["8", "3"])
    assert "broke off" not in report_text(report)
    assert [touched for _, _, touched in await touched_of(log)] == [
        "perhaps",
        "yes",
        "no",
        "no",
        "perhaps",
    ]


async def test_a_later_run_that_ended_leaves_in_doubt_what_an_earlier_one_may_have_sent(
    log: Log,
) -> None:
    source = written(log, "today.csv", "1", "2", "3")
    log.run(3, source).row("1")
    log.run(3, source).row("2", line=3).end("interrupted", perhaps=())
    report = await report_of(log)
    assert counted(report) == (2, ["3"], [])
    assert "1 perhaps touched: run 1 broke off without a word of them\n" in report_text(report)


async def test_a_finished_run_settles_what_an_earlier_one_left_in_doubt(log: Log) -> None:
    source = written(log, "today.csv", "1", "2")
    log.run(2, source).row("1")
    log.run(2, source).row("2", line=3).end()
    report = await report_of(log)
    assert counted(report) == (2, [], [])
    assert report.unrecorded is False
    # What is in no run before was not in doubt either.
    log.run(3, written(log, "today.csv", "1", "2", "4")).end("interrupted")
    assert counted(await report_of(log)) == (2, [], ["4"])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # A refusal by a later run does not undo what the one that broke off may have done.
        (None, REJECTED, ["2"]),
        (None, FAILED, ["2"]),
        (None, Outcome.UPDATED, []),
        # The row had its answer before; and one that is never sent was not sent.
        (REJECTED, REJECTED, []),
        (None, Outcome.INVALID, []),
    ],
)
async def test_what_was_refused_only_after_a_run_broke_off_is_perhaps_touched(
    log: Log, before: Outcome | None, after: Outcome, expected: list[str]
) -> None:
    source = written(log, "today.csv", "1", "2")
    log.run(2, source).row("1")
    if before:
        log.row("2", before, REFUSAL)
    log.now += 60
    log.run(2, source).row("2", after, REFUSAL, line=3).end()
    report = await report_of(log)
    assert list(report.orders.perhaps_touched) == expected
    assert ("2" in report.orders.untouched) is (not expected and after is not Outcome.UPDATED)
    assert ("refused or failed, but only after a run broke off" in report_text(report)) is bool(
        expected
    )
    # A row of another input was not sent by a run that did not have it.
    log.run(1, "bb", "other.csv").row("5", REJECTED, REFUSAL).end()
    assert "5" in summarise(log.path).orders.untouched


async def test_rows_that_are_never_sent_are_not_in_doubt(log: Log) -> None:
    log.run(3, written(log, "today.csv", "1", "2.5E+07", "3")).row("1")
    assert counted(await report_of(log)) == (1, ["3"], ["2.5E+07"])


async def test_a_run_that_is_going_on_has_orders_of_which_it_has_not_told_yet(log: Log) -> None:
    log.run(2, written(log, "today.csv", "1", "2")).row("1")
    writer, _ = ResultLog.open(log.path)
    try:
        report = await report_of(log)
    finally:
        writer.close()
    assert counted(report) == (1, ["2"], [])
    assert "1 perhaps touched: run 1 is still going on, and their answers" in report_text(report)


async def test_the_pending_rows_of_all_unfinished_inputs_count(log: Log) -> None:
    """The wrong file was killed, the right one finished after it."""
    log.run(4, written(log, "wrong.csv", "1", "2", "3", "4"), "wrong.csv").row("1")
    log.row("3", line=4)
    log.run(2, written(log, "right.csv", "8", "9"), "right.csv").row("9", line=3)
    log.row("8", line=2).end()
    report = await report_of(log)
    assert (report.rows, report.pending, report.left_behind) == (6, 2, 0)
    assert counted(report) == (4, ["2", "4"], [])
    assert [(order_id, touched) for order_id, _, touched in await touched_of(log)] == [
        *(("1", "yes"), ("2", "perhaps"), ("3", "yes"), ("4", "perhaps")),
        *(("8", "yes"), ("9", "yes")),
    ]


async def test_a_row_that_is_pending_in_two_inputs_is_one_row(log: Log) -> None:
    log.run(3, written(log, "today.csv", "1", "2", "3")).row("1")
    log.run(3, written(log, "copy.csv", "3", "4", "5"), "copy.csv").end("interrupted")
    report = await report_of(log)
    assert (report.pending, report.rows) == (4, 5)
    # Order 3 is pending in the later input, but the run over the earlier one may have sent it.
    assert counted(report) == (1, ["2", "3"], ["4", "5"])
    assert sorted(await touched_of(log)) == [
        ("1", "updated", "yes"),
        ("2", "pending", "perhaps"),
        ("3", "pending", "perhaps"),
        ("4", "pending", "no"),
        ("5", "pending", "no"),
    ]


@pytest.mark.parametrize("change", ["gone", "changed"])
async def test_what_an_input_alone_would_name_is_said_in_words_where_it_is_not_there(
    log: Log, change: str
) -> None:
    log.run(4, written(log, "today.csv", "1", "2", "3", "4")).row("1")
    source = log.path.with_name("today.csv")
    source.unlink() if change == "gone" else source.write_text("order_id,status\n1,8\n")
    report = await report_of(log)
    assert counted(report) == (1, [], [])
    assert (report.pending, report.orders.unnamed, report.unrecorded) == (3, 3, True)
    assert (
        "perhaps touched as well: the orders of 3 pending rows, since run 1 broke off without a "
        "word of them; only today.csv names them, and it is gone or no longer what it was\n"
    ) in report_text(report)
    log.run(2, written(log, "other.csv", "8"), "other.csv").row("8").end()
    report = await report_of(log)
    assert (report.pending, report.orders.unnamed) == (None, None)
    text = report_text(report)
    assert "some more may be pending: the log alone does not tell how many of today.csv" in text
    assert "perhaps touched as well: the orders of all rows still pending, since run 1" in text


async def test_orders_are_named_in_file_order(log: Log) -> None:
    ids = ("143", "154", "121", "132")
    log.run(4, written(log, "today.csv", *ids))
    for order_id in reversed(ids):
        log.row(order_id, FAILED, TIMEOUT, uncertain=True, line=2 + ids.index(order_id))
    log.end("interrupted")
    assert list(summarise(log.path).orders.perhaps_touched) == list(ids)
    assert [order_id for order_id, *_ in await touched_of(log)] == list(ids)


@pytest.mark.skipif(os.name == "nt", reason="has no SIGKILL")
def test_a_run_that_was_really_killed(tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text(
        "".join(["order_id,status\n", *(f"{order},8\n" for order in range(100, 400))])
    )
    with subprocess.Popen(
        [sys.executable, "-m", "bulkstatus", "send", "today.csv", "--sandbox", "--rate", "20/s"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        log = tmp_path / "today.sandbox.results.jsonl"
        while not log.exists() or log.read_bytes().count(b"\n") < 4:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    done = subprocess.run(
        [sys.executable, "-m", "bulkstatus", "report", log.name, "--json"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=60,
    )
    orders = orjson.loads(done.stdout)["orders"]
    assert orders["untouched"] == []
    assert orders["touched"] + len(orders["perhaps_touched"]) == 300
