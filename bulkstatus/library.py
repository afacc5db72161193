"""The commands as functions: `send`, `resume`, `check` and `report`.

A setting that is not given comes from where the command takes it: on a resume from the log (but
neither base URL, CA file, auth scheme nor account), then from the environment, the user's profile
and the defaults. There is never a question: to call is to say yes, except that cancellations and
a mended file that brings more than the log's own rows must be confirmed by an argument.

An argument that cannot be used raises SettingsRefused, one of an unknown name TypeError.
`bulkstatus.sync` has the same functions for programs without an event loop.
"""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from bulkstatus import job
from bulkstatus.client import ConnectionSettings
from bulkstatus.errors import SettingsRefused
from bulkstatus.job import Ended, Proposal, RowsRefused, Terms
from bulkstatus.job.consent import Said
from bulkstatus.job.plan import Plan
from bulkstatus.job.run import Observer
from bulkstatus.order import OrderStatus
from bulkstatus.settings.keys import credentials_for
from bulkstatus.settings.sources import settings_for
from bulkstatus.settings.table import OF_ONE_RUN, SETTINGS, Setting
from bulkstatus.settings.values import FILE, FLAG, refuse_unknown
from bulkstatus.source import memory
from bulkstatus.source.memory import Rows

if TYPE_CHECKING:
    from bulkstatus.reporting import Summary

_WORDS = {"cancellations": "cancellations={}", "changed_input": "changed_input=True"}


class InputSettings(TypedDict, total=False):
    """How to read an input: the options of `bulkstatus check`, by the same names.

    `column` maps "order_id", "status", "tracking" or "void" to the header that holds it, and
    `word` words of the file's own to the status that they mean.
    """

    format: str
    status: OrderStatus | int | str
    column: Mapping[str, str]
    word: Mapping[str, OrderStatus | int | str]
    save_layout: str
    no_header: bool
    encoding: str
    sheet: str
    require_tracking: bool
    odd_ids: bool
    on_conflict: str
    profile: str


class RunArguments(InputSettings, ConnectionSettings, total=False):
    """What `send` and `resume` take: the options of those commands, by the same names.

    With `sandbox` everything goes to a stand-in of the API inside this process, and no
    credentials are needed; else `ref_id` and `api_key` are the account's. `cancellations` is
    exactly how many orders this call will cancel. `limit` sends the first so many rows and stops;
    `max_failures` stops after so many. `dry_run` checks everything and sends nothing. `observer`
    is called once, with what is about to happen, and returns the one that is told of it (see
    Observer, to derive from).
    """

    base_url: str
    skip_invalid: bool
    sandbox: bool
    look_back: float | str
    send_again: bool
    shard: str
    ref_id: str | None
    api_key: str | None
    cancellations: int | None
    limit: int | None
    max_failures: int | None
    dry_run: bool
    observer: Callable[[Proposal], Observer] | None


async def send(
    source: str | os.PathLike[str] | Rows,
    *,
    log: str | os.PathLike[str] | None = None,
    go_on: bool = False,
    **arguments: Unpack[RunArguments],
) -> Ended:
    """Check a file or rows, send every row and log what became of each, as `bulkstatus send` does.

    `source` is a path, or rows from memory: an iterable or async iterable of StatusUpdate or of
    (order ID, status, tracking), which are judged as a file's rows are, the line being the item's
    position. `log` is where the result log goes: by default `dispatch.results.jsonl` beside
    `dispatch.csv`, and to be given for rows from memory. `go_on` is `--resume`: where there is a
    log, it is gone on with. What cancels orders needs `cancellations`; RunArguments has this and
    the other arguments. Cancelling the task is like losing the process: rows on the wire may have
    been changed, and `resume` sends them again.

    Returns how the run ended and the rows by outcome. `ending.exit_status` is what the command
    would exit with: 0 for every row updated, 1 for some that were not, 3 or 4 for a run that
    stopped before its end. Raises Refused (InputRefused, RowsRefused, SettingsRefused,
    LogRefused) or LogInUse when nothing was sent.

    >>> import asyncio, bulkstatus
    >>> ended = asyncio.run(bulkstatus.send("dispatch.csv", sandbox=True, rate="none"))
    >>> ended.ending.exit_status, ended.counts[bulkstatus.Outcome.UPDATED]
    (0, 3)
    >>> rows = [("1001", "dispatched", "T1"), ("1002", 8, None)]
    >>> ended = asyncio.run(bulkstatus.send(rows, log="rows.jsonl", sandbox=True))
    >>> ended.counts[bulkstatus.Outcome.UPDATED]
    2
    """
    given, terms = _parted(arguments, go_on=go_on)
    place = None if log is None else Path(_path_of("log", log))
    if place is None and not isinstance(source, str | os.PathLike):
        raise SettingsRefused("Rows from memory need a place for their log: give it as log.")
    async with _path_and_settings(source, given) as (path, settings):
        for_log = partial(settings_for, settings, given_name="argument")
        if go_on:
            return await job.send_or_resume(path, for_log(), for_log, place, terms)
        return await job.send(path, for_log(), place, terms)


