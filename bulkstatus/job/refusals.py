"""Where a log, or rows of the file, stand in the way: what is wrong, and what to type next."""

from itertools import chain
from pathlib import Path

from bulkstatus.errors import LogRefused, Refused
from bulkstatus.job.check import Checked
from bulkstatus.job.names import beside
from bulkstatus.job.plan import Plan
from bulkstatus.job.terms import RowsRefused
from bulkstatus.log import LogContents
from bulkstatus.settings.table import Settings, names_of
from bulkstatus.words import command_line, counted


def how_to_resume(settings: Settings, *words: object) -> str:
    """Return the command that goes on with a log, on a line of its own."""
    return f"  {command_line('bulkstatus', 'resume', *words, *settings.not_logged)}"


def unfinished_log(log: LogContents, path: str, settings: Settings) -> LogRefused:
    """Return the refusal to send `path` while its newest log has rows that were never sent."""
    return LogRefused(
        f"{log.path} has {counted(log.state.to_send, 'row')} still to be sent, so nothing was sent "
        "now. Go on with it:\n"
        f"{how_to_resume(settings, log.path)}\n"
        "or with the file as it is now:\n"
        f"{how_to_resume(settings, log.path, Path(path))}\n"
        "or, if that was the wrong list, give it up, then send again:\n"
        f"  {command_line('bulkstatus', 'resume', log.path, '--withdraw')}",
        log.path,
    )


def same_content(log: LogContents, path: str) -> LogRefused:
    """Return the refusal to send a file again whose rows a log has already."""
    return LogRefused(
        f"{path} has been sent already: {log.path} is the log of the same content. To see what "
        "came of it, and what is left to do:\n"
        f"  {command_line('bulkstatus', 'report', log.path)}",
        log.path,
    )


def done_elsewhere(name: str, plan: Plan) -> LogRefused:
    """Return the refusal to send the file `name` all of whose rows other logs have updated."""
    told = plan.elsewhere_told().items()
    logs = ", ".join(f"{place} ({counted(count, 'row')})" for place, count in told)
    return LogRefused(
        f"All rows of {name} have been sent already: {logs}. Is it the file of another day? "
        "Nothing was sent. To send the same rows once more, add --send-again."
    )


def log_is_there(path: Path, settings: Settings) -> LogRefused:
    """Return the refusal to send where something stands in the place of the log."""
    return LogRefused(
        f"The result log {path} exists already. Go on with:\n"
        f"{how_to_resume(settings, path)}\n"
        "or give this one another place with --log.",
        path,
    )


def there_once(name: str) -> Refused:
    """Return the refusal to say of what is no file whether it has been sent."""
    return Refused(
        f"{name} is no file that is there a second time, so --resume cannot go on with it. Put "
        "its rows into a file and send that."
    )


def other_base_url(log: LogContents, settings: Settings) -> LogRefused:
    """Return the refusal to resume at another base URL than the log's."""
    theirs = log.last_run.base_url
    return LogRefused(
        f"{log.path} says that it was sent to {theirs}, and your settings say "
        f"{settings.base_url}. A log decides nothing, so type the one that is meant:\n"
        f"{how_to_resume(settings, log.path, '--base-url', theirs)}\n"
        "or, where that was wrong:\n"
        f"{how_to_resume(settings, log.path, '--base-url', settings.base_url)}"
    )


def other_account(log: LogContents, ref_id: str) -> LogRefused:
    """Return the refusal to resume with the credentials of another account than the log's."""
    return LogRefused(
        f"{log.path} was made for the account {log.last_run.ref_id}, and the credentials are those "
        f"of {ref_id}. Nothing was sent. Use that account's, or name with --profile the one that "
        "is meant."
    )


def other_kind(log: LogContents) -> LogRefused:
    """Return the refusal to go on in the sandbox, or as a shard, with a log that is none of it."""
    part = f"shard {log.shard}" if log.shard is not None else "the whole file"
    where = "of a rehearsal" if log.is_sandbox else "of no rehearsal"
    return LogRefused(
        f"{log.path} is the log of {part} and {where}, and is gone on with as that alone. Nothing "
        "was sent; leave --sandbox and --shard out, or send the file itself."
    )


def rows_refused(path: str, checked: Checked, settings: Settings) -> RowsRefused:
    """Return the refusal of the file at `path` for some of its rows.

    What contradicts a log alone is no problem of the file, and `check` would not find it.
    """
    source, plan = checked.source, checked.plan
    text = (
        f"{source.name}: {counted(plan.refused, 'row')} of {plan.rows:,} cannot be sent, so "
        "nothing was sent. Correct them, or send only the others with --skip-invalid."
    )
    if plan.refused > len(plan.problems) and not checked.known.has_updates:
        text += f"\n{how_to_list_all(path, settings)}"
    return RowsRefused(text, plan, source, settings)


def how_to_list_all(path: str, settings: Settings) -> str:
    """Return what to type to get all problems of the input at `path`, on a line of its own."""
    given = chain.from_iterable(settings.typed(names_of("input")))
    source, problems = (
        ("INPUT", "problems.csv") if path == "-" else (Path(path), beside(path, ".problems.csv"))
    )
    command = command_line("bulkstatus", "check", source, *given, "--problems", problems)
    return f"To list all of them in a file for Excel:\n  {command}"
