"""`send` and `resume` from end to end: check the file, ask, run, and say what came of it."""

import getpass
import os
import platform
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import SSLContext
from typing import NamedTuple

from bulkstatus import __version__
from bulkstatus.api import OrderStatusApi
from bulkstatus.config import Settings
from bulkstatus.credentials import Credentials
from bulkstatus.errors import InputRefused, LogRefused, Refused
from bulkstatus.pace import Ledger, Pacer, Quotas, seconds_needed
from bulkstatus.preflight import Plan, check_source, limit_plan
from bulkstatus.proxy import Proxy, find_proxy
from bulkstatus.result import Outcome, timestamp
from bulkstatus.resultlog import (
    LogContents,
    LogState,
    ResultLog,
    RunRecord,
    already_there,
    read_log,
)
from bulkstatus.run import Ending, Observer, Run, RunOptions
from bulkstatus.signals import interrupting
from bulkstatus.source import Source, open_source
from bulkstatus.tls import tls_context

#: What one request takes, in seconds, for an estimate: a guess at a distant server.
GUESSED_LATENCY = 0.2


class RowsRefused(InputRefused):
    """The file holds rows that cannot be sent; `plan.problems` has the first of them."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


class Declined(Refused):
    """The user said no."""


@dataclass(frozen=True)
class Proposal:
    """What a run is about to do, for the question that comes before it.

    `plan` counts the rows that this run will send, after `--limit`; `all_due` is how many there
    are without it. `seconds` is the estimated time. `log` is what the log of a resumed run holds,
    `changed` says that the input is not the one which that log was made from, and `left_behind`
    how many rows that were not sent yet it has no more.
    """

    source: Source
    plan: Plan
    all_due: int
    settings: Settings
    base_url: str
    ref_id: str
    log_path: Path
    seconds: float
    log: LogContents | None = None
    changed: bool = False
    left_behind: int = 0


@dataclass(frozen=True)
class Summary:
    """What came of a run; `counts` and `pending` are of rows, over all runs of the log."""

    ending: Ending
    counts: dict[Outcome, int]
    rows: int
    pending: int
    log_path: Path | None


@dataclass(frozen=True)
class Terms:
    """How a run is to go that no log remembers.

    `credentials` is called with the settings when they are needed, and may return None for a dry
    run alone; `confirm` is told what is about to happen and returns whether to go on; `observer`
    makes the observer of the run. With `handle_signals`, SIGINT and SIGTERM stop the run in good
    order.
    """

    credentials: Callable[[Settings], Credentials | None]
    confirm: Callable[[Proposal], bool]
    observer: Callable[[Proposal], Observer] | None = None
    limit: int | None = None
    max_failures: int | None = None
    dry_run: bool = False
    handle_signals: bool = False


class _Way(NamedTuple):
    """How the API is reached."""

    base_url: str
    credentials: Credentials
    tls: SSLContext | None = None
    proxy: Proxy | None = None

    @property
    def account(self) -> tuple[str, str]:
        return self.base_url, self.credentials.ref_id


def default_log_path(path: str, sandbox: bool) -> Path:
    """Return where the log of an input goes: `dispatch.results.jsonl` beside `dispatch.csv`."""
    if path == "-":
        raise Refused("The input is standard input, so the log needs a name: give it with --log.")
    source = Path(path)
    name = source.name
    for suffix in (".gz", Path(name.removesuffix(".gz")).suffix):
        name = name.removesuffix(suffix) or name
    return source.with_name(f"{name}{'.sandbox' if sandbox else ''}.results.jsonl")


async def send(path: str, settings: Settings, log_path: Path | None, terms: Terms) -> Summary:
    """Send a file for the first time.

    Raises Refused (InputRefused, SettingsRefused, LogRefused) when nothing was sent.
    """
    sandbox = bool(settings.values["sandbox"])
    log_path = log_path or default_log_path(path, sandbox)
    if log_path.exists():
        raise already_there(log_path)
    async with await open_source(path, settings.input) as source:
        state = LogState()
        plan = await _checked(source, state, settings)
        async with _way_to_api(settings, terms) as way:
            proposal = await _propose(source, plan, state, settings, way.account, log_path, terms)
            if not _confirmed(proposal, terms):
                return _nothing_sent(proposal.plan)
            record = _run_record(source, path, plan, settings, proposal)
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

    `path` is the input, by default the one that the log names; `settings_for` returns the
    settings, given what the log's last run was started with. Raises Refused when nothing was
    sent.
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
    last = contents.last_run
    settings = settings_for(_without_file_settings(last, log_path, path))
    if path is None:
        if last.input == "-":
            raise Refused(
                f"{log_path} was made from standard input, so name the input again:  "
                f"bulkstatus resume {log_path} INPUT"
            )
        path = str(log_path.parent / last.input)
    async with await open_source(path, settings.input) as source:
        state = contents.state
        plan = await _checked(source, state, settings)
        async with _way_to_api(settings, terms) as way:
            ref_id = way.credentials.ref_id
            if ref_id and ref_id != last.ref_id:
                raise LogRefused(
                    f"{log_path} was made for the account {last.ref_id}, and the credentials are "
                    f"those of {ref_id}. "
                    + (
                        "Use that account's, or send the file anew with another --log."
                        if state.counts()
                        else "Nothing was sent for it: delete the log and send the file again."
                    )
                )
            proposal = await _propose(
                source,
                plan,
                state,
                settings,
                way.account,
                log_path,
                terms,
                contents,
            )
            if not _confirmed(proposal, terms) or log is None:
                return _nothing_sent(proposal.plan)
            record = _run_record(source, path, plan, settings, proposal)
            await log.append_record(record)
            return await _run(proposal, plan, state, log, record, way, terms)


# What the settings of a log say of its input, and nothing of another file.
_FILE_SETTINGS = frozenset({"format", "encoding", "sheet", "no_header"})


def _without_file_settings(run: RunRecord, log_path: Path, path: str | None) -> RunRecord:
    """Return the run's record without what describes its input, when `path` is another file."""
    if path is None or path == "-":
        return run
    if Path(path).resolve() == (log_path.parent / run.input).resolve():
        return run
    kept = {name: value for name, value in run.settings.items() if name not in _FILE_SETTINGS}
    return replace(run, settings=kept)


