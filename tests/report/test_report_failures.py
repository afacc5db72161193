import asyncio
import csv
import gzip
import hashlib
import io
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_logs import REFUSAL, TIMEOUT, Log

from bulkstatus.conflict import Fate
from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import InvalidRow, OrderStatus, Row
from bulkstatus.preflight import check_source, remaining_rows
from bulkstatus.reporting.failures import FailuresWritten, options_to_feed_back, write_failures
from bulkstatus.reporting.inputs import input_of
from bulkstatus.reporting.reasons import harmless
from bulkstatus.reporting.summary import summarise
from bulkstatus.result import FAILURES, ErrorKind, Outcome, RowError
from bulkstatus.resultlog import LogState, read_log
from bulkstatus.source import InputOptions, open_source

PLAIN = InputOptions()

Content = tuple[str, int | None, str | None]


async def log_a_run(
    source: Path, options: InputOptions, chance: random.Random, last_wins: bool = False
) -> tuple[Log, list[tuple[Content, Outcome]]]:
    """Write the log of a run over `source`, as `send --skip-invalid` would, outcomes by chance.

    Returns it with the failures, in the order of the file.
    """
    log = Log(source.with_name("today.results.jsonl"))
    failures = []
    async with await open_source(str(source), options) as opened:
        plan = await check_source(opened, last_wins=last_wins)
        log.run(plan.rows, opened.sha256, source.name)
        async for line, row, decision in remaining_rows(opened, plan, LogState()):
            outcome = {
                Fate.DUPLICATE: Outcome.DUPLICATE,
                Fate.SUPERSEDED: Outcome.SUPERSEDED,
                Fate.CONFLICT: Outcome.INVALID,
            }.get(decision.fate) or chance.choice(
                [Outcome.UPDATED, Outcome.REJECTED, Outcome.FAILED]
            )
            error = {
                Outcome.REJECTED: REFUSAL,
                Outcome.FAILED: TIMEOUT,
                Outcome.INVALID: RowError(ErrorKind.ROW, decision.reason),
            }.get(outcome)
            content = (row.order_id, row.status, row.tracking)
            log.row(
                row.order_id, outcome, error, line=line, status=row.status, tracking=row.tracking
            )
            if outcome in FAILURES:
                failures.append((content, outcome))
    log.end()
    return log, failures


async def written(
    log: Log, options: InputOptions = PLAIN, last_wins: bool = False
) -> tuple[Path, FailuresWritten]:
    path = log.path.with_name("mend.csv")
    report = summarise(log.path)
    async with input_of(report, report.contents.last_run, options) as source:
        return path, await write_failures(path, report, source, options, last_wins)


async def fed_back(
    path: Path, log: Log, options: InputOptions, last_wins: bool = False
) -> list[tuple[Row, bool]]:
    """Return the rows that `resume LOG path` would see, and whether it would send each."""
    state = read_log(log.path).state
    async with await open_source(str(path), options_to_feed_back(options)) as source:
        plan = await check_source(source, state, last_wins=last_wins)
        return [
            (row, not isinstance(row, InvalidRow) and plan.fate(line, row, state).fate is Fate.SEND)
            async for batch in source.batches()
            for line, row in zip(batch.lines, batch.rows, strict=True)
        ]


def cells_of(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, strict=True))


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


ODD = (
    "Shipment;Order No;Status;Name;Consignment\r\n"
    '1;0046140204;8;"Smith; ""Jo""";H1\r\n'
    '2;46140205;Dispatched;"two\r\nlines";00H2\r\n'
    "3;46140206;8;plain;H3\r\n"
    "4;46140207;Dispached;=cmd;H4\r\n"
    "5;46140208;8;too few\r\n"
    "6;46140209;8;too;many;H6\r\n"
    "7;4.61402E+07;8;mangled;H7\r\n"
    "8;46140211;8;Zoë;+44,1\r\n"
    "9;46140211;8;Zoë;+44,1\r\n"
    "10;46140212;128;conflict;\r\n"
    "11;46140212;8;conflict;H9\r\n"
)


