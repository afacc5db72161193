"""What whole sessions come to: sessions.txt, whose head says how one is written."""

import asyncio
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkstatus.reporting import summarise, summary_record
from tests.cli.conftest import Program
from tests.histories.log_reader import read
from tests.histories.server import Server
from tests.program import end_of, start
from tests.threads import own_loop

_, *SESSIONS = re.split(r"^\n# ", Path(__file__).with_name("sessions.txt").read_text(), flags=re.M)


class Session:
    """A folder, a server, and what was done so far."""

    def __init__(self, folder: Path, server: Server, program: Program) -> None:
        self._folder = folder
        self._server = server
        self._program = program

    def follow(self, line: str) -> None:
        """Do, or find true, what a line of a session says."""
        word, _, rest = line.partition(" ")
        if word == "#":
            pass
        elif word == "$":
            self._run(*rest.rsplit(" = ", 1))
        elif word == "killed":
            asyncio.run(self._killed(rest.removeprefix("$ ").split()))
        elif word == "refuses:":
            self._server.refused = set(rest.split())
        elif word == "sent:":
            puts = [put.content for put in self._server.puts]
            found = [f"{o}:{s}:{t}" if ":" in rest else o for o, s, t in puts]
            assert found == rest.split()
        elif word == "states:":
            assert self._states() == {
                order: set(re.findall(r"to send|\w+", states))
                for order, _, states in (part.partition(" ") for part in rest.split("; "))
            }
        elif word == "report:":
            told = summary_record(summarise(self._folder / "day.results.jsonl"))
            assert json.loads(rest).items() <= told.items()
        else:
            rows = "".join(f"{row}\n" for row in rest.split(" | "))
            (self._folder / word.rstrip(":")).write_text(f"order_id,status,tracking\n{rows}")

    def _run(self, command: str, status: str) -> None:
        self._server.begin()
        before = self._content()
        done = self._program(*command.split(), "--yes")
        assert done.status == int(status), done.err
        if status == "2":
            assert (self._content(), self._server.lately) == (before, [])

    async def _killed(self, command: list[str]) -> None:
        """Kill a run when a PUT of it arrives, before that is answered."""
        self._server.begin(lambda number: process.kill() if number == 1 else None)
        url = self._server.base_url
        process = await start(*command, "--yes", base_url=url, BULKSTATUS_REF_ID="acme")
        ended = await end_of(process)
        assert ended.status in {-9, 1}, ended.err

    def _content(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self._folder.iterdir() if path.is_file()}

    def _states(self) -> dict[str, set[str]]:
        told = read(self._folder / "day.results.jsonl")
        found: dict[str, set[str]] = {}
        for n, row in told.rows.items():
            found.setdefault(row["order_id"], set()).add(told.state(n))
        return found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(random.Random(0))
    server.late = 0.0
    with own_loop() as in_loop:
        in_loop(server.__aenter__())
        monkeypatch.setenv("BULKSTATUS_BASE_URL", server.base_url)
        yield server
        in_loop(server.__aexit__())


@pytest.mark.parametrize("text", SESSIONS, ids=lambda text: text.partition("\n")[0])
def test_session(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, program: Program
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(tmp_path, server, program)
    for line in text.strip().split("\n")[1:]:
        session.follow(line)