async def _checked(source: Source, state: LogState, settings: Settings) -> Plan:
    """Return the plan for a source, or raise RowsRefused when some of its rows refuse the file."""
    plan = await check_source(source, state, last_wins=settings.last_wins)
    if plan.refused and not settings.skip_invalid:
        rows = "row" if plan.refused == 1 else "rows"
        raise RowsRefused(
            f"{source.name}: {plan.refused} {rows} of {plan.rows} cannot be sent, so nothing was "
            "sent. Correct them, or send only the others with --skip-invalid.",
            plan,
        )
    return plan


@asynccontextmanager
async def _way_to_api(settings: Settings, terms: Terms) -> AsyncIterator[_Way]:
    """Yield how the API is reached, or a sandbox when one is asked for."""
    if not settings.values["sandbox"]:
        credentials = terms.credentials(settings) or Credentials("", "")
        if not terms.dry_run:
            credentials.check()
        # Reading the authorities takes longer than all the rest of the start.
        encrypted = settings.base_url.startswith("https:")
        tls = tls_context(settings.ca_file) if encrypted or settings.ca_file else None
        yield _Way(settings.base_url, credentials, tls, find_proxy(settings.base_url))
        return
    from bulkstatus.sandbox import Sandbox

    async with Sandbox() as sandbox:
        yield _Way(sandbox.base_url, Credentials("sandbox", "sandbox-key"))


async def _propose(
    source: Source,
    plan: Plan,
    state: LogState,
    settings: Settings,
    account: tuple[str, str],
    log_path: Path,
    terms: Terms,
    log: LogContents | None = None,
) -> Proposal:
    shown = plan
    if terms.limit is not None:
        shown = await limit_plan(source, plan, state, terms.limit)
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
        log=log,
        changed=log is not None and log.last_run.input_sha256 != source.sha256,
        left_behind=_left_behind(plan, log) if log is not None else 0,
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
    with _quotas(settings, account) as quotas:
        paced = seconds_needed(due, settings.rate, quotas.coming_free() if quotas else ())
    return max(paced, due * GUESSED_LATENCY / settings.concurrency)


@contextmanager
def _quotas(settings: Settings, account: tuple[str, str]) -> Iterator[Quotas | None]:
    if not settings.quotas:
        yield None
        return
    ledger = Ledger(":memory:") if settings.values["sandbox"] else Ledger()
    try:
        yield Quotas(settings.quotas, ledger, " ".join(account), settings.timeout)
    finally:
        ledger.close()


def _confirmed(proposal: Proposal, terms: Terms) -> bool:
    """Ask whether to go on. False means that there is nothing to do, neither to send nor to log."""
    plan = proposal.plan
    to_log = plan.gone or plan.refused or plan.superseded or plan.duplicates
    if not proposal.all_due and not to_log:
        return False
    if not terms.confirm(proposal):
        raise Declined("Nothing was sent.")
    return not terms.dry_run


def _nothing_sent(plan: Plan) -> Summary:
    ending = Ending("finished", 0, "Nothing was sent.")
    return Summary(ending, {}, plan.rows, plan.due, None)


def _run_record(
    source: Source, path: str, plan: Plan, settings: Settings, proposal: Proposal
) -> RunRecord:
    return RunRecord(
        run_id=uuid.uuid4().hex,
        started_at=timestamp(time.time()),
        version=__version__,
        input=_relative(path, proposal.log_path),
        input_sha256=source.sha256,
        rows=plan.rows,
        base_url=proposal.base_url,
        ref_id=proposal.ref_id,
        user=_user(),
        host=platform.node(),
        settings={name: value for name, value in settings.values.items() if name != "base_url"},
    )


def _relative(path: str, log_path: Path) -> str:
    if path == "-":
        return path
    try:
        relative = Path(os.path.relpath(path, log_path.parent)).as_posix()
    except ValueError:  # on another drive of Windows
        relative = str(Path(path).resolve())
    # The odd bytes of a file's name have no place in JSON; a resume must then name the input.
    return relative.encode("utf-8", "backslashreplace").decode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


async def _run(
    proposal: Proposal,
    plan: Plan,
    state: LogState,
    log: ResultLog,
    record: RunRecord,
    way: _Way,
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
    with _quotas(settings, way.account) as quotas:
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
    return Summary(ending, state.counts(), plan.rows, run.pending, log.path)
