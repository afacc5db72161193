"""A log is read back exactly, or refused with the line at fault; and its rows by their numbers."""

import json
import os
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.errors import LogLost, LogRefused, NoLog
from bulkstatus.log import LogContents, ResultLog, State, read_log, reader
from bulkstatus.log.reader import read_rows, rows_of
from bulkstatus.log.records import Record, SendingRecord, line_of
from bulkstatus.log.state import spans_of
from tests.log.lines import end_record, log_of, result, row, run_record

RUN, SECOND = line_of(run_record()), line_of(run_record("second", [(2, 2)]))
A, B = row(1, "A:8:T1"), row(2, "Bjørk:8")
ROWS = line_of(A) + line_of(B)
SENDING, END = line_of(SendingRecord(2)), line_of(end_record())
UPDATED, FAILED = line_of(result(A)), line_of(result(B, "failed"))
BEGUN = RUN + ROWS + SENDING


def opened(path: Path) -> LogContents:
    log = ResultLog.open(path)
    log.close()
    return log.contents


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dispatch.results.jsonl"


def test_a_whole_log(path: Path) -> None:
    contents = read_log(log_of(path, BEGUN, UPDATED, FAILED, END, SECOND, SENDING))
    assert contents.state.counts() == {"updated": 1, "failed": 1}
    assert [run.record.run_id for run in contents.runs] == ["run", "second"]
    assert [run.rows for run in contents.runs] == [2, 0]
    assert (contents.runs[0].end, contents.runs[1].end) == (end_record(), None)
    assert (contents.size, contents.cut_off, contents.unended) == (path.stat().st_size, 0, False)
    assert list(contents.state.unseen()) == [2]


@pytest.mark.parametrize("cut", range(1, len(FAILED) - 1))
def test_a_torn_last_line_is_told_and_cut_off_when_the_log_is_opened(path: Path, cut: int) -> None:
    log_of(path, BEGUN, UPDATED, FAILED[:cut])
    contents = read_log(path)
    assert (contents.cut_off, contents.state.counts()) == (cut, {"updated": 1})
    assert path.read_bytes() == BEGUN + UPDATED + FAILED[:cut]
    assert opened(path).cut_off == cut
    assert path.read_bytes() == BEGUN + UPDATED


@pytest.mark.parametrize("torn", [b"\0" * 512, b"\xff\xfe", b'{"type":"result"}', b"[1]"])
def test_whatever_stands_in_a_last_line_without_its_end_is_torn(path: Path, torn: bytes) -> None:
    contents = opened(log_of(path, BEGUN, UPDATED, torn))
    assert (contents.cut_off, contents.state.counts()) == (len(torn), {"updated": 1})
    assert path.read_bytes() == BEGUN + UPDATED


def test_a_whole_last_record_without_its_line_end_counts(path: Path) -> None:
    log_of(path, BEGUN, UPDATED[:-1])
    assert read_log(path).state.counts() == {"updated": 1}
    assert opened(path).unended
    assert path.read_bytes() == BEGUN + UPDATED


WHOLE = (BEGUN + UPDATED + FAILED + END).splitlines(keepends=True)
NEXT = [
    line_of(record)
    for record in (
        run_record("second", [(2, 4)]),
        row(3, "C:8"),
        row(4, "D:8"),
        result(row(4, "D:8"), "duplicate"),
        result(A, "withdrawn"),
    )
]


@pytest.mark.parametrize("counts", [SENDING, line_of(end_record("second")), SENDING[:-1]])
def test_a_beginning_counts_with_its_sending_or_its_end(path: Path, counts: bytes) -> None:
    contents = read_log(log_of(path, *WHOLE, *NEXT, counts))
    assert (len(contents.runs), len(contents.state), contents.cut_off) == (2, 4, 0)
    assert contents.state.counts() == {"withdrawn": 1, "failed": 1, "duplicate": 1}
    assert [run.rows for run in contents.runs] == [2, 2]