async def test_the_rows_come_back_in_the_columns_of_the_input(tmp_path: Path) -> None:
    source = tmp_path / "today.csv"
    source.write_text(ODD, encoding="utf-8", newline="")
    always = random.Random(0)
    always.choice = lambda choices: Outcome.REJECTED  # type: ignore[method-assign]  # no chance
    log, failures = await log_a_run(source, InputOptions(), always)
    path, result = await written(log)
    assert path.read_bytes().startswith(
        "\ufeffShipment;Order No;Status;Name;Consignment;reason\r\n".encode()
    )
    rows = cells_of(path, ";")
    original = [
        cells
        for cells in csv.reader(io.StringIO(ODD, newline=""), delimiter=";")
        if cells[0] != "9"
    ]
    original[5] = [*original[5], ""]
    assert [cells[:5] for cells in rows[1:]] == [cells[:5] for cells in original[1:]]
    assert [len(cells) for cells in rows[1:]] == [6, 6, 6, 6, 7, 7, 6, 6, 6, 6]
    assert rows[1][-1] == "The API refused it (HTTP 400): Invalid order status"
    assert rows[4][-1].startswith("Not sent: the status")
    assert (result.rows, result.original, result.left_out) == (10, True, [])
    assert result.formulas == ["+44,1"]
    assert result.numbers == ["0046140204"]
    back = await fed_back(path, log, InputOptions())
    assert [(row.order_id, row.status, row.tracking) for row, _ in back] == [
        content for content, _ in failures
    ]
    assert [sent for _, sent in back] == [outcome is not Outcome.INVALID for _, outcome in failures]


# The pieces of which a table is made that people would call odd.
_IDS = st.sampled_from(
    ["1", "0012", "46140204", "AB-7", "A B", "=1", "-5x", "é1", "1;2", "4.6E+07"]
)
_STATUSES = st.sampled_from(["8", "515", "516", "128", "Dispatched", "on hold", "", "9", "nine"])
_TRACKINGS = st.sampled_from(["", "", "H1", "007", "+1", 'a "b"', "a,b", "a;b", "x\r\ny", "12-May"])
_NAMES = st.sampled_from(["", "Jo", "a,b", "a;b", 'q "q"', "two\nlines", "=A1", "\ttab", " pad "])
_ROWS = st.lists(st.tuples(_NAMES, _IDS, _STATUSES, _TRACKINGS), min_size=1, max_size=12)
_RAGGED = st.sampled_from([0, 0, 0, 0, 0, -1, 1])


@settings(max_examples=60, deadline=None)
@given(
    rows=_ROWS,
    ragged=st.lists(_RAGGED, min_size=12, max_size=12),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    default=st.sampled_from([None, OrderStatus.DISPATCHED, OrderStatus.CANCELLED]),
    last_wins=st.booleans(),
    split=st.booleans(),
    seed=st.integers(0, 9),
)
def test_fed_back_unchanged_the_rows_are_what_they_were(
    rows: list[tuple[str, str, str, str]],
    ragged: list[int],
    delimiter: str,
    encoding: str,
    line_end: str,
    default: OrderStatus | None,
    last_wins: bool,
    split: bool,
    seed: int,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(["name", "order", "status", "tracking"])
    for (name, order_id, status, tracking), extra in zip(rows, ragged, strict=False):
        cells = [name, order_id, status, tracking, *["more"] * extra]
        writer.writerow(cells[: len(cells) + min(extra, 0)])
        if split and extra == 0 and tracking == "H1":
            # A row that a line break has split: its rest stands on the next line.
            text.write(f"REST{len(name)}{line_end}")
    options = InputOptions(default_status=default)

    async def check(folder: Path) -> None:
        source = folder / "today.csv"
        source.write_bytes(text.getvalue().encode(encoding))
        try:
            log, failures = await log_a_run(source, options, random.Random(seed), last_wins)
        except InputRefused:
            return
        if not failures:
            return
        path, result = await written(log, options, last_wins)
        back = await fed_back(path, log, options, last_wins)
        left_out = [(r.order_id, r.status, r.tracking) for r in result.left_out]
        expected = [pair for pair in failures if pair[0] not in left_out]
        assert len(back) == len(failures) - len(left_out)
        assert result.original
        if not left_out:
            assert [(row.order_id, row.status, row.tracking) for row, _ in back] == [
                content for content, _ in expected
            ]
        for row, sent in back:
            outcomes = {o for content, o in failures if content == tuple(row)[:3]}
            assert outcomes
            assert not (sent and outcomes == {Outcome.INVALID})

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))


