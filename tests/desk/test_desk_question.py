import asyncio
import re
import signal
import sys
from io import StringIO
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from desk_world import Propose, Screen

from bulkstatus.cli import question
from bulkstatus.cli.description import Whole, laid_out
from bulkstatus.errors import Interrupted, SettingsRefused
from bulkstatus.resultlog import RunRecord
from bulkstatus.sending import Proposal

DISPATCH = "Order No,Status,Tracking\n1001,8,H1\n1002,Dispatched,\n1003,On Hold,\n1004,8,H4\n"
CANCEL = "order id,status\n" + "".join(f"{2000 + n},cancelled\n" for n in range(12))
BOTH = "order id,status\n2001,cancelled\n2002,cancelled\n2003,8\n"


def asked(
    proposal: Proposal,
    typed: str | None,
    monkeypatch: pytest.MonkeyPatch,
    yes: bool = False,
    cancellations: int | None = None,
    changed_input: bool = False,
) -> tuple[str, Result]:
    """Return "go", "stop" or "refused"; what is `typed` is None where there is no terminal."""
    monkeypatch.setattr(question, "is_terminal", lambda: typed is not None)

    @click.command()
    def command() -> None:
        try:
            go = question.ask(proposal, yes, cancellations, changed_input)
        except SettingsRefused as error:
            click.echo(str(error), err=True)
            click.get_current_context().exit(2)
        click.get_current_context().exit(0 if go else 1)

    result = CliRunner().invoke(command, input=typed or "")
    assert isinstance(result.exception, SystemExit | None), result.exception
    return {0: "go", 1: "stop", 2: "refused"}[result.exit_code], result


@pytest.mark.parametrize(
    ("text", "typed", "options", "answer"),
    [
        # Somebody is there: the default is no.
        (DISPATCH, "y\n", {}, "go"),
        (DISPATCH, "Yes\n", {}, "go"),
        (DISPATCH, "\n", {}, "stop"),
        (DISPATCH, "n\n", {}, "stop"),
        (DISPATCH, "4\ny\n", {}, "go"),
        (DISPATCH, "yex\n\n", {}, "stop"),
        (DISPATCH, "n\n", {"yes": True}, "go"),
        # Cancellations are confirmed by their number, and by nothing else.
        (CANCEL, "12\n", {}, "go"),
        (CANCEL, " 12 \n", {}, "go"),
        (CANCEL, "\n", {}, "stop"),
        (CANCEL, "n\n", {}, "stop"),
        (CANCEL, " No \n", {}, "stop"),
        (CANCEL, "y\n\n", {}, "stop"),
        (CANCEL, "11\n\n", {}, "stop"),
        (CANCEL, "11\nn\n", {}, "stop"),
        (CANCEL, "11\n12\n", {}, "go"),
        (CANCEL, "y\n11\n12\n", {}, "go"),
        (CANCEL, "y\n11\n120\n12\n", {}, "stop"),
        (CANCEL, "12\n", {"cancellations": 12}, "go"),
        (CANCEL, "y\n\n", {"cancellations": 12}, "stop"),
        (CANCEL, "12\n", {"cancellations": 11}, "refused"),
        (CANCEL, "", {"yes": True}, "refused"),
        (CANCEL, "", {"yes": True, "cancellations": 12}, "go"),
        (BOTH, "3\n\n", {}, "stop"),
        (BOTH, "2\n", {}, "go"),
        # Nobody is there.
        (DISPATCH, None, {}, "refused"),
        (DISPATCH, None, {"yes": True}, "go"),
        (DISPATCH, None, {"yes": True, "cancellations": 0}, "go"),
        (DISPATCH, None, {"yes": True, "cancellations": 1}, "refused"),
        (CANCEL, None, {}, "refused"),
        (CANCEL, None, {"yes": True}, "refused"),
        (CANCEL, None, {"cancellations": 12}, "refused"),
        (CANCEL, None, {"yes": True, "cancellations": 12}, "go"),
        (CANCEL, None, {"yes": True, "cancellations": 11}, "refused"),
        (CANCEL, None, {"yes": True, "cancellations": 13}, "refused"),
    ],
)
async def test_only_the_right_answer_sends(
    propose: Propose,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    typed: str | None,
    options: dict[str, int],
    answer: str,
) -> None:
    assert asked(await propose(text), typed, monkeypatch, **options)[0] == answer  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    ("typed", "options", "answer"),
    [
        ("y\n", {}, "go"),
        ("\n", {}, "stop"),
        (None, {"yes": True}, "refused"),
        (None, {"yes": True, "changed_input": True}, "go"),
        ("", {"yes": True}, "refused"),
    ],
)
async def test_another_file_than_the_logs_is_meant_only_when_somebody_says_so(
    propose: Propose,
    monkeypatch: pytest.MonkeyPatch,
    typed: str | None,
    options: dict[str, bool],
    answer: str,
) -> None:
    proposal = await propose(DISPATCH, changed=True)
    assert asked(proposal, typed, monkeypatch, **options)[0] == answer  # type: ignore[arg-type]  # a table


