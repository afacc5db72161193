import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from report_logs import REFUSAL, TIMEOUT, Log

from bulkstatus.reporting.steps import next_commands
from bulkstatus.reporting.summary import summarise
from bulkstatus.result import Outcome


def bulkstatus(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bulkstatus", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_the_failures_of_a_real_run_are_written_mended_and_fed_back(tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text(
        "shipment,order id,status,tracking\nS1,0046,8,H1\nS2,47,Dispached,H2\nS3,48,8,H3\n"
    )
    sent = bulkstatus("send", "today.csv", "--sandbox", "--skip-invalid", folder=tmp_path)
    assert sent.returncode == 1
    log = "today.sandbox.results.jsonl"
    said = bulkstatus("report", log, folder=tmp_path)
    assert said.returncode == 0
    assert "2 updated, 1 invalid" in said.stdout
    assert said.stderr == ""
    told = orjson.loads(bulkstatus("report", log, "--json", folder=tmp_path).stdout)
    assert told["state"] == "finished"
    report, resume = told["next"]
    done = bulkstatus(*report.split()[1:], "--html", "today.html", folder=tmp_path)
    assert done.returncode == 0
    assert resume in done.stderr
    assert "Wrote today.html." in done.stderr
    mend = tmp_path / resume.split()[3]
    if os.name != "nt":
        assert stat.S_IMODE(mend.stat().st_mode) == 0o600
    bulkstatus(*resume.split()[1:], folder=tmp_path)
    assert summarise(tmp_path / log).counts == {Outcome.UPDATED: 2, Outcome.INVALID: 1}
    text = mend.read_text(encoding="utf-8-sig")
    assert text.startswith("shipment,order id,status,tracking,reason\nS2,47,Dispached,H2,")
    mend.write_text(text.replace("Dispached", "Dispatched", 1), encoding="utf-8-sig")
    mended = bulkstatus(*resume.split()[1:], folder=tmp_path)
    assert mended.returncode == 0, mended.stderr
    assert summarise(tmp_path / log).done
    again = bulkstatus("report", log, "--failures", "more.csv", folder=tmp_path)
    assert "no failures" in again.stderr
    assert not (tmp_path / "more.csv").exists()


def test_what_a_spreadsheet_would_spoil_is_pointed_out(log: Log) -> None:
    log.run(4).row("=1", Outcome.REJECTED, REFUSAL, tracking="+44")
    log.row("007", Outcome.REJECTED, REFUSAL, tracking="1234567890123456")
    log.end("stopped")
    done = bulkstatus("report", log.path.name, "--failures", "mend.csv", folder=log.path.parent)
    assert "formulas: =1, +44." in done.stderr
    assert "change these numbers: 007, 1234567890123456." in done.stderr
    assert "still pending" in done.stderr
    assert "order ID, status and tracking alone" in done.stderr
    assert "\n=1,8,+44," in log.path.with_name("mend.csv").read_text(encoding="utf-8-sig")


def test_a_log_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for options in ([], ["--json"]):
        done = bulkstatus("report", "none.jsonl", *options, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr == "There is no result log none.jsonl.\n"
        if options:
            assert orjson.loads(done.stdout)["exit_status"] == 2


@pytest.mark.parametrize("name", ["failures", "rows", "html"])
def test_the_log_is_never_written_over(log: Log, name: str) -> None:
    log.run(1).row("1", Outcome.REJECTED, REFUSAL).end()
    before = log.path.read_bytes()
    taken = log.path.rename(log.path.with_name("today.csv"))
    done = bulkstatus("report", taken.name, f"--{name}", taken.name, folder=taken.parent)
    assert done.returncode == 2
    assert taken.read_bytes() == before


def test_pending_is_found_in_the_input_where_the_log_alone_does_not_tell(log: Log) -> None:
    source = log.path.with_name("mended.csv")
    source.write_text("order_id,status\n1,8\n3,8\n4,8\n")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    log.run(2, "aa").row("1").row("2", Outcome.REJECTED, REFUSAL).end()
    log.run(3, digest, source.name).row("2", Outcome.WITHDRAWN, line=3).row("3", line=3)
    done = bulkstatus("report", log.path.name, "--json", folder=log.path.parent)
    assert orjson.loads(done.stdout)["pending"] == 1


@pytest.mark.parametrize(
    ("settings", "end", "failure", "expected"),
    [
        ({}, "finished", None, []),
        ({}, "stopped", None, ["bulkstatus resume {log}"]),
        ({}, None, None, ["bulkstatus resume {log}"]),
        ({}, "finished", Outcome.FAILED, ["bulkstatus resume {log}"]),
        (
            {},
            "finished",
            Outcome.REJECTED,
            ["bulkstatus report {log} --failures {csv}", "bulkstatus resume {log} {csv}"],
        ),
        (
            {"format": "jsonl", "encoding": "cp1252"},
            "finished",
            Outcome.REJECTED,
            [
                "bulkstatus report {log} --failures {csv}",
                "bulkstatus resume {log} {csv}",
            ],
        ),
    ],
)
def test_the_next_command_is_the_exact_one(
    log: Log,
    settings: dict[str, object],
    end: str | None,
    failure: Outcome | None,
    expected: list[str],
) -> None:
    log.path.with_name("today.csv").touch()
    log.run(2, settings=settings).row("1")
    if failure:
        log.row("2", failure, TIMEOUT)
    if end:
        log.end(end)
    failures = log.path.with_name("today.failures.csv")
    for name in (failures, failures.with_name("today.failures-2.csv")):
        assert next_commands(summarise(log.path)) == [
            command.format(log=log.path, csv=name) for command in expected
        ]
        name.touch()
