"""`--failures`: what is written to be mended is read back as what it was."""

import asyncio
import csv
import gzip
import io
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_logs import FAILED, INVALID, REFUSAL, REJECTED, Log

import bulkstatus
from bulkstatus.errors import BulkstatusError, InputRefused, SettingsRefused
from bulkstatus.log import ErrorKind, RowError, read_log
from bulkstatus.order import InvalidRow, Row
from bulkstatus.reporting import summarise
from bulkstatus.reporting.mend import input_options, write_failures
from bulkstatus.sandbox import Sandbox
from bulkstatus.settings.sources import resolve
from bulkstatus.source import InputOptions, open_source

SAID = "Rejected by the API: Invalid order status (HTTP 400)"
NAMES = pytest.mark.parametrize("name", ["mend.csv", "mend.xlsx"])


async def read(path: Path, options: InputOptions) -> list[Row]:
    async with await open_source(str(path), options) as source:
        return [row async for batch in source.batches() for row in batch.rows]


async def back(log: Log, path: Path) -> list[Row]:
    """Return the rows of a file as a resume of the log reads them."""
    return await read(path, input_options(read_log(log.path), path))


async def log_of(source: Path, **logged: Any) -> tuple[Log, list[Row]]:
    """Write the log of a run over an input in which every row is rejected, or invalid."""
    rows = await read(source, resolve(("log", logged)).input)
    log = Log(source.with_name("log.results.jsonl"))
    asked = [(row.order_id, row.status, row.tracking) for row in rows]
    log.run(*asked, source=source.name, settings=logged)
    for n, row in enumerate(rows, 1):
        if isinstance(row, InvalidRow):
            log.result(n, INVALID, RowError(ErrorKind.ROW, row.reason))
        else:
            log.result(n, REJECTED)
    return log.end(), rows


async def written(log: Log, name: str = "mend.csv") -> tuple[Path, bool]:
    """Write the failures; return the file, and whether it has the columns of the input."""
    path = log.path.parent / name
    return path, await write_failures(path, summarise(log.path))


def cells_of(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file, strict=True))
    (sheet,) = openpyxl.load_workbook(path).worksheets
    return [[cell.value or "" for cell in row] for row in sheet.iter_rows()]


def content(rows: list[Row]) -> list[tuple[str, int | None, str | None]]:
    return [(row.order_id, row.status, row.tracking) for row in rows]


def sendable(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not isinstance(row, InvalidRow)]


ODD = (
    "Shipment;Order No;Status;Name;Consignment\r\n"
    '1;0046140204;8;"Smith; ""Jo""";H1\r\n'
    '2;46140205;Dispatched;"two\nlines";00H2\r\n'
    "3;46140206;8;=1+1;H3\r\n"
    "4;46140207;Dispached;=cmd;H4\r\n"
    "7;4.61402E+07;8;mangled;H7\r\n"
    "8;46140211;8;-5.00;+44,1\r\n"
    "5;46140208;8;too few\r\n"
    "6;46140209;8;=too;many;H6\r\n"
)


@NAMES
async def test_the_rows_come_back_in_the_columns_of_the_input(tmp_path: Path, name: str) -> None:
    source = tmp_path / "today.csv"
    source.write_text(ODD, encoding="utf-8", newline="")
    log, rows = await log_of(source)
    path, is_original = await written(log, name)
    assert is_original
    header, *cells = cells_of(path)
    sign = "'" if name.endswith(".csv") else ""
    original = list(csv.reader(io.StringIO(ODD, newline=""), delimiter=";"))
    assert header == [*original[0], "reason"]
    assert [row[:5] for row in cells[:6]] == [
        [f"{sign}{cell}" if cell[:1] == "=" else cell for cell in row] for row in original[1:7]
    ]
    assert cells[0][5] == SAID
    assert cells[3][5].startswith("Not sent: the status 'Dispached'")
    # Rows of another width are of no column, also when a spreadsheet makes all rows alike.
    assert [row[:5] for row in cells[6:]] == [["", f"4614020{n}", "?", "", ""] for n in (8, 9)]
    assert "It was: 5 | 46140208 | 8 | too few" in cells[6][5]
    assert {len(row) for row in cells} == {6}
    assert content(await back(log, path)) == content(rows)
    # Fed back as it is, it makes the same file again.
    again = path.rename(path.with_name(f"again-{name}"))
    log, _ = await log_of(again)
    again_path, _ = await written(log, name)
    assert [row[:5] for row in cells_of(again_path)] == [row[:5] for row in cells_of(again)]
    assert cells_of(again_path)[0].count("reason") == 1


@NAMES
async def test_a_row_that_is_no_order_takes_no_row_of_a_later_file_with_it(
    log: Log, name: str
) -> None:
    log.run(*((str(n), 8, None) for n in range(40)), ("Total", None, None))
    log.run(("46", 8, None), ("47", None, None)).result(41, INVALID).result(42, REJECTED)
    path, _ = await written(log.result(43, INVALID).result(1, REJECTED).end(), name)
    assert content(sendable(await back(log, path))) == [("0", 8, None), ("46", 8, None)]


