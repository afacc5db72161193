"""The commands as functions: `send`, `resume`, `check` and `report`.

A setting that is not given comes from where the command takes it: on a resume from the log, then
from the environment, the user's profile and the defaults. There is never a question: to call is
to say yes, except that cancellations and a changed input must be confirmed by an argument.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from bulkstatus.config import (
    DEFAULTS,
    Settings,
    find_account,
    logged_settings,
    no_credentials,
    settings_from,
)
from bulkstatus.credentials import Credentials
from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus
from bulkstatus.preflight import Plan, check_source
from bulkstatus.run import Observer
from bulkstatus.sending import Proposal, Summary, Terms
from bulkstatus.sending import resume as _resume
from bulkstatus.sending import send as _send
from bulkstatus.source import open_source
from bulkstatus.wording import counted

if TYPE_CHECKING:
    from bulkstatus.reporting import Report


class InputSettings(TypedDict, total=False):
    """How to read an input: the options of `bulkstatus check`, by the same names.

    `column` maps "order_id", "status" or "tracking" to the header that holds it.
    """

    format: str
    status: OrderStatus | int | str
    column: Mapping[str, str]
    no_header: bool
    encoding: str
    sheet: str
    require_tracking: bool
    on_conflict: str
    profile: str


class ConnectionSettings(TypedDict, total=False):
    """How the API is reached and how fast: options of `bulkstatus send`, by the same names.

    `rate` is like "10/s", `quota` like "1000/h" or several of those; `timeout` is in seconds.
    """

    auth_scheme: str
    ca_file: str | os.PathLike[str]
    rate: str
    quota: str | Sequence[str]
    concurrency: int
    attempts: int
    timeout: float


class SendSettings(InputSettings, ConnectionSettings, total=False):
    """The settings of a run: the options of `bulkstatus send`, by the same names.

    `give_up_after` is in seconds, or like "15m". With `sandbox` everything goes to a stand-in of
    the API inside this process, and no credentials are needed.
    """

    base_url: str
    give_up_after: float | str
    skip_invalid: bool
    sandbox: bool


async def send(
    path: str | os.PathLike[str],
    *,
    log: str | os.PathLike[str] | None = None,
    ref_id: str | None = None,
    api_key: str | None = None,
    cancellations: int | None = None,
    limit: int | None = None,
    max_failures: int | None = None,
    dry_run: bool = False,
    observer: Callable[[Proposal], Observer] | None = None,
    **settings: Unpack[SendSettings],
) -> Summary:
    """Check a file, send every row of it and log what became of each, as `bulkstatus send` does.

    `log` is where the result log goes, by default `dispatch.results.jsonl` beside `dispatch.csv`.
    A file that cancels orders needs `cancellations`, exactly how many this call will cancel.
    `limit` sends the first so many rows and stops; `max_failures` stops after so many. `dry_run`
    checks everything and sends nothing. `observer` is called once, with what is about to happen,
    and returns the one that is told of it (see Observer; Silent is one to derive from).
    Cancelling the task is like losing the process: rows
    on the wire may have been changed, and `resume` sends them again.

    Returns how the run ended and the rows by outcome. `ending.exit_status` is what the command
    would exit with: 0 for every row updated, 1 for some that were not, 3 for a run that stopped
    before its end. Raises Refused (InputRefused, RowsRefused, SettingsRefused, LogRefused) when
    nothing was sent.

    >>> import asyncio, bulkstatus
    >>> summary = asyncio.run(bulkstatus.send("dispatch.csv", sandbox=True, rate="none"))
    >>> summary.ending.exit_status, summary.counts[bulkstatus.Outcome.UPDATED]
    (0, 3)
    """
    resolved = settings_from(given_settings(settings), given_name="argument")
    terms = _terms(ref_id, api_key, cancellations, False, limit, max_failures, dry_run, observer)
    return await _send(os.fspath(path), resolved, None if log is None else Path(log), terms)


async def resume(
    log: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    ref_id: str | None = None,
    api_key: str | None = None,
    changed_input: bool = False,
    cancellations: int | None = None,
    limit: int | None = None,
    max_failures: int | None = None,
    dry_run: bool = False,
    observer: Callable[[Proposal], Observer] | None = None,
    **settings: Unpack[SendSettings],
) -> Summary:
    """Go on with what a log's runs have not updated yet, as `bulkstatus resume` does.

    `path` is the input, by default the last run's, or where that run finished and the input that
    the log was made for is not, that one. `changed_input` says that an input is meant which is
    not the one that the log goes on with by itself, nor as the latest run over it had it, or which
    brings back rows that were withdrawn. A setting that is given wins over the log's. The other
    arguments, what is returned and what is raised are as with `send`; `unfinished` of what is
    returned is the latest run over the log's own input, where no run has finished that.

    >>> import asyncio, bulkstatus
    >>> start = bulkstatus.send("dispatch.csv", log="run.jsonl", limit=1, sandbox=True)
    >>> summary = asyncio.run(start)
    >>> summary.ending.exit_status, summary.pending
    (3, 2)
    >>> summary = asyncio.run(bulkstatus.resume("run.jsonl"))
    >>> summary.ending.exit_status, summary.pending
    (0, 0)
    """
    given = given_settings(settings)
    terms = _terms(
        ref_id, api_key, cancellations, changed_input, limit, max_failures, dry_run, observer
    )
    return await _resume(
        Path(log),
        None if path is None else os.fspath(path),
        lambda run: settings_from(given, logged_settings(run), given_name="argument"),
        terms,
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
    3 the status "Despatched" is not one of the nine; did you mean Dispatched (8)?
    """
    resolved = settings_from(given_settings(settings), given_name="argument")
    async with await open_source(os.fspath(path), resolved.input) as source:
        return await check_source(source, last_wins=resolved.last_wins, keep=None)