def _edited(text: bytes, /, **fields: object) -> bytes:
    return json.dumps({**json.loads(text), **fields}).encode() + b"\n"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        # A line that is broken, or of another type than the log writes.
        ([BEGUN, b'{"type":"result","li\n', UPDATED], "line 5"),
        ([BEGUN, UPDATED, b"\n", FAILED], "line 6"),
        ([BEGUN, UPDATED, b"\n"], "line 6"),
        ([BEGUN, UPDATED, b"[1]\n", FAILED], "line 6"),
        ([BEGUN, b'{"type":"other"}\n'], "line 5"),
        ([BEGUN, b"\xff\n", UPDATED], "line 5"),
        ([BEGUN, FAILED.replace("ø".encode(), b"\xf8"), UPDATED], "line 5"),
        ([BEGUN, b"\0" * 40 + b"\n", UPDATED], "line 5"),
        ([BEGUN, UPDATED.replace(b"updated", b"updatet")], "line 5"),
        ([BEGUN, UPDATED.replace(b'"order_id"', b'"order"')], "line 5"),
        ([BEGUN, _edited(UPDATED, status=8.0)], "line 5"),
        ([BEGUN, _edited(UPDATED, n="1")], "line 5"),
        ([BEGUN, _edited(UPDATED, http_status="\x1b[31m")], "line 5"),
        ([RUN, _edited(line_of(A), status="8"), SENDING], "line 2"),
        ([RUN, _edited(line_of(A), line=1 << 32), SENDING], "line 2"),
        ([BEGUN, UPDATED + UPDATED[:-1] + UPDATED, FAILED], "line 6"),
        # A row's number that is not the next, or a status that is none.
        ([RUN, line_of(B), SENDING], "line 2"),
        ([RUN, line_of(A), line_of(A), SENDING], "line 3"),
        ([RUN, line_of(A), line_of(row(3, "C:8")), SENDING], "line 3"),
        ([BEGUN, UPDATED, line_of(B)], "line 6"),
        ([RUN, line_of(row(1, "A:9")), SENDING], "line 2"),
        # A result that is not its row's, or of no row.
        ([BEGUN, UPDATED, _edited(UPDATED, n=2)], "line 6"),
        ([BEGUN, UPDATED, _edited(UPDATED, n=3)], "line 6"),
        ([BEGUN, UPDATED, _edited(UPDATED, n=0)], "line 6"),
        ([BEGUN, _edited(UPDATED, order_id="B")], "line 5"),
        ([BEGUN, _edited(UPDATED, line=3)], "line 5"),
        ([BEGUN, _edited(UPDATED, status=64)], "line 5"),
        ([BEGUN, _edited(UPDATED, tracking=None)], "line 5"),
        ([RUN, UPDATED, ROWS, SENDING], "line 2"),
        # A sending beyond the rows, an end of no run.
        ([RUN, ROWS, line_of(SendingRecord(3))], "line 4"),
        ([BEGUN, line_of(SendingRecord(3)), UPDATED], "line 5"),
        ([BEGUN, UPDATED, line_of(end_record("other"))], "line 6"),
        # A run that has not begun, and another after it.
        ([*WHOLE, SECOND, line_of(run_record("third")), SENDING], "line 8"),
        ([RUN, ROWS, SECOND, SENDING], "line 1"),
        # No log, or not of this format.
        ([b"order_id,status\n46140204,8\n"], "not a result log"),
        ([b'{"order_id": "1", "status": 8}\n'], "not a result log"),
        ([UPDATED], "not a result log"),
        ([SENDING, BEGUN], "not a result log"),
        ([b"\n", BEGUN], "not a result log"),
        ([b"\x00\x01\x02\n"], "not a result log"),
        ([b"\x00\x01\x02"], "not a result log"),
        ([_edited(RUN, format=3), ROWS, SENDING], "format 2"),
        ([_edited(RUN, format=1), UPDATED], "format 2"),
        ([b'{"type":"run","format":1,"run_id":"x"}\n'], "format 2"),
        ([_edited(RUN, rows="3"), ROWS, SENDING], "not a result log"),
    ],
)
def test_what_is_refused(path: Path, lines: list[bytes], named: str) -> None:
    before = log_of(path, *lines).read_bytes()
    for read in (read_log, opened, ResultLog.create):
        with pytest.raises(LogRefused) as caught:
            read(path)
        assert not isinstance(caught.value, NoLog)
        for word in (path.name, named):
            assert word in str(caught.value)
        assert caught.value.exit_status == 2
    assert path.read_bytes() == before


