"""What is asked on a terminal: whether to go on, and what is in question of a file."""

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from bulkstatus import terminal
from bulkstatus.errors import Interrupted, SettingsRefused
from bulkstatus.job import Proposal
from bulkstatus.job.wording import CELL, asked, cancels, rows_told
from bulkstatus.order import OrderStatus, parse_status, unknown_status
from bulkstatus.source import InputOptions, InQuestion
from bulkstatus.source.options import LABELS
from bulkstatus.terminal import say
from bulkstatus.words import counted, printable

# How often the number of cancellations may be typed.
_TRIES = 3


def is_terminal() -> bool:
    """Tell whether there is somebody who sees a question and can answer it."""
    return terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)


def ask(proposal: Proposal, yes: bool, cancellations: int | None, changed_input: bool) -> bool:
    """Return whether to go on; the default answer is no.

    Raises SettingsRefused when there is nobody to ask, or nobody is to be asked, and the options
    do not answer.
    """
    plan, count = proposal.plan, proposal.plan.cancellations
    is_right = proposal.is_number_right(cancellations)
    if cancellations is not None and not is_right:
        raise SettingsRefused(
            f"--cancellations says {cancellations}, but this run would cancel "
            f"{counted(count, 'order')}. Nothing was sent; look at the file again, or say that "
            "number."
        )
    if is_terminal() and not yes:
        with ctrl_c_answers():
            return _type_number(proposal, count) if count else _confirm(asked(proposal))
    missing = {} if yes else {"--yes": "There is no terminal to ask on."}
    if not is_right:
        missing[f"--cancellations {count}"] = f"This run would cancel {counted(count, 'order')}."
    if proposal.changes_input and not changed_input:
        changes = {
            "new or mended": plan.new,
            "refused before and sent again": plan.rejected,
            "withdrawn": plan.withdrawn,
            "of the log left to be sent later": plan.left,
        }
        told = f"The file is not as the log has it: {', '.join(rows_told(changes))}."
        missing["--changed-input"] = told
    if missing:
        add = f"Nothing was sent. If all this is meant, add {' '.join(missing)}."
        raise SettingsRefused(" ".join([*missing.values(), add]))
    return True


def ask_rejected(log: Path, count: int) -> bool:
    """Ask whether the rows are to be sent again that the API refused, with its words."""
    from bulkstatus.log import Outcome
    from bulkstatus.reporting import summarise
    from bulkstatus.reporting.text import failure_lines

    failures = [f for f in summarise(log).failures if f.outcome is Outcome.REJECTED]
    say(failure_lines(failures))
    with ctrl_c_answers():
        return _confirm(f"The API refused {counted(count, 'row')}. Send them again as they are?")


def ask_changed(name: str) -> bool:
    """Ask whether the log's file, which has changed since, is to be taken over."""
    say(f"{printable(name)} has changed since it was sent.")
    with ctrl_c_answers():
        return _confirm("Take over its rows as they are now? Else the log's rows are sent.")


class Asking:
    """Asks on the terminal what is in question of a file: `source.Asks`."""

    def columns(self, doubt: InQuestion, options: InputOptions) -> InputOptions | None:
        """Ask which columns the fields in question are, one list of them for all fields."""
        say(f"{printable(doubt.name)}: {printable(doubt.doubts)}")
        say(f"{place:4}  {column}" for place, column in enumerate(doubt.table, 1))
        columns, status = dict(options.columns), options.default_status
        with ctrl_c_answers():
            for field in doubt.fields:
                if field == "tracking" and "status" in doubt.fields:
                    continue  # whether there is to be one depends on the status
                header = columns[field] = _choose(field, doubt, doubt.taken.union(columns.values()))
                if not header and field == "status" and status is None:
                    status = _ask_status("Which status do all rows get?", "to stop")
                if not header and (field == "order_id" or (field == "status" and status is None)):
                    return None
        return replace(options, columns=columns, default_status=status)

    def words(self, words: Sequence[str]) -> Mapping[str, OrderStatus]:
        """Ask what words of the status column mean."""
        say(f"The statuses are {', '.join(f'{s:d} {s.label}' for s in OrderStatus)}.")
        with ctrl_c_answers():
            asked = {
                word: f'What does the status "{printable(word, CELL)}" mean?' for word in words
            }
            meant = {word: _ask_status(asked[word], "for none of them") for word in words}
        return {word: status for word, status in meant.items() if status}

    def keep(self) -> bool:
        """Ask whether the answers are to be kept."""
        with ctrl_c_answers():
            return _confirm("Keep these answers for the next file with these columns?")


def _choose(field: str, doubt: InQuestion, taken: Set[str]) -> str:
    """Return the header of the column that is chosen, "" for none."""
    blank = "to stop" if field == "order_id" else "for none"
    while typed := prompt(f"Which is the {LABELS[field]}? Type its number, or press Enter {blank}"):
        headers = {str(place): column.header for place, column in enumerate(doubt.table, 1)}
        if (header := headers.get(typed)) and header not in taken:
            return header
        say("Type the number of a column that has a name and is not taken yet.")
    return ""


def _ask_status(asked: str, blank: str) -> OrderStatus | None:
    while typed := prompt(f"{asked} Type its code or name, or press Enter {blank}"):
        if status := parse_status(typed):
            return status
        say(printable(unknown_status(typed)))
    return None


def prompt(question: str, hidden: bool = False) -> str:
    """Return what is typed to a question, without blanks around it."""
    default = None if hidden else ""
    typed = click.prompt(question, default, hide_input=hidden, show_default=False, err=True)
    return str(typed).strip()


def _confirm(question: str) -> bool:
    say("")
    while True:
        answer = prompt(f"{question} [y/N]").lower()
        if answer in {"y", "yes", "", "n", "no"}:
            return answer.startswith("y")
        say("Type y for yes, or n (or just Enter) for no.")


def _type_number(proposal: Proposal, count: int) -> bool:
    say(f"\n{cancels(proposal)}")
    for _ in range(_TRIES):
        answer = prompt(f"Type {count} to do that, or press Enter to stop")
        if answer == str(count):
            return True
        if answer.lower() in {"", "n", "no"}:
            return False
        say(f'You typed "{printable(answer, CELL)}", and {count} is needed.')
    return False


@contextmanager
def ctrl_c_answers() -> Iterator[None]:
    """Let Ctrl-C end a prompt; the event loop's own handler would only note it for later."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("")  # ends the line of the question
        raise Interrupted("Interrupted; nothing was sent.") from None
    finally:
        signal.signal(signal.SIGINT, before)
