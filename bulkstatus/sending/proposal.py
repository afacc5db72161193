"""Making the proposal: what a run is about to do, and for how long."""

from dataclasses import replace
from pathlib import Path

from bulkstatus.config import Settings
from bulkstatus.pace import seconds_needed
from bulkstatus.preflight import Plan, limit_plan
from bulkstatus.result import Outcome
from bulkstatus.resultlog import LogContents, LogState
from bulkstatus.sending.connection import quotas_of
from bulkstatus.sending.resumed import Resumed
from bulkstatus.sending.terms import Proposal
from bulkstatus.source import Source

#: What one request takes, in seconds, for an estimate: a guess at a distant server.
GUESSED_LATENCY = 0.2


async def propose(
    source: Source,
    plan: Plan,
    state: LogState,
    settings: Settings,
    account: tuple[str, str],
    log_path: Path,
    limit: int | None,
) -> Proposal:
    """Return what a run over a checked source is about to do."""
    shown = plan if limit is None else await limit_plan(source, plan, state, limit)
    base_url, ref_id = account
    return Proposal(
        source=source,
        plan=shown,
        all_due=plan.due,
        settings=settings,
        base_url=base_url,
        ref_id=ref_id,
        log_path=log_path,
        seconds=_estimate(shown.due, settings, account),
    )


def propose_resumed(proposal: Proposal, resumed: Resumed, plan: Plan, withdrawn: int) -> Proposal:
    """Return the proposal with what there is to say of a resumed run.

    `plan` is the one of the whole input, and `withdrawn` how many of its rows were withdrawn since
    the latest run over it.
    """
    source = proposal.source
    return replace(
        proposal,
        log=resumed.log,
        changed=resumed.is_changed(source),
        picked_up=resumed.is_picked_up,
        left_behind=_left_behind(plan, resumed.log),
        left_out=0 if resumed.is_named else withdrawn,
        brought_back=withdrawn if resumed.is_named else 0,
        unfinished=resumed.unfinished_besides(source),
        is_new=resumed.run is None and not plan.done and not plan.again,
        updated_at=resumed.updated_at(),
    )


def _left_behind(plan: Plan, log: LogContents) -> int:
    """Return how many rows of a run that did not finish the input no longer has."""
    last = log.last_run
    if any(end.run_id == last.run_id and end.reason == "finished" for end in log.ends):
        return 0
    counts = log.state.counts()
    pending = last.rows - sum(counts.values()) + counts.get(Outcome.WITHDRAWN, 0)
    here = plan.due - plan.again + plan.duplicates + plan.superseded + plan.refused
    return max(0, pending - here)


def _estimate(due: int, settings: Settings, account: tuple[str, str]) -> float:
    """Return the seconds that a run will take, were each request to take GUESSED_LATENCY."""
    with quotas_of(settings, account) as quotas:
        paced = seconds_needed(due, settings.rate, quotas.coming_free() if quotas else ())
    return max(paced, due * GUESSED_LATENCY / settings.concurrency)
