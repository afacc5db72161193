import csv
import hashlib

import pytest
from report_logs import REFUSAL, TIMEOUT, Log, written

from bulkstatus.errors import SettingsRefused
from bulkstatus.reporting.pending import pending_inputs, with_pending
from bulkstatus.reporting.rows import write_rows
from bulkstatus.reporting.summary import summarise
from bulkstatus.result import ErrorKind, Outcome, RowError


async def rows_of(log: Log) -> list[dict[str, str]]:
    path = log.path.with_name("rows.csv")
    report = summarise(log.path)
    async with pending_inputs(report) as inputs:
        await write_rows(path, with_pending(report, inputs), inputs)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfline,")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


async def test_every_row_comes_once_with_its_latest_record(log: Log) -> None:
    log.run(6).row("1").row("2", Outcome.FAILED, TIMEOUT, uncertain=True).row("3", tracking="T")
    log.row("3", Outcome.DUPLICATE, tracking="T").row("6", Outcome.INVALID, status=None)
    log.row("7", Outcome.REJECTED, REFUSAL).end("stopped")
    log.run(6).row("2", line=3).row("7", Outcome.REJECTED, REFUSAL, line=7).end()
    rows = await rows_of(log)
    assert sorted((row["line"], row["order_id"], row["outcome"]) for row in rows) == [
        ("2", "1", "updated"),
        ("3", "2", "updated"),
        ("4", "3", "updated"),
        ("5", "3", "duplicate"),
        ("6", "6", "invalid"),
        ("7", "7", "rejected"),
    ]
    rejected = next(row for row in rows if row["outcome"] == "rejected")
    assert rejected["error"] == "The API refused it (HTTP 400): Invalid order status"
    assert (rejected["status"], rejected["status_name"]) == ("8", "Dispatched")
    assert (rejected["attempts"], rejected["http_status"]) == ("1", "400")
    assert rejected["at"].endswith("Z")


async def test_a_row_stays_uncertain_when_only_a_refusal_followed(log: Log) -> None:
    log.run(2).row("1", Outcome.FAILED, TIMEOUT, uncertain=True).end("stopped")
    log.run(2).row("1", Outcome.REJECTED, REFUSAL, line=2).row("2").end()
    assert [row["uncertain"] for row in await rows_of(log)] == ["yes", ""]


async def test_what_is_added_while_the_table_is_written_is_left_out(log: Log) -> None:
    log.run(2).row("1")
    report = summarise(log.path)
    log.row("2").row("1", Outcome.DUPLICATE)
    log.write(b'{"type":"res')
    path = log.path.with_name("rows.csv")
    await write_rows(path, report, [])
    assert path.read_text(encoding="utf-8-sig").count("\n") == 2


async def test_pending_rows_come_from_the_input(log: Log) -> None:
    source = log.path.with_name("today.csv")
    source.write_text("order_id,status\n1,8\n2,8\n3,8\n3,8\n4,x\n5,128\n")
    log.run(6, hashlib.sha256(source.read_bytes()).hexdigest()).row("1")
    log.row("2", Outcome.REJECTED, REFUSAL).end("interrupted", perhaps=("5",))
    rows = await rows_of(log)
    pending = [row for row in rows if row["outcome"] == "pending"]
    assert [(row["line"], row["order_id"], row["uncertain"]) for row in pending] == [
        ("4", "3", ""),
        ("5", "3", ""),
        ("6", "4", ""),
        ("7", "5", "yes"),
    ]
    assert len(rows) == 6


async def test_after_a_crash_it_is_unknown_of_pending_rows_whether_they_were_touched(
    log: Log,
) -> None:
    source = log.path.with_name("today.csv")
    source.write_text("order_id,status\n1,8\n2,8\n")
    log.run(2, hashlib.sha256(source.read_bytes()).hexdigest()).row("1")
    assert [row["uncertain"] for row in await rows_of(log)] == ["", "unknown"]


