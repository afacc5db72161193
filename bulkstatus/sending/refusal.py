"""Where a log stands in the way: what it is of, and what to type next."""

from pathlib import Path

from bulkstatus.errors import LogRefused, Refused
from bulkstatus.resultlog import LogContents, already_there, read_log
from bulkstatus.resultlog.inputs import input_path
from bulkstatus.wording import command_line


def log_exists(log_path: Path, path: str) -> LogRefused:
    """Return the refusal to send `path` where its log is there already."""
    try:
        log = read_log(log_path)
    except LogRefused:
        return already_there(log_path)
    if not log.changed_nothing:
        return already_there(log_path)
    last = log.last_run
    return LogRefused(
        f"The result log {log_path} exists already, of a run that changed no order (account "
        f"{last.ref_id} at {last.base_url}). To go on with it:\n"
        f"  {command_line('bulkstatus', 'resume', log_path)}\n"
        f"If the account or the base URL was wrong, delete {log_path} and send the file again:\n"
        f"  {command_line('bulkstatus', 'send', path)}"
    )


def another_account(log: LogContents, log_path: Path, ref_id: str) -> LogRefused:
    """Return the refusal to resume with the credentials of another account than the log's."""
    last = log.last_run
    what = (
        f"{log_path} was made for the account {last.ref_id}, and the credentials are those of "
        f"{ref_id}."
    )
    if not log.changed_nothing:
        return LogRefused(
            f"{what} Nothing was sent. Use that account's, or send the file anew with another "
            "--log."
        )
    send = command_line("bulkstatus", "send", _named(log, log_path))
    return LogRefused(
        f"{what} No order was changed with it. If {ref_id} is the right one, delete {log_path} "
        f"and send the file again:\n  {send}"
    )


def _named(log: LogContents, log_path: Path) -> str:
    return "INPUT" if log.last_run.input == "-" else str(input_path(log.last_run, log_path))


def unnamed_input(log_path: Path) -> Refused:
    """Return the refusal to resume without an INPUT where that was standard input."""
    return Refused(
        f"What {log_path} goes on with came from standard input, so name the input again:\n"
        f"  {command_line('bulkstatus', 'resume', log_path, 'INPUT')}"
    )
