"""The commands as functions: `send`, `resume`, `check` and `report`.

A setting that is not given comes from where the command takes it: on a resume from the log (but
neither base URL, CA file, auth scheme nor account), then from the environment, the user's profile
and the defaults. There is never a question: to call is to say yes, except that cancellations and
a mended file that brings more than the log's own rows must be confirmed by an argument.
"""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from bulkstatus import job
from bulkstatus.api.access import Credentials
from bulkstatus.errors import SettingsRefused
from bulkstatus.job import Ended, Proposal, Terms
from bulkstatus.job.plan import Plan
from bulkstatus.job.run import Observer
from bulkstatus.settings.keys import credentials_for
from bulkstatus.settings.sources import settings_for
from bulkstatus.settings.table import InputSettings, SendSettings, Settings

if TYPE_CHECKING:
    from bulkstatus.reporting import Summary


async def send(
    path: str | os.PathLike[str],
    *,
    log: str | os.PathLike[str] | None = None,
    ref_id: str | None = None,
    api_key: str | None = None,
    go_on: bool = False,
    cancellations: int | None = None,
    limit: int | None = None,
    max_failures: int | None = None,
    dry_run: bool = False,
    observer: Callable[[Proposal], Observer] | None = None,
    **settings: Unpack[SendSettings],
) -> Ended:
    """Check a file, send every row of it and log what became of each, as `bulkstatus send` does.

    `log` is where the result log goes, by default `dispatch.results.jsonl` beside `dispatch.csv`.
    `go_on` is `--resume`: where there is a log, it is gone on with. A file that cancels orders
    needs `cancellations`, exactly how many this call will cancel. `limit` sends the first so many
    rows and stops; `max_failures` stops after so many. `dry_run` checks everything and sends
    nothing. `observer` is called once, with what is about to happen, and returns the one that is
    told of it (see Observer, to derive from). Cancelling the task is like losing
    the process: rows on the wire may have been changed, and `resume` sends them again.

    Returns how the run ended and the rows by outcome. `ending.exit_status` is what the command
    would exit with: 0 for every row updated, 1 for some that were not, 3 or 4 for a run that
    stopped before its end. Raises Refused (InputRefused, RowsRefused, SettingsRefused,
    LogRefused) or LogInUse when nothing was sent.

    >>> import asyncio, bulkstatus
    >>> ended = asyncio.run(bulkstatus.send("dispatch.csv", sandbox=True, rate="none"))
    >>> ended.ending.exit_status, ended.counts[bulkstatus.Outcome.UPDATED]
    (0, 3)
    """
    given = {**settings, "ref_id": ref_id}
    for_log = partial(settings_for, given, given_name="argument")
    in_force = for_log()
    terms = _terms(api_key, cancellations, False, limit, max_failures, dry_run, observer)
    place = None if log is None else Path(log)
    if go_on:
        return await job.send_or_resume(os.fspath(path), in_force, for_log, place, terms)
    return await job.send(os.fspath(path), in_force, place, terms)


async def resume(
    log: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    ref_id: str | None = None,
    api_key: str | None = None,
    changed_input: bool = False,
    retry_rejected: bool = False,
    withdraw: bool = False,
    cancellations: int | None = None,
    limit: int | None = None,
    max_failures: int | None = None,
    dry_run: bool = False,
    observer: Callable[[Proposal], Observer] | None = None,
    **settings: Unpack[SendSettings],
) -> Ended:
    """Go on with what is not done yet of a log, as `bulkstatus resume` does.

    `log` may also be a file, which means its newest log and the file. `path` is a mended file: its
    rows are merged into the log, which `changed_input` must confirm where that brings new rows,
    refused ones again, withdraws rows or leaves some. `retry_rejected` sends again what the API
    refused, and `withdraw` sends nothing and gives up all rows that are still open. A setting that
    is given wins over the log's. The other arguments, what is returned and what is raised are as
    with `send`; cancellations that the log's runs were told need no number.

    >>> import asyncio, bulkstatus
    >>> start = bulkstatus.send("dispatch.csv", log="run.jsonl", limit=1, sandbox=True)
    >>> ended = asyncio.run(start)
    >>> ended.ending.exit_status, ended.to_send
    (3, 2)
    >>> ended = asyncio.run(bulkstatus.resume("run.jsonl"))
    >>> ended.ending.exit_status, ended.to_send
    (0, 0)
    """
    mended = None if path is None else os.fspath(path)
    log_path, mended = job.log_and_file(Path(log), mended)
    return await job.resume(
        log_path,
        mended,
        partial(settings_for, {**settings, "ref_id": ref_id}, given_name="argument"),
        _terms(api_key, cancellations, changed_input, limit, max_failures, dry_run, observer),
        withdraw=withdraw,
        retry_rejected=retry_rejected,
    )


