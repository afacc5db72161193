"""What is asked on a terminal: whether to go on, and what is in question of a file."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from bulkstatus import terminal
from bulkstatus.errors import Interrupted, Refused, SettingsRefused
from bulkstatus.job import Proposal
from bulkstatus.job.consent import check_typed
from bulkstatus.job.wording import CELL, asked, cancels
from bulkstatus.order import OrderStatus, parse_status, unknown_status
from bulkstatus.source import InputOptions, InQuestion
from bulkstatus.source.options import LABELS
from bulkstatus.terminal import say
from bulkstatus.words import counted, printable

_T = TypeVar("_T")


def is_terminal() -> bool:
    """Tell whether there is somebody who sees a question and can answer it."""
    return terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)


def ask(proposal: Proposal) -> bool:
    """Return whether to go on; the default answer is no."""
    count = proposal.plan.cancellations
    return _type_number(proposal, count) if count else confirm(asked(proposal))


def ask_rejected(log: Path, count: int) -> bool:
    """Ask whether the rows are to be sent again that the API refused, with its words."""
    from bulkstatus.log import Outcome
    from bulkstatus.reporting import summarise
    from bulkstatus.reporting.text import failure_lines

    failures = [f for f in summarise(log).failures if f.outcome is Outcome.REJECTED]
    say(failure_lines(failures))
    return confirm(f"The API refused {counted(count, 'row')}. Send them again as they are?")


def ask_changed(name: str) -> bool:
    """Ask whether the log's file, which has changed since, is to be taken over."""
    say(f"{printable(name)} has changed since it was sent.")
    return confirm("Take over its rows as they are now? Else the log's rows are sent.")


class Asking:
    """Asks on the terminal what is in question of a file: `source.Asks`."""

    def answer(self, doubt: InQuestion, options: InputOptions) -> InputOptions | None:
        """Ask which columns are which; where that is known, what words for a status mean."""
        if not doubt.fields:
            return replace(options, word={**options.word, **_words_meant(doubt.words)})
        return _columns_meant(doubt, options)

    def keep(self) -> bool:
        """Ask whether the answers are to be kept."""
        return confirm("Keep these answers for the next file with these columns?")


def _columns_meant(doubt: InQuestion, options: InputOptions) -> InputOptions | None:
    """Ask which columns the fields in question are, one list of them for all fields."""
    say(f"{printable(doubt.name)}: {printable(doubt.doubts)}")
    say(f"{place:4}  {column}" for place, column in enumerate(doubt.table, 1))
    columns, status = dict(options.column), options.status
    for field in doubt.fields:
        if field == "tracking" and "status" in doubt.fields:
            continue  # whether there is to be one depends on the status
        header = columns[field] = _choose(field, doubt, doubt.taken.union(columns.values()))
        if not header and field == "status" and status is None:
            (status,) = _statuses(["Which status do all rows get?"], "to stop")
        if not header and (field == "order_id" or (field == "status" and status is None)):
            return None
    return replace(options, column=columns, status=status)


def _words_meant(words: Sequence[str]) -> dict[str, OrderStatus]:
    """Ask what words of the status column mean, of those that mean a status."""
    questions = [f'What does the status "{printable(word, CELL)}" mean?' for word in words]
    meant = zip(words, _statuses(questions, "for none of them"), strict=True)
    return {word: status for word, status in meant if status}


def _choose(field: str, doubt: InQuestion, taken: Set[str]) -> str:
    """Return the header of the column that is chosen, "" for none."""
    headers = {str(place): column.header for place, column in enumerate(doubt.table, 1)}

    def read(typed: str) -> str:
        header = headers.get(typed, "")
        if typed and (not header or header in taken):
            raise SettingsRefused(
                "Type the number of a column that has a name and is not taken yet."
            )
        return header

    blank = "to stop" if field == "order_id" else "for none"
    return answer(f"Which is the {LABELS[field]}? Type its number, or press Enter {blank}", read)


def _statuses(questions: Sequence[str], blank: str) -> list[OrderStatus | None]:
    """Return the status that is typed to each question, None for none."""

    def read(typed: str) -> OrderStatus | None:
        status = parse_status(typed)
        if typed and status is None:
            raise SettingsRefused(unknown_status(typed))
        return status

    say(f"The statuses are {', '.join(f'{s:d} {s.label}' for s in OrderStatus)}.")
    return [
        answer(f"{each} Type its code or name, or press Enter {blank}", read) for each in questions
    ]


def prompt(question: str, hidden: bool = False) -> str:
    """Return what is typed to a question, without blanks around it."""
    default = None if hidden else ""
    with _ctrl_c_answers():
        typed = click.prompt(question, default, hide_input=hidden, show_default=False, err=True)
    return str(typed).strip()


def answer(question: str, read: Callable[[str], _T], hidden: bool = False) -> _T:
    """Return what `read` makes of what is typed; where it raises Refused, ask again."""
    while True:
        try:
            return read(prompt(question, hidden))
        except Refused as error:
            say(printable(str(error)))


def confirm(question: str, default: bool = False) -> bool:
    """Return whether the answer is yes."""
    say("")
    with _ctrl_c_answers():
        return click.confirm(question, default, err=True)


def _type_number(proposal: Proposal, count: int) -> bool:
    def read(typed: str) -> bool:
        if typed.lower() in {"", "n", "no"}:
            return False
        check_typed(typed, count)
        return True

    say(f"\n{cancels(proposal)}")
    return answer(f"Type {count} to do that, or press Enter to stop", read)


@contextmanager
def _ctrl_c_answers() -> Iterator[None]:
    """Let Ctrl-C end a prompt; the event loop's own handler would only note it for later."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("")  # ends the line of the question
        raise Interrupted("Interrupted; nothing was sent.") from None
    finally:
        signal.signal(signal.SIGINT, before)
