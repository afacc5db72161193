"""A log is read back exactly, or refused with the line at fault."""

from pathlib import Path

import pytest

from bulkstatus.errors import LogRefused
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog import ResultLog, read_log
from tests.run.world import run_record

RUN = run_record().to_line()
UPDATED = Result(2, "46140204", 8, "T1", Outcome.UPDATED, 0.0).to_line()
FAILED = Result(3, "46140205", 8, None, Outcome.FAILED, 0.0).to_line()


def log_of(folder: Path, *lines: bytes) -> Path:
    path = folder / "dispatch.results.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def test_a_whole_log(tmp_path: Path) -> None:
    contents = read_log(log_of(tmp_path, RUN, UPDATED, FAILED))
    assert contents.state.counts() == {"updated": 1, "failed": 1}
    assert contents.last_run.run_id == "run"
    assert (contents.torn, contents.unended) == (0, False)


@pytest.mark.parametrize("cut", range(1, len(FAILED) - 1))
def test_a_torn_last_line_is_told_and_cut_off_when_the_log_is_opened(
    tmp_path: Path, cut: int
) -> None:
    path = log_of(tmp_path, RUN, UPDATED, FAILED[:cut])
    contents = read_log(path)
    assert contents.torn == cut
    assert contents.state.counts() == {"updated": 1}
    assert path.read_bytes() == RUN + UPDATED + FAILED[:cut]
    log, contents = ResultLog.open(path)
    log.close()
    assert contents.torn == cut
    assert path.read_bytes() == RUN + UPDATED


def test_a_whole_last_record_without_its_line_end_counts(tmp_path: Path) -> None:
    path = log_of(tmp_path, RUN, UPDATED[:-1])
    log, contents = ResultLog.open(path)
    log.close()
    assert contents.state.counts() == {"updated": 1}
    assert path.read_bytes() == RUN + UPDATED


def test_zeros_after_a_power_cut_are_a_torn_line(tmp_path: Path) -> None:
    log, contents = ResultLog.open(log_of(tmp_path, RUN, UPDATED, b"\0" * 512))
    log.close()
    assert (contents.torn, contents.state.counts()) == (512, {"updated": 1})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([RUN, b'{"type":"result","li\n', UPDATED], ["line 2", "damaged"]),
        ([RUN, UPDATED, b"\n", FAILED], ["line 3", "damaged"]),
        ([RUN, UPDATED, b"[1]\n", FAILED], ["line 3", "damaged"]),
        ([RUN, b'{"type":"other"}\n'], ["line 2", "damaged"]),
        ([RUN, UPDATED.replace(b"updated", b"updatet")], ["line 2", "damaged"]),
        ([RUN, UPDATED.replace(b'"order_id"', b'"order"')], ["line 2", "damaged"]),
        ([b"order_id,status\n46140204,8\n"], ["not a result log"]),
        ([b'{"order_id": "1", "status": 8}\n'], ["not a result log"]),
        ([UPDATED], ["not a result log"]),
        ([b"\x00\x01\x02\n"], ["not a result log"]),
        ([b""], ["breaks off", "Delete it"]),
        ([RUN[:40]], ["breaks off", "Delete it"]),
        ([RUN.replace(b'"format":1', b'"format":2')], ["newer", "format 2"]),
    ],
)
def test_what_is_refused(tmp_path: Path, lines: list[bytes], words: list[str]) -> None:
    path = log_of(tmp_path, *lines)
    before = path.read_bytes()
    for read in (read_log, ResultLog.open):
        with pytest.raises(LogRefused) as caught:
            read(path)
        for word in [path.name, *words]:
            assert word in str(caught.value)
    assert path.read_bytes() == before


def test_a_missing_log_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        for read in (read_log, ResultLog.open):
            with pytest.raises(LogRefused, match=path.name):
                read(path)
