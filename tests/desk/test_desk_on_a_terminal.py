"""The program on a real terminal, where the system has such a thing to give."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk_world import plain

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

ROWS = "order id,status,tracking\n" + "".join(f"{1000 + n},8,H{n}\n" for n in range(40))


class Terminal:
    """The program at work on a terminal of its own."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bulkstatus", *arguments],
            cwd=folder,
            env={**os.environ, "COLUMNS": "80", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # Ctrl-C is a signal to those whose terminal this is.
            start_new_session=True,
            preexec_fn=lambda: _take_terminal(),
        )
        os.close(theirs)
        self.output = ""

    def read(self) -> bool:
        """Take in what has been printed; return False at the end."""
        assert select.select([self._ours], [], [], 30)[0], self.output
        try:
            data = os.read(self._ours, 65536)
        except OSError:
            return False
        self.output += data.decode()
        return bool(data)

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 30
        while text not in "\n".join(plain(self.output)):
            assert time.monotonic() < deadline, self.output
            assert self.read(), self.output

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def is_running(self, seconds: float) -> bool:
        """Tell whether the program still runs, after waiting for its end for so long."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self) -> int:
        """Return the exit status, once all was read."""
        while self.read():
            pass
        return self._process.wait(30)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "today.csv").write_text(ROWS)
    running: list[Terminal] = []

    def run(*arguments: str, **environment: str) -> Terminal:
        terminal = Terminal(tmp_path, list(arguments), environment)
        running.append(terminal)
        return terminal

    yield run
    for terminal in running:
        terminal.close()


ACCOUNT = {"BULKSTATUS_REF_ID": "acme", "BULKSTATUS_API_KEY": "secret-key"}
#: Nobody listens there.
NOWHERE = ["--base-url", "http://127.0.0.1:1"]


def test_a_run_is_drawn_while_it_goes_and_wiped_when_it_ends(start: Start) -> None:
    terminal = start("send", "today.csv", "--sandbox", "--rate", "40/s")
    terminal.wait_for("of 40 rows")
    assert terminal.end() == 0
    assert "━" in terminal.output
    assert "\x1b[?25h" in terminal.output
    assert terminal.output.replace("\r", "").endswith(
        "All 40 rows are updated.\n\nLog   today.sandbox.results.jsonl\n"
    )
    # The bar is drawn some times a second, however many rows there are.
    assert terminal.output.count(" of 40 rows") < 20


def test_a_dumb_terminal_and_a_ci_system_get_no_drawing(start: Start) -> None:
    for environment in ({"TERM": "dumb"}, {"CI": "true"}):
        terminal = start(
            "send",
            "today.csv",
            "--sandbox",
            "--rate",
            "none",
            "--log",
            f"{len(environment)}{next(iter(environment))}.results.jsonl",
            **environment,
        )
        assert terminal.end() == 0
        assert "\x1b" not in terminal.output
        assert "All 40 rows are updated." in terminal.output


def test_quiet_draws_nothing(start: Start) -> None:
    terminal = start("send", "today.csv", "--sandbox", "--rate", "none", "--quiet")
    assert terminal.end() == 0
    assert terminal.output == ""


def test_ctrl_c_during_a_run_says_what_it_waits_for_and_how_to_go_on(start: Start) -> None:
    terminal = start("send", "today.csv", "--sandbox", "--rate", "5/s")
    terminal.wait_for("of 40 rows")
    terminal.type("\x03")
    assert terminal.end() == 130
    text = "\n".join(plain(terminal.output))
    assert "Stopped by Ctrl-C. Every answer that came is in the log." in text
    assert re.search(r"\d+ of 40 rows updated; \d+ not sent yet\.", text)
    assert text.endswith(
        "Next, to go on:\n  bulkstatus resume today.sandbox.results.jsonl\n"
        "To see which orders were changed:\n"
        "  bulkstatus report today.sandbox.results.jsonl --rows rows.csv"
    )


def test_sigterm_is_told_as_the_systems_doing(start: Start) -> None:
    terminal = start("send", "today.csv", "--sandbox", "--rate", "5/s")
    terminal.wait_for("of 40 rows")
    terminal.signal(signal.SIGTERM)
    assert terminal.end() == 143
    assert "Stopped by the system (SIGTERM)." in terminal.output


@pytest.mark.parametrize(
    ("keys", "exit_status", "last"),
    [
        ("\r", 2, "Nothing was sent."),
        ("n\r", 2, "Nothing was sent."),
        ("\x04", 130, "Interrupted; nothing was sent."),
    ],
)
def test_one_key_is_enough_to_say_no(
    start: Start, tmp_path: Path, keys: str, exit_status: int, last: str
) -> None:
    terminal = start("send", "today.csv", *NOWHERE, **ACCOUNT)
    terminal.wait_for("Send these 40 updates? [y/N]:")
    terminal.type(keys)
    assert terminal.end() == exit_status
    assert plain(terminal.output)[-1] == last
    assert not list(tmp_path.glob("*.results.jsonl"))


def test_ctrl_c_at_the_question_sends_nothing(start: Start, tmp_path: Path) -> None:
    terminal = start("send", "today.csv", *NOWHERE, **ACCOUNT)
    terminal.wait_for("Send these 40 updates? [y/N]:")
    # A signal that comes just before the program begins to read is seen only after the next one.
    terminal.type("\x03")
    while terminal.is_running(1.0):
        terminal.type("\x03")
    assert terminal.end() == 130
    assert plain(terminal.output)[-1] == "Interrupted; nothing was sent."
    assert not list(tmp_path.glob("*.results.jsonl"))


def test_cancellations_are_confirmed_by_typing_how_many(start: Start, tmp_path: Path) -> None:
    (tmp_path / "recall.txt").write_text("7001\n7002\n7003\n")
    arguments = ("send", "recall.txt", "--status", "cancelled", "--attempts", "1", *NOWHERE)
    terminal = start(*arguments, **ACCOUNT)
    terminal.wait_for("Type 3 to do that, or press Enter to stop:")
    assert "This cancels 3 orders." in terminal.output
    terminal.type("y\r")
    terminal.wait_for('You typed "y", and 3 is needed.\nType 3 to do that, or press Enter to stop:')
    terminal.type("\r")
    assert terminal.end() == 2
    assert plain(terminal.output)[-1] == "Nothing was sent."
    assert not list(tmp_path.glob("*.results.jsonl"))
    terminal = start(*arguments, **ACCOUNT)
    terminal.wait_for("Type 3 to do that, or press Enter to stop:")
    terminal.type("3\r")
    # It went on, to find that nobody listens.
    assert terminal.end() == 3
    assert "could not be reached" in terminal.output


def test_problems_are_a_table_on_a_terminal(start: Start, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("order id,status\n1,8\n4.6E+07,8\n[red]2,9\n")
    terminal = start("check", "bad.csv")
    assert terminal.end() == 2
    lines = plain(terminal.output)
    header = next(line for line in lines if line.startswith("Line"))
    assert header.split() == ["Line", "In", "the", "cell", "What", "to", "do"]
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:2] == ["3", "4.6E+07"] for line in lines)
