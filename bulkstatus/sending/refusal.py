"""Where a log, or rows of the file, stand in the way: what is wrong, and what to type next."""

from datetime import datetime
from itertools import chain
from pathlib import Path

from bulkstatus.config import Settings
from bulkstatus.errors import InputRefused, LogRefused, Refused
from bulkstatus.preflight import Plan
from bulkstatus.resultlog import LogContents, LogState, RunRecord, already_there, read_log
from bulkstatus.resultlog.inputs import input_path
from bulkstatus.resultlog.unfinished import is_own
from bulkstatus.sending.record import beside
from bulkstatus.sending.terms import RowsRefused, address
from bulkstatus.sending.typed import OF_INPUT, typed_options
from bulkstatus.wording import command_line


def log_exists(log_path: Path, path: str) -> LogRefused:
    """Return the refusal to send `path` where its log is there already."""
    try:
        log = read_log(log_path)
    except LogRefused:
        return already_there(log_path)
    last = log.last_run
    if not log.changed_nothing:
        began = datetime.fromisoformat(last.started_at).astimezone()
        return LogRefused(
            f"{already_there(log_path)}\nThe last run of this log, of {began:%d %b %Y, %H:%M}, "
            f"went to {address(last.base_url, bool(last.settings.get('sandbox')))}."
        )
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


def input_gone(
    log: LogContents, log_path: Path, run: RunRecord, not_found: InputRefused
) -> InputRefused:
    """Return the refusal to resume without an INPUT where `run`'s, by default, is not there."""
    of_log = "was made for" if is_own(run, log.runs) else "goes on with"
    return InputRefused(
        f"{not_found} {log_path} {of_log} {run.input}: put that back, or name where it is now:\n"
        f"  {command_line('bulkstatus', 'resume', log_path, 'INPUT')}"
    )


def rows_refused(
    path: str, name: str, plan: Plan, state: LogState, settings: Settings
) -> RowsRefused:
    """Return the refusal of the file at `path`, called `name`, for some of its rows."""
    rows = "row" if plan.refused == 1 else "rows"
    text = (
        f"{name}: {plan.refused} {rows} of {plan.rows} cannot be sent, so nothing was sent. "
        "Correct them, or send only the others with --skip-invalid."
    )
    # What contradicts the log alone is no problem of the file, and `check` would not find it.
    by_log = plan.conflicts and state.counts()
    if plan.refused > len(plan.problems) and not by_log:
        text += f"\n{how_to_list_all(path, settings)}"
    return RowsRefused(text, plan)


def how_to_list_all(path: str, settings: Settings) -> str:
    """Return what to type to get all problems of the input at `path`, on a line of its own."""
    given = chain.from_iterable(typed_options(settings, OF_INPUT))
    source, problems = (
        ("INPUT", "problems.csv") if path == "-" else (path, beside(path, ".problems.csv"))
    )
    command = command_line("bulkstatus", "check", source, *given, "--problems", problems)
    return f"To list all of them in a file for Excel:\n  {command}"