async def test_ids_are_never_altered_and_reasons_never_run(log: Log) -> None:
    error = RowError(ErrorKind.API, "=HYPERLINK(1),+2;@x\n\x1b[1m")
    log.run(1).row("=1+1", Outcome.SUPERSEDED, error, tracking="-1, 2\r3").end()
    (row,) = await rows_of(log)
    assert (row["order_id"], row["tracking"]) == ("=1+1", "-1, 2\r3")
    assert row["error"] == "'=HYPERLINK(1),'+2;'@x\\n\\x1b[1m"


async def test_an_earlier_table_is_replaced_and_nothing_else_is(log: Log) -> None:
    log.run(1).row("1").end()
    report = summarise(log.path)
    path = log.path.with_name("rows.csv")
    await write_rows(path, report, [])
    log.row("2")
    await write_rows(path, summarise(log.path), [])
    assert path.read_text().count("\n") == 3
    table = path.rename(log.path.with_name("today.csv")).read_bytes()
    with pytest.raises(SettingsRefused, match="the input itself"):
        await write_rows(log.path.with_name("today.csv"), report, [])
    assert log.path.with_name("today.csv").read_bytes() == table
    others = log.path.with_name("today.csv"), log.path.with_name("other.csv"), log.path
    for other in others[:2]:
        other.write_text("order_id,status\n1,8\n")
    for other in others:
        before = other.read_bytes()
        with pytest.raises(SettingsRefused):
            await write_rows(other, report, [])
        assert other.read_bytes() == before
    with pytest.raises(SettingsRefused, match="folder"):
        await write_rows(log.path.parent, report, [])
    with pytest.raises(SettingsRefused, match="cannot be written"):
        await write_rows(log.path.with_name("nowhere") / "rows.csv", report, [])
    assert sorted(file.name for file in log.path.parent.iterdir()) == [
        "other.csv",
        "today.csv",
        "today.results.jsonl",
    ]


async def test_a_withdrawn_row_says_how_it_failed_and_where_it_stood(log: Log) -> None:
    unreadable = RowError(ErrorKind.ROW, "the order ID is empty")
    log.run(5).row("1", line=2).row("2", Outcome.FAILED, TIMEOUT, attempts=5, line=3).end()
    log.run(5).row("2", Outcome.REJECTED, REFUSAL, attempts=2, line=4)
    log.row("", Outcome.INVALID, unreadable, line=5).row("", Outcome.INVALID, unreadable, line=6)
    log.end()
    log.run(2, "bb", "mend.csv").row("2", Outcome.WITHDRAWN, line=4)
    log.row("", Outcome.WITHDRAWN, line=5).row("22", line=2).end()
    rows = [row for row in await rows_of(log) if row["outcome"] == "withdrawn"]
    assert [
        (row["line"], row["attempts"], row["http_status"], row["run"], row["input"]) for row in rows
    ] == [("4", "2", "400", "2", "today.csv"), ("5", "0", "", "2", "today.csv")]
    assert [row["error"] for row in rows] == [
        "Withdrawn in run 3: mend.csv no longer has it. Before that: The API refused it (HTTP "
        "400): Invalid order status",
        "Withdrawn in run 3: mend.csv no longer has it. Before that: Not sent: the order ID is "
        "empty",
    ]


async def test_every_row_says_of_which_run_and_file_it_is(log: Log) -> None:
    log.run(3).row("1").row("2", Outcome.REJECTED, REFUSAL).end()
    log.run(2, written(log, "wrong.csv", "8", "9"), "wrong.csv").row("8", line=2)
    log.end("interrupted")
    rows = await rows_of(log)
    assert [(row["order_id"], row["run"], row["input"]) for row in rows] == [
        ("1", "1", "today.csv"),
        ("2", "1", "today.csv"),
        ("8", "2", "wrong.csv"),
        ("9", "", "wrong.csv"),
    ]
