"""What was found from outside, as tests of rules that were missing; cli/sessions.txt has more."""

import asyncio
import json
import os
import random
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.job.run import RunOptions
from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.job.run.lead import Lead
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.pace import Pacer, Rate
from tests.histories.log_reader import read
from tests.histories.server import Server
from tests.program import API_KEY, REF_ID, Ended, end_of, environment, run
from tests.run.simulated import simulate
from tests.run.world import UPDATED, Request, World, orders, refused, unanswered

HEADER = "order_id,status,tracking\n"
LOG, DAY, MEND = Path("day.results.jsonl"), Path("day.csv"), Path("mend.csv")

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX's own")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(random.Random(0)) as server:
        yield server


def write(path: Path, *rows: str) -> None:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))


async def send(server: Server, *rows: str, options: str = "") -> Ended:
    """Send the day's file."""
    write(DAY, *rows)
    arguments = ["--yes", "--rate", "none", *options.split()]
    return await run("send", str(DAY), *arguments, base_url=server.base_url)


async def resume(server: Server, *arguments: object, **environ: str) -> Ended:
    return await run(
        *("resume", str(LOG), *map(str, arguments), "--yes"), base_url=server.base_url, **environ
    )


async def in_shell(command: str, server: Server) -> Ended:
    """Run what a shell makes of a command."""
    process = await asyncio.create_subprocess_shell(
        command.replace("PROGRAM", f'"{sys.executable}" -m bulkstatus'),
        env=environment(server.base_url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return await end_of(process)


def sent(server: Server) -> list[str]:
    """The orders that PUTs arrived for, in order."""
    return [put.content[0] for put in server.puts]


def edit_log(change: Callable[[dict[str, Any]], object]) -> None:
    """Change each record of the log by hand."""
    records = [json.loads(line) for line in LOG.read_text().splitlines()]
    for record in records:
        change(record)
    LOG.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))


class TestLogsAreNoAuthority:
    """A log says neither where to send to nor what to open."""

    async def test_a_log_that_names_another_host_does_not_get_the_key(self, server: Server) -> None:
        await send(server, "1,8,T1", "2,8,T2", options="--limit 1")
        before = len(server.puts)
        async with Server(random.Random(0)) as thief:
            edit_log(
                lambda record: record["type"] == "run" and record.update(base_url=thief.base_url)
            )
            ended = await resume(server)
            assert (ended.status, thief.puts, len(server.puts)) == (2, [], before), ended.err
            assert f"--base-url {thief.base_url}" in ended.err

    @posix
    @pytest.mark.parametrize(
        "command", [["resume", "day.results.jsonl"], ["send", "day.csv", "--resume"]]
    )
    async def test_a_fifo_in_the_place_of_the_file_holds_nobody_up(
        self, server: Server, command: list[str]
    ) -> None:
        await send(server, "1,8,T1", "2,8,T2", options="--limit 1")
        DAY.unlink()
        os.mkfifo(DAY)
        async with asyncio.timeout(60):
            ended = await run(*command, "--yes", base_url=server.base_url)
        assert (ended.status, sent(server)) == (0, ["1", "2"]), ended.err


class TestTheLogGone:
    """The log is kept for as long as its descriptor is open, or the run stops."""

    @posix
    @pytest.mark.parametrize("stands_in_it", [False, True])
    async def test_a_folder_deleted_during_a_run_costs_nothing_of_the_log(
        self, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, stands_in_it: bool
    ) -> None:
        place, home = folder / "gone", folder / "home"
        place.mkdir()
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        write(place / "day.csv", *(f"{n},8,T{n}" for n in range(1000, 1400)))
        if stands_in_it:
            monkeypatch.chdir(place)
        server.begin(lambda number: shutil.rmtree(place) if number == 50 else None)
        name = "day.csv" if stands_in_it else str(place / "day.csv")
        ended = await run("send", name, "--yes", "--rate", "200/s", base_url=server.base_url)
        assert ended.status == 4, ended.err
        (rescued,) = [p for where in (folder, home) for p in where.glob("day.results*.jsonl")]
        assert f"bulkstatus resume {rescued}" in ended.out
        assert stat.S_IMODE(rescued.stat().st_mode) == 0o600
        # It has all that was answered, or says of it that it may be, and how the run ended.
        monkeypatch.chdir(folder)
        told = read(rescued)
        assert told.in_state("updated")
        end = json.loads(rescued.read_text().splitlines()[-1])
        assert (end["type"], end["reason"]) == ("end", "stopped")
        assert "was deleted or replaced" in end["message"]
        assert set(sent(server)) <= told.perhaps() | told.orders(told.in_state("updated"))
        server.begin()
        ended = await run(
            *("resume", str(rescued), "--yes", "--rate", "none"), base_url=server.base_url
        )
        assert ended.status == 0, ended.err
        assert set(sent(server)) == {str(n) for n in range(1000, 1400)}