# An order ID and a tracking, and what of them stands in CSV; None where CSV cannot hold them.
FORMULAS = [
    ("-7x", None, '="-7x"', ""),
    ("@8", "@H", '="@8"', '="@H"'),
    ("9", "+44", "9", "+44"),
    ("1;2", None, None, None),
    ("9", "x;@1", None, None),
]


@pytest.mark.parametrize(("order_id", "tracking", "id_cell", "tracking_cell"), FORMULAS)
async def test_what_looks_like_a_formula_is_written_as_text_and_read_back_as_it_was(
    log: Log, order_id: str, tracking: str | None, id_cell: str | None, tracking_cell: str | None
) -> None:
    log.run((order_id, 8, tracking), "5").results(REJECTED, FAILED).end()
    asked = [(order_id, 8, tracking), ("5", 8, None)]
    path, _ = await written(log, "mend.xlsx")
    assert content(await back(log, path)) == asked
    if id_cell is None:
        with pytest.raises(SettingsRefused, match="a workbook"):
            await written(log)
        assert not path.with_name("mend.csv").exists()
    else:
        path, _ = await written(log)
        assert cells_of(path)[1][:3] == [id_cell, "8", tracking_cell]
        assert content(await back(log, path)) == asked


# The pieces of which a table is made that people would call odd.
_IDS = st.sampled_from(["1", "0012", "46140204", "AB-7", "A B", "=1", "-5x", "é1", "1;2", "4E+07"])
_STATUSES = st.sampled_from(["8", "515", "128", "Dispatched", "on hold", "", "9", "nine"])
_TRACKINGS = st.sampled_from(["", "", "H1", "007", "+1", 'a "b"', "a,b", "a;b", "x\r\ny", "12-May"])
_NAMES = st.sampled_from(["", "\x01", "a,b", "a;b", 'q "q"', "two\nlines", "=A1", "\ttab", " pad "])
_ROWS = st.lists(st.tuples(_NAMES, _IDS, _STATUSES, _TRACKINGS), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    rows=_ROWS,
    ragged=st.lists(st.sampled_from([0, 0, 0, 0, -1, 1]), min_size=12, max_size=12),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    default=st.sampled_from([{}, {"status": 8}, {"status": 128}]),
    name=st.sampled_from(["mend.csv", "mend.xlsx"]),
)
def test_fed_back_unchanged_the_rows_are_what_they_were(
    rows: list[tuple[str, str, str, str]],
    ragged: list[int],
    delimiter: str,
    encoding: str,
    default: dict[str, int],
    name: str,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["name", "order", "status", "tracking"])
    for row, extra in zip(rows, ragged, strict=False):
        cells = [*row, *["more"] * extra]
        writer.writerow(cells[: len(cells) + min(extra, 0)])

    async def check(folder: Path) -> None:
        source = folder / "today.csv"
        source.write_bytes(text.getvalue().encode(encoding))
        try:
            log, given_rows = await log_of(source, **default)
        except InputRefused:
            return
        path, _ = await written(log, name)
        found = await back(log, path)
        assert len(found) == len(given_rows)
        assert Counter(content(sendable(found))) == Counter(content(sendable(given_rows)))
        assert len({len(row) for row in cells_of(path)}) == 1

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))


# A file and how it is read, and whether its columns hold its rows; None where CSV alone can.
VOID = "".join(f"46140{n},T{n}A,8,{'Y' if n == 205 else 'N'}\n" for n in range(200, 230))
NONE = {"status": "", "tracking": ""}
INPUTS: dict[str, tuple[str, dict[str, Any], bool | None]] = {
    "list.txt": ("0046\n47\n48\n", {"status": 128}, False),
    "bare.csv": ("46,8,\n47,8,\n48,8,\n", {"no_header": True}, False),
    "three.csv": ("46,8,T\n47,8,T2\n48,8,T3\n", {"no_header": True}, False),
    "sep.csv": ("sep=;\norder;status;tracking\n46;8;\n47;8;\n48;8;\n", {}, True),
    "own.csv": (
        "Ref;Stand\n46;8\n47;8\n48;8\n",
        {"column": {"order_id": "Ref", "status": "Stand", "tracking": ""}},
        True,
    ),
    "own.jsonl": (
        '{"Ref":"46","s":8}\n{"Ref":"47","s":8}\n{"Ref":48,"s":"8"}\n',
        {"format": "jsonl", "column": {"order_id": "Ref", "status": "s"}},
        False,
    ),
    "old.csv": ("order,status,name\n46,32,Zoë\n47,32,x\n", {"encoding": "cp1252"}, True),
    "packed.csv.gz": ("order,status,name\n46,32,Zoë\n47,32,x\n", {}, True),
    # What is wrong is a delimiter, and --status would make rows of a list of the others.
    "cut.csv": ("order,name\n1;2,Jo\n46,Al\nTotal,\n47,Zo,too many\n", {"status": 128}, None),
    "none.csv": ("order,name\n46,Al\n47,Zo,too many\n", {"status": 128, "column": NONE}, False),
    "void.csv": (f"order_id,tracking,status,void\n{VOID}", {}, True),
    "void8.csv": (
        "order_id,tracking,name,void\n" + VOID.replace(",8,", ",x,"),
        {"status": 8},
        True,
    ),
}