def test_a_line_is_named_wherever_it_stands(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CHUNK", 300)
    lines = [RUN, *(line_of(row(n, f"A{n}:8")) for n in range(1, 101)), line_of(SendingRecord(9))]
    for place in range(2, len(lines)):
        log_of(path, *lines[: place - 1], b"[1]\n", *lines[place - 1 :])
        with pytest.raises(LogRefused, match=rf"line {place}\b"):
            read_log(path)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    with pytest.raises(NoLog):
        read_log(tmp_path / "none.jsonl")
    places = [tmp_path]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.results.jsonl")
        places.append(tmp_path / "pipe.results.jsonl")
    for place in places:
        for read in (read_log, opened, ResultLog.create):
            with pytest.raises(LogRefused, match="regular file"):
                read(place)


def _spaced(line: bytes) -> bytes:
    return json.dumps(json.loads(line), indent=None, separators=(" , ", " : ")).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda line: _spaced(line) + b"\n",
        lambda line: _spaced(line) + b"\r\n",
        lambda line: _edited(line, note={"of": ["a later version"]}),
        lambda line: json.dumps(json.loads(line), sort_keys=True).encode() + b"\n",
        lambda line: b"  " + line,
    ],
)
def test_a_log_that_another_program_wrote_again_still_reads(
    path: Path, change: Callable[[bytes], bytes]
) -> None:
    log_of(path, BEGUN, UPDATED, FAILED, END, SECOND, SENDING)
    before = read_log(path)
    log_of(path, *map(change, path.read_bytes().splitlines(keepends=True)))
    after = read_log(path)
    assert after.runs == before.runs
    assert after.state.counts() == before.state.counts()
    assert list(after.state.unseen()) == [2]
    assert list(read_rows(after, [(1, 2)])) == [A, B]


def test_all_records_that_count_are_told_in_order(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_CHUNK", 200)
    told: list[Record] = []
    log_of(path, *WHOLE, *NEXT)
    read_log(path, told.extend)
    assert [line_of(record) for record in told] == WHOLE


@settings(deadline=None)
@given(
    lots=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    wanted=st.sets(st.integers(1, 22)),
    chunk=st.integers(90, 900),
)
def test_rows_of_several_runs_are_read_back_by_their_numbers(
    tmp_path_factory: pytest.TempPathFactory, lots: list[int], wanted: set[int], chunk: int
) -> None:
    rows = [row(n, f"A{n}:8:T1") for n in range(1, sum(lots) + 1)]
    records: list[Record] = []
    for lot, last in zip(lots, accumulate(lots), strict=True):
        new = rows[last - lot : last]
        records += [run_record(str(last)), *new, result(new[0], "duplicate")]
        records += [SendingRecord(last), result(new[-1], "failed"), end_record(str(last))]
    path = log_of(tmp_path_factory.mktemp("rows") / "x.results.jsonl", *records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_CHUNK", chunk)
        contents = read_log(path)
    assert list(read_rows(contents, spans_of(sorted(wanted)))) == [r for r in rows if r.n in wanted]
    assert contents.state.spans(State.FAILED) == spans_of(accumulate(lots))
    assert [run.rows for run in contents.runs] == lots


async def test_rows_of_a_log_that_is_gone_or_changed_stop_the_run(path: Path) -> None:
    contents = read_log(log_of(path, BEGUN, UPDATED))
    assert [r async for rows in rows_of(contents, [(2, 2)]) for r in rows] == [B]
    for damage in (lambda: path.write_bytes(b"\xff" * path.stat().st_size), path.unlink):
        damage()
        with pytest.raises(LogLost) as caught:
            list(read_rows(contents, [(1, 2)]))
        assert caught.value.exit_status == 4
        with pytest.raises(LogLost, match=path.name):
            [rows async for rows in rows_of(contents, [(1, 2)])]


_PATHS = ["./dispatch.csv", "../dispatch.csv", "folder/dispatch.csv", "/etc/hosts", "C:\\a.csv"]
_ODD = ["", "-", ".", "..", "folder", "pipe", "none.csv", "a\0b", "x" * 5000, "\\\\host\\a.csv"]


@pytest.mark.parametrize("name", ["dispatch.csv", *_PATHS, *_ODD])
def test_a_file_named_in_a_log_is_opened_only_beside_it_and_as_a_regular_file(
    path: Path, name: str
) -> None:
    folder = path.parent
    (folder / "folder").mkdir()
    for there in (folder, folder / "folder", folder.parent):
        (there / "dispatch.csv").touch()
        (there / "-").touch()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
    contents = read_log(log_of(path, _edited(RUN, input=name), ROWS, SENDING))
    assert contents.beside(name) == (folder / name if name == "dispatch.csv" else None)
