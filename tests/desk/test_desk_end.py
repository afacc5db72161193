import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from desk_world import Done, Program, Screen

from bulkstatus.cli.outcome import show_summary
from bulkstatus.result import Outcome
from bulkstatus.resultlog import read_log
from bulkstatus.run import Ending
from bulkstatus.sandbox import Faults
from bulkstatus.sending import Summary
from bulkstatus.wording import command_line
from tests.report.report_logs import TIMEOUT, Log

Api = Callable[..., str]
ACCOUNT = {"BULKSTATUS_REF_ID": "acme", "BULKSTATUS_API_KEY": "secret-key"}
NOWHERE = ["--base-url", "http://127.0.0.1:1", "--attempts", "1"]
ROWS = "order id,status,tracking\n" + "".join(f"{1000 + n},8,H{n}\n" for n in range(8))


@pytest.fixture
def today(tmp_path: Path) -> Path:
    path = tmp_path / "today.csv"
    path.write_text(ROWS)
    return path


def last_lines(done: Done) -> list[str]:
    return done.stdout.splitlines()


def test_all_is_well(program: Program, today: Path) -> None:
    done = program("send", "today.csv", "--sandbox", "--rate", "none")
    assert done.returncode == 0
    assert last_lines(done) == [
        "All 8 rows are updated.",
        "",
        "Log   today.sandbox.results.jsonl",
    ]
    assert "8 Dispatched (8)" in done.stderr


def test_a_piped_stdout_holds_the_result_alone_and_stderr_no_drawing(
    program: Program, today: Path
) -> None:
    done = program("send", "today.csv", "--sandbox", "--rate", "20/s")
    assert "File" not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "━" not in done.stderr


def test_what_the_api_refused_is_grouped_and_the_next_commands_are_exact(
    program: Program, api: Api, today: Path
) -> None:
    base_url = api(orders=["1000", "1001"])
    done = program(
        "send", "today.csv", "--base-url", base_url, "--yes", "--rate", "none", **ACCOUNT
    )
    assert done.returncode == 1
    assert last_lines(done) == [
        "2 of 8 rows updated; 6 rejected by the API.",
        "",
        "Failures",
        "  6 rejected: Order not found (HTTP 400)",
        "      line 4: order 1002, Dispatched (8), H2",
        "      line 5: order 1003, Dispatched (8), H3",
        "      line 6: order 1004, Dispatched (8), H4",
        "      … and 3 more",
        "",
        "Log   today.results.jsonl",
        "Next, write the rows that failed into a file:",
        "  bulkstatus report today.results.jsonl --failures today.failures.csv",
        "Correct them there, then send that file:",
        "  bulkstatus resume today.results.jsonl today.failures.csv",
    ]


def test_what_only_failed_is_to_be_tried_again(program: Program, api: Api, today: Path) -> None:
    base_url = api(faults=Faults(fail=1.0))
    arguments = ("--base-url", base_url, "--yes", "--rate", "none", "--attempts", "1")
    done = program("send", "today.csv", *arguments, **ACCOUNT)
    assert done.returncode == 1
    assert "8 failed: Internal error" in done.stdout
    assert last_lines(done)[-2:] == [
        "Next, to try the failed ones again:",
        "  bulkstatus resume today.results.jsonl",
    ]


