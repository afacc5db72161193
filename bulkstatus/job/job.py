"""`send` and `resume`: from an input, a log or both to a run that is `ready` but for the yes."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from bulkstatus.errors import ActionNeeded, LogRefused, NoLog, Refused, Stopped
from bulkstatus.job import refusals
from bulkstatus.job.beginning import merged, of_log, withdrawal
from bulkstatus.job.check import Checked, check_source
from bulkstatus.job.known import Known
from bulkstatus.job.names import default_log, is_log, is_of, kept_settings, logs_of, next_log
from bulkstatus.job.plan import Plan
from bulkstatus.job.ready import carry_out, refuse_other_account
from bulkstatus.job.run import Ending
from bulkstatus.job.terms import Declined, Ended, Terms
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import LogContents, Outcome, ResultLog, read_log
from bulkstatus.settings.table import TYPED, Settings, names_of
from bulkstatus.source import Asks, Source, open_source
from bulkstatus.words import command_line

#: Returns the settings in force, given those that a log has kept, and the log.
SettingsFor = Callable[[Mapping[str, Any], Path], Settings]


async def send(path: str, settings: Settings, log_path: Path | None, terms: Terms) -> Ended:
    """Send a file, or the shard of it that the settings say, for the first time.

    Raises Refused (InputRefused, SettingsRefused, LogRefused) or LogInUse when nothing was sent.
    """
    first = log_path or default_log(path, settings.sandbox, settings.shard)
    if log_path is not None and not settings.sandbox and logs_of(first):
        _refuse_in_use(first)
        raise refusals.log_is_there(first, settings)
    return await _send(path, settings, first, _logs(first, path, settings, log_path), terms)


async def _send(
    path: str,
    settings: Settings,
    first: Path,
    logs: Sequence[LogContents],
    terms: Terms,
    again: bool = False,
) -> Ended:
    """Send a file with its next log; `first` is the name of its first one, and `logs` are there.

    With `again` it is sent by what is started again and again: a file all of whose rows are done
    elsewhere is not refused, its log says so.
    """
    # A rehearsal takes the place of the last one, and of nothing else.
    logs = [] if settings.sandbox else logs
    if logs and logs[-1].state.to_send:
        _refuse_in_use(logs[-1].path)
        raise refusals.unfinished_log(logs[-1], path, settings)
    # Another file may have its own log where the first one of this would be.
    is_free = settings.sandbox or not (logs or logs_of(first))
    log = LogContents(first if is_free else next_log(first))
    return await _begin(log, path, settings, terms, logs=logs, again=again)


def _logs(
    first: Path, path: str, settings: Settings, log_path: Path | None = None
) -> list[LogContents]:
    """Return the logs of a file, or of its rehearsals where the settings say so.

    They are none of another file, unless `log_path` says what this one's are called.
    """
    logs = (log for log in logs_of(first) if log.is_sandbox == settings.sandbox)
    return [log for log in logs if log_path is not None or is_of(log, path)]


def _refuse_in_use(path: Path) -> None:
    """Raise LogInUse where a run is at work on a log: its rows are not left but under way."""
    with suppress(LogRefused):
        ResultLog.open(path).close()


async def check(
    path: str, settings: Settings, keep: int | None = 20, asks: Asks | None = None
) -> tuple[Source, Plan]:
    """Check an input alone; `keep` is how many problems to hold on to, None for all of them.

    `asks` is asked what is in question of it.

    Raises InputRefused when the input as a whole cannot be read.
    """
    async with WorkList() as work:
        settings = replace(settings, shard=None, look_back=0.0)
        known = Known(LogContents(Path(path)), settings)
        _, checked = await _check(path, settings, known, work, asks, keep)
        return checked.source, (await merged(checked, work, None)).plan


async def _check(
    path: str,
    settings: Settings,
    known: Known,
    work: WorkList,
    asks: Asks | None,
    keep: int | None,
) -> tuple[Settings, Checked]:
    """Check an input; return it, and the settings with what was answered about it.

    The answers are kept where that was asked for, unless most of its rows are wrong.
    """
    async with await open_source(path, replace(settings.input, asks=asks)) as source:
        settings = settings.answered(source.options, source.saved)
        checked = await check_source(source, work, known, shard=settings.shard, keep=keep)
    if checked.plan.refused * 2 <= checked.plan.rows:
        source.keep_layout()
    return settings, checked


async def resume(
    log_path: Path,
    path: str | None,
    settings_for: SettingsFor,
    terms: Terms,
    *,
    withdraw: bool = False,
    retry_rejected: bool = False,
) -> Ended:
    """Go on with what is not done yet of a log; with `path`, as that mended file has it now.

    `withdraw` sends nothing and gives up all that is open. `retry_rejected` sends again also what
    the API refused. Raises Refused or LogInUse when nothing was sent.
    """
    with _opened(log_path, terms.dry_run) as (opened, log):
        kept = kept_settings(log, Path(path)) if path else log.last_run.settings
        settings = settings_for(kept, log_path)
        _refuse_elsewhere(log, settings, withdraw)
        notes: list[str] = []
        if path is None and not withdraw and (changed := changed_file(log)) is not None:
            if terms.take_over(changed.name):
                path = str(changed)
            else:
                notes.append(
                    f"{changed.name} has changed since it was sent. This goes on with the rows "
                    "that the log has, as they were."
                )
        return await _begin(
            log,
            path,
            settings,
            terms,
            opened=opened,
            notes=notes,
            withdraw=withdraw,
            retry_rejected=retry_rejected,
        )


async def _begin(
    log: LogContents,
    path: str | None,
    settings: Settings,
    terms: Terms,
    *,
    opened: ResultLog | None = None,
    logs: Sequence[LogContents] = (),
    notes: Sequence[str] = (),
    again: bool = False,
    withdraw: bool = False,
    retry_rejected: bool = False,
) -> Ended:
    """Begin with a log, which is a new one where it has no run, and with a file or none, and run.

    `logs` are other logs of the file, and `notes` what there is to say besides.
    """
    known = Known(log, settings, logs)
    source: Source | None = None
    async with WorkList() as rows, WorkList() as work:
        if withdraw:
            beginning = await withdrawal(log, work)
        elif path is None:
            refused = log.state.counts().get(Outcome.REJECTED, 0)
            retry = retry_rejected or bool(refused and terms.retry_rejected(log.path, refused))
            beginning = await of_log(known, work, retry, terms.limit)
        else:
            settings, checked = await _check(path, settings, known, rows, terms.asks, terms.keep)
            source = checked.source
            if not settings.send_again and (other := log_of_content(logs, source.sha256)):
                raise refusals.same_content(other, path)
            if checked.plan.refused and not settings.skip_invalid:
                raise refusals.rows_refused(path, checked, settings)
            beginning = await merged(checked, work, terms.limit)
            plan = beginning.plan
            if plan.elsewhere and not (log.runs or plan.all_due or plan.refused or again):
                raise refusals.done_elsewhere(source.name, plan)
        notes = [*_about_shard(settings), *notes, *known.notes]
        return await carry_out(beginning, settings, source, path, notes, terms, opened)


async def send_or_resume(
    path: str,
    settings: Settings,
    settings_for: SettingsFor,
    log_path: Path | None,
    terms: Terms,
) -> Ended:
    """Send a file, or go on with a log of it: what a program starts again and again.

    The newest log, where it has rows that are to be sent or failed, is gone on with. Then the file
    is sent with the next log, unless a log has this content: that one is gone on with too, or says
    how it ended. A file that is not there is refused where nothing is left of its log. The exit
    status is the file's, or where that is all updated the one of the run before. Raises
    ActionNeeded where that run sent something and the file is refused.
    """
    if path == "-":
        raise refusals.there_once("Standard input")
    first = log_path or default_log(path, settings.sandbox, settings.shard)
    logs = _logs(first, path, settings, log_path)
    content = content_of(Path(path))
    own = log_of_content(logs, content)
    going_on = replace(
        terms,
        take_over=lambda name: False,
        confirm=lambda proposal: terms.confirm(replace(proposal, restarts=True)),
    )
    before: Ended | None = None
    if logs and logs[-1] is not own and _has_rest(logs[-1]):
        before = await resume(logs[-1].path, None, settings_for, going_on)
        if terms.dry_run or before.ending.exit_status not in {0, 1}:
            return before
        terms.ended(before)
        logs[-1] = read_log(logs[-1].path)
    try:
        if own is not None and _has_rest(own):
            after = await resume(own.path, None, settings_for, going_on)
        elif own is not None and _is_no_file(Path(path)):
            raise refusals.there_once(path)
        elif own is None or content is None:
            after = await _send(path, settings, first, logs, terms, again=True)
        else:
            settings = settings_for(own.last_run.settings, own.path)
            _refuse_elsewhere(own, settings, withdraw=False)
            refuse_other_account(own, settings, settings.ref_id, terms)
            status, told = int(own.state.has_failures), f"{path} has been sent before."
            after = Ended.of(Ending("finished", status, told), own.state, own.path, ran=False)
    except Refused as error:
        if before is None or not before.ran:
            raise
        text = f"What {logs[-1].path} had left was sent. Of {path} itself nothing was:\n{error}"
        raise (Stopped if isinstance(error, Declined) else ActionNeeded)(text) from error
    if before is None:
        return after
    status = after.ending.exit_status or before.ending.exit_status
    ending = replace(after.ending, exit_status=status)
    return replace(after, ending=ending, ran=after.ran or before.ran)


def _is_no_file(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _has_rest(log: LogContents) -> bool:
    """Tell whether a log has rows to go on with: to be sent, or failed."""
    return bool(log.state.to_send or log.state.counts().get(Outcome.FAILED))


def log_and_file(
    log_or_file: Path, path: str | None, settings: Settings
) -> tuple[Path, str | None]:
    """Return the log and the mended file that the arguments of a resume mean.

    A file in place of a log means the newest log of it, or of its rehearsals or a shard where the
    settings say so; alone it is the mended file too. Raises NoLog where there is no log of it.
    """
    if is_log(log_or_file):
        return log_or_file, path
    first = default_log(str(log_or_file), settings.sandbox, settings.shard)
    logs = _logs(first, str(log_or_file), settings)
    if not logs:
        options = chain.from_iterable(settings.typed(names_of("run")))
        raise NoLog(
            f"{log_or_file} is no result log, and there is none of it beside it. To send it:\n"
            f"  {command_line('bulkstatus', 'send', log_or_file, *options)}"
        )
    return logs[-1].path, path or str(log_or_file)


@contextmanager
def _opened(path: Path, dry_run: bool) -> Iterator[tuple[ResultLog | None, LogContents]]:
    """Yield the locked log and what it holds; without a lock, and no log, for a dry run."""
    log = None if dry_run else ResultLog.open(path)
    try:
        yield log, read_log(path) if log is None else log.contents
    finally:
        if log is not None:
            log.close()


def _refuse_elsewhere(log: LogContents, settings: Settings, withdraw: bool) -> None:
    """Refuse to go on with a log elsewhere than where it says that it was sent to.

    The log is no authority: only what was typed just now may lead to another place. To withdraw
    rows sends nothing, wherever it would be.
    """
    if (settings.sandbox, settings.shard) != (log.is_sandbox, log.shard):
        raise refusals.other_kind(log)
    is_meant = withdraw or settings.sandbox or settings.origins["base_url"] in TYPED
    if not is_meant and log.last_run.base_url != settings.base_url:
        raise refusals.other_base_url(log, settings)


def _about_shard(settings: Settings) -> Iterator[str]:
    """Yield what is to be said of a run of one shard."""
    if settings.shard is not None:
        count = settings.shard.count
        yield (
            f"This is shard {settings.shard.index} of {count}: only its own rows are sent. Rate "
            f"and quotas are each shard's own: {count} at once are up to {count} times as fast."
        )


def changed_file(log: LogContents) -> Path | None:
    """Return the file that the log was made from where it stands beside it with other content."""
    path = log.beside(log.first_run.input)
    return path if path is not None and log_of_content([log], content_of(path)) is None else None


def content_of(path: Path) -> str | None:
    """Return the SHA-256 of a file's content, None where it cannot be read, or only once."""
    try:
        if not path.is_file():
            return None  # a pipe would be used up, or waited for
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def log_of_content(logs: Sequence[LogContents], content: str | None) -> LogContents | None:
    """Return the newest of some logs of which a run had a content; the newest of all for None."""
    having = (log for log in reversed(logs) if content is None or log.is_of_content(content))
    return next(having, None)
