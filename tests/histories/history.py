"""A random history of one log: each step is a thing that people do, or that befalls a run."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from bulkstatus import job
from bulkstatus.api.access import Credentials
from bulkstatus.errors import Refused
from bulkstatus.job import Ended, Proposal, Terms
from bulkstatus.log.records import timestamp
from bulkstatus.log.writer import try_lock
from bulkstatus.reporting import summarise, summary_record
from bulkstatus.settings.sources import settings_for
from bulkstatus.signals import interrupting
from tests.histories import rules
from tests.histories.log_reader import Told, read
from tests.histories.server import Server
from tests.log.lines import log_with

SHIPPED, CANCELLED, TO_SHIPPER, NO_STATUS = "8", "128", "515", "9"
Row = tuple[str, str, str]


@dataclass
class History:
    """`steps` says what was done, for whoever reads that it failed."""

    folder: Path
    chance: random.Random
    server: Server
    rows: list[Row] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    number: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "day.results.jsonl"

    @property
    def file(self) -> Path:
        return self.folder / "day.csv"

    async def live(self, orders: int, steps: int) -> None:
        """Go through a whole history: begin, some steps, and then to the end on a good day."""
        chance = self.chance
        for _ in range(orders):
            self._add_order()
        self.server.refused = {row[0] for row in self.rows if chance.random() < 0.15}
        self.server.faulty = chance.choice([0.0, 0.1, 0.3])
        self._write(self.file, self.rows)
        if chance.random() < 0.5:
            self._write_yesterdays()
        while not read(self.log).runs:
            await self._send()
        kinds: dict[Callable[[], Awaitable[None]], int] = {
            self._resume: 4,
            self._resume_with_file: 4,
            self._edit: 5,
            self._mend: 3,
            self._send: 1,
            self._withdraw: 1,
        }
        for _ in range(steps):
            (step,) = chance.choices(list(kinds), list(kinds.values()))
            await step()
        await self._end_well()

    # The file.

    def _add_order(self) -> None:
        chance = self.chance
        self.number += 1
        order, tracking = str(46140000 + self.number), f"H{self.number:05}"
        kind = chance.random()
        if kind < 0.6:
            self.rows.append((order, SHIPPED, tracking))
        elif kind < 0.75:
            self.rows += [(order, TO_SHIPPER, ""), (order, SHIPPED, tracking)]
        elif kind < 0.9:
            self.rows.append((order, CANCELLED, ""))
        elif kind < 0.95:
            self.rows.append((order, NO_STATUS, ""))
        else:
            self.rows += [(order, SHIPPED, tracking), (order, CANCELLED, "")]

    def _write_yesterdays(self) -> None:
        """Write a log of yesterday's, by which some orders are done, or at odds with the file."""
        chance, done = self.chance, []
        for order, status, tracking in self.rows[: len(self.rows) // 2]:
            kind = chance.random()
            if kind < 0.4 and status != NO_STATUS:
                done.append(f"{order}:{status}:{tracking} updated")
            elif kind < 0.5:
                done.append(f"{order}:{chance.choice([CANCELLED, TO_SHIPPER])} updated")
        at = timestamp(time.time())
        path = self.folder / "yesterday.results.jsonl"
        run = {"due": [(1, len(done))], "base_url": self.server.base_url, "ref_id": "ref"}
        log_with(path, done, started_at=at, **run)
        self.steps.append(f"yesterday {done}")

    async def _edit(self) -> None:
        """Edit the file in one to four places."""
        chance, rows = self.chance, self.rows
        done = []
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(rows)) if rows else 0
            kinds = ["tracking", "status", "delete", "duplicate", "invalid", "contradict", "swap"]
            what = chance.choice(kinds) if rows else "add"
            if what == "delete":
                del rows[at : at + chance.choice([1, 1, 1, 5])]
            elif what in {"swap", "add"} or chance.random() < 0.2:
                what = "add"
                self._add_order()
            else:
                order, status, tracking = rows[at]
                if what == "tracking" and status == SHIPPED:
                    rows[at] = (order, status, chance.choice([f"{tracking}X", tracking[:6], ""]))
                elif what == "status":
                    rows[at] = (order, chance.choice([CANCELLED, SHIPPED, "64"]), "")
                elif what == "duplicate":
                    rows.append(rows[at])
                elif what == "invalid":
                    rows[at] = (order, NO_STATUS, tracking)
                elif what == "contradict":
                    rows.append((order, CANCELLED if status != CANCELLED else SHIPPED, ""))
            done.append(what)
        self._write(self.file, rows)
        self.steps.append(f"edit {', '.join(done)}")

    def _write(self, path: Path, rows: list[Row]) -> None:
        path.write_text("order_id,status,tracking\n" + "".join(f"{','.join(r)}\n" for r in rows))

    # The commands.

    async def _send(self) -> None:
        """Send the file: where it has a log, that is refused, or gone on with (--resume)."""
        given, path = self._given(), str(self.file)
        settings = settings_for(given, given_name="argument")
        told = read(self.log)
        if self._is_of_log(told) and self.chance.random() < 0.5:
            resume = self._settings(given)
            await self._run(
                "send --resume",
                lambda terms: job.send_or_resume(path, settings, resume, None, terms),
                given,
            )
        elif not told.runs or told.in_state("to send") or self._is_of_log(told):
            await self._run("send", lambda t: job.send(path, settings, None, t), given, self.rows)
        # Else it would be a job of its own.

    def _is_of_log(self, told: Told) -> bool:
        digest = sha256(self.file.read_bytes()).hexdigest()
        return digest in {run["input_sha256"] for run in told.runs}

    async def _resume(self, calm: bool = False, **given: Any) -> None:
        given, again = {**self._given(), **given}, calm or self.chance.random() < 0.4
        takes = not calm and self.chance.random() < 0.3 and not self._is_of_log(read(self.log))
        await self._run(
            f"resume{' --retry-rejected' if again else ''}{' as the file is now' if takes else ''}",
            lambda terms: job.resume(
                self.log,
                None,
                self._settings(given),
                replace(terms, take_over=lambda name: takes),
                retry_rejected=again,
            ),
            given,
            self.rows if takes else None,
            calm=calm,
        )

    async def _resume_with_file(self, file: Path | None = None) -> None:
        given = self._given()
        if file is None and self.chance.random() < 0.5:
            log, path = job.log_and_file(self.file, None, self._settings(given)())
        else:
            log, path = self.log, str(file or self.file)
        assert log == self.log
        await self._run(
            f"resume {Path(str(path)).name}",
            lambda terms: job.resume(log, path, self._settings(given), terms),
            given,
            self.rows if file is None else self.mended,
        )

    async def _mend(self) -> None:
        """Feed the failures back, some of them put right and some taken out."""
        chance, rows = self.chance, []
        for failure in summary_record(summarise(self.log))["failures"]:
            order, status = failure["order_id"], failure["status"] or NO_STATUS
            what = chance.choice(["as it is", "as it is", "mended", "mended", "taken out"])
            if what == "mended" and status == NO_STATUS:
                status = SHIPPED
            elif what == "mended":
                self.server.refused.discard(order)
            if what != "taken out":
                rows.append((order, str(status), failure["tracking"] or ""))
        self.mended = rows
        path = self.folder / "mend.csv"
        self._write(path, rows)
        await self._resume_with_file(path)

    async def _withdraw(self) -> None:
        if self.chance.random() < 0.4:
            await self._run(
                "withdraw",
                lambda terms: job.resume(self.log, None, self._settings({}), terms, withdraw=True),
                {},
                calm=True,
            )

    async def _end_well(self) -> None:
        self.server.refused.clear()
        self.server.faulty = 0.0
        await self._resume(calm=True, on_conflict="refuse")
        rules.check_end(read(self.log), self.server)
        # No log was ever taken to be gone, and written elsewhere.
        there = {path.name for path in self.folder.iterdir()}
        assert there <= {self.file.name, self.log.name, "mend.csv", "yesterday.results.jsonl"}

    def _given(self) -> dict[str, Any]:
        chance = self.chance
        return {
            "base_url": self.server.base_url,
            "ref_id": "ref",
            "rate": chance.choice(["none", "8/s"]),
            "concurrency": chance.choice([1, 2, 5]),
            "attempts": chance.choice([1, 3]),
            "timeout": 600.0,
            "skip_invalid": chance.random() < 0.8,
            "on_conflict": "last" if chance.random() < 0.2 else "refuse",
        }

    def _settings(self, given: dict[str, Any]) -> Any:
        return lambda logged=None, log=None: settings_for(
            {"base_url": self.server.base_url, "ref_id": "ref", **given},
            logged,
            log,
            given_name="argument",
        )

    # A run, and what may befall it.

    async def _run(
        self,
        name: str,
        start: Callable[[Terms], Awaitable[Ended]],
        given: dict[str, Any],
        rows: list[Row] | None = None,
        calm: bool = False,
    ) -> None:
        chance, before = self.chance, read(self.log)
        text = self.log.read_bytes() if self.log.exists() else b""
        limit = chance.randint(1, 8) if not calm and chance.random() < 0.25 else None
        fate = "" if calm else chance.choice(["", "", "kill", "kill", "interrupt"])
        self.steps.append(f"{name} {fate} {limit or ''} {given} {rows or ''}")
        self.proposals.clear()
        terms = Terms(
            credentials=lambda settings: Credentials("ref", "key"),
            confirm=lambda proposal: self.proposals.append(proposal) or True,
            limit=limit,
            stoppable=interrupting,
        )
        killed: bytes | None = None
        moment, late = chance.randint(1, 12), chance.uniform(0.0, 0.5)
        over = asyncio.Event()

        def kill() -> None:
            nonlocal killed
            if not task.done():
                killed = self.log.read_bytes()
                self.server.dead = True
                over.set()

        def arrived(number: int) -> None:
            if fate == "kill" and number == moment:
                loop.call_later(late, kill) if late < 0.3 else kill()
            elif fate == "interrupt" and number in {moment, moment + 2}:
                signal.raise_signal(signal.SIGINT)

        loop = asyncio.get_running_loop()
        self.server.begin(arrived)
        task = asyncio.ensure_future(start(terms))
        task.add_done_callback(lambda _: over.set())
        await over.wait()
        if killed is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            while not self._is_free():
                # A thread may be at a write still.
                await asyncio.sleep(0.1)
            torn = b'{"type":"result","n":1,"li' if chance.random() < 0.2 else b""
            self.log.write_bytes(killed + torn)
        after = read(self.log)
        self.steps.append(f"  -> {task if killed is None else 'killed'}")
        if killed is None and isinstance(task.exception(), Refused):
            rules.check_refused(name, task.exception(), before, after, self.server, text, self.log)
        else:
            rules.check_step(before, after, self.server, rows, limit)
            if killed is None:
                self._check_ended(task.result(), after)
        if after.runs:
            rules.check_report(after, summary_record(summarise(self.log)))

    def _is_free(self) -> bool:
        with self.log.open("r+b") as file:
            return try_lock(file.fileno())

    def _check_ended(self, ended: Ended, after: Told) -> None:
        rules.check_ended(ended, after)
        if ended.ran:
            (proposal,) = self.proposals
            assert proposal.plan.due == len(after.due)
            assert {str(int(s)): n for s, n in proposal.plan.by_status.items()} == dict(
                rules.statuses(after, after.due)
            )