async def test_a_refusal_names_every_option_that_would_have_answered(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, result = asked(await propose(CANCEL, changed=True), None, monkeypatch)
    assert "add --yes --cancellations 12 --changed-input." in result.stderr
    assert "Nothing was sent" in result.stderr


async def test_a_wrong_number_is_said_and_asked_for_again(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, result = asked(await propose(CANCEL), "11\n\n", monkeypatch)
    assert 'You typed "11", and 12 is needed.' in result.stderr
    assert result.stderr.count("Type 12 to do that, or press Enter to stop:") == 2
    assert result.stdout == ""


async def test_what_is_neither_yes_nor_no_is_asked_again_in_plain_words(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, result = asked(await propose(DISPATCH), "sure\nyes\n", monkeypatch)
    assert answer == "go"
    assert "Type y for yes, or n (or just Enter) for no." in result.stderr
    assert "Error" not in result.stderr


async def test_enter_alone_is_a_no_that_is_not_asked_about(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, result = asked(await propose(DISPATCH), "\n", monkeypatch)
    assert answer == "stop"
    assert "Type y" not in result.stderr


@pytest.mark.parametrize("text", [DISPATCH, CANCEL])
async def test_ctrl_d_is_no_yes(
    propose: Propose, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(question, "is_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", StringIO(""))
    with pytest.raises(Interrupted):
        question.ask(await propose(text), False, None, False)


def shown(proposal: Proposal, capsys: pytest.CaptureFixture[str]) -> str:
    question.show(proposal)
    out, err = capsys.readouterr()
    assert out == ""
    return err


async def test_the_question_shows_what_is_about_to_happen(
    propose: Propose, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(await propose(DISPATCH, rate="20/s", quota=["1000/h"]), capsys)
    assert text.splitlines()[:-1] == [
        "File      today.csv, 4 rows",
        'Columns   order ID: "Order No"',
        '          status: "Status"',
        '          tracking: "Tracking"',
        "Rows      line 2: order 1001 → Dispatched, tracking H1",
        "          line 3: order 1002 → Dispatched",
        "          line 4: order 1003 → On Hold",
        "          and so on",
        "To send   4 rows",
        "            3 Dispatched (8)",
        "            1 On Hold (256)",
        "Look at   1 row with a shipping status has no tracking number",
        "To        https://api.example.com",
        "          account (ref ID) acme",
    ]
    assert text.splitlines()[-1] == "Time      about 34 s (at most 20/s, 1000/h)"


async def test_a_long_run_is_told_with_the_time_of_its_end(
    propose: Propose, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(await propose(DISPATCH, seconds=7200.0), capsys)
    assert re.search(r"Time      about 2 h 00 min, until \d\d:\d\d \(at most 10/s", text)


async def test_a_status_that_the_command_line_gives_is_told(
    propose: Propose, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(await propose("1\n2\n", name="ids.txt", status="cancelled"), capsys)
    assert "status: Cancelled (128) for every row (--status)" in text
    assert "tracking: none" in text


async def test_rows_that_are_not_sent_are_counted(
    propose: Propose, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "order id,status,tracking\n1,8,H1\n1,8,H1\n2,8,H2\n2,8,H3\n,8,H5\n4,128,\n4,8,\n"
    text = shown(await propose(rows, skip_invalid=True, on_conflict="last"), capsys)
    assert "1 repeated row: each is sent once" in text
    assert "1 superseded row: a later row or status counts" in text
    assert re.search(r"line 4: .*later", text)
    assert "1 row with a mistake in it" in text
    assert "2 rows that contradict each other" in text


async def test_the_limit_says_what_is_left(
    propose: Propose, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(await propose(CANCEL, limit=5), capsys)
    assert "To send   5 rows" in text
    assert "  5 Cancelled (128)" in text
    assert "These are the first ones (--limit); 7 more are left for a resume." in text


async def test_a_rehearsal_is_told_as_one(
    propose: Propose, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(await propose(DISPATCH, sandbox=True), capsys)
    assert "To        the sandbox in this program: a rehearsal, no real order changes" in text


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ("order ID", "1234567890123450000,8,\n1234567890123460000,8,\n"),
        ("tracking", "1,8,1234567890123450000\n2,8,1234567890123460000\n"),
    ],
)
async def test_numbers_that_excel_has_cut_off_are_pointed_out(
    propose: Propose, capsys: pytest.CaptureFixture[str], column: str, rows: str
) -> None:
    text = shown(await propose(f"order id,status,tracking\n{rows}"), capsys)
    assert f"the long numbers of the {column} column all end in zeros" in text
    assert "such as 1234567890123450000: Excel keeps 15 digits" in text


async def test_whole_numbers_are_not_pointed_out(
    propose: Propose, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "1234567890123450000,8,1\n1234567890123450007,8,2\n"
    text = shown(await propose(f"order id,status,tracking\n{rows}"), capsys)
    assert "Excel" not in text


async def test_cells_cannot_play_tricks(
    propose: Propose, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = f"order id,status,\x1b[2Jparcel\n[red]1[/red],8,{'x' * 500}\n"
    monkeypatch.setattr(sys, "stderr", Screen())
    proposal = await propose(rows, column={"tracking": "\x1b[2Jparcel"})
    question.show(proposal)
    text = sys.stderr.getvalue()  # type: ignore[attr-defined]  # the Screen above
    assert "\x1b" not in text
    assert r'"\x1b[2Jparcel"' in text
    assert "[red]1[/red]" in text
    assert len(text) < 2000


@pytest.mark.parametrize("width", ["40", "60", "100"])
async def test_the_question_fits_the_terminal(
    propose: Propose, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    screen = Screen()
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setattr(sys, "stderr", screen)
    question.show(await propose(DISPATCH, seconds=100_000.0))
    assert max(map(len, screen.getvalue().splitlines())) <= int(width)


def test_a_command_is_not_broken_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = f"  bulkstatus resume {'a-long-name-' * 8}.jsonl"
    assert laid_out([("Log", [Whole(command)])], Screen()).endswith(command)
    assert "\n" in laid_out([("Log", [command])], Screen())
    # Nor is an option in a sentence, at its hyphens.
    sentence = "Give another one with --base-url."
    assert laid_out([("", [sentence])], Screen()).split()[-1] == "--base-url."


async def test_the_name_of_the_log_is_not_broken_on_a_narrow_terminal(
    propose: Propose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    log = tmp_path / "a-log-of-a-name-that-is-longer-than-the-terminal.results.jsonl"
    log.write_bytes(
        RunRecord(
            "a", "2026-11-23T17:31:02.114Z", "0", "today.csv", "0", 4, "", "", "", ""
        ).to_line()
    )
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    question.show(await propose(DISPATCH, log=log))
    assert f"{log}\n" in screen.getvalue()


async def test_a_resume_says_what_is_done_sent_again_new_and_gone(
    propose: Propose, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log = tmp_path / "today.results.jsonl"
    log.write_text(
        '{"type":"run","format":1,"version":"0.1.0","run_id":"a","started_at":'
        '"2026-11-23T17:31:02.114Z","input":"today.csv","input_sha256":"0","rows":4,"base_url":'
        '"https://api.example.com","ref_id":"acme","user":"anna","host":"DESK-3","settings":{}}\n'
        + "".join(
            f'{{"type":"result","line":{line},"order_id":"{order}","status":8,"tracking":null,'
            f'"outcome":"{outcome}","http_status":200,"attempts":1,"elapsed_ms":1.0,'
            '"at":"2026-11-23T17:31:02.311Z"}\n'
            for line, order, outcome in (
                (2, "1", "updated"),
                (3, "2", "rejected"),
                (4, "3", "rejected"),
                (5, "4", "updated"),
            )
        ),
        encoding="utf-8",
    )
    rows = "order id,status\n1,8\n2,8\n4,8\n5,8\n6,8\n"
    text = shown(await propose(rows, log=log, changed=True), capsys)
    assert "2 done, 1 to be sent again, 2 new or mended\n" in text
    assert "1 row is as it was when the API refused it, and is sent again." in text
    assert "today.csv was changed since the last run." in text
    assert "The 2 rows updated so far stay so and are not sent again." in text
    assert (
        "1 row that failed before is not in this file as it was (mended or taken out): nothing is "
        "sent for it, and the log marks it as withdrawn." in text
    )
    other = shown(await propose(rows, name="mend.csv", log=log, changed=True), capsys)
    assert "mend.csv is another file than the last run's (today.csv)." in other
    earlier = shown(await propose(rows, log=log), capsys)
    assert "today.csv is the file of an earlier run of this log, not of the last." in earlier
    limited = shown(await propose(rows, log=log, limit=2), capsys)
    assert "2 done, 1 to be sent again, 1 new or mended\n" in limited
    whole = shown(await propose("order id,status\n1,8\n2,8\n3,8\n4,8\n5,8\n", log=log), capsys)
    assert "2 done, 2 to be sent again, 1 not sent before\n" in whole
    assert "2 rows are as they were when the API refused them, and are sent again." in whole
    for alarming in ("not the one", "wrong", "gone"):
        assert alarming not in text + other + earlier


@pytest.mark.parametrize(
    ("stdin", "stderr", "somebody"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_question_needs_a_terminal_to_be_seen_and_one_to_be_answered(
    monkeypatch: pytest.MonkeyPatch, stdin: bool, stderr: bool, somebody: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Screen() if stdin else StringIO())
    monkeypatch.setattr(sys, "stderr", Screen() if stderr else StringIO())
    assert question.is_terminal() is somebody


@pytest.mark.parametrize("text", [DISPATCH, CANCEL])
def test_the_first_ctrl_c_ends_the_question(
    propose: Propose, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def interrupted(*arguments: object, **options: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return "12"

    monkeypatch.setattr(question, "is_terminal", lambda: True)
    monkeypatch.setattr(click, "prompt", interrupted)
    answers = []

    async def ask() -> None:
        proposal = await propose(text)
        answers.append(question.ask(proposal, False, None, False))

    before = signal.getsignal(signal.SIGINT)
    with asyncio.Runner() as runner, pytest.raises(Interrupted):
        runner.run(ask())
    assert answers == []
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("limit", "has_log", "words"),
    [
        (None, False, "12 orders. Nothing"),
        (5, False, "5 orders, after --limit. Nothing"),
        (None, True, "12 orders, without those done already. Nothing"),
        (5, True, "5 orders, after --limit and without those done already. Nothing"),
    ],
)
async def test_a_wrong_number_of_cancellations_is_explained_by_what_is_in_play(
    propose: Propose,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    limit: int | None,
    has_log: bool,
    words: str,
) -> None:
    log = tmp_path / "today.results.jsonl"
    at = "2026-11-23T17:31:02.114Z"
    log.write_bytes(RunRecord("a", at, "0", "today.csv", "0", 4, "", "", "", "").to_line())
    proposal = await propose(CANCEL, limit=limit, log=log if has_log else None)
    _, result = asked(proposal, None, monkeypatch, yes=True, cancellations=39)
    assert f"--cancellations says 39, but this run would cancel {words}" in result.stderr