class TestSurroundings:
    """Names, encodings, streams, homes and descriptors as they come."""

    @pytest.mark.skipif(sys.platform != "linux", reason="such names are Linux's")
    async def test_a_file_name_that_is_no_text_is_sent_all_the_same(
        self, server: Server, folder: Path
    ) -> None:
        name = os.fsdecode(b"\xfc.csv")
        Path(name).write_text(HEADER + "1,8,T1\n")
        user = dict.fromkeys(("LOGNAME", "USER"), os.fsdecode(b"ann\xe9"))
        ended = await run("send", name, "--yes", "--json", base_url=server.base_url, **user)
        assert (ended.status, sent(server)) == (0, ["1"]), ended.err
        assert json.loads(ended.out)["counts"] == {"updated": 1}
        (log,) = folder.glob("*.results.jsonl")
        assert json.loads(log.read_text().partition("\n")[0])["user"] == "ann\\udce9"

    @pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
    @pytest.mark.parametrize(
        "to", [">/dev/full", ">&-", ">/dev/full 2>&1", "<&-", "2>&-", "2>/dev/full"]
    )
    @pytest.mark.parametrize("options", ["", "--json"])
    @pytest.mark.parametrize(("status", "exit_status"), [(8, 3), (9, 2)])
    async def test_a_stream_that_is_closed_or_full_changes_no_exit_status(
        self, server: Server, to: str, options: str, status: int, exit_status: int
    ) -> None:
        write(DAY, f"1,{status},T1", "2,8,T2")
        ended = await in_shell(f"PROGRAM send day.csv --yes --limit 1 {options} {to}", server)
        assert ended.status == exit_status, ended.err
        assert sent(server) == (["1"] if exit_status == 3 else [])
        assert "Traceback" not in ended.out + ended.err
        if exit_status == 3:
            assert REF_ID in LOG.read_text()
            assert API_KEY not in LOG.read_text()

    @posix
    @pytest.mark.parametrize("most", [6, 12, 16, 64])
    async def test_few_open_files_are_refused_in_a_sentence(
        self, server: Server, most: int
    ) -> None:
        write(DAY, *(f"{n},8,T{n}" for n in range(40)))
        command = f"ulimit -n {most}; exec PROGRAM send day.csv --yes --rate none"
        ended = await in_shell(command, server)
        assert (ended.status, len(server.puts)) == ((0, 40) if most == 64 else (2, 0)), ended.err
        assert "Traceback" not in ended.err

    async def test_no_home_and_no_name_of_the_user(self, server: Server, folder: Path) -> None:
        write(DAY, "1,8,T1")
        program = (
            "import os, pwd, sys\n"
            "def nobody(*_): raise KeyError('uid not found')\n"
            "pwd.getpwuid = pwd.getpwnam = nobody\n"
            "from bulkstatus.__main__ import main\n"
            "sys.exit(main())"
        )
        hidden = ("HOME", "USER", "LOGNAME", "USERNAME", "LNAME", "BULKSTATUS_STATE_DIR")
        environ = environment(server.base_url)
        for name in [*hidden, "BULKSTATUS_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"]:
            environ.pop(name, None)
        for quota in ([], ["--quota", "1000/h"]):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program, "send", str(DAY), "--yes", *quota),
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
            assert process.returncode in ({0} if not quota else {0, 2}), err
            assert b"Traceback" not in out + err
            for path in folder.glob("day.results*"):
                path.unlink()


