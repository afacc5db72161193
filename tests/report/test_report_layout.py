import pytest
from report_logs import TIMEOUT, Log

from bulkstatus.reporting.page import render
from bulkstatus.reporting.summary import summarise
from bulkstatus.reporting.text import report_text
from bulkstatus.result import Outcome
from bulkstatus.wording import command_line


@pytest.mark.parametrize("width", [60, 80])
def test_long_lines_are_broken_at_blanks_under_their_text_and_commands_are_whole(
    log: Log, width: int
) -> None:
    log.path = log.path.rename(log.path.with_name("to day.results.jsonl"))
    log.run(9).row("1").row("2", Outcome.FAILED, TIMEOUT)
    report = summarise(log.path)
    whole, broken = report_text(report), report_text(report, width)
    assert broken.split() == whole.split()
    kept = [
        command_line("bulkstatus", "report", log.path, "--rows", "rows.csv"),
        command_line("bulkstatus", "resume", log.path, "INPUT"),
        str(log.path),
        str(log.path.with_name("today.csv")),
    ]
    lines = broken.split("\n")
    for text in kept:
        assert any(line.endswith(text) for line in lines)
    assert [line for line in lines if len(line) > width and not line.endswith(tuple(kept))] == []
    note = next(place for place, line in enumerate(lines) if "perhaps touched as well" in line)
    assert lines[note].startswith(f"{'':11}perhaps")
    assert lines[note + 1].rfind(" " * 13) == 0
    assert broken.startswith("The run broke off at about ")


def test_the_text_says_where_rows_were_sent_and_for_which_account(log: Log) -> None:
    log.run(1).row("1").end()
    assert "\nSent to    https://api.example, ref ID R1\n" in report_text(summarise(log.path))
    assert "Sent to https://api.example, ref ID R1. Made" in render(summarise(log.path))
    log.run(1)
    log.path.write_text(
        "".join(
            line.replace('"R1"', '"R2"') if '"run-2"' in line else line
            for line in log.path.read_text().splitlines(keepends=True)
        )
    )
    log.run(1)
    report = summarise(log.path)
    assert (
        "\nSent to    https://api.example, ref ID R1, in runs 1 and 3\n"
        "           https://api.example, ref ID R2, in run 2\n"
    ) in report_text(report)
    assert "R1, in runs 1 and 3; https://api.example, ref ID R2, in run 2. Made" in render(report)


@pytest.mark.parametrize("end", ["finished", "interrupted", None])
def test_the_text_says_how_to_get_the_list(log: Log, end: str | None) -> None:
    log.run(2).row("1")
    if end:
        log.end(end)
    command = command_line("bulkstatus", "report", log.path, "--rows", "rows.csv")
    assert f"of each:\n           {command}\n" in report_text(summarise(log.path))