async def check(path: str | os.PathLike[str], **settings: Unpack[InputSettings]) -> Plan:
    """Check a whole file and send nothing, as `bulkstatus check` does.

    Returns what would become of its rows: counts, and every row that cannot be sent in
    `problems`, with its line and the reason; none may be sent unless `refused` is 0. Raises
    InputRefused when the file as a whole cannot be read, SettingsRefused for a wrong argument.

    >>> import asyncio, bulkstatus
    >>> plan = asyncio.run(bulkstatus.check("mistakes.csv"))
    >>> plan.rows, plan.due, plan.refused
    (3, 2, 1)
    >>> print(plan.problems[0].line, plan.problems[0].reason)
    3 the status "Dispached" is not one of the nine; did you mean Dispatched (8)?
    """
    _, plan = await job.check(os.fspath(path), settings_for(settings, given_name="argument"), None)
    return plan


async def report(log: str | os.PathLike[str]) -> "Summary":
    """Read what happened from a result log, as `bulkstatus report` does.

    The log may still be being written. Raises LogRefused when it cannot be read.

    >>> import asyncio, bulkstatus
    >>> ended = asyncio.run(bulkstatus.send("dispatch.csv", log="told.jsonl", sandbox=True))
    >>> summary = asyncio.run(bulkstatus.report("told.jsonl"))
    >>> summary.rows, summary.to_send, len(summary.failures)
    (3, 0, 0)
    """
    from bulkstatus.reporting import summarise

    return await asyncio.to_thread(summarise, Path(log))


def _terms(
    api_key: str | None,
    cancellations: int | None,
    changed_input: bool,
    limit: int | None,
    max_failures: int | None,
    dry_run: bool,
    observer: Callable[[Proposal], Observer] | None,
) -> Terms:
    for name, value in (("limit", limit), ("max_failures", max_failures)):
        if value is not None and value < 1:
            raise SettingsRefused(f"{name} is a whole number from 1 up, not {value}.")

    def credentials(settings: Settings, needs_key: bool) -> Credentials | None:
        if needs_key:
            return credentials_for(settings, api_key)
        return Credentials(settings.ref_id, "") if settings.ref_id else None

    def confirm(proposal: Proposal) -> bool:
        if not dry_run and not proposal.settings.sandbox:
            _check_confirmed(proposal, cancellations, changed_input)
        return True

    return Terms(
        credentials,
        confirm,
        observer=observer,
        limit=limit,
        max_failures=max_failures,
        dry_run=dry_run,
    )


def _check_confirmed(proposal: Proposal, cancellations: int | None, changed_input: bool) -> None:
    """Raise SettingsRefused unless the arguments say yes to what is about to happen."""
    count = proposal.plan.cancellations
    if proposal.needs_no_number:
        cancellations = None
    told = cancellations is None and not proposal.plan.untold_cancellations
    if not told and (cancellations or 0) != count:
        raise SettingsRefused(
            f"This would cancel {count} orders, and cancellations is {cancellations}. Nothing was "
            f"sent; look at the file, then confirm that with cancellations={count}."
        )
    if proposal.changes_input and not changed_input:
        raise SettingsRefused(
            "The file is not as the log has it: it brings new rows, refused ones again, or leaves "
            "rows out. Nothing was sent; say changed_input=True when that is meant."
        )
