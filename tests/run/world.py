"""A run over a real file and a real log, against an API that is a function of the test."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.job.beginning import merged, of_log
from bulkstatus.job.check import check_source
from bulkstatus.job.known import Known
from bulkstatus.job.run import Ending, Observer, Run, RunOptions
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import ErrorKind, LogContents, ResultLog, RowError, RunRecord
from bulkstatus.order import StatusUpdate
from bulkstatus.settings.sources import settings_for
from bulkstatus.source import InputOptions, open_source

UPDATED = Answer(Meaning.UPDATED, 200)


def refused(meaning: Meaning, http_status: int = 400, **fields: Any) -> Answer:
    error = RowError(fields.pop("kind", ErrorKind.API), fields.pop("message", "No"), None)
    return Answer(meaning, http_status, error, **fields)


def limited(retry_after: float | None = None) -> Answer:
    return refused(Meaning.LIMITED, message="Request limit reached", retry_after=retry_after)


def unanswered(unseen: bool = True) -> Answer:
    error = RowError(ErrorKind.CONNECTION, "connection lost")
    return Answer(Meaning.UNANSWERED, None, error, unseen=unseen)


Rule = Callable[["Request"], Answer | Awaitable[Answer]]


@dataclass
class Request:
    """One PUT as the API sees it; `number` counts all of them, `nth` those of its order."""

    update: StatusUpdate
    number: int
    nth: int
    at: float
    left: float = 0.0


@dataclass
class World:
    """Sends a file of `rows` by `rule` and keeps what both sides saw."""

    folder: Path
    rows: Sequence[str]
    rule: Rule
    latency: float = 0.1
    options: RunOptions = field(default_factory=RunOptions)
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    run: Run | None = None
    pacer: Any = None
    quotas: Any = None
    limit: int | None = None
    observer: Observer = field(default_factory=Observer)

    @property
    def log_path(self) -> Path:
        return self.folder / "dispatch.results.jsonl"

    @property
    def input_path(self) -> Path:
        return self.folder / "dispatch.csv"

    async def put(self, update: StatusUpdate) -> Answer:
        loop = asyncio.get_running_loop()
        nth = sum(request.update.order_id == update.order_id for request in self.requests) + 1
        request = Request(update, len(self.requests) + 1, nth, loop.time())
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
            answer = self.rule(request)
            return answer if isinstance(answer, Answer) else await answer
        finally:
            self.in_flight -= 1
            request.left = loop.time()

    async def send(self, again: bool = False) -> Ending:
        """Run once: a first time when there is no log, otherwise as a resume of the log.

        That sends rejected rows again with `again`.
        """
        random.seed(len(self.requests))
        self.input_path.write_text("\n".join(["order_id,status,tracking", *self.rows]) + "\n")
        async with WorkList() as work:
            if self.log_path.exists():
                log = ResultLog.open(self.log_path)
                known = Known(log.contents, settings_for({}))
                beginning = await of_log(known, work, again, self.limit)
            else:
                async with await open_source(str(self.input_path), InputOptions()) as source:
                    known = Known(LogContents(self.log_path), settings_for({}))
                    checked = await check_source(source, work, known)
                    beginning = await merged(checked, work, self.limit)
                log = ResultLog.create(self.log_path)
            try:
                record = run_record(beginning.due)
                await log.begin(record, work.pieces(), work.regions, beginning.state)
                plan = beginning.plan
                self.run = Run(
                    log,
                    beginning.phases,
                    self,
                    self.pacer,
                    self.quotas,
                    self.options,
                    self.observer,
                    left="the limit" if plan.due < plan.all_due else "",
                    jitter=lambda: 1.0,
                )
                return await self.run.execute()
            finally:
                log.close()

    def records(self) -> list[dict[str, Any]]:
        lines = self.log_path.read_text("utf-8").splitlines()
        return [record for line in lines if (record := json.loads(line))["type"] == "result"]

    def outcomes(self) -> dict[str, str]:
        """The latest outcome of each order."""
        return {record["order_id"]: record["outcome"] for record in self.records()}

    def times(self) -> list[float]:
        return [round(request.at, 3) for request in self.requests]


def run_record(due: list[tuple[int, int]] | None = None) -> RunRecord:
    return RunRecord(
        format=2,
        version="0.2.0",
        run_id="run",
        started_at="2026-11-23T17:31:02.114Z",
        input="dispatch.csv",
        input_sha256="0" * 64,
        rows=1,
        base_url="https://api.example",
        ref_id="ref",
        user="anna",
        host="DESK-3",
        due=due,
    )


def orders(count: int, status: int = 8) -> list[str]:
    return [f"{100 + number},{status}," for number in range(count)]
