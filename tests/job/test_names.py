"""Where the log of an input is, and what is meant as a log."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from bulkstatus.errors import Refused
from bulkstatus.job.names import beside, default_log, is_log, is_of, logs_of, next_log
from bulkstatus.log import read_log
from bulkstatus.log.records import SendingRecord, line_of
from tests.log.lines import log_of, run_record


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("dispatch.csv", "dispatch"),
        ("dispatch.csv.gz", "dispatch"),
        ("dispatch", "dispatch"),
        ("dispatch.2026-11-28.xlsx", "dispatch.2026-11-28"),
        ("the day.txt", "the day"),
        ("folder/dispatch.jsonl", "folder/dispatch"),
        (".csv", ".csv"),
        (".gz", ".gz"),
        (".", ""),
        ("/", "/"),
    ],
)
def test_a_log_is_called_like_its_input(name: str, log: str) -> None:
    assert default_log(name, False) == Path(f"{log}.results.jsonl")
    assert default_log(name, True) == Path(f"{log}.sandbox.results.jsonl")
    assert beside(name, ".problems.csv") == Path(f"{log}.problems.csv")


@pytest.mark.parametrize(
    ("log", "made_from", "is_one"),
    [
        ("day.results.jsonl", "day.csv", True),
        ("day-2.results.jsonl", "day.csv", True),
        ("day-2.results.jsonl", "day.xlsx", True),
        ("day-2.results.jsonl", "day-2.csv", False),
        ("day-2.results.jsonl", "day-2.csv.gz", False),
        ("day-2-2.results.jsonl", "day-2.csv", False),
        ("day.shard-1-of-2-2.results.jsonl", "day.csv", True),
        ("day-2.shard-1-of-2.sandbox.results.jsonl", "day-2.csv", False),
        # By hand: the input was called otherwise then, or the log was.
        ("day.results.jsonl", "today.csv", True),
        ("day-2.results.jsonl", "day-20.csv", True),
        ("day.log", "today.csv", True),
    ],
)
def test_whose_log_it_is_that_is_called_like_one(
    tmp_path: Path, log: str, made_from: str, is_one: bool
) -> None:
    run = replace(run_record(), input=made_from)
    made = read_log(log_of(tmp_path / log, run, SendingRecord(0)))
    assert is_of(made, "day.csv") == is_one


def test_standard_input_has_no_name() -> None:
    with pytest.raises(Refused, match="--log"):
        default_log("-", False)


def test_logs_are_numbered_in_the_order_of_their_making(tmp_path: Path) -> None:
    first = tmp_path / "dispatch.results.jsonl"
    assert (logs_of(first), next_log(first)) == ([], first)
    made = []
    for name in ("dispatch", "dispatch-2", "dispatch-3"):
        path = tmp_path / f"{name}.results.jsonl"
        assert next_log(first) == path
        log_of(path, line_of(run_record()), line_of(SendingRecord(0)))
        made.append(path)
        assert [log.path for log in logs_of(first)] == made
    # A log that no run began is none, but has its number.
    made[1].write_bytes(b"")
    assert [log.path for log in logs_of(first)] == [made[0], made[2]]
    # A number that is free is taken, and what stands behind a gap is not of this row.
    made[1].unlink()
    assert ([log.path for log in logs_of(first)], next_log(first)) == (made[:1], made[1])


def test_what_is_meant_as_a_log(tmp_path: Path) -> None:
    record = line_of(run_record())
    log_of(tmp_path / "mine.txt", record)
    log_of(tmp_path / "spaced.txt", record.replace(b":", b": ").replace(b",", b", "))
    log_of(tmp_path / "day.csv", b"order_id,status\nA,8\n")
    log_of(tmp_path / "rows.jsonl", b'{"order_id":"A","status":8}\n')
    (tmp_path / "folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    names = ("mine.txt", "spaced.txt", "none.results.jsonl", "day.csv", "rows.jsonl", "none.csv")
    said = {name: is_log(tmp_path / name) for name in (*names, "folder", "pipe")}
    meant = [name for name, yes in said.items() if yes]
    assert meant == ["mine.txt", "spaced.txt", "none.results.jsonl"]