def test_a_command_with_a_blank_in_it_can_be_pasted(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "day's end"
    folder.mkdir()
    (folder / "to day.csv").write_text(ROWS)
    path = folder / "to day.csv"
    done = program("send", path, "--sandbox", "--limit", "3", "--rate", "none")
    assert done.returncode == 3
    command = last_lines(done)[-1]
    log = folder / "to day.sandbox.results.jsonl"
    assert command == f"  {command_line('bulkstatus', 'resume', log)}"
    assert log.exists()


def test_a_limit_says_what_is_left(program: Program, today: Path) -> None:
    done = program("send", "today.csv", "--sandbox", "--limit", "3", "--rate", "none")
    assert done.returncode == 3
    assert done.stderr.endswith("Stopped after 3 rows (--limit).\n")
    assert last_lines(done) == [
        "3 of 8 rows updated; 5 not sent yet.",
        "",
        "Log   today.sandbox.results.jsonl",
        "Next, to go on:",
        "  bulkstatus resume today.sandbox.results.jsonl",
    ]


def test_a_stop_says_why_and_how_to_go_on(program: Program, today: Path) -> None:
    done = program("send", "today.csv", *NOWHERE, "--yes", **ACCOUNT)
    assert done.returncode == 3
    assert "The API could not be reached" in done.stderr
    assert last_lines(done)[0] == "0 of 8 rows updated; 8 not sent yet."
    steps = [
        "  bulkstatus resume today.results.jsonl",
        "If the base URL is wrong:",
        "  bulkstatus resume today.results.jsonl --base-url URL",
    ]
    assert last_lines(done)[-4:] == ["Next, to go on:", *steps]
    # The report says the same, but its JSON names none of the alternatives as a step.
    report = program("report", "today.results.jsonl", "--html", "today.html")
    told = [line.removeprefix("Next").strip() for line in last_lines(report)[-3:]]
    assert [line.lower() for line in told] == [step.strip().lower() for step in steps]
    assert "If the base URL is wrong:" in today.with_name("today.html").read_text()
    record = json.loads(program("report", "today.results.jsonl", "--json").stdout)
    assert record["next"] == ["bulkstatus resume today.results.jsonl"]


def test_a_stop_after_updates_blames_neither_base_url_nor_account(
    program: Program, today: Path
) -> None:
    done = program("send", "today.csv", "--sandbox", "--limit", "3", "--rate", "none")
    assert "wrong" not in done.stdout


def test_a_mistyped_account_or_base_url_leaves_no_dead_end(
    program: Program, api: Api, today: Path
) -> None:
    base_url = api(credentials=("acme", "secret-key"))
    mistyped = {**ACCOUNT, "BULKSTATUS_REF_ID": "amce", "BULKSTATUS_BASE_URL": "http://127.0.0.1:1"}
    done = program("send", "today.csv", "--attempts", "1", "--yes", **mistyped)
    assert done.returncode == 3
    right = {**ACCOUNT, "BULKSTATUS_BASE_URL": base_url}
    done = program("send", "today.csv", "--yes", **right)
    assert done.returncode == 2
    assert "a run that changed no order (account amce at http://127.0.0.1:1)." in done.stderr
    assert done.stderr.splitlines()[-3:] == [
        "  bulkstatus resume today.results.jsonl",
        "If the account or the base URL was wrong, delete today.results.jsonl and send the file "
        "again:",
        "  bulkstatus send today.csv",
    ]
    done = program("resume", "today.results.jsonl", "--yes", **right)
    assert done.returncode == 2
    assert "If acme is the right one, delete today.results.jsonl" in done.stderr
    assert done.stderr.splitlines()[-1] == "  bulkstatus send today.csv"
    half_right = {**right, "BULKSTATUS_REF_ID": "amce"}
    done = program("resume", "today.results.jsonl", "--yes", **half_right)
    assert done.returncode == 3
    assert f"the log's base URL; your settings say {base_url}." in done.stderr
    (today.with_name("today.results.jsonl")).unlink()
    assert program("send", "today.csv", "--yes", "--rate", "none", **right).returncode == 0


def test_rows_that_were_mended_are_told_as_in_the_report(
    program: Program, api: Api, today: Path
) -> None:
    base_url = api(orders=[*map(str, range(1000, 1007)), "2007"])
    arguments = ("--base-url", base_url, "--yes", "--rate", "none")
    assert program("send", "today.csv", *arguments, **ACCOUNT).returncode == 1
    today.with_name("mend.csv").write_text("order id,status,tracking\n2007,8,H7\n")
    options = ("--yes", "--changed-input")
    done = program("resume", "today.results.jsonl", "mend.csv", *options, **ACCOUNT)
    assert done.returncode == 0
    words = "esides 1 withdrawn, which failed earlier and since then was mended or taken out of"
    assert last_lines(done)[0] == f"All 8 rows are updated. B{words} the file."
    assert f"b{words} the file" in program("report", "today.results.jsonl").stdout


def test_a_log_of_a_run_that_was_killed_is_not_said_to_have_changed_nothing(
    program: Program, today: Path
) -> None:
    assert program("send", "today.csv", *NOWHERE, "--yes", **ACCOUNT).returncode == 3
    log = today.with_name("today.results.jsonl")
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:1]))  # without its end
    other = {**ACCOUNT, "BULKSTATUS_REF_ID": "other"}
    for command in (("send", "today.csv"), ("resume", log.name)):
        done = program(*command, "--yes", **other)
        assert done.returncode == 2
        assert "delete" not in done.stderr


def test_invalid_rows_that_were_left_out_are_told(program: Program, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text("order id,status\n1,8\n2,9\n3,8\n3,8\n")
    done = program("send", "today.csv", "--sandbox", "--skip-invalid", "--rate", "none")
    assert done.returncode == 1
    assert (
        last_lines(done)[0] == "2 of 4 rows updated; 1 invalid (not sent), 1 repeated (sent once)."
    )
    assert 'line 3: order 2, status "9"\n' in done.stdout


def test_a_refusal_lists_the_first_twenty_rows(program: Program, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text("order id,status\n" + "1,9\n" * 25)
    done = program("send", "today.csv", "--sandbox")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert sum(line.startswith("line ") for line in lines) == 20
    assert "and 5 more rows" in lines
    assert "25 rows of 25 cannot be sent, so nothing was sent" in lines[-3]
    assert lines[-2:] == [
        "To list all of them in a file for Excel:",
        "  bulkstatus check today.csv --problems today.problems.csv",
    ]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (ROWS, ["--dry-run"], "Nothing was sent; 8 rows would be."),
        ("order id,status\n", [], "There are no rows in today.csv, so there was nothing to send."),
    ],
)
def test_a_run_that_sends_nothing_says_why(
    program: Program, tmp_path: Path, text: str, options: list[str], words: str
) -> None:
    (tmp_path / "today.csv").write_text(text)
    done = program("send", "today.csv", "--sandbox", *options)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith(words + "\n")


