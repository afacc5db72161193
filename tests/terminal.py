"""Terminals: one that the program runs on as a process of its own, and one that only says so."""

import io
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Terminal:
    """The program at work on a terminal of its own; skips where the system has none to give."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict[str, str]) -> None:
        pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
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
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self.output = ""

    @property
    def lines(self) -> list[str]:
        """What has been printed, without what draws."""
        return _ESCAPE.sub("", self.output).replace("\r", "").strip().split("\n")

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
        while text not in "\n".join(self.lines):
            assert time.monotonic() < deadline, self.output
            assert self.read(), self.output

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def answer(self, *turns: tuple[str, str]) -> None:
        """Answer questions, each when it has been asked since the last one."""
        for question, keys in turns:
            self.wait_for(question)
            self.output = self.output.partition(question)[2]
            # What is typed before the end of a prompt stands there may be lost.
            while keys and not _ESCAPE.sub("", question + self.output).endswith(": "):
                assert self.read(), self.output
            self.type(keys)

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
