"""`Ready`: a run that is ready but for the yes. It asks, runs, and says what came of it."""

import getpass
import platform
import time
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from bulkstatus import __version__
from bulkstatus.errors import Stopped
from bulkstatus.job import refusals
from bulkstatus.job.beginning import Beginning
from bulkstatus.job.check import Checked
from bulkstatus.job.connection import Way, quotas_of, way_to_api
from bulkstatus.job.run import Ending, Run, RunOptions
from bulkstatus.job.terms import Declined, Ended, Proposal, Terms
from bulkstatus.log import FAILURES, LogContents, ResultLog, RunRecord
from bulkstatus.log.records import FORMAT, timestamp
from bulkstatus.pace import Pacer, seconds_needed
from bulkstatus.settings.table import Settings
from bulkstatus.signals import interrupting
from bulkstatus.source import Source
from bulkstatus.words import counted, utf8

#: What one request takes, in seconds, for an estimate: a guess at a distant server.
GUESSED_LATENCY = 0.2

#: Where a setting comes from that somebody gave just now.
TYPED = frozenset({"option", "argument"})


@dataclass(frozen=True)
class Input:
    """An input as a log's run records it; `rows` are all that it held."""

    name: str
    sha256: str
    rows: int

    @classmethod
    def of(cls, path: str, checked: Checked) -> "Input":
        return cls(utf8(Path(path).name), checked.source.sha256, len(checked.state))


@dataclass
class Ready:
    """A run that is ready but for the yes."""

    settings: Settings
    terms: Terms
    beginning: Beginning
    given: Input
    log_path: Path
    source: Source | None = None
    log: LogContents | None = None
    notes: tuple[str, ...] = ()
    withdraws: bool = False

    async def carry_out(self, open_log: Callable[[], ResultLog | None]) -> Ended:
        """Ask, run, and say what came of it; `open_log` returns None for a dry run."""
        settings, terms, plan = self.settings, self.terms, self.beginning.plan
        async with way_to_api(settings, terms, needs_key=plan.due > 0) as way:
            ref_id = way.credentials.ref_id
            if self.log is not None and not settings.sandbox and not self.withdraws:
                origins = settings.origins
                named = origins["profile"] in TYPED and origins["ref_id"] not in TYPED
                if ref_id and ref_id != self.log.last_run.ref_id and not named:
                    raise refusals.other_account(self.log, ref_id)
            if self.beginning.is_empty:
                return self._nothing_done(way)
            proposal = Proposal(
                plan,
                settings,
                way.base_url,
                ref_id,
                self.log_path,
                self._estimate(way),
                self.source,
                self.log,
                self.withdraws,
                self.notes,
            )
            if not terms.confirm(proposal):
                raise Declined("Nothing was sent.")
            if terms.dry_run:
                return self._nothing_done(way)
            log = open_log()
            assert log is not None
            try:
                return await self._run(log, way, proposal)
            finally:
                if self.log is None:
                    log.close()

    def _nothing_done(self, way: Way) -> Ended:
        """Return what there is to say where there was nothing to do, or nothing was to be done."""
        state, dry_run = self.beginning.state, self.terms.dry_run
        counts = state.counts()
        failed = not dry_run and any(counts.get(outcome) for outcome in FAILURES)
        ending = Ending("finished", 1 if failed else 0, "Nothing was sent.")
        if (left := self._left()) and not dry_run:
            ending = Ending("stopped", Stopped.exit_status, left)
        return Ended(
            ending,
            counts,
            len(state),
            self.beginning.plan.due if dry_run else state.to_send,
            self.log_path if self.log is not None else None,
            ran=False,
        )

    def _estimate(self, way: Way) -> float:
        """Return the seconds that a run will take, were each request to take GUESSED_LATENCY."""
        due, settings = self.beginning.plan.due, self.settings
        with quotas_of(settings, way.account) as quotas:
            held = quotas.coming_free() if quotas else ()
            paced = seconds_needed(due, settings.rate, held)
        return max(paced, due * GUESSED_LATENCY / settings.concurrency)

    def _record(self, way: Way) -> RunRecord:
        base_url, ref_id = way.account
        if self.withdraws and self.log is not None:
            base_url, ref_id = self.log.last_run.base_url, self.log.last_run.ref_id
        return RunRecord(
            format=FORMAT,
            version=__version__,
            run_id=uuid.uuid4().hex,
            started_at=timestamp(time.time()),
            input=self.given.name,
            input_sha256=self.given.sha256,
            rows=self.given.rows,
            base_url=base_url,
            ref_id=ref_id,
            user=_user(),
            host=platform.node(),
            settings=self.settings.logged,
            due=self.beginning.due,
        )

    def _left(self) -> str:
        """Return why rows stay to be sent when this run is over, "" where none do."""
        plan = self.beginning.plan
        if plan.due < plan.all_due:
            return f"Stopped after {counted(plan.due, 'row')} (--limit)."
        if plan.left:
            return (
                f"{counted(plan.left, 'row')} of the log that the file does not have were neither "
                "sent nor dropped; resuming the log alone sends them."
            )
        return ""

    async def _run(self, log: ResultLog, way: Way, proposal: Proposal) -> Ended:
        settings, terms, beginning = self.settings, self.terms, self.beginning
        work = beginning.work
        await log.begin(self._record(way), work.pieces(), work.regions, beginning.state)
        api = way.api(settings)
        with quotas_of(settings, way.account) as quotas:
            run = Run(
                log,
                beginning.phases,
                api,
                Pacer(settings.rate) if settings.rate else None,
                quotas,
                RunOptions(
                    concurrency=settings.concurrency,
                    attempts=settings.attempts,
                    give_up_after=settings.give_up_after,
                    max_failures=terms.max_failures,
                ),
                terms.observer(proposal) if terms.observer else None,
                left=self._left(),
                rate=settings.rate,
            )
            with interrupting(run.interrupt) if terms.handle_signals else nullcontext():
                async with api:
                    ending = await run.execute()
        state = beginning.state
        return Ended(ending, state.counts(), len(state), state.to_send, log.path)


def _user() -> str:
    try:
        return utf8(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return "unknown"
