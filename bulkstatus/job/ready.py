"""`carry_out`: from a run that is ready but for the yes to what came of it."""

import getpass
import platform
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bulkstatus import __version__
from bulkstatus.errors import NoLog, Stopped
from bulkstatus.job import refusals
from bulkstatus.job.beginning import Beginning
from bulkstatus.job.connection import Way, quotas_of, way_to_api
from bulkstatus.job.names import is_rehearsal
from bulkstatus.job.run import Ending, Run, RunOptions
from bulkstatus.job.terms import Declined, Ended, Proposal, Terms
from bulkstatus.job.wording import why_left
from bulkstatus.log import LogContents, ResultLog, RunRecord
from bulkstatus.log.records import FORMAT, timestamp
from bulkstatus.log.state import Span
from bulkstatus.pace import Pacer, seconds_needed
from bulkstatus.settings.table import TYPED, Settings
from bulkstatus.source import Source
from bulkstatus.words import utf8

#: What one request takes, in seconds, for an estimate: a guess at a distant server.
GUESSED_LATENCY = 0.2


async def carry_out(
    beginning: Beginning,
    settings: Settings,
    source: Source | None,
    path: str | None,
    notes: Sequence[str],
    terms: Terms,
    opened: ResultLog | None,
) -> Ended:
    """Ask, run, and say what came of it.

    `source` is the file, where there is one, and `path` its name as it was given; `notes` are
    sentences for the user, and `opened` is the log, None for a new one or a dry run.
    """
    plan, log = beginning.plan, beginning.log
    async with way_to_api(settings, terms, needs_key=plan.due > 0) as way:
        base_url, ref_id = way.account
        if beginning.withdraws:
            base_url, ref_id = log.account
        proposal = Proposal(
            plan,
            settings,
            log.path,
            base_url,
            ref_id,
            _estimate(plan.due, settings, way) if plan.due else 0.0,
            source,
            log if log.runs else None,
            beginning.withdraws,
            tuple(notes),
        )
        if log.runs and not beginning.withdraws:
            refuse_other_account(log, settings, ref_id, terms)
        # A shard leaves its log also where no order is in it, lest it be missed.
        is_new_shard = settings.shard is not None and not log.runs
        if beginning.is_empty and not is_new_shard:
            return _nothing_done(proposal, beginning, terms)
        if not terms.confirm(proposal):
            raise Declined("Nothing was sent.")
        if terms.dry_run:
            return _nothing_done(proposal, beginning, terms)
        result_log = opened or _created(log.path, settings)
        try:
            return await _run(result_log, way, proposal, beginning, path, terms)
        finally:
            if opened is None:
                result_log.close()


def _created(path: Path, settings: Settings) -> ResultLog:
    """Return a new log; a rehearsal's takes the place of the last one."""
    if settings.sandbox and is_rehearsal(path):
        with suppress(NoLog):
            ResultLog.open(path).close()
            path.unlink()
    try:
        return ResultLog.create(path)
    except FileExistsError:
        # Another run has made it while the question stood.
        raise refusals.log_is_there(path, settings) from None


def refuse_other_account(
    log: LogContents, settings: Settings, ref_id: str | None, terms: Terms
) -> None:
    """Refuse to go on with the log of another account, unless that was typed just now."""
    origins = settings.origins
    named = origins["profile"] in TYPED and origins["ref_id"] not in TYPED
    is_meant = settings.sandbox or named or terms.names_account
    if ref_id and ref_id != log.last_run.ref_id and not is_meant:
        raise refusals.other_account(log, ref_id)


def _nothing_done(proposal: Proposal, beginning: Beginning, terms: Terms) -> Ended:
    """Return what there is to say where there was nothing to do, or nothing was to be done."""
    state, dry_run = beginning.state, terms.dry_run
    failed = state.has_failures and not dry_run
    ending = Ending("finished", int(failed), "Nothing was sent.")
    if (left := why_left(proposal.plan)) and not dry_run:
        ending = Ending("stopped", Stopped.exit_status, left)
    log_path = proposal.log_path if proposal.log is not None else None
    ended = Ended.of(ending, state, log_path, ran=False)
    return replace(ended, to_send=proposal.plan.due) if dry_run else ended


def _estimate(due: int, settings: Settings, way: Way) -> float:
    """Return the seconds that a run will take, were each request to take GUESSED_LATENCY."""
    with quotas_of(settings, way.account) as quotas:
        held = quotas.coming_free() if quotas else ()
        paced = seconds_needed(due, settings.rate, held)
    return max(paced, due * GUESSED_LATENCY / settings.concurrency)


def _record(proposal: Proposal, path: str | None, due: list[Span]) -> RunRecord:
    if (source := proposal.source) is not None and path is not None:
        given = utf8(Path(path).name), source.sha256, proposal.plan.rows
    else:
        assert proposal.log is not None
        last = proposal.log.last_run
        given = last.input, last.input_sha256, last.rows
    name, sha256, rows = given
    return RunRecord(
        format=FORMAT,
        version=__version__,
        run_id=uuid.uuid4().hex,
        started_at=timestamp(time.time()),
        input=name,
        input_sha256=sha256,
        rows=rows,
        base_url=proposal.base_url,
        ref_id=proposal.ref_id,
        user=_user(),
        host=platform.node(),
        settings=proposal.settings.logged,
        due=due,
    )


async def _run(
    log: ResultLog,
    way: Way,
    proposal: Proposal,
    beginning: Beginning,
    path: str | None,
    terms: Terms,
) -> Ended:
    settings, work, state = proposal.settings, beginning.work, beginning.state
    record = _record(proposal, path, beginning.due)
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
            left=why_left(proposal.plan),
            rate=settings.rate,
        )
        with terms.stoppable(run.interrupt):
            async with api:
                ending = await run.execute()
    return Ended.of(ending, state, log.path)


def _user() -> str:
    try:
        return utf8(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return "unknown"
