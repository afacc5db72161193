"""The tables of rows and of orders, read as a spreadsheet reads them."""

import csv
import errno
import os
import stat
from pathlib import Path

import pytest
from report_logs import INVALID, REJECTED, START, UPDATED, Log

from bulkstatus.errors import LogRefused, SettingsRefused
from bulkstatus.log import ErrorKind, Outcome, RowError
from bulkstatus.log.records import timestamp
from bulkstatus.reporting import summarise
from bulkstatus.reporting.mend import orders_in
from bulkstatus.reporting.page import write_page
from bulkstatus.reporting.tables import (
    Latest,
    harmless,
    inputs_beside,
    replacing,
    write_orders,
    write_rows,
)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def write(log: Log, path: Path) -> None:
    latest = Latest()
    write_rows(path, summarise(log.path, latest), latest)


def rows_of(log: Log) -> list[dict[str, str]]:
    path = log.path.with_name("rows.csv")
    write(log, path)
    return table(path)


def test_every_row_comes_once_with_its_latest_result_in_the_order_of_the_file(log: Log) -> None:
    log.run("1", ("2", 64, "T"), "3", ("", None, None), "5", through=4)
    log.result(3).result(2, REJECTED).result(4, INVALID)
    log.run("1", ("3", 64, None)).result(2, attempts=3).result(6, Outcome.DUPLICATE).end()
    expected = [
        (1, "to_send", "", "perhaps"),
        (2, "updated", "2", "yes"),
        (3, "updated", "1", "yes"),
        (4, "invalid", "1", "no"),
        (5, "to_send", "", "no"),
        (6, "duplicate", "2", "perhaps"),
        (7, "to_send", "", "yes"),
    ]
    rows = rows_of(log)
    assert [(int(row["n"]), row["outcome"], row["run"], row["touched"]) for row in rows] == expected
    told = {"http_status": "200", "attempts": "3", "at": timestamp(START + 0.4), "reason": ""}
    asked = {"line": "3", "order_id": "2", "status": "64", "tracking": "T"}
    assert rows[1] == {**rows[1], **told, **asked}
    assert rows[3]["reason"].startswith("Not sent: the order ID is empty")
    # An invalid row that a mended file has made good.
    log.run(due=[(4, 4)])
    mended = rows_of(log)[3]
    assert [mended[name] for name in ("outcome", "reason", "run", "at", "attempts")] == [
        *("to_send", "", "", "", "")
    ]


def test_what_is_written_meanwhile_is_left_out(log: Log) -> None:
    log.run("1", "2").result(1)
    latest = Latest()
    summary = summarise(log.path, latest)
    log.result(2).result(1, REJECTED)
    path = log.path.with_name("rows.csv")
    write_rows(path, summary, latest)
    assert [(row["outcome"], row["reason"]) for row in table(path)] == [
        ("updated", ""),
        ("to_send", ""),
    ]
    log.path.unlink()
    with pytest.raises(LogRefused):
        write_orders("--touched", path.with_name("t.csv"), summary)


def test_a_log_that_is_written_to_while_it_is_read_is_read_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.run("1", "2").result(1, REJECTED, uncertain=True)
    ends = [lambda: log.run().result(1).result(2).end()]
    monkeypatch.setattr(
        "bulkstatus.reporting.summary.try_lock", lambda _: bool(ends.pop()() if ends else 1)
    )
    rows = rows_of(log)
    assert {(row["outcome"], row["run"], row["reason"]) for row in rows} == {("updated", "2", "")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Invalid order status", "Invalid order status"),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2", "-2"),
        ("+44,1", "+44,1"),
        ("-2+3", "'-2+3"),
        (" =1", " '=1"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        ("x\t=1", "x\t'=1"),
        ("x, +1", "x, '+1"),
        ("one - two = three", "one - two = three"),
        ("", ""),
    ],
)
def test_a_cell_is_never_run_by_a_spreadsheet(text: str, expected: str) -> None:
    assert harmless(text) == expected
    assert harmless(expected) == expected


def test_nothing_of_a_log_is_run_by_a_spreadsheet(log: Log) -> None:
    formula = '=HYPERLINK("http://x","y")\x1b[1m'
    log.run((formula, 8, "@SUM(1)"), ("+x,=2", 8, None), "3")
    log.result(1, REJECTED, RowError(ErrorKind.API, formula)).result(2, uncertain=True).result(3)
    log.end("stopped")
    path = log.path.with_name("orders.csv")
    write_orders("--touched", path, summarise(log.path))
    rows = rows_of(log)
    assert "\x1b" not in rows[0]["reason"]
    for row in [*rows, *table(path)]:
        for cell in row.values():
            assert harmless(cell) == cell
    # Nor does a time that is none get through where it says when nothing was answered.
    data = log.path.read_text("utf-8").replace('"elapsed_ms":40.0', '"elapsed_ms":null')
    log.path.write_text(data.replace(timestamp(log.now - 0.1), "=1+2"), "utf-8")
    summarise(log.path)
    with pytest.raises(LogRefused, match="a time in it is none"):
        rows_of(log)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("right.csv", "Order No,Status,Tracking\n2,8,\n9,8,\n,8,\n"),
        ("right.csv", "order id\n2\n9\n"),
        ("right.txt", "2\n9\n"),
        ("right.jsonl", '{"order_id":"2","status":8}\n{"order_id":"9","status":128}\n'),
    ],
)
async def test_the_orders_of_another_file_are_left_out(
    log: Log, tmp_path: Path, name: str, text: str
) -> None:
    log.run("1", "2", "3").results(UPDATED, UPDATED, UPDATED).end()
    other = tmp_path / name
    other.write_text(text)
    path = tmp_path / "touched.csv"
    summary = summarise(log.path)
    assert write_orders("--touched", path, summary, await orders_in(other, summary)) == (2, 1)
    assert [row["order_id"] for row in table(path)] == ["1", "3"]


def test_an_earlier_table_is_replaced_and_nothing_else_is(log: Log, tmp_path: Path) -> None:
    # An input may look like a table of ours.
    source, other, pipe = (tmp_path / name for name in ("touched.csv", "mine.csv", "pipe.csv"))
    log.run("1", source="touched.csv").run(source="pipe.csv").result(1).end()
    source.write_bytes("\ufefforder_id,touched\r\n1,yes\r\n".encode())
    other.write_text("n,line,order_id\n")
    if os.name != "nt":
        os.mkfifo(pipe)
    summary = summarise(log.path)
    assert inputs_beside(summary) == [source]
    for _ in range(2):
        write(log, tmp_path / "rows.csv")
        write_page(tmp_path / "page.html", summary)
    taken = [other, log.path, source, tmp_path, *([pipe] if pipe.exists() else [])]
    before = [path.read_bytes() for path in taken[:3]]
    for path in taken:
        with pytest.raises(SettingsRefused):
            write(log, path)
        with pytest.raises(SettingsRefused):
            write_orders("--touched", path, summary)
        with pytest.raises(SettingsRefused):
            write_page(path, summary)
    assert [path.read_bytes() for path in taken[:3]] == before


def test_a_table_is_private_and_none_is_left_half_written(log: Log, tmp_path: Path) -> None:
    log.run("1").result(1).end()
    path = tmp_path / "rows.csv"
    write(log, path)
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()

    def write_half() -> None:
        with replacing("--rows", path, [], before[:9]) as new:
            new.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SettingsRefused, match="No space left"):
        write_half()
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rows.csv", log.path.name]