async def resume(
    log: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    changed_input: bool = False,
    retry_rejected: bool = False,
    withdraw: bool = False,
    **arguments: Unpack[RunArguments],
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
    given, terms = _parted(
        arguments, changed_input=changed_input, retry_rejected=retry_rejected, withdraw=withdraw
    )
    for_log = partial(settings_for, given, given_name="argument")
    log_path, mended = job.log_and_file(
        Path(_path_of("log", log)), None if path is None else _path_of("path", path), for_log()
    )
    return await job.resume(
        log_path,
        mended,
        for_log,
        terms,
        withdraw=withdraw,
        retry_rejected=retry_rejected,
    )


async def check(source: str | os.PathLike[str] | Rows, **settings: Unpack[InputSettings]) -> Plan:
    """Check a whole file, or rows from memory, and send nothing, as `bulkstatus check` does.

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
    refuse_unknown(settings, InputSettings.__annotations__)
    async with _path_and_settings(source, settings) as (path, given):
        _, plan = await job.check(path, settings_for(given, given_name="argument"), None)
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

    return await asyncio.to_thread(summarise, Path(_path_of("log", log)))


def _parted(arguments: Mapping[str, Any], **flags: bool) -> tuple[dict[str, Any], Terms]:
    """Return the settings among the arguments, and the terms that the others make, flags too.

    Raises TypeError for a name that is none, SettingsRefused for a value of another type.
    """
    of_run = OF_ONE_RUN | {name: Setting(name, FLAG, False, "") for name in flags}
    refuse_unknown(arguments, [*SETTINGS, *OF_ONE_RUN, "api_key", "observer"])
    settings = {name: value for name, value in arguments.items() if name in SETTINGS}
    given = {**dict.fromkeys(of_run), **arguments, **flags}
    once = {name: setting.once(given[name], name) for name, setting in of_run.items()}
    observer = given.get("observer")
    if not callable(observer or Observer):
        raise SettingsRefused("observer must be a function that returns an Observer.")

    said = Said(_WORDS, once["cancellations"], bool(once.get("changed_input")))

    def confirm(proposal: Proposal) -> bool:
        said.check(proposal, needs_all=not (once["dry_run"] or proposal.settings.sandbox))
        return True

    return settings, Terms(
        partial(credentials_for, api_key=given.get("api_key")),
        confirm,
        observer=observer,
        limit=once["limit"],
        max_failures=once["max_failures"],
        dry_run=once["dry_run"],
    )


def _path_of(name: str, value: object) -> str:
    """Return the path that an argument is, as text; raise SettingsRefused when it is none."""
    path: str = Setting(name, FILE, None, "").read(value, name)[0]
    return path


@asynccontextmanager
async def _path_and_settings(
    source: object, given: Mapping[str, Any]
) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """Yield the path of a source, or of a file of its rows, and the settings to read it by.

    Raises SettingsRefused when it is neither.
    """
    if isinstance(source, str | os.PathLike):
        yield _path_of("source", source), given
        return
    no_rows = isinstance(source, bytes | Mapping)
    if no_rows or not isinstance(source, Iterable | AsyncIterable):
        raise SettingsRefused(
            "source must be a path, or rows: an iterable or async iterable of StatusUpdate or of "
            f"(order ID, status, tracking), not {type(source).__name__}."
        )
    if unfit := given.keys() & memory.SETTINGS:
        raise SettingsRefused(f"{unfit.pop()} means nothing for rows from memory. Leave it out.")
    async with memory.kept(source) as path:
        try:
            yield path, {**given, **memory.SETTINGS}
        except RowsRefused as refusal:
            # What it says to type next is about a file that will be gone.
            refusal.args = (str(refusal).partition("\n")[0],)
            raise