def test_a_resume_with_nothing_left_says_so(program: Program, api: Api, today: Path) -> None:
    base_url, other = api(), "http://127.0.0.1:1"
    arguments = ("--base-url", base_url, "--yes")
    assert program("send", "today.csv", *arguments, "--rate", "none", **ACCOUNT).returncode == 0
    words = f"Every row of today.csv is done already (at {base_url}), so there was nothing to send."
    done = program("resume", "today.results.jsonl", "--yes", **ACCOUNT)
    assert done == (0, "", f"{words}\n")
    # Another base URL, typed or in the environment, is not left to be thought of as done.
    typed = program("resume", "today.results.jsonl", "--yes", "--base-url", other, **ACCOUNT)
    asked = program("resume", "today.results.jsonl", **ACCOUNT, BULKSTATUS_BASE_URL=other)
    assert typed == asked
    assert typed.returncode == 0
    assert typed.stderr.splitlines() == [
        words,
        f"Your settings say another base URL, {other}. Nothing was sent there; to send it there "
        "too, give it a log of its own:",
        f"  bulkstatus send today.csv --rate none --base-url {other} --log OTHER.jsonl",
    ]


def test_a_log_that_is_there_already_says_where_its_last_run_went(
    program: Program, api: Api, today: Path
) -> None:
    base_url = api()
    arguments = ("send", "today.csv", "--yes", "--limit", "1")
    program(*arguments, "--base-url", base_url, **ACCOUNT)
    refused = program(*arguments, **ACCOUNT)
    assert refused.returncode == 2
    said = refused.stderr.splitlines()[-1]
    assert re.fullmatch(
        rf"The last run of this log, of \d\d \w+ \d{{4}}, \d\d:\d\d, went to {base_url}\.", said
    )
    today.with_name("today.results.jsonl").write_text("unreadable")
    refused = program(*arguments, **ACCOUNT)
    assert "exists already" in refused.stderr
    assert "last run" not in refused.stderr


def test_rows_that_another_server_has_are_told_before_they_count_as_done(
    program: Program, api: Api, today: Path
) -> None:
    first, second = api(), api()
    arguments = ("--yes", "--limit", "3", "--rate", "none")
    program("send", "today.csv", *arguments, "--base-url", first, **ACCOUNT)
    words = f"3 rows of this log were updated at {first}, not at the address above; they count as"
    resume = ("resume", "today.results.jsonl", *arguments)
    assert "not at the address above" not in program(*resume, "--dry-run", **ACCOUNT).stderr
    told = program(*resume, "--base-url", second, **ACCOUNT).stderr.splitlines()
    place = told.index(f"To        {second}")
    assert told[place + 1].strip() == f"{words} done."
    assert [line for line in told if "not at the address above" in line] == [told[place + 1]]
    last = program("resume", "today.results.jsonl", "--yes", "--rate", "none", **ACCOUNT)
    assert f"To        {second}" in last.stderr
    assert words in last.stderr
    done = program("resume", "today.results.jsonl", **ACCOUNT)
    assert f"(at {first} and {second})" in done.stderr


def test_a_wrong_key_is_told_with_where_it_comes_from_and_blames_no_base_url(
    program: Program, api: Api, today: Path
) -> None:
    base_url = api(credentials=("acme", "another key"))
    done = program("send", "today.csv", "--yes", "--base-url", base_url, **ACCOUNT)
    assert done.returncode == 3
    assert "(`bulkstatus config` shows where the two come from)" in done.stderr
    assert "base URL" not in done.stdout
    assert "base URL" not in program("report", "today.results.jsonl").stdout


def test_json_of_a_resume_with_nothing_left_counts_what_is_done(
    program: Program, api: Api, today: Path
) -> None:
    arguments = ("--base-url", api(), "--yes", "--rate", "none")
    assert program("send", "today.csv", *arguments, **ACCOUNT).returncode == 0
    for options in ([], ["--dry-run"]):
        done = program("resume", "today.results.jsonl", "--yes", "--json", *options, **ACCOUNT)
        assert json.loads(done.stdout) == {
            "reason": "finished",
            "exit_status": 0,
            "message": "Nothing was sent.",
            "rows": 8,
            "counts": {"updated": 8},
            "pending": 0,
            "unfinished_input": None,
            "log": "today.results.jsonl",
        }


