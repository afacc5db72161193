"""`bulkstatus report` as a program, several logs together, and one order."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from report_logs import FAILED, INVALID, REJECTED, UPDATED, Log

from bulkstatus.cli.report import logs_of
from bulkstatus.errors import LogRefused
from bulkstatus.log import Outcome
from bulkstatus.reporting import summarise
from bulkstatus.reporting.summary import add_up
from bulkstatus.reporting.text import summary_text


def report(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "bulkstatus", "report", *map(str, arguments)],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
    )


def as_json(*arguments: object, **environment: str) -> dict[str, Any]:
    done = report(*arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.decode("utf-8"))
    return found


def test_json_is_utf8_also_on_a_console_that_is_not(log: Log) -> None:
    log.run("é→").result(1, REJECTED).end()
    record = as_json(log.path, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert record["failures"][0]["order_id"] == "é→"
    assert b"went out" in report(log.path, PYTHONIOENCODING="ascii", LC_ALL="C").stdout


def test_an_order_is_found_by_its_id_in_utf8_whatever_the_locale(log: Log) -> None:
    log.run("é→").result(1, UPDATED).end()
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    record = as_json(log.path, "--order", "é→", **bare)
    assert (record["order_id"], record["logs"][0]["touched"]) == ("é→", "yes")


def test_all_files_are_written_and_named(log: Log, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text("order,status,name\n1,8,Jo\n2,8,Al\n3,8,Zo\n")
    log.run("1", "2", "3").results(UPDATED, REJECTED).end("interrupted")
    names = {name: tmp_path / f"{name}.csv" for name in ("rows", "touched", "untouched")}
    options = [part for name, path in names.items() for part in (f"--{name}", path)]
    (tmp_path / "right.txt").write_text("1\n")
    done = report(
        *(log.path, *options, "--html", tmp_path / "page.html"),
        *("--not-in", tmp_path / "right.txt", "--failures"),
    )
    assert done.returncode == 0, done.stderr
    assert len(names["rows"].read_text("utf-8").splitlines()) == 4
    assert names["touched"].read_text("utf-8").splitlines()[1:] == []
    assert names["untouched"].read_text("utf-8").splitlines()[1:] == ["2,no", "3,no"]
    assert (tmp_path / "page.html").is_file()
    assert (tmp_path / "today.to-mend.xlsx").is_file()
    assert b"without 1 that are in" in done.stderr
    # The file that was just written is the one to mend.
    assert b"Mend them in today.to-mend.xlsx" in done.stdout
    assert b"--failures" not in done.stdout


def test_the_failures_go_where_they_are_said_to(log: Log, tmp_path: Path) -> None:
    log.run("1").result(1, REJECTED).end()
    path = tmp_path / "mend.csv"
    assert as_json(log.path, "--failures", path)["next"][0].endswith("mend.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["order_id"] for row in csv.DictReader(file)] == ["1"]
    log.run().result(1).end()
    done = report(log.path, "--failures", tmp_path / "none.csv")
    assert (done.returncode, b"nothing to mend" in done.stderr) == (0, True)
    assert not (tmp_path / "none.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["none.results.jsonl"],
        ["."],
        ["today.csv"],
        ["today.results.jsonl", "--rows", "today.results.jsonl"],
        ["today.results.jsonl", "--failures", "nowhere/mend.csv"],
        ["today.results.jsonl", "--html", "nowhere/page.html"],
        ["today.results.jsonl", "--not-in", "today.csv"],
        ["today.results.jsonl", "--touched", "t.csv", "--not-in", "none.csv"],
        ["today.results.jsonl", "today-2.results.jsonl", "--rows", "rows.csv"],
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    log: Log, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    log.run("1").result(1, REJECTED).end()
    second = Log(log.path.with_name("today-2.results.jsonl"))
    second.run("1").result(1).end()
    log.path.with_name("today.csv").write_text("order_id,status\n1,8\n")
    if arguments == ["."]:
        log.path.unlink()
        second.path.unlink()
    monkeypatch.chdir(log.path.parent)
    before = {path.name: path.read_bytes() for path in log.path.parent.iterdir()}
    done = report(*arguments)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr
    assert {path.name: path.read_bytes() for path in log.path.parent.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
def test_a_disk_that_is_full_is_said_in_a_sentence(log: Log, tmp_path: Path) -> None:
    log.run("1").result(1).end()
    small = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); "
    small += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    small += "from bulkstatus.__main__ import main; main()"
    for option in ("--rows", "--touched", "--html"):
        path = tmp_path / f"full{option}"
        done = subprocess.run(
            [sys.executable, "-c", small, "report", str(log.path), option, str(path)],
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 2, done.stderr
        assert b"cannot be written" in done.stderr
        assert b"Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [log.path.name]


def test_one_order_is_told_with_all_that_came_of_it(log: Log) -> None:
    log.run("1", ("2", 515, "T"), ("2", 8, None), through=2).result(2, FAILED, uncertain=True)
    log.run().result(2).end("stopped")
    (found,) = as_json(log.path, "--order", "2")["logs"]
    assert found["touched"] == "yes"
    assert [(row["n"], row["state"]) for row in found["rows"]] == [(2, "updated"), (3, "to_send")]
    told = [(result["run"], result["outcome"]) for result in found["rows"][0]["results"]]
    assert told == [(1, "failed"), (2, "updated")]
    text = report(log.path, "--order", "2").stdout.decode()
    assert "Sent to Shipper (515), T: updated" in text
    assert "run 1: Failed: no answer within 30 s" in text
    assert as_json(log.path, "--order", "1")["logs"][0]["touched"] == "perhaps"
    assert "has no row" in report(log.path, "--order", "\x1b[1m").stdout.decode()
    assert b"\x1b" not in report(log.path, "--order", "\x1b[1m").stdout


def week(tmp_path: Path) -> list[Path]:
    monday = Log(tmp_path / "mon.results.jsonl")
    monday.run("1", "2", "3", ("4", 515, None), "5", ("", None, None))
    monday.results(UPDATED, REJECTED, FAILED, UPDATED, REJECTED, INVALID).end()
    tuesday = Log(tmp_path / "tue.results.jsonl")
    tuesday.now += 86_400
    tuesday.run("1", "2", ("4", 8, None), "6", "7", ("", None, None), through=5)
    tuesday.results(Outcome.DUPLICATE, UPDATED, REJECTED, None, None, INVALID)
    rehearsal = Log(tmp_path / "tue.sandbox.results.jsonl")
    rehearsal.run("9", settings={"sandbox": True}).result(1).end()
    return [tuesday.path, monday.path]


def test_several_logs_are_added_up_by_order_and_status_the_latest_counting(tmp_path: Path) -> None:
    paths = week(tmp_path)
    total = add_up([summarise(path) for path in paths])
    assert total.counts == {UPDATED: 3, REJECTED: 2, FAILED: 1, INVALID: 2}
    assert (total.rows, total.to_send, len(total.orders.touched)) == (10, 2, 3)
    assert total.order_ids(total.orders.perhaps) == ["6", "7"]
    assert total.order_ids(total.orders.untouched) == ["3", "5"]
    assert [result.order_id for result in total.failures] == ["3", "5", "", "4", ""]
    text = summary_text(total, 80)
    assert text.startswith("10 in 2 logs: 3 went out, 5 did not, 2 still to be sent.")
    assert max(map(len, text.splitlines())) <= 80


def test_a_folder_stands_for_its_logs_without_rehearsals(tmp_path: Path) -> None:
    paths = week(tmp_path)
    assert logs_of([tmp_path, paths[0]]) == sorted(paths)
    record = as_json(tmp_path)
    assert [Path(each["log"]).name for each in record["logs"]] == [
        *("mon.results.jsonl", "tue.results.jsonl")
    ]
    assert (record["rows"], record["to_send"]) == (10, 2)
    assert record["orders"]["perhaps_touched"] == ["6", "7"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(LogRefused, match="no result log"):
        logs_of([tmp_path / "empty"])
