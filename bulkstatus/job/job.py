"""`send` and `resume`: from an input, a log or both to a run that is `ready` but for the yes."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bulkstatus.errors import ActionNeeded, LogRefused, NoLog, Refused, Stopped
from bulkstatus.job import beginning as beginnings
from bulkstatus.job import refusals
from bulkstatus.job.check import Checked, check_source
from bulkstatus.job.elsewhere import Elsewhere
from bulkstatus.job.known import Known
from bulkstatus.job.merge import merged
from bulkstatus.job.names import default_log, is_log, kept_settings, logs_of, next_log
from bulkstatus.job.plan import Plan
from bulkstatus.job.ready import Input, carry_out
from bulkstatus.job.run import Ending
from bulkstatus.job.terms import Declined, Ended, Proposal, Terms
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import LogContents, Outcome, ResultLog, read_log
from bulkstatus.settings.table import TYPED, Settings
from bulkstatus.source import Asks, Source, open_source
from bulkstatus.words import command_line

#: Returns the settings in force, given those that a log has kept, and the log.
SettingsFor = Callable[[Mapping[str, Any], Path], Settings]


async def send(
    path: str, settings: Settings, log_path: Path | None, terms: Terms, *, again: bool = False
) -> Ended:
    """Send a file, or the shard of it that the settings say, for the first time.

    With `again` it is sent by what is started again and again: a file all of whose rows are done
    elsewhere is not refused, its log says so; and a log at `log_path` is followed by a next one,
    as one beside the file is. Raises Refused (InputRefused, SettingsRefused, LogRefused) or
    LogInUse when nothing was sent.
    """
    first = log_path or default_log(path, settings.sandbox, settings.shard)
    is_numbered = (again or log_path is None) and not settings.sandbox
    if log_path is not None and not again and read_begun(log_path) is not None:
        _refuse_in_use(log_path)
        raise refusals.log_is_there(log_path, settings)
    logs = [log for there in logs_of(first) if (log := read_begun(there))] if is_numbered else []
    if logs and logs[-1].state.to_send:
        _refuse_in_use(logs[-1].path)
        raise refusals.unfinished_log(logs[-1], path, settings)
    target = next_log(first) if logs else first
    none = LogContents(target)
    elsewhere = Elsewhere(target, settings, settings.ref_id)
    async with (
        WorkList() as rows,
        WorkList() as work,
        await _open(path, settings, terms.asks) as source,
    ):
        settings = settings.answered(source.options, source.saved)
        known = _known(none, elsewhere, settings)
        checked = await check_source(source, rows, known, shard=settings.shard, keep=terms.keep)
        for log in logs:
            if log.is_of_content(source.sha256) and not settings.send_again:
                raise refusals.same_content(log, path, settings)
        _refuse_rows(checked, path, known, settings)
        if settings.shard is not None:
            beginning = await merged(none, checked, work, terms.limit)
        else:
            beginning = await beginnings.of_input(checked, terms.limit)
        plan = beginning.plan
        if plan.elsewhere and not (plan.all_due or plan.refused or again):
            raise refusals.done_elsewhere(path, plan)
        given = Input.of(path, checked)
        notes = (*_about_shard(settings), *elsewhere.notes)
        proposal = Proposal(plan, settings, target, source=source, notes=notes)
        created = partial(_created, target, settings)
        return await carry_out(proposal, beginning, given, terms, created)


async def check(
    path: str, settings: Settings, keep: int | None = 20, asks: Asks | None = None
) -> tuple[Source, Plan]:
    """Check an input alone; `keep` is how many problems to hold on to, None for all of them.

    `asks` is asked what is in question of it.

    Raises InputRefused when the input as a whole cannot be read.
    """
    async with WorkList() as work, await _open(path, settings, asks) as source:
        known = Known(LogContents(Path(path)), last_wins=settings.last_wins)
        checked = await check_source(source, work, known, keep=keep)
        _keep_layout(checked)
        return source, (await beginnings.of_input(checked, None)).plan


def read_begun(path: Path) -> LogContents | None:
    """Return the log at `path`, None where there is none or none of its runs has begun.

    Raises LogRefused for something else that is there.
    """
    if not path.exists():
        return None
    try:
        return read_log(path)
    except NoLog:
        return None


def _refuse_in_use(path: Path) -> None:
    """Raise LogInUse where a run is at work on a log, whose rows are not left but under way."""
    with suppress(LogRefused):
        ResultLog.open(path).close()


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
    with _opened(log_path, terms.dry_run) as (log, contents):
        kept = kept_settings(contents, Path(path)) if path else contents.last_run.settings
        settings = settings_for(kept, log_path)
        _refuse_elsewhere(contents, settings, withdraw)
        notes = [*_about_shard(settings)]
        elsewhere = Elsewhere(log_path, settings, settings.ref_id or contents.last_run.ref_id)
        if path is None and not withdraw and (changed := changed_file(contents)) is not None:
            if terms.take_over(changed.name):
                path = str(changed)
            else:
                notes.append(
                    f"{changed.name} has changed since it was sent. This goes on with the rows "
                    "that the log has, as they were."
                )
        last = contents.last_run
        given = Input(last.input, last.input_sha256, last.rows)
        source: Source | None = None
        async with AsyncExitStack() as stack:
            work = await stack.enter_async_context(WorkList())
            known = _known(contents, elsewhere, settings)
            if withdraw:
                beginning = await beginnings.withdrawal(contents, work)
            elif path is not None:
                rows = await stack.enter_async_context(WorkList())
                opened = await _open(path, settings, terms.asks)
                source = await stack.enter_async_context(opened)
                settings = settings.answered(source.options, source.saved)
                checked = await check_source(
                    source, rows, known, shard=settings.shard, keep=terms.keep
                )
                _refuse_rows(checked, path, known, settings)
                beginning = await merged(contents, checked, work, terms.limit)
                given = Input.of(path, checked)
            else:
                refused = contents.state.counts().get(Outcome.REJECTED, 0)
                again = retry_rejected or bool(refused and terms.retry_rejected(log_path, refused))
                beginning = await beginnings.of_log(contents, work, known, again, terms.limit)
            proposal = Proposal(
                beginning.plan,
                settings,
                log_path,
                source=source,
                log=contents,
                withdraws=withdraw,
                notes=(*notes, *elsewhere.notes),
            )
            return await carry_out(proposal, beginning, given, terms, lambda: log)


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
    how it ended. The exit status is the file's, or where that is all updated the one of the run
    before. Raises ActionNeeded where that run sent something and the file is refused.
    """
    if path == "-":
        raise Refused(
            "Standard input is not there a second time, so --resume cannot go on with it. Put it "
            "into a file and send that."
        )
    first = log_path or default_log(path, settings.sandbox, settings.shard)
    logs = [log for name in logs_of(first) if (log := read_begun(name))]
    own = _log_of_content(logs, Path(path))
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
    if own is not None and not _has_rest(own):
        state = own.state
        ending = Ending("finished", int(state.has_failures), f"{path} has been sent before.")
        after = Ended(ending, state.counts(), len(state), 0, own.path, ran=False)
        return _with_status(before, after) if before is not None else after
    if before is not None:
        terms.ended(before)
    try:
        if own is not None:
            after = await resume(own.path, None, settings_for, going_on)
        else:
            after = await send(path, settings, log_path, terms, again=True)
    except Refused as error:
        if before is None or not before.ran:
            raise
        text = f"What {logs[-1].path} had left was sent. Of {path} itself nothing was:\n{error}"
        raise (Stopped if isinstance(error, Declined) else ActionNeeded)(text) from error
    return _with_status(after, before) if before is not None else after


