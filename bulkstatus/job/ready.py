"""`carry_out`: from a run that is ready but for the yes to what came of it."""

import getpass
import platform
import time
import uuid
from dataclasses import replace
from pathlib import Path

from bulkstatus import __version__
from bulkstatus.errors import Stopped
from bulkstatus.job import refusals
from bulkstatus.job.beginning import Beginning
from bulkstatus.job.connection import Way, quotas_of, way_to_api
from bulkstatus.job.names import read_begun
from bulkstatus.job.run import Ending, Run, RunOptions
from bulkstatus.job.terms import Declined, Ended, Proposal, Terms
from bulkstatus.job.wording import why_left
from bulkstatus.log import ResultLog, RunRecord
from bulkstatus.log.records import FORMAT, timestamp
from bulkstatus.pace import Pacer, seconds_needed
from bulkstatus.settings.table import TYPED, Settings
from bulkstatus.words import utf8

#: What one request takes, in seconds, for an estimate: a guess at a distant server.
GUESSED_LATENCY = 0.2


async def carry_out(
    proposal: Proposal,
    beginning: Beginning,
    path: str | None,
    terms: Terms,
    opened: ResultLog | None,
) -> Ended:
    """Ask, run, and say what came of it.

    `path` is the file's, and `opened` the log, None for a new one or a dry run. Where and for whom
    is found out here, and how long it will take.
    """
    settings = proposal.settings
    async with way_to_api(settings, terms, needs_key=proposal.plan.due > 0) as way:
        _refuse_other_account(proposal, way, terms)
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
        log = opened or _created(proposal.log_path, settings)
        try:
            record = _record(way, proposal, beginning, path)
            return await _run(log, way, proposal, beginning, record, terms)
        finally:
            if opened is None:
                log.close()


def _created(path: Path, settings: Settings) -> ResultLog:
    """Return a new log; a rehearsal's takes the place of the last one."""
    there = read_begun(path) if settings.sandbox else None
    if there is not None and there.is_sandbox:
        ResultLog.open(path).close()
        path.unlink()
    try:
        return ResultLog.create(path)
    except FileExistsError:
        # Another run has made it while the question stood.
        raise refusals.log_is_there(path, settings) from None


def _refuse_other_account(proposal: Proposal, way: Way, terms: Terms) -> None:
    """Refuse to go on with the log of another account, unless that was typed just now."""
    log, origins, ref_id = proposal.log, proposal.settings.origins, way.credentials.ref_id
    if log is None or proposal.settings.sandbox or proposal.withdraws:
        return
    named = origins["profile"] in TYPED and origins["ref_id"] not in TYPED
    if ref_id and ref_id != log.last_run.ref_id and not (named or terms.names_account):
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


def _record(way: Way, proposal: Proposal, beginning: Beginning, path: str | None) -> RunRecord:
    base_url, ref_id = way.account
    source, last = proposal.source, proposal.log.last_run if proposal.log is not None else None
    if source is not None and path is not None:
        given = utf8(Path(path).name), source.sha256, proposal.plan.rows
    else:
        assert last is not None
        given = last.input, last.input_sha256, last.rows
    if proposal.withdraws and last is not None:
        base_url, ref_id = last.base_url, last.ref_id
    name, sha256, rows = given
    return RunRecord(
        format=FORMAT,
        version=__version__,
        run_id=uuid.uuid4().hex,
        started_at=timestamp(time.time()),
        input=name,
        input_sha256=sha256,
        rows=rows,
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
    record: RunRecord,
    terms: Terms,
) -> Ended:
    settings, work, state = proposal.settings, beginning.work, beginning.state
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
