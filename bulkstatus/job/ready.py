"""`carry_out`: from a run that is ready but for the yes to what came of it."""

import getpass
import platform
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bulkstatus import __version__
from bulkstatus.errors import Stopped
from bulkstatus.job import refusals
from bulkstatus.job.beginning import Beginning
from bulkstatus.job.check import Checked
from bulkstatus.job.connection import Way, quotas_of, way_to_api
from bulkstatus.job.plan import Plan
from bulkstatus.job.run import Ending, Run, RunOptions
from bulkstatus.job.terms import Declined, Ended, Proposal, Terms
from bulkstatus.log import ResultLog, RunRecord
from bulkstatus.log.records import FORMAT, timestamp
from bulkstatus.pace import Pacer, seconds_needed
from bulkstatus.settings.table import TYPED, Settings
from bulkstatus.words import counted, utf8

#: What one request takes, in seconds, for an estimate: a guess at a distant server.
GUESSED_LATENCY = 0.2


class Input(NamedTuple):
    """An input as a log's run records it; `rows` are all that it held."""

    name: str
    sha256: str
    rows: int

    @classmethod
    def of(cls, path: str, checked: Checked) -> "Input":
        return cls(utf8(Path(path).name), checked.source.sha256, len(checked.state))


async def carry_out(
    proposal: Proposal,
    beginning: Beginning,
    given: Input,
    terms: Terms,
    open_log: Callable[[], ResultLog | None],
) -> Ended:
    """Ask, run, and say what came of it; `open_log` returns None for a dry run.

    Where and for whom is found out here, and how long it will take.
    """
    settings = proposal.settings
    async with way_to_api(settings, terms, needs_key=proposal.plan.due > 0) as way:
        _refuse_other_account(proposal, way)
        # A shard leaves its log also where no order is in it, lest it be missed.
        is_new_shard = settings.shard is not None and proposal.log is None
        if beginning.is_empty and not is_new_shard:
            return _nothing_done(proposal, beginning, terms)
        proposal = replace(
            proposal,
            base_url=way.base_url,
            ref_id=way.credentials.ref_id,
            seconds=_estimate(proposal.plan.due, settings, way),
        )
        if not terms.confirm(proposal):
            raise Declined("Nothing was sent.")
        if terms.dry_run:
            return _nothing_done(proposal, beginning, terms)
        log = open_log()
        assert log is not None
        try:
            return await _run(log, way, proposal, beginning, given, terms)
        finally:
            if proposal.log is None:
                log.close()


def _refuse_other_account(proposal: Proposal, way: Way) -> None:
    """Refuse to go on with the log of another account, unless that was typed just now."""
    log, origins, ref_id = proposal.log, proposal.settings.origins, way.credentials.ref_id
    if log is None or proposal.settings.sandbox or proposal.withdraws:
        return
    named = origins["profile"] in TYPED and origins["ref_id"] not in TYPED
    if ref_id and ref_id != log.last_run.ref_id and not named:
        raise refusals.other_account(log, ref_id)


def _nothing_done(proposal: Proposal, beginning: Beginning, terms: Terms) -> Ended:
    """Return what there is to say where there was nothing to do, or nothing was to be done."""
    state, dry_run = beginning.state, terms.dry_run
    failed = state.has_failures and not dry_run
    ending = Ending("finished", int(failed), "Nothing was sent.")
    if (left := _left(proposal.plan)) and not dry_run:
        ending = Ending("stopped", Stopped.exit_status, left)
    to_send = proposal.plan.due if dry_run else state.to_send
    log_path = proposal.log_path if proposal.log is not None else None
    return Ended(ending, state.counts(), len(state), to_send, log_path, ran=False)


def _estimate(due: int, settings: Settings, way: Way) -> float:
    """Return the seconds that a run will take, were each request to take GUESSED_LATENCY."""
    with quotas_of(settings, way.account) as quotas:
        held = quotas.coming_free() if quotas else ()
        paced = seconds_needed(due, settings.rate, held)
    return max(paced, due * GUESSED_LATENCY / settings.concurrency)


def _left(plan: Plan) -> str:
    """Return why rows stay to be sent when a run is over, "" where none do."""
    if plan.due < plan.all_due:
        return f"Stopped after {counted(plan.due, 'row')} (--limit)."
    if plan.left:
        return (
            f"{counted(plan.left, 'row')} of the log that the file does not have were neither "
            "sent nor dropped; resuming the log alone sends them."
        )
    return ""


def _record(way: Way, proposal: Proposal, beginning: Beginning, given: Input) -> RunRecord:
    base_url, ref_id = way.account
    if proposal.withdraws and proposal.log is not None:
        base_url, ref_id = proposal.log.last_run.base_url, proposal.log.last_run.ref_id
    return RunRecord(
        format=FORMAT,
        version=__version__,
        run_id=uuid.uuid4().hex,
        started_at=timestamp(time.time()),
        input=given.name,
        input_sha256=given.sha256,
        rows=given.rows,
        base_url=base_url,
        ref_id=ref_id,
        user=_user(),
        host=platform.node(),
        settings=proposal.settings.logged,
        due=beginning.due,
    )


async def _run(
    log: ResultLog,
    way: Way,
    proposal: Proposal,
    beginning: Beginning,
    given: Input,
    terms: Terms,
) -> Ended:
    settings, work, state = proposal.settings, beginning.work, beginning.state
    record = _record(way, proposal, beginning, given)
    await log.begin(record, work.pieces(), work.regions, state)
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
            left=_left(proposal.plan),
            rate=settings.rate,
        )
        with terms.stoppable(run.interrupt):
            async with api:
                ending = await run.execute()
    return Ended(ending, state.counts(), len(state), state.to_send, log.path)


def _user() -> str:
    try:
        return utf8(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return "unknown"