def _with_status(ended: Ended, other: Ended) -> Ended:
    """Return what came of a run; where that is well, with the exit status of the other."""
    status = ended.ending.exit_status or other.ending.exit_status
    return replace(ended, ending=replace(ended.ending, exit_status=status))


def _has_rest(log: LogContents) -> bool:
    """Tell whether a log has rows to go on with: to be sent, or failed."""
    return bool(log.state.to_send or log.state.counts().get(Outcome.FAILED))


def log_and_file(log_or_file: Path, path: str | None) -> tuple[Path, str | None]:
    """Return the log and the mended file that the arguments of a resume mean.

    A file alone means the newest log of it. Raises NoLog where there is none.
    """
    if path is not None or is_log(log_or_file):
        return log_or_file, path
    logs = [log for log in logs_of(default_log(str(log_or_file), False)) if read_begun(log)]
    if not logs:
        raise NoLog(
            f"{log_or_file} is no result log, and there is none of it beside it. To send it:\n"
            f"  {command_line('bulkstatus', 'send', log_or_file)}"
        )
    return logs[-1], str(log_or_file)


@contextmanager
def _opened(path: Path, dry_run: bool) -> Iterator[tuple[ResultLog | None, LogContents]]:
    """Yield the locked log and what it holds; without a lock, and no log, for a dry run."""
    if dry_run:
        yield None, read_log(path)
        return
    log = ResultLog.open(path)
    try:
        yield log, log.contents
    finally:
        log.close()


def _refuse_elsewhere(log: LogContents, settings: Settings, withdraw: bool) -> None:
    """Refuse to go on with a log elsewhere than where it says that it was sent to.

    The log is no authority: only what was typed just now may lead to another place. To withdraw
    rows sends nothing, wherever it would be.
    """
    if settings.sandbox != log.is_sandbox:
        raise refusals.rehearsal(log)
    if settings.shard != log.shard:
        raise refusals.other_shard(log)
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
    return path if path is not None and _log_of_content([log], path) is None else None


def _log_of_content(logs: Sequence[LogContents], path: Path) -> LogContents | None:
    """Return the newest of some logs of which a run had a file's content.

    The content of a file that cannot be read is taken to be the newest log's.
    """
    newest_first = list(reversed(logs))
    try:
        if not path.is_file():
            return next(iter(newest_first), None)  # a pipe would be used up, or waited for
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return next(iter(newest_first), None)
    return next((log for log in newest_first if log.is_of_content(digest)), None)


async def _open(path: str, settings: Settings, asks: Asks | None) -> Source:
    return await open_source(path, replace(settings.input, asks=asks))


def _known(log: LogContents, elsewhere: Elsewhere, settings: Settings) -> Known:
    again, last_wins = settings.send_again, settings.last_wins
    return Known(log, elsewhere, again=again, last_wins=last_wins)


def _refuse_rows(checked: Checked, path: str, known: Known, settings: Settings) -> None:
    """Raise RowsRefused when some of its rows refuse a checked file."""
    _keep_layout(checked)
    if checked.plan.refused and not settings.skip_invalid:
        source, plan = checked.source, checked.plan
        raise refusals.rows_refused(path, source, plan, settings, known.has_updates)


def _keep_layout(checked: Checked) -> None:
    """Keep the answers about a file where that was asked for, unless most of its rows are wrong."""
    if checked.plan.refused * 2 <= checked.plan.rows:
        checked.source.keep_layout()