async def report(log: str | os.PathLike[str]) -> "Report":
    """Read what happened from a result log, as `bulkstatus report` does.

    The log may still be being written. Rows that are still pending are named by the input, where
    it is still the file that it was. Raises LogRefused when the log cannot be read.

    >>> import asyncio, bulkstatus
    >>> summary = asyncio.run(bulkstatus.send("dispatch.csv", log="told.jsonl", sandbox=True))
    >>> report = asyncio.run(bulkstatus.report("told.jsonl"))
    >>> report.rows, report.pending, len(report.failures)
    (3, 0, 0)
    """
    from bulkstatus.reporting import summarise
    from bulkstatus.reporting.pending import report_with_input

    return await report_with_input(await asyncio.to_thread(summarise, Path(log)))


def given_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the command line would have given them."""
    given = dict(settings)
    for name in given:
        if name not in DEFAULTS:
            close = get_close_matches(name, DEFAULTS, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise TypeError(f"there is no setting {name!r}{meant}")
    if isinstance(given.get("status"), int):
        given["status"] = str(int(given["status"]))
    if given.get("ca_file") is not None:
        given["ca_file"] = os.fspath(given["ca_file"])
    if isinstance(given.get("quota"), str):
        given["quota"] = [given["quota"]]
    return given


def credentials_for(settings: Settings, ref_id: str | None, api_key: str | None) -> Credentials:
    """Return the account's credentials, those that are not given from where a command finds them.

    Raises SettingsRefused when one is found nowhere.
    """
    if ref_id and api_key:
        return Credentials(ref_id, api_key)
    found = find_account(settings)
    ref_id = ref_id or found.ref_id
    api_key = api_key or (found.api_key.value if found.api_key else None)
    if not ref_id or not api_key:
        raise no_credentials(ref_id)
    return Credentials(ref_id, api_key)


def _terms(
    ref_id: str | None,
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
        if not needs_key:
            known = ref_id or settings.ref_id
            return Credentials(known, "") if known else None
        return credentials_for(settings, ref_id, api_key)

    def confirm(proposal: Proposal) -> bool:
        if not dry_run and not proposal.settings.values["sandbox"]:
            _check_confirmed(proposal, cancellations, changed_input)
        return True

    return Terms(
        credentials=credentials,
        confirm=confirm,
        observer=observer,
        limit=limit,
        max_failures=max_failures,
        dry_run=dry_run,
    )


def _check_confirmed(proposal: Proposal, cancellations: int | None, changed_input: bool) -> None:
    """Raise SettingsRefused unless the arguments say yes to what is about to happen."""
    count = proposal.plan.cancellations
    if (cancellations or 0) != count:
        said = "is not given" if cancellations is None else f"says {cancellations}"
        raise SettingsRefused(
            f"This would cancel {count} orders, and cancellations {said}. Nothing was sent; look "
            f"at the file, then confirm that with cancellations={count}."
        )
    if changed_input:
        return
    if proposal.changed:
        raise SettingsRefused(
            "The input is not the one that this log goes on with: it is another file, or was "
            "changed since. Nothing was sent; say changed_input=True when that is meant."
        )
    if proposal.brought_back:
        raise SettingsRefused(
            f"The input brings back {counted(proposal.brought_back, 'row')} that failed, and that "
            "a later one had mended or no more. Nothing was sent; say changed_input=True when "
            "that is meant."
        )