@pytest.mark.parametrize(
    ("name", "text", "options", "header"),
    [
        ("list.txt", "0046\n47\n48\n", InputOptions(default_status=OrderStatus.CANCELLED), True),
        ("bare.csv", "46,8\n47,8,\n48,8\n", InputOptions(no_header=True), False),
        ("three.csv", "46,8,T\n47,8,T2\n48,8,T3\n", InputOptions(no_header=True), False),
        (
            "one.csv",
            "46\n47\n48\n",
            InputOptions(
                no_header=True, default_status=OrderStatus.CANCELLED, columns={"status": ""}
            ),
            False,
        ),
        ("sep.csv", "sep=;\norder;status\n46;8\n47;8\n48;8\n", InputOptions(), True),
        (
            "own.csv",
            "Ref;Stand\n46;8\n47;8\n48;8\n",
            InputOptions(columns={"order_id": "Ref", "status": "Stand"}),
            True,
        ),
        (
            "own.jsonl",
            '{"Ref":"46","s":8}\n{"Ref":"47","s":8}\n{"Ref":48,"s":"8"}\n',
            InputOptions(format="jsonl", columns={"order_id": "Ref", "status": "s"}),
            True,
        ),
        (
            "old.csv",
            "order,status,name\n46,8,Zoë\n47,8,x\n48,8,y\n",
            InputOptions(encoding="cp1252"),
            True,
        ),
    ],
)
async def test_every_kind_of_input_can_be_fed_back(
    tmp_path: Path, name: str, text: str, options: InputOptions, header: bool
) -> None:
    source = tmp_path / name
    source.write_text(text, encoding=options.encoding or "utf-8", newline="")
    never = random.Random(0)
    never.choice = lambda choices: Outcome.FAILED  # type: ignore[method-assign]  # no chance
    log, failures = await log_a_run(source, options, never)
    path, result = await written(log, options)
    back = await fed_back(path, log, options)
    assert [(row.order_id, row.status, row.tracking) for row, _ in back] == [
        content for content, _ in failures
    ]
    assert result.left_out == []
    assert result.original == (options.format != "jsonl")
    assert (cells_of(path, ";" if ";" in text else ",")[0][-1] == "reason") == header


async def test_a_compressed_input_is_read_too_and_leaves_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    source = tmp_path / "today.csv.gz"
    source.write_bytes(gzip.compress(b"order_id,status,name\n1,9,Jo\n"))
    log, _ = await log_a_run(source, InputOptions(), random.Random(0))
    path, _ = await written(log)
    assert cells_of(path)[1][:3] == ["1", "9", "Jo"]
    assert list(copies.iterdir()) == []


@pytest.mark.parametrize("gone", [True, False])
async def test_without_the_input_as_it_was_the_three_fields_are_written(
    tmp_path: Path, gone: bool
) -> None:
    source = tmp_path / "today.csv"
    source.write_text("name,order_id,status,tracking\nJo,007,8,H1\n")
    log = Log(tmp_path / "today.results.jsonl")
    log.run(1, hashlib.sha256(source.read_bytes()).hexdigest())
    log.row("007", Outcome.REJECTED, REFUSAL, tracking="H1").end()
    source.unlink() if gone else source.write_text("order_id,status,tracking,name\n1,8,,Jo\n")
    path, result = await written(log)
    assert cells_of(path) == [
        ["order_id", "status", "tracking", "reason"],
        ["007", "8", "H1", "The API refused it (HTTP 400): Invalid order status"],
    ]
    assert not result.original


