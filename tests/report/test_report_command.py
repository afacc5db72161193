import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from report_logs import REFUSAL, TIMEOUT, Log

from bulkstatus.reporting.steps import next_commands, next_steps
from bulkstatus.reporting.summary import summarise
from bulkstatus.reporting.text import report_text
from bulkstatus.result import Outcome
from bulkstatus.wording import command_line


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


@pytest.mark.parametrize("end", ["finished", "stopped"])
def test_where_all_failures_are_passing_there_is_nothing_to_mend(log: Log, end: str) -> None:
    log.path.with_name("today.csv").touch()
    log.run(3).row("1").row("2", Outcome.FAILED, TIMEOUT).row("3", Outcome.FAILED, TIMEOUT)
    log.end(end)
    done = bulkstatus("report", log.path.name, "--failures", "mend.csv", folder=log.path.parent)
    assert (
        "Wrote mend.csv: 2 rows with nothing to mend, which failed for a passing reason and are "
        "tried again as they are.\n"
    ) in done.stderr
    assert "mended" not in done.stderr
    assert f"To try them again:\n  bulkstatus resume {log.path.name}\n" in done.stderr
    assert done.stdout.endswith(f"Next       bulkstatus resume {log.path.name}\n")
    assert "it is tried again as it is." in log.path.with_name("mend.csv").read_text("utf-8-sig")


def test_of_several_kinds_of_failures_it_is_said_which_are_to_be_mended(log: Log) -> None:
    log.path.with_name("today.csv").touch()
    log.run(4).row("1").row("2", Outcome.FAILED, TIMEOUT).row("3", Outcome.REJECTED, REFUSAL)
    log.row("4", Outcome.INVALID, REFUSAL, status=None).end()
    done = bulkstatus("report", log.path.name, "--failures", "mend.csv", folder=log.path.parent)
    assert (
        "Wrote mend.csv: 2 rejected and invalid rows to mend, and 1 that failed for a passing "
        "reason and is tried again as it is.\n"
    ) in done.stderr
    resume = f"bulkstatus resume {log.path.name} mend.csv"
    assert f"When the rows are mended:\n  {resume}\n" in done.stderr
    assert done.stdout.endswith(
        "Next       mend the rejected and invalid rows in mend.csv (the failed ones are tried "
        f"again as they are), then\n           {resume}\n"
    )
    text = log.path.with_name("mend.csv").read_text("utf-8-sig")
    assert [line[:2] for line in text.splitlines() if "tried again as it is." in line] == ["2,"]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.FAILED], []),
        ([Outcome.FAILED, Outcome.REJECTED], ["and then mend the rejected rows"]),
        ([Outcome.INVALID, Outcome.REJECTED], ["and then mend the rejected and invalid rows"]),
    ],
)
def test_a_stopped_run_is_gone_on_with_before_what_is_to_be_mended(
    log: Log, outcomes: list[Outcome], expected: list[str]
) -> None:
    log.path.with_name("today.csv").touch()
    log.run(9).row("1")
    for place, outcome in enumerate(outcomes):
        log.row(f"2{place}", outcome, REFUSAL)
    steps = [step.text for step in next_steps(summarise(log.end("interrupted").path))]
    assert steps == [command_line("bulkstatus", "resume", log.path), *expected]


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


ROWS = "order_id,status\n1,8\n2,8\n3,8\n3,64\n4,8\n5,8\n5,64\n"


def stopped_half_way(log: Log) -> Log:
    """Write the log of a run over ROWS that was stopped: of 1, 2 and 3 one row each is settled."""
    source = log.path.with_name("today.csv")
    source.write_text(ROWS)
    log.run(7, hashlib.sha256(source.read_bytes()).hexdigest()).row("1").row("3")
    return log.row("2", Outcome.REJECTED, REFUSAL).end("interrupted", perhaps=("4",))


@pytest.mark.parametrize("option", [[], ["--rows", "rows.csv"], ["--failures", "mend.csv"]])
def test_an_order_of_which_all_rows_are_pending_is_not_touched(log: Log, option: list[str]) -> None:
    stopped_half_way(log)
    folder = log.path.parent
    told = bulkstatus("report", log.path.name, "--json", *option, folder=folder)
    orders = orjson.loads(told.stdout)["orders"]
    assert orders == {
        "touched": 2,
        "perhaps_touched": ["4"],
        "untouched": ["2", "5"],
        "unnamed_pending_rows": 0,
        "unrecorded": False,
    }
    text = bulkstatus("report", log.path.name, folder=folder).stdout
    assert "Rows       7: 2 updated, 1 rejected, 4 pending" in text
    assert "2 touched, 1 perhaps touched, 2 not touched\n" in text
    assert "not touched either" not in text