@NAMES
@pytest.mark.parametrize("is_beside", [True, False])
@pytest.mark.parametrize("source", INPUTS)
async def test_what_comes_back_of_every_kind_of_input_is_what_it_was(
    tmp_path: Path, name: str, is_beside: bool, source: str
) -> None:
    text, logged, holds = INPUTS[source]
    data = text.encode(logged.get("encoding", "utf-8"))
    (tmp_path / source).write_bytes(gzip.compress(data) if source.endswith(".gz") else data)
    log, rows = await log_of(tmp_path / source, **logged)
    if not is_beside:
        (tmp_path / source).unlink()
    path, is_original = await written(log, name)
    found = await back(log, path)
    holds = name == "mend.csv" if holds is None else holds
    assert (len(found), is_original) == (len(rows), is_beside and holds)
    assert content(sendable(found)) == content(sendable(rows))
    for row in rows:
        assert any(row.order_id in cell for cells in cells_of(path) for cell in cells)


async def test_a_workbook_keeps_all_columns_as_text_and_runs_no_formula(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.title = "Mon"
    rows = [["Customer", "Order No", "Status"], ["+Smith", "-7x", 32], ['H("x")', "0048", 32]]
    for row in rows:
        workbook.active.append(row)
    workbook.create_sheet("Other").append(["order", "status"])
    workbook["Other"].append(["1", 8])
    workbook.save(tmp_path / "today.xlsx")
    log, given_rows = await log_of(tmp_path / "today.xlsx", sheet="Mon")
    path, _ = await written(log, "mend.xlsx")
    said = ["reason", SAID, SAID]
    assert cells_of(path) == [[*map(str, row), why] for row, why in zip(rows, said, strict=True)]
    (sheet,) = openpyxl.load_workbook(path).worksheets
    kinds = {(c.data_type, c.number_format) for row in sheet.iter_rows() for c in row}
    assert kinds == {("s", "@")}
    assert content(await back(log, path)) == content(given_rows)


@pytest.mark.parametrize("left", ["some rows", "nothing", "another file", "a folder"])
async def test_what_the_input_no_longer_has_is_written_from_the_log(
    tmp_path: Path, left: str
) -> None:
    source = tmp_path / "today.csv"
    source.write_text("name,order,status,tracking\nJo,007,8,H1\nAl,8,8,\n")
    log, _ = await log_of(source)
    source.unlink()
    if left == "some rows":
        source.write_text("name,order,status,tracking\nAl,8,8,\nZo,9,8,\n")
    elif left == "another file":
        source.write_bytes(b"%PDF-1.7 \x00\x01")
    elif left == "a folder":
        source.mkdir()
    path, is_original = await written(log)
    assert is_original == (left == "some rows")
    header, *cells = cells_of(path)
    if left == "some rows":
        assert [row[:4] for row in cells] == [["", "007", "8", "H1"], ["Al", "8", "8", ""]]
    else:
        assert header == ["order_id", "status", "tracking", "line", "reason"]
        assert cells == [["007", "8", "H1", "2", SAID], ["8", "8", "", "3", SAID]]


@NAMES
async def test_mended_in_part_and_sent_again_no_row_is_lost(tmp_path: Path, name: str) -> None:
    source = tmp_path / "today.csv"
    source.write_text("order,status,name\n-7x,8,Jo\n1;2,8,Al\n47,on,Zo\n46,8,Si,more\n48,8,X\n")
    account: Any = {"ref_id": "R1", "api_key": "K1", "quota": "none"}
    async with Sandbox(orders=["48"]) as sandbox:
        account["base_url"] = sandbox.base_url
        await bulkstatus.send(source, skip_invalid=True, column={"tracking": ""}, **account)
    log = tmp_path / "today.results.jsonl"
    path = tmp_path / name
    assert await write_failures(path, summarise(log))
    async with Sandbox() as sandbox:
        account["base_url"] = sandbox.base_url
        text = log.read_text("utf-8")
        log.write_text(re.sub(r"http://127.0.0.1:\d+", sandbox.base_url, text), "utf-8")
        await bulkstatus.resume(log, path, skip_invalid=True, changed_input=True, **account)
        assert list(sandbox.received) == ["-7x"]
    summary = summarise(log)
    assert {result.order_id for result in summary.failures} == {"1;2", "47", "46"}
    assert summary.to_send == 0


async def test_a_file_that_is_there_is_never_replaced_and_none_is_left_half_written(
    tmp_path: Path,
) -> None:
    log = Log(tmp_path / "today.results.jsonl")
    log.run("1").result(1, REJECTED, REFUSAL).end()
    path, _ = await written(log)
    before = path.read_bytes()
    for name in ("mend.csv", "mend.ods", "mend", "nowhere/mend.csv"):
        with pytest.raises(BulkstatusError, match="--failures"):
            await written(log, name)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mend.csv", "today.results.jsonl"]