def test_the_steps_at_the_end_are_broken_between_words_and_their_commands_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path / "a-log-of-a-name-that-is-longer-than-the-terminal.results.jsonl")
    log.run(3).row("1").end("stopped").run(1, "bb", "right.csv").row("8").end()
    own = read_log(log.path).unfinished[-1]
    summary = Summary(
        Ending("finished", 0), {Outcome.UPDATED: 2}, 1, 0, log.path, "right.csv", unfinished=own
    )
    screen = Screen()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", screen)
    show_summary(summary, "", False, False)
    text = screen.getvalue()
    assert "If today.csv was the wrong file, leave\nit, and do not resume this log again.\n" in text
    assert f"  {command_line('bulkstatus', 'resume', log.path, 'INPUT')}\n" in text


def test_limits_that_kept_coming_are_followed_by_advice(
    program: Program, api: Api, tmp_path: Path
) -> None:
    rows = "".join(f"{1000 + number},8\n" for number in range(12))
    (tmp_path / "many.csv").write_text(f"order id,status\n{rows}")
    base_url = api(faults=Faults(limit=(2, 0.1)))
    done = program(
        "send", "many.csv", "--base-url", base_url, "--yes", "--rate", "100/s", **ACCOUNT
    )
    assert done.returncode == 0
    advice = done.stderr.splitlines()[-1]
    assert advice.startswith("The API's limit was reached again and again.")
    assert done.stderr.count("again and again") == 2  # while it went, and at the end


def test_quiet_is_silent_when_all_is_well(program: Program, today: Path) -> None:
    done = program("send", "today.csv", "--sandbox", "--quiet", "--rate", "none")
    assert done == (0, "", "")


def test_quiet_says_in_two_lines_what_is_not_well(program: Program, today: Path) -> None:
    done = program("send", "today.csv", "--sandbox", "--quiet", "--limit", "2", "--rate", "none")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "Stopped after 2 rows (--limit).\n2 of 8 rows updated; 6 not sent yet.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "exit_status", "reason"),
    [
        (["today.csv", "--sandbox"], 0, "finished"),
        (["today.csv", "--sandbox", "--quiet"], 0, "finished"),
        (["today.csv", "--sandbox", "--dry-run"], 0, "finished"),
        (["today.csv", "--sandbox", "--limit", "3"], 3, "stopped"),
        (
            ["today.csv", "--base-url", "http://127.0.0.1:1", "--attempts", "1", "--yes"],
            3,
            "stopped",
        ),
        (["today.csv", "--base-url", "http://127.0.0.1:1"], 2, "refused"),
        (["bad.csv", "--sandbox"], 2, "refused"),
        (["nowhere.csv", "--sandbox"], 2, "refused"),
        (["bad.csv", "--sandbox", "--skip-invalid"], 1, "finished"),
    ],
)
def test_json_is_one_object_on_stdout_whatever_happens(
    program: Program,
    today: Path,
    arguments: list[str],
    exit_status: int,
    reason: str,
) -> None:
    today.with_name("bad.csv").write_text("order id,status\n1,8\n2,9\n")
    done = program("send", *arguments, "--rate", "none", "--json", **ACCOUNT)
    assert done.stdout.endswith("}\n")
    record = json.loads(done.stdout)
    assert (done.returncode, record["exit_status"], record["reason"]) == (
        exit_status,
        exit_status,
        reason,
    )
    if exit_status:
        assert record["message"] or reason == "finished"
    if reason == "refused" and arguments[0] == "bad.csv":
        assert record["problems"][0]["line"] == 3


def test_json_of_a_run_counts_its_rows(program: Program, today: Path) -> None:
    done = program("send", "today.csv", "--sandbox", "--limit", "3", "--json", "--rate", "none")
    assert json.loads(done.stdout) == {
        "reason": "stopped",
        "exit_status": 3,
        "message": "Stopped after 3 rows (--limit).",
        "rows": 8,
        "counts": {"updated": 3},
        "pending": 5,
        "unfinished_input": None,
        "log": "today.sandbox.results.jsonl",
    }


def test_orders_that_are_perhaps_touched_are_told_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(tmp_path / "today.results.jsonl")
    log.run(2).row("1").row("2", Outcome.FAILED, TIMEOUT, uncertain=True).end("interrupted")
    counts = {Outcome.UPDATED: 1, Outcome.FAILED: 1}
    ending = Ending("interrupted", 130)
    show_summary(Summary(ending, counts, 2, 0, log.path, "today.csv"), "", False, False)
    assert "1 order perhaps touched: a request may have arrived" in capsys.readouterr().out