def test_an_order_whose_mended_row_is_pending_is_not_withdrawn(log: Log) -> None:
    source = log.path.with_name("mend.csv")
    source.write_text("order_id,status,tracking\n1,8,T\n")
    log.run(2).row("1", Outcome.REJECTED, REFUSAL).row("2", Outcome.REJECTED, REFUSAL).end()
    log.run(1, hashlib.sha256(source.read_bytes()).hexdigest(), source.name)
    log.row("1", Outcome.WITHDRAWN).row("2", Outcome.WITHDRAWN).end("interrupted")
    bulkstatus("report", log.path.name, "--html", "today.html", folder=log.path.parent)
    page = log.path.with_name("today.html").read_text(encoding="utf-8")
    assert "<p><bdi>1</bdi>, <bdi>2</bdi> (withdrawn)</p>" in page


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_pending_rows_that_the_log_alone_cannot_name_are_counted_in_words(
    log: Log, change: str
) -> None:
    stopped_half_way(log)
    source = log.path.with_name("today.csv")
    source.unlink() if change == "gone" else source.write_text(f"{ROWS}6,8\n")
    folder = log.path.parent
    text = bulkstatus("report", log.path.name, "--html", "today.html", folder=folder).stdout
    assert "2 touched, 1 perhaps touched, 1 not touched\n" in text
    assert "not touched either: the orders of 4 pending rows" in text
    page = (folder / "today.html").read_text(encoding="utf-8")
    assert "Not touched either: the orders of 4 pending rows" in page
    told = orjson.loads(bulkstatus("report", log.path.name, "--json", folder=folder).stdout)
    assert told["orders"]["untouched"] == ["2"]
    assert told["orders"]["unnamed_pending_rows"] == 4
    assert told["pending"] == 4


def test_what_a_log_says_is_told_also_where_its_settings_cannot_be_used(log: Log) -> None:
    log.run(2, settings={"timeout": "soon"}).row("1").end("stopped")
    done = bulkstatus("report", log.path.name, folder=log.path.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Rows       2: 1 updated, 1 pending" in done.stdout
    assert "not touched either: the orders of 1 pending row," in done.stdout
    refused = bulkstatus("report", log.path.name, "--rows", "rows.csv", folder=log.path.parent)
    assert refused.returncode == 2
    assert "soon" in refused.stderr


def test_the_file_of_failures_that_was_just_written_is_the_one_to_mend(log: Log) -> None:
    log.run(1).row("2", Outcome.REJECTED, REFUSAL).end()
    folder = log.path.parent
    # Whatever else is there.
    log.path.with_name("today.failures.csv").touch()
    arguments = ("report", log.path.name, "--failures", "my mend.csv", "--html", "today.html")
    done = bulkstatus(*arguments, folder=folder)
    resume = command_line("bulkstatus", "resume", log.path.name, "my mend.csv")
    assert done.stdout.endswith(
        f"Next       mend the rows in my mend.csv, then\n           {resume}\n"
    )
    page = (folder / "today.html").read_text(encoding="utf-8")
    assert "<li>Mend the rows in my mend.csv, then</li>\n<li><code>bulkstatus resume " in page
    assert "--failures" not in page
    log.path.with_name("my mend.csv").unlink()
    told = bulkstatus(*arguments, "--json", folder=folder).stdout
    assert orjson.loads(told)["next"] == [resume]


@pytest.mark.parametrize(
    ("text", "age", "is_taken_up"),
    [
        ("order_id,status,tracking,reason\n2,8,,x\n", 10, True),
        ('\ufeff"order id";"reason"\r\n2;x\r\n', 10, True),
        # Written before the last run ended, or somebody's own.
        ("order_id,status,tracking,reason\n2,8,,x\n", -10, False),
        ("order_id,status\n2,8\n", 10, False),
        ("", 10, False),
    ],
)
def test_a_file_of_failures_that_is_newer_than_the_last_run_is_the_one_to_mend(
    log: Log, text: str, age: float, is_taken_up: bool
) -> None:
    log.run(1).row("2", Outcome.REJECTED, REFUSAL).end()
    log.path.with_name("today.failures.csv").touch()
    mend = log.path.with_name("today.failures-2.csv")
    mend.write_text(text, encoding="utf-8", newline="")
    os.utime(mend, (log.now + age, log.now + age))
    following = log.path.with_name("today.failures-3.csv")
    assert next_commands(summarise(log.path)) == (
        [command_line("bulkstatus", "resume", log.path, mend)]
        if is_taken_up
        else [
            command_line("bulkstatus", "report", log.path, "--failures", following),
            command_line("bulkstatus", "resume", log.path, following),
        ]
    )


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


@pytest.mark.parametrize(
    ("end", "outcome", "is_doubted"),
    [
        ("stopped", None, True),
        ("stopped", Outcome.INVALID, True),
        ("stopped", Outcome.UPDATED, False),
        ("stopped", Outcome.REJECTED, False),
        ("interrupted", None, False),
        ("finished", Outcome.INVALID, False),
        (None, None, False),
    ],
)
def test_base_url_and_account_are_doubted_where_a_run_stopped_and_none_changed_anything(
    log: Log, end: str | None, outcome: Outcome | None, is_doubted: bool
) -> None:
    log.run(2)
    if outcome:
        log.row("1", outcome, None if outcome is Outcome.UPDATED else REFUSAL)
    if end:
        log.end(end)
    text = report_text(summarise(log.path))
    assert ("if the base URL is wrong:" in text) is is_doubted
