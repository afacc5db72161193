import os
from pathlib import Path

import pytest
from report_logs import REFUSAL, START, Log

from bulkstatus.errors import LogRefused
from bulkstatus.reporting.runs import How
from bulkstatus.reporting.summary import summarise
from bulkstatus.reporting.text import report_text, runs_text, state_sentence
from bulkstatus.result import Outcome
from bulkstatus.resultlog import ResultLog


@pytest.mark.parametrize("reason", ["finished", "stopped", "interrupted"])
def test_a_run_with_an_end_ended_as_it_says(log: Log, reason: str) -> None:
    log.run(1).row("1").end(reason)
    assert summarise(log.path).how == reason


def test_a_log_that_a_run_holds_is_running_and_one_that_none_holds_has_crashed(log: Log) -> None:
    log.run(2).row("1")
    writer, _ = ResultLog.open(log.path)
    try:
        report = summarise(log.path)
        assert report.how is How.RUNNING
        assert report.pending == 1
        assert "is going on" in report_text(report)
        assert "resume" not in report_text(report)
    finally:
        writer.close()
    report = summarise(log.path)
    assert report.how is How.CRASHED
    assert "broke off" in report_text(report)
    assert "bulkstatus resume" in report_text(report)


def test_looking_does_not_keep_a_run_from_the_log(log: Log) -> None:
    log.run(2).row("1")
    summarise(log.path)
    writer, _ = ResultLog.open(log.path)
    writer.close()


def test_a_torn_last_line_is_no_record_and_is_left_as_it_is(log: Log) -> None:
    log.run(2).row("1").row("2")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-20])
    report = summarise(log.path)
    assert report.counts == {Outcome.UPDATED: 1}
    assert report.pending == 1
    assert "cut off" in report_text(report)
    assert log.path.read_bytes() == whole[:-20]


def test_a_log_that_grows_while_it_is_read_is_read_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.run(1).row("1")
    opened = os.open

    def late(path: os.PathLike[str], flags: int) -> int:
        monkeypatch.setattr(os, "open", opened)
        log.end()
        return opened(path, flags)

    monkeypatch.setattr(os, "open", late)
    assert summarise(log.path).how is How.FINISHED


def test_each_run_has_its_own_end_and_a_crash_ends_with_its_last_answer(log: Log) -> None:
    log.run(9).row("1").row("2").row("3")
    crashed = log.now
    log.now += 3600
    resumed = log.now
    log.run(9).row("4").end("stopped", "The API answered HTTP 401.")
    log.now += 0.5
    log.run(9).row("5").end()
    runs = summarise(log.path).runs
    assert [run.how for run in runs] == [How.CRASHED, How.STOPPED, How.FINISHED]
    assert runs[0].started == pytest.approx(START)
    assert runs[0].ended == pytest.approx(crashed, abs=0.01)
    assert runs[1].started == pytest.approx(resumed, abs=0.01)
    assert runs[1].message == "The API answered HTTP 401."
    assert summarise(log.path).seconds == pytest.approx(0.3 + 0.2 + 0.2, abs=0.02)


def test_a_run_that_was_interrupted_says_so_once_and_one_that_stopped_says_why(log: Log) -> None:
    log.run(3).row("1").end("interrupted", "Interrupted.")
    log.run(3).row("2").end("stopped", "The API answered HTTP 401.")
    log.run(3).row("3").end("stopped", "The API answered HTTP 402.")
    report = summarise(log.path)
    interrupted, stopped, last = runs_text(report.runs)
    assert interrupted.endswith("today.csv by anna on desk, interrupted after 0.2 s")
    assert stopped.endswith(
        "today.csv by anna on desk, stopped after 0.2 s: The API answered HTTP 401."
    )
    # Why the last one stopped is said at the head of the report, and once.
    assert last.endswith("today.csv by anna on desk, stopped after 0.2 s")
    assert state_sentence(report).endswith(": The API answered HTTP 402.")
    assert report_text(report).count("The API answered HTTP 402.") == 1


def test_a_crash_before_any_answer_took_no_time(log: Log) -> None:
    log.run(1)
    log.now += 100
    log.run(1).row("1").end()
    assert summarise(log.path).runs[0].seconds == 0.0


@pytest.mark.parametrize(
    ("rate", "pause", "is_wait"),
    [
        ("10/s", 4.0, False),
        ("10/s", 6.0, True),
        ("none", 6.0, True),
        ("6/m", 10.0, False),
        ("6/m", 49.0, False),
        ("6/m", 51.0, True),
    ],
)
def test_a_wait_is_longer_than_the_pace_explains(
    log: Log, rate: str, pause: float, is_wait: bool
) -> None:
    log.run(2, settings={"rate": rate}).row("1").row("2", after=pause).end()
    waits = summarise(log.path).runs[0].waits
    assert len(waits) == is_wait
    assert summarise(log.path).waited == pytest.approx(pause if is_wait else 0, abs=0.01)


def test_waits_at_the_beginning_and_the_end_of_a_run_count_and_those_between_runs_do_not(
    log: Log,
) -> None:
    log.run(4).row("1", after=20.0)
    log.now += 30
    log.end("stopped", "Gave up waiting")
    log.now += 1000
    log.run(4).row("2").end()
    first, second = summarise(log.path).runs
    assert [round(wait.seconds) for wait in first.waits] == [20, 30]
    assert second.waits == ()


@pytest.mark.parametrize("broken", ["started_at", "ended_at", "reason"])
def test_a_run_record_that_says_nonsense_is_named_as_damaged(log: Log, broken: str) -> None:
    log.run(1).row("1", Outcome.REJECTED, REFUSAL).end()
    text = log.path.read_text()
    key = f'"{broken}":"'
    start = text.index(key) + len(key)
    log.path.write_text(text[:start] + "x" + text[start:])
    with pytest.raises(LogRefused, match="damaged"):
        summarise(log.path)


@pytest.mark.parametrize("content", [None, "", "order_id,status\n1,8\n"])
def test_what_is_no_log_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "today.results.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(LogRefused):
        summarise(path)