class TestRuns:
    """Runs in simulated time."""

    def test_the_next_row_of_an_order_that_is_far_behind_keeps_nothing_back(self) -> None:
        feed, lead = Feed(), Lead([[(1, 60)]], Rate(8, 1.0))
        for n in range(1, 61):
            order = "7" if n in {1, 50} else str(100 + n)
            feed.add(Job(n, n + 1, StatusUpdate(order, OrderStatus.DISPATCHED, None)))
        through, now = lead.first(0.0), 0.0
        for n in range(1, 61):
            job = feed.next(now, None, through)
            assert job is not None
            assert job.n == n
            feed.settle(job.update.order_id)
            now += 0.125
            through = lead.look(feed.sent, now) or through

    def test_a_row_in_doubt_that_is_updated_last_has_no_second_result(self, tmp_path: Path) -> None:
        world = World(tmp_path, orders(3), lambda request: UPDATED)
        simulate(world.send())
        lines = world.log_path.read_bytes().splitlines(keepends=True)
        world.log_path.write_bytes(b"".join(x for x in lines if b'"type":"end"' not in x)[:-300])
        assert simulate(world.send()).exit_status == 0
        results = [record["order_id"] for record in world.records()]
        assert (sorted(results), set(world.outcomes().values())) == (
            ["100", "101", "102"],
            {"updated"},
        )

    def test_answers_during_the_wait_for_a_turn_do_not_hide_an_outage(self, tmp_path: Path) -> None:
        async def work(world: World) -> object:
            world.pacer = Pacer(Rate(10, 1.0))
            return await world.send()

        world = World(
            tmp_path,
            orders(60),
            lambda r: unanswered() if 2.0 <= r.at < 7.0 else UPDATED,
            options=RunOptions(attempts=1),
            latency=0.001,
        )
        simulate(work(world))
        assert set(world.outcomes().values()) == {"updated"}

    def test_an_end_does_not_wait_for_turns_that_are_far_away(self, tmp_path: Path) -> None:
        async def work(world: World) -> float:
            world.pacer = Pacer(Rate(1, 60.0))
            await world.send()
            return asyncio.get_running_loop().time()

        fatal = refused(Meaning.FATAL)
        world = World(tmp_path, orders(50), lambda r: UPDATED if r.number < 6 else fatal)
        assert simulate(work(world)) < 6 * 61
        assert set(world.outcomes().values()) == {"updated"}

    def test_refusals_in_between_break_a_row_of_forbidden_orders(self, tmp_path: Path) -> None:
        forbidden, refusal = refused(Meaning.FORBIDDEN, 403), refused(Meaning.REFUSED)
        world = World(
            tmp_path,
            orders(6),
            lambda r: forbidden if r.number % 2 else refusal,
            options=RunOptions(concurrency=1),
        )
        assert simulate(world.send()).exit_status == 1
        assert list(world.outcomes().values()) == ["rejected"] * 6

    def test_refusals_of_the_api_in_the_log_vouch_for_its_url(self, tmp_path: Path) -> None:
        world = World(tmp_path, orders(2), lambda r: refused(Meaning.REFUSED))
        simulate(world.send())
        world.rule = lambda r: refused(Meaning.UNKNOWN_PAGE, 404)
        assert simulate(world.send(again=True)).exit_status == 1

    def test_a_refusal_is_uncertain_when_an_earlier_run_had_an_attempt_unanswered(
        self, tmp_path: Path
    ) -> None:
        def rule(request: Request) -> Answer:
            if request.update.order_id != "103":
                return UPDATED
            assert world.run is not None
            world.run.interrupt(130)
            return unanswered()

        world = World(tmp_path, orders(4), rule)
        assert simulate(world.send()).exit_status == 130
        world.rule = lambda r: refused(Meaning.REFUSED)
        for _ in range(2):  # as told by the end of the first run, then by that of the second
            assert simulate(world.send(again=True)).exit_status == 1
            assert world.records()[-1]["uncertain"] is True
