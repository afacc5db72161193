"""The program on a real terminal, where the system has such a thing to give."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkstatus.sandbox import Sandbox
from tests.terminal import Terminal

ROWS = "order id,status,tracking\n" + "".join(f"{1000 + n},8,H{n}\n" for n in range(40))

Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "today.csv").write_text(ROWS)
    (tmp_path / "recall.txt").write_text("7001\n7002\n7003\n")
    running: list[Terminal] = []

    def run(*arguments: str, **environment: str) -> Terminal:
        terminal = Terminal(tmp_path, list(arguments), environment)
        running.append(terminal)
        return terminal

    yield run
    for terminal in running:
        terminal.close()


REHEARSE = ("send", "today.csv", "--sandbox", "--rate")
#: Nobody listens there.
NOWHERE = ("--base-url", "http://127.0.0.1:1", "--give-up-after", "1", "--attempts", "1")
RECALL = ("send", "recall.txt", "--status", "cancelled", *NOWHERE)


def test_a_run_is_drawn_while_it_goes_and_wiped_when_it_ends(start: Start) -> None:
    terminal = start(*REHEARSE, "40/s")
    terminal.wait_for("of 40 rows")
    assert terminal.end() == 0
    assert "━" in terminal.output
    assert "\x1b[?25h" in terminal.output
    # The bar is drawn some times a second, however many rows there are.
    assert terminal.output.count(" of 40 rows") < 20
    # What stays is the report: nothing is drawn below its first line.
    _, there, report = terminal.output.partition("40 in the file: ")
    assert there
    assert "\x1b" not in report


@pytest.mark.parametrize(
    ("options", "environment"),
    [([], {"TERM": "dumb"}), ([], {"CI": "true"}), (["--quiet"], {})],
)
def test_nothing_is_drawn_where_it_would_stay_or_is_not_wanted(
    start: Start, options: list[str], environment: dict[str, str]
) -> None:
    terminal = start(*REHEARSE, "none", *options, **environment)
    assert terminal.end() == 0
    assert "\x1b" not in terminal.output
    assert ("40 in the file" in terminal.output) == (not options)
    assert not options or terminal.output == ""


@pytest.mark.parametrize(
    ("end", "exit_status"),
    [("\x03", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_what_stops_a_run_leaves_a_log_that_goes_on(
    start: Start, end: str | signal.Signals, exit_status: int
) -> None:
    terminal = start(*REHEARSE, "5/s")
    terminal.wait_for("of 40 rows")
    terminal.type(end) if isinstance(end, str) else terminal.signal(end)
    assert terminal.end() == exit_status
    assert "  bulkstatus resume today.sandbox.results.jsonl" in terminal.lines
    resumed = start("resume", "today.sandbox.results.jsonl", "--sandbox", "--rate", "none")
    assert resumed.end() == 0
    assert "40 in the file: all went out." in resumed.lines


@pytest.mark.parametrize(("keys", "exit_status"), [("\r", 2), ("n\r", 2), ("\x04", 130)])
def test_one_key_is_enough_to_say_no(
    start: Start, tmp_path: Path, keys: str, exit_status: int
) -> None:
    terminal = start("send", "today.csv", *NOWHERE)
    terminal.wait_for("Send these 40 updates? [y/N]:")
    terminal.type(keys)
    assert terminal.end() == exit_status
    assert "nothing was sent." in terminal.lines[-1].lower()
    assert not list(tmp_path.glob("*.results.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [(("send", "today.csv", *NOWHERE), "[y/N]:"), (RECALL, "press Enter to stop:")],
)
def test_ctrl_c_at_a_question_sends_nothing(
    start: Start, tmp_path: Path, arguments: tuple[str, ...], asked: str
) -> None:
    terminal = start(*arguments)
    terminal.wait_for(asked)
    # A signal that comes just before the program begins to read is seen only after the next one.
    terminal.type("\x03")
    for _ in range(20):
        if not terminal.is_running(1.0):
            break
        terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.lines[-1] == "Interrupted; nothing was sent."
    assert not list(tmp_path.glob("*.results.jsonl"))


def test_cancellations_are_confirmed_by_typing_how_many(start: Start, tmp_path: Path) -> None:
    terminal = start(*RECALL)
    terminal.wait_for("Type 3 to do that, or press Enter to stop:")
    assert "This cancels 3 orders." in terminal.lines
    terminal.type("y\r")
    terminal.wait_for('You typed "y", and 3 is needed.\nType 3 to do that, or press Enter to stop:')
    terminal.type("\r")
    assert terminal.end() == 2
    assert not list(tmp_path.glob("*.results.jsonl"))
    terminal = start(*RECALL)
    terminal.wait_for("Type 3 to do that, or press Enter to stop:")
    terminal.type("3\r")
    # It went on, to find that nobody listens.
    assert terminal.end() == 3
    assert "cannot be reached" in " ".join(terminal.lines)
    assert (tmp_path / "recall.results.jsonl").exists()


@pytest.mark.parametrize(("answer", "sent"), [("\r", 0), ("y\r", 1)])
def test_rejected_rows_are_asked_about(
    start: Start, api: Callable[..., Sandbox], answer: str, sent: int
) -> None:
    sandbox = api(orders=["7001", "7002"])
    assert start("send", "recall.txt", "--status", "256", "--yes").end() == 1
    asked = sandbox.counts.total()
    terminal = start("resume", "recall.results.jsonl")
    terminal.wait_for("Send them again as they are? [y/N]:")
    assert "7003" in "".join(terminal.lines)
    terminal.type(answer)
    if sent:
        terminal.wait_for("Send this update? [y/N]:")
        terminal.type("y\r")
    assert terminal.end() == 1
    assert sandbox.counts.total() - asked == sent


@pytest.mark.parametrize(("answer", "rows"), [("n\r", "40 in the file"), ("y\r", "41 in all")])
def test_a_changed_file_is_asked_about(
    start: Start, tmp_path: Path, answer: str, rows: str
) -> None:
    assert start(*REHEARSE, "none", "--limit", "2").end() == 3
    (tmp_path / "today.csv").write_text("order id,status,tracking\n1,8,\n")
    terminal = start("resume", "today.sandbox.results.jsonl", "--sandbox", "--rate", "none")
    terminal.wait_for("Take over its rows as they are now?")
    terminal.type(answer)
    terminal.end()
    assert rows in "".join(terminal.lines)


def test_the_account_is_asked_for_before_other_logs_count(
    start: Start, api: Callable[..., Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = api()
    # Another account has orders of the same numbers.
    assert start("send", "today.csv", "--yes", "--rate", "none").end() == 0
    (tmp_path / "again.csv").write_text(ROWS)
    monkeypatch.delenv("BULKSTATUS_REF_ID")
    terminal = start("send", "again.csv", "--rate", "none")
    terminal.answer(("Ref ID of your account", "other\r"), ("Send these 40 updates?", "y\r"))
    assert terminal.end() == 0
    assert [len(puts) for puts in sandbox.received.values()] == [2] * 40


EXPORT = "Order ID,Zustand,Kunde,Waybill\n1001,weg,A,W1001X\n1002,weg,B,W1002X\n"


def test_a_courier_export_is_mapped_once(
    start: Start, tmp_path: Path, api: Callable[..., Sandbox]
) -> None:
    sandbox = api()
    (tmp_path / "day.csv").write_text(EXPORT)
    terminal = start("send", "day.csv")
    terminal.wait_for("Which is the status?")
    assert '   4  "Waybill": W1001X, W1002X' in terminal.lines
    terminal.answer(
        ("Which is the status? Type its number, or press Enter for none:", "7\r"),
        ("Which is the status?", "2\r"),
        ("Which is the tracking? Type its number, or press Enter for none:", "1\r"),
        ("not taken yet", ""),
        ("Which is the tracking?", "4\r"),
        ('What does the status "weg" mean?', "gone\r"),
        ('What does the status "weg" mean?', "dispatched\r"),
        ("Keep these answers for the next file with these columns? [y/N]:", "y\r"),
        ("Send these 2 updates? [y/N]:", "y\r"),
    )
    assert terminal.end() == 0
    assert sandbox.counts.total() == 2
    # The next day's goes through by itself, and so does one with a column that cannot be meant.
    days = (("next", "200", "", ["", ""]), ("more", "300", ",Weight", [",1.2", ",0.4"]))
    for name, orders, column, cells in days:
        lines = EXPORT.replace("100", orders).splitlines()
        text = "\n".join(map("".join, zip(lines, [column, *cells], strict=True)))
        (tmp_path / f"{name}.csv").write_text(text + "\n")
        assert start("send", f"{name}.csv", "--yes", "--quiet").end() == 0
    log = (tmp_path / "more.results.jsonl").read_text()
    assert '"order_id":"3001","status":8,"tracking":"W3001X"' in log
    # One that could be the tracking does not.
    (tmp_path / "new.csv").write_text(
        EXPORT.replace("Kunde", "AWB").replace(",A,", ",A12,").replace(",B,", ",B13,")
    )
    before = sandbox.counts.total()
    terminal = start("send", "new.csv", "--yes")
    assert terminal.end() == 2
    assert "--column" in terminal.output
    assert sandbox.counts.total() == before


@pytest.mark.parametrize(
    ("text", "answers", "exit_status"),
    [
        # No order ID, no status for all rows: nothing is sent.
        ("Auftrag,Status\n1001,32\n", [("Which is the order ID?", "\r")], 2),
        (
            "Order ID,Kunde\n1001,A\n",
            [
                ("Which is the status?", "\r"),
                ("The statuses are", ""),
                ("Which status do all rows get?", "\r"),
            ],
            2,
        ),
        ("Auftrag,Status\n1001,32\n", [("Which is the order ID?", "\x04")], 130),
        (
            "Order ID,Kunde\n1001,A\n",
            [
                ("Which is the status?", "\r"),
                ("Which status do all rows get?", "on hold\r"),
                ("Keep these answers", "\r"),
            ],
            0,
        ),
        (
            "Order ID,Status,Kunde\n1001,8,A\n",
            [("Which is the tracking?", "\r"), ("Keep these answers", "n\r")],
            0,
        ),
    ],
)
def test_what_is_answered_is_what_is_read(
    start: Start, tmp_path: Path, text: str, answers: list[tuple[str, str]], exit_status: int
) -> None:
    (tmp_path / "day.csv").write_text(text)
    terminal = start("check", "day.csv")
    terminal.answer(*answers)
    assert terminal.end() == exit_status
    assert not list(tmp_path.glob("config/*"))
