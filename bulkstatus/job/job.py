"""`send` and `resume`: from an input, a log or both to a run that is `ready` but for the yes."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulkstatus.errors import LogRefused, NoLog, Refused
from bulkstatus.job import beginning as beginnings
from bulkstatus.job import refusals
from bulkstatus.job.check import Checked, check_source
from bulkstatus.job.known import Known
from bulkstatus.job.merge import merged
from bulkstatus.job.names import default_log, is_log, kept_settings, logs_of, next_log
from bulkstatus.job.plan import Plan
from bulkstatus.job.ready import TYPED, Input, Ready
from bulkstatus.job.run import Ending
from bulkstatus.job.terms import Ended, Terms
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import FAILURES, LogContents, Outcome, ResultLog, read_log
from bulkstatus.settings.table import Settings
from bulkstatus.source import Source, open_source
from bulkstatus.words import command_line

#: Returns the settings in force, given those that a log has kept, and the log.
SettingsFor = Callable[[Mapping[str, Any], Path], Settings]


async def send(path: str, settings: Settings, log_path: Path | None, terms: Terms) -> Ended:
    """Send a file for the first time.

    Raises Refused (InputRefused, SettingsRefused, LogRefused) or LogInUse when nothing was sent.
    """
    first = log_path or default_log(path, settings.sandbox)
    is_numbered = log_path is None and not settings.sandbox
    if log_path is not None and read_begun(log_path) is not None:
        _refuse_in_use(log_path)
        raise refusals.log_is_there(log_path)
    logs = [log for there in logs_of(first) if (log := read_begun(there))] if is_numbered else []
    if logs and logs[-1].state.to_send:
        _refuse_in_use(logs[-1].path)
        raise refusals.unfinished_log(logs[-1], path)
    async with WorkList() as work, await open_source(path, settings.input) as source:
        checked = await _checked(source, work, path, None, settings)
        for log in logs:
            if source.sha256 in {run.record.input_sha256 for run in log.runs}:
                raise refusals.same_content(log, path)
        beginning = await beginnings.of_input(checked, terms.limit)
        target = next_log(first) if logs else first
        given = Input.of(path, checked)
        job = Ready(settings, terms, beginning, given, target, source)
        return await job.carry_out(lambda: _created(target, settings))


async def check(path: str, settings: Settings, keep: int | None = 20) -> tuple[Source, Plan]:
    """Check an input alone; `keep` is how many problems to hold on to, None for all of them.

    Raises InputRefused when the input as a whole cannot be read.
    """
    async with WorkList() as work, await open_source(path, settings.input) as source:
        checked = await check_source(source, work, last_wins=settings.last_wins, keep=keep)
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
        raise refusals.log_is_there(path) from None


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
        _refuse_elsewhere(contents, settings)
        notes = []
        if path is None and not withdraw and (changed := _changed_file(contents)) is not None:
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
            if withdraw:
                beginning = await beginnings.withdrawal(contents, work)
            elif path is not None:
                rows = await stack.enter_async_context(WorkList())
                source = await stack.enter_async_context(await open_source(path, settings.input))
                checked = await _checked(source, rows, path, Known(contents), settings)
                beginning = await merged(contents, checked, work, terms.limit)
                given = Input.of(path, checked)
            else:
                refused = contents.state.counts().get(Outcome.REJECTED, 0)
                again = retry_rejected or bool(refused and terms.retry_rejected(log_path, refused))
                beginning = await beginnings.of_log(
                    contents, work, again, settings.last_wins, terms.limit
                )
            job = Ready(settings, terms, beginning, given, log_path, source, contents, tuple(notes))
            job.withdraws = withdraw
            return await job.carry_out(lambda: log)


async def send_or_resume(
    path: str,
    settings: Settings,
    settings_for: SettingsFor,
    log_path: Path | None,
    terms: Terms,
) -> Ended:
    """Send a file, or go on with the newest log of it: what a program starts again and again.

    A log with rows that are to be sent or failed is gone on with, and then a file that has other
    content by now is sent with the next log; where that is all updated, the exit status is the one
    of the run before. Where a log of the same content has nothing left, nothing is sent.
    """
    if path == "-":
        raise Refused(
            "Standard input is not there a second time, so --resume cannot go on with it. Put it "
            "into a file and send that."
        )
    first = log_path or default_log(path, settings.sandbox)
    there = [first] if log_path is not None else logs_of(first)
    log = next((log for name in reversed(there) if (log := read_begun(name))), None)
    if log is None:
        return await send(path, settings, log_path, terms)
    counts = log.state.counts()
    is_same = _is_content_of(log, Path(path))
    if log.state.to_send or counts.get(Outcome.FAILED):
        going_on = replace(
            terms,
            take_over=lambda name: False,
            confirm=lambda proposal: terms.confirm(replace(proposal, restarts=True)),
        )
        ended = await resume(log.path, None, settings_for, going_on)
        if is_same or terms.dry_run or ended.ending.exit_status not in {0, 1}:
            return ended
        terms.ended(ended)
        after = await send(path, settings, log_path, terms)
        status = after.ending.exit_status or ended.ending.exit_status
        return replace(after, ending=replace(after.ending, exit_status=status))
    if is_same:
        failed = any(counts.get(outcome) for outcome in FAILURES)
        ending = Ending("finished", 1 if failed else 0, f"{path} has been sent before.")
        return Ended(ending, counts, len(log.state), 0, log.path, ran=False)
    return await send(path, settings, log_path, terms)


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


def _refuse_elsewhere(log: LogContents, settings: Settings) -> None:
    """Refuse to go on with a log elsewhere than where it says that it was sent to.

    The log is no authority: only what was typed just now may lead to another place.
    """
    if settings.sandbox != log.is_sandbox:
        raise refusals.rehearsal(log)
    typed = settings.origins["base_url"] in TYPED
    if not settings.sandbox and not typed and log.last_run.base_url != settings.base_url:
        raise refusals.other_base_url(log, settings)


def _changed_file(log: LogContents) -> Path | None:
    """Return the file that the log was made from where it stands beside it with other content."""
    path = log.beside(log.first_run.input)
    return path if path is not None and not _is_content_of(log, path) else None


def _is_content_of(log: LogContents, path: Path) -> bool:
    """Tell whether a file has the content that a run of the log had, or cannot be read."""
    try:
        if not path.is_file():
            return True  # a pipe would be used up, or waited for
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return True
    return digest in {run.record.input_sha256 for run in log.runs}


async def _checked(
    source: Source, work: WorkList, path: str, known: Known | None, settings: Settings
) -> Checked:
    """Return the checked source, or raise RowsRefused when some of its rows refuse the file."""
    checked = await check_source(source, work, known, last_wins=settings.last_wins)
    if checked.refused and not settings.skip_invalid:
        plan = beginnings.plan_of(checked)
        raise refusals.rows_refused(path, source.name, plan, settings, known is not None)
    return checked
