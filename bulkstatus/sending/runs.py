"""`send` and `resume`: check the file, ask, run, and say what came of it."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from bulkstatus.api import OrderStatusApi
from bulkstatus.config import Settings, passed_over_base_url
from bulkstatus.errors import InputRefused
from bulkstatus.pace import Pacer
from bulkstatus.preflight import Plan, check_source
from bulkstatus.result import FAILURES
from bulkstatus.resultlog import LogContents, LogState, ResultLog, RunRecord, read_log
from bulkstatus.run import Ending, Run, RunOptions
from bulkstatus.sending.connection import Way, quotas_of, way_to_api
from bulkstatus.sending.proposal import propose, propose_resumed
from bulkstatus.sending.record import default_log_path, run_record
from bulkstatus.sending.refusal import another_account, log_exists, rows_refused
from bulkstatus.sending.resumed import Resumed
from bulkstatus.sending.terms import Declined, Proposal, Summary, Terms
from bulkstatus.sending.typed import send_command
from bulkstatus.sending.withdrawn import SourceWithout, count_of
from bulkstatus.signals import interrupting
from bulkstatus.source import Source, open_source


async def send(path: str, settings: Settings, log_path: Path | None, terms: Terms) -> Summary:
    """Send a file for the first time.

    Raises Refused (InputRefused, SettingsRefused, LogRefused) when nothing was sent.
    """
    log_path = log_path or default_log_path(path, bool(settings.values["sandbox"]))
    if log_path.exists():
        raise log_exists(log_path, path)
    async with await open_source(path, settings.input) as source:
        state = LogState()
        plan = await _checked(source, path, state, settings)
        async with way_to_api(settings, terms, needs_key=_is_something_to_do(plan)) as way:
            proposal = await propose(
                source, plan, state, settings, way.account, log_path, terms.limit
            )
            if not _confirmed(proposal, terms):
                return _nothing_sent(proposal, terms)
            record = run_record(proposal, path, plan.rows)
            log = ResultLog.create(log_path, record)
            try:
                return await _run(proposal, plan, state, log, record, way, terms)
            finally:
                log.close()


async def resume(
    log_path: Path,
    path: str | None,
    settings_for: Callable[[RunRecord], Settings],
    terms: Terms,
) -> Summary:
    """Go on with what a log's runs have not updated yet.

    `path` is the input, by default the last run's, or where that run finished and the input that
    the log was made for is not, that one. `settings_for` returns the settings, given
    what the run that is gone on with was started with. Raises Refused when nothing was sent.
    """
    if terms.dry_run:
        return await _resume(None, read_log(log_path), log_path, path, settings_for, terms)
    log, contents = ResultLog.open(log_path)
    try:
        return await _resume(log, contents, log_path, path, settings_for, terms)
    finally:
        log.close()


async def _resume(
    log: ResultLog | None,
    contents: LogContents,
    log_path: Path,
    path: str | None,
    settings_for: Callable[[RunRecord], Settings],
    terms: Terms,
) -> Summary:
    resumed = Resumed.of(contents, log_path, path)
    settings = settings_for(resumed.settings_run)
    async with await _opened(resumed, settings) as source:
        state = contents.state
        withdrawn = resumed.withdrawn_since(source)
        count = await count_of(source, withdrawn) if withdrawn else 0
        left_out = withdrawn if not resumed.is_named else {}
        if left_out:
            source = SourceWithout(source, left_out)
        plan = await _checked(source, resumed.path, state, settings)
        plan.gone = [row for row in plan.gone if resumed.is_spoken_of(source, row[1])]
        async with way_to_api(settings, terms, needs_key=plan.due > 0) as way:
            ref_id = way.credentials.ref_id
            if ref_id and ref_id != contents.last_run.ref_id:
                raise another_account(contents, log_path, ref_id)
            proposal = propose_resumed(
                await propose(source, plan, state, settings, way.account, log_path, terms.limit),
                resumed,
                plan,
                count,
            )
            # That an unfinished input has nothing left is worth a run that finds so: it is
            # finished from then on. Nobody is asked, since it changes nothing else.
            settles = resumed.is_unfinished(source)
            confirmed = _confirmed(proposal, terms)
            if log is None or not (confirmed or settles):
                return _nothing_sent(proposal, terms)
            record = run_record(proposal, resumed.path, plan.rows)
            await log.append_record(record)
            # Said again, so that the next resume leaves them out too.
            plan.gone += [(line, content) for content, line in left_out.items()]
            return await _run(proposal, plan, state, log, record, way, terms)


async def _opened(resumed: Resumed, settings: Settings) -> Source:
    """Return the input that a resume goes on with, and say whose it was where it is gone."""
    try:
        return await open_source(resumed.path, settings.input)
    except InputRefused as error:
        raise resumed.not_opened(error) from None


async def _checked(source: Source, path: str, state: LogState, settings: Settings) -> Plan:
    """Return the plan for a source, or raise RowsRefused when some of its rows refuse the file."""
    plan = await check_source(source, state, last_wins=settings.last_wins)
    if plan.refused and not settings.skip_invalid:
        raise rows_refused(path, source.name, plan, state, settings)
    return plan


def _is_something_to_do(plan: Plan) -> bool:
    """Tell whether there is something to send or to log."""
    to_log = plan.gone or plan.refused or plan.superseded or plan.duplicates
    return bool(plan.due or to_log)


def _confirmed(proposal: Proposal, terms: Terms) -> bool:
    """Ask whether to go on. False means that there is nothing to do, neither to send nor to log."""
    if not _is_something_to_do(proposal.plan):
        return False
    if not terms.confirm(proposal):
        raise Declined("Nothing was sent.")
    return not terms.dry_run


def _nothing_sent(proposal: Proposal, terms: Terms) -> Summary:
    """Return the summary where there was nothing to do, or nothing was to be done."""
    log, plan = proposal.log, proposal.plan
    counts = log.state.counts() if log is not None else {}
    # Rows of another input than this one may have failed.
    failed = not terms.dry_run and any(counts.get(outcome) for outcome in FAILURES)
    return Summary(
        ending=Ending("finished", 1 if failed else 0, "Nothing was sent."),
        counts=counts,
        rows=plan.rows + proposal.left_out,
        pending=plan.due,
        log_path=proposal.log_path if log is not None else None,
        input_name=proposal.source.name,
        ran=False,
        unfinished=proposal.unfinished,
        updated_at=tuple(proposal.updated_at),
        elsewhere=_elsewhere(proposal),
    )


def _elsewhere(proposal: Proposal) -> tuple[str, str] | None:
    """Return the base URL that is asked for, where rows were updated, but none of them there, and
    the command that sends the input there.
    """
    settings, places = proposal.settings, proposal.updated_at
    asked = passed_over_base_url(settings) or proposal.base_url
    if settings.values["sandbox"] or not places or asked in places:
        return None
    options = ("--base-url", asked, "--log", "OTHER.jsonl")
    return asked, send_command(proposal.source, settings, *options)


async def _run(
    proposal: Proposal,
    plan: Plan,
    state: LogState,
    log: ResultLog,
    record: RunRecord,
    way: Way,
    terms: Terms,
) -> Summary:
    settings = proposal.settings
    api = OrderStatusApi(
        way.base_url,
        way.credentials,
        auth_scheme=settings.auth_scheme,
        timeout=settings.timeout,
        concurrency=settings.concurrency,
        tls=way.tls,
        proxy=way.proxy.url if way.proxy else None,
    )
    with quotas_of(settings, way.account) as quotas:
        run = Run(
            proposal.source,
            plan,
            state,
            log,
            api,
            Pacer(settings.rate) if settings.rate else None,
            quotas,
            RunOptions(
                concurrency=settings.concurrency,
                attempts=settings.attempts,
                give_up_after=settings.give_up_after,
                max_failures=terms.max_failures,
                limit=terms.limit,
            ),
            record.run_id,
            terms.observer(proposal) if terms.observer else None,
        )
        with interrupting(run.interrupt) if terms.handle_signals else nullcontext():
            async with api:
                ending = await run.execute()
    return Summary(
        ending=ending,
        counts=state.counts(),
        rows=plan.rows,
        pending=run.pending,
        log_path=log.path,
        input_name=proposal.source.name,
        unfinished=proposal.unfinished if ending.reason == "finished" else None,
    )