async def test_a_row_that_would_become_sendable_is_left_out_and_named(tmp_path: Path) -> None:
    log = Log(tmp_path / "today.results.jsonl")
    error = RowError(ErrorKind.ROW, 'the status "Dispached" is not one of the nine')
    log.run(2).row("1", Outcome.INVALID, error, status=None)
    log.row("2", Outcome.REJECTED, REFUSAL, status=128).end()
    options = InputOptions(default_status=OrderStatus.CANCELLED)
    path, result = await written(log, options)
    assert [row.order_id for row in result.left_out] == ["1"]
    assert [cells[0] for cells in cells_of(path)[1:]] == ["2"]


async def test_a_row_whose_record_tells_less_than_its_input_is_not_made_sendable(
    tmp_path: Path,
) -> None:
    source = tmp_path / "today.jsonl"
    source.write_text('{"id":1,"status":8,"tracking":4711}\n{"id":2,"status":8}\n')
    always = random.Random(0)
    always.choice = lambda choices: Outcome.REJECTED  # type: ignore[method-assign]  # no chance
    log, failures = await log_a_run(source, PLAIN, always)
    assert failures[0] == (("1", 8, None), Outcome.INVALID)
    path, result = await written(log)
    assert [row.order_id for row in result.left_out] == ["1"]
    assert "1" not in [cells[0] for cells in cells_of(path)]


async def test_a_file_of_failures_fed_back_unchanged_makes_the_same_file_again(
    tmp_path: Path,
) -> None:
    source = tmp_path / "today.csv"
    source.write_text(ODD, encoding="utf-8", newline="")
    log, _ = await log_a_run(source, PLAIN, random.Random(0))
    path, _ = await written(log)
    again = tmp_path / "again" / "today.csv"
    again.parent.mkdir()
    path.rename(again)
    always = random.Random(0)
    always.choice = lambda choices: Outcome.REJECTED  # type: ignore[method-assign]  # no chance
    log, _ = await log_a_run(again, PLAIN, always)
    path, result = await written(log)
    assert result.left_out == []
    assert [cells[:5] for cells in cells_of(path, ";")] == [
        cells[:5] for cells in cells_of(again, ";")
    ]
    assert list(map(len, cells_of(path, ";"))) == list(map(len, cells_of(again, ";")))
    assert cells_of(path, ";")[0].count("reason") == 1


async def test_rows_that_need_no_mending_are_not_in_it(tmp_path: Path) -> None:
    log = Log(tmp_path / "today.results.jsonl")
    log.run(5).row("1").row("1", Outcome.DUPLICATE).row("3", Outcome.SUPERSEDED)
    log.row("4", Outcome.WITHDRAWN).row("5", Outcome.REJECTED, REFUSAL).end()
    path, _ = await written(log)
    assert [cells[0] for cells in cells_of(path)[1:]] == ["5"]


async def test_a_file_that_is_there_is_never_replaced_and_none_is_left_half_written(
    tmp_path: Path,
) -> None:
    log = Log(tmp_path / "today.results.jsonl")
    log.run(1).row("1", Outcome.REJECTED, REFUSAL).end()
    path, _ = await written(log)
    before = path.read_bytes()
    with pytest.raises(SettingsRefused, match="already"):
        await written(log)
    assert path.read_bytes() == before
    report = summarise(log.path)
    with pytest.raises(SettingsRefused, match=r"\.csv"):
        await write_failures(tmp_path / "mend.xlsx", report, None, InputOptions(), False)
    assert names_in(tmp_path) == ["mend.csv", "today.results.jsonl"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Invalid order status", "Invalid order status"),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2", "'-2"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        ("x, +1", "x, '+1"),
        ('the status "=1" is none', "the status ''=1' is none"),
        ("one - two = three", "one - two = three"),
        ("tab\t=1\r\n=2", "tab\\t=1\\r\\n=2"),
    ],
)
def test_a_reason_is_never_run_by_a_spreadsheet(text: str, expected: str) -> None:
    assert harmless(text) == expected
