"""`bulkstatus report` as a program, several logs together, and one order."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from report_logs import FAILED, INVALID, REJECTED, UPDATED, Log, follow_schema
from report_logs import as_json as in_json

from bulkstatus.cli.report import of_logs
from bulkstatus.errors import LogRefused
from bulkstatus.log import Outcome, State
from bulkstatus.reporting import summarise
from bulkstatus.reporting.several import add_up
from bulkstatus.reporting.text import headline


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
    follow_schema(found)
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
    assert path.is_file()
    log.run().result(1).end()
    assert b"nothing to mend" in report(log.path, "--failures", tmp_path / "none.csv").stderr
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
    log.path.with_name("today.csv").write_text("order_id,status,tracking\n1,8,\n")
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
    records = [json.loads(line) for line in log.path.read_bytes().splitlines()]
    assert found["records"] == [each for each in records if each.get("order_id") == "2"]
    lines = report(log.path, "--order", "2").stdout.decode().splitlines()
    assert [re.sub(r"^.*?\d: | *Order 2 in .*: ", "", line) for line in lines] == [
        "touched.",
        "Sent to Shipper (515), T",
        "Failed: no answer within 30 s. It can be sent again as it is. The order may have been "
        "changed all the same",
        "Updated",
        "Dispatched (8)",
    ]
    assert as_json(log.path, "--order", "1")["logs"][0]["touched"] == "perhaps"
    text = report(log.path, "--order", "\x1b[1m").stdout
    assert (b"has no row" in text, b"\x1b" in text) == (True, False)


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
    # A beginning that a crash left is no log.
    (tmp_path / "wed.results.jsonl").write_bytes(monday.path.read_bytes().splitlines(True)[0])
    return [tuesday.path, monday.path]


def test_several_logs_are_added_up_by_order_and_status_the_latest_counting(tmp_path: Path) -> None:
    paths = week(tmp_path)
    record = in_json(add_up([summarise(path) for path in paths]))
    assert record["counts"] == {"updated": 3, "rejected": 2, "failed": 1, "invalid": 2}
    assert (record["rows"], record["to_send"], record["state"]) == (10, 2, "broken off")
    assert record["orders"] == {
        "touched": 3,
        "perhaps_touched": ["6", "7"],
        "untouched": ["3", "5"],
    }
    assert [result["order_id"] for result in record["failures"]] == ["3", "5", "", "4", ""]
    assert [run["run_id"] for run in record["runs"]] == ["run-1", "run-1"]
    assert record["logs"] == [in_json(summarise(path)) for path in paths[::-1]]
    assert record["next"] == [step for each in record["logs"] for step in each["next"]]
    later = Log(tmp_path / "thu.results.jsonl")
    later.now += 200_000
    paths.append(later.run("8").result(1).end().path)
    assert in_json(add_up([summarise(path) for path in paths]))["state"] == "broken off"
    assert in_json(add_up([summarise(path) for path in paths[1:]]))["state"] == "finished"


def test_a_log_that_went_on_later_tells_no_news_of_what_it_left_alone(tmp_path: Path) -> None:
    monday = Log(tmp_path / "mon.results.jsonl").run("1", "2", "3", "4", "5")
    monday.results(REJECTED, REJECTED, UPDATED, None, None).end("stopped")
    tuesday = Log(tmp_path / "tue.results.jsonl")
    tuesday.now += 86_400
    tuesday.run("1", "2", "3", "4").results(UPDATED, REJECTED, REJECTED, UPDATED).end()
    monday.now += 2 * 86_400
    monday.run(due=[(4, 5)]).result(4, Outcome.SUPERSEDED).end("stopped")
    monday.run().result(2, Outcome.WITHDRAWN).end()
    record = in_json(add_up([summarise(path) for path in (tuesday.path, monday.path)]))
    assert (record["counts"], record["to_send"]) == ({"updated": 2, "rejected": 2}, 1)
    assert [result["order_id"] for result in record["failures"]] == ["2", "3"]


def test_what_was_updated_at_another_base_url_hides_no_failure(tmp_path: Path) -> None:
    first, other = Log(tmp_path / "a.results.jsonl"), Log(tmp_path / "b.results.jsonl")
    first.run("1", "2").results(REJECTED, UPDATED).end()
    other.now += 100.0
    other.run("1", "2", base_url="http://127.0.0.1:8080").results(UPDATED, UPDATED).end()
    record = in_json(add_up([summarise(log.path) for log in (first, other)]))
    assert record["counts"] == {"updated": 3, "rejected": 1}
    assert record["orders"] == {"touched": 3, "perhaps_touched": [], "untouched": ["1"]}
    assert [result["order_id"] for result in record["failures"]] == ["1"]


def test_a_withdrawn_row_that_a_later_one_stands_for_is_none_of_several_logs(
    tmp_path: Path,
) -> None:
    first, other = Log(tmp_path / "a.results.jsonl"), Log(tmp_path / "b.results.jsonl")
    first.run("1", "2").results(REJECTED, REJECTED).end()
    first.run(("1", 64, None)).results(Outcome.WITHDRAWN, Outcome.WITHDRAWN).result(3).end()
    other.now += 100.0
    other.run("3").results(UPDATED).end()
    told = add_up([summarise(log.path) for log in (first, other)])
    assert (told.count(State.WITHDRAWN), told.given_up) == (2, 1)
    assert headline(told) == "3 in 2 logs: 2 went out, 1 withdrawn."


def test_a_folder_stands_for_its_logs_without_rehearsals(tmp_path: Path) -> None:
    paths = week(tmp_path)
    assert of_logs([tmp_path, paths[0]], str) == [
        *map(str, [*sorted(paths), tmp_path / "wed.results.jsonl"])
    ]
    touched, untouched = tmp_path / "touched.csv", tmp_path / "untouched.csv"
    (tmp_path / "right.txt").write_text("4\n7\n3\n")
    options = ("--untouched", untouched, "--not-in", tmp_path / "right.txt")
    done = report(tmp_path, "--touched", touched, *options)
    assert (done.returncode, done.stdout.count(b"What is left to do of")) == (0, 2)
    assert done.stdout.startswith(b"10 in 2 logs: 3 went out, 5 did not, 2 still to be sent.")
    lines = touched.read_text("utf-8-sig").split()
    assert lines[1:] == ["1,yes", "2,yes", "6,perhaps"]
    assert untouched.read_text("utf-8-sig").split()[1:] == ["5,no"]
    (tmp_path / "empty").mkdir()
    assert b"no result log" in report(tmp_path / "empty").stderr
    # A log is one whatever its name, and what is kept of its beginning is not another one.
    other = paths[1].rename(tmp_path / "mon.log")
    beginning = other.read_bytes().splitlines(True)[:-2]
    (tmp_path / "mon.log.bak").write_bytes(b"".join(beginning))
    (tmp_path / "tue.sandbox.results.jsonl").rename(tmp_path / "rehearsed.jsonl")
    assert b"\n".join(report(tmp_path).stdout.splitlines()[:2]) == b"\n".join(
        done.stdout.splitlines()[:2]
    )


def test_a_folder_that_none_may_list_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(LogRefused, match=r"cannot be read: Permission denied\."):
        of_logs([tmp_path], str)


def test_a_missing_shard_of_a_job_is_named(tmp_path: Path) -> None:
    parts = [(2, 5), (5, 5), (1, 5), (2, 2), (1, 2), (3, 5)]
    logs = [Log(tmp_path / f"part-{i}-of-{n}.jsonl") for i, n in parts]
    for later, (log, (i, n)) in enumerate(zip(logs, parts, strict=True)):
        log.now += later
        log.run(f"{n}-{i}", settings={"shard": f"{i}/{n}"}).result(1).end()
    # One of another file.
    logs[5].path.write_bytes(logs[5].path.read_bytes().replace(b'"aa"', b'"bb"'))
    record = as_json(tmp_path)
    missing = [(job["of"], job["missing"]) for job in record["missing_shards"]]
    assert sorted(missing) == [(5, [1, 2, 4, 5]), (5, [3, 4])]
    assert record["counts"] == {"updated": 6}
    text = report(tmp_path).stdout.decode()
    assert "today.csv was sent in 5 shards, and some of their logs are missing: 3, 4." in text
    alone = "This is shard 2 of 5 of the file. It says nothing of the others: 1, 3, 4, 5."
    assert alone in report(logs[0].path).stdout.decode()
    assert as_json(logs[0].path)["missing_shards"][0]["missing"] == [1, 3, 4, 5]
    whole = [log.path for log in logs[3:5]]
    assert as_json(*whole)["missing_shards"] == []
    assert "shard" not in report(*whole).stdout.decode()


def test_the_schema_holds_the_report_to_what_it_says(log: Log) -> None:
    record = in_json(summarise(log.run("1", "2").result(1, FAILED).end("stopped").path))
    broken: list[dict[str, Any]] = [
        *({name: None} for name in record.keys() - {"log"}),
        *({"state": "tired"}, {"rows": -1}, {"counts": {"failed": "1"}}, {"by_status": {"8": 1}}),
        *({"failures": [{**record["failures"][0], "line": 0}]}, {"runs": [{}]}, {"log": 1}),
    ]
    for change in broken:
        with pytest.raises(ValidationError):
            follow_schema({**record, **change})
