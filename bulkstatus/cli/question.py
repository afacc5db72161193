"""The question before sending: what is about to happen, and whether to go on."""

import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from bulkstatus import terminal
from bulkstatus.cli.output import CELL, problem_lines
from bulkstatus.errors import Interrupted, SettingsRefused
from bulkstatus.job import Proposal
from bulkstatus.job.plan import Plan
from bulkstatus.job.ready import TYPED
from bulkstatus.order import OrderStatus, StatusUpdate, parse_status, unknown_status
from bulkstatus.settings.table import Settings
from bulkstatus.source import InputOptions, InQuestion, Source
from bulkstatus.source.options import FIELDS, LABELS, VOID
from bulkstatus.terminal import say
from bulkstatus.words import (
    Whole,
    clock_time,
    command_line,
    counted,
    duration,
    printable,
    section,
    some_of,
)

# From how long a run on, in seconds, the time of day of its end is told too.
_LONG = 90.0

# How many of the rows that are overtaken are named.
_SUPERSEDED = 3

# Of how many columns the values are told.
_VALUES = 8

# How often the number of cancellations may be typed.
_TRIES = 3


def sections(proposal: Proposal) -> Iterator[str]:
    """Yield the lines that say what a run is about to do."""
    plan, settings = proposal.plan, proposal.settings
    if proposal.log is not None:
        yield from section("Log", _log(proposal))
    if proposal.withdraws:
        return
    yield from file_sections(proposal.source, plan, settings, "To send")
    if settings.sandbox:
        yield from section("To", ["the sandbox in this program: a rehearsal, no order changes"])
    else:
        account = f"account (ref ID) {printable(proposal.ref_id) or 'not given'}"
        yield from section("To", [printable(proposal.base_url), account])
    yield from section("Time", [_time(proposal)])
    yield from section("Note", proposal.notes)


def file_sections(
    source: Source | None, plan: Plan, settings: Settings, heading: str
) -> Iterator[str]:
    """Yield how a file was understood, what of it can be sent, under `heading`, and what cannot.

    Without a `source` the rows are those of a log, of which the user has been told before.
    """
    if source is not None:
        name = f"{printable(source.name)}, {counted(plan.rows, 'row')}"
        yield from section("File", [name, *source.notes])
        if source.saved is not None:
            yield from section("Layout", [f'"{printable(source.saved, CELL)}"'])
        yield from section("Columns", _columns(source.columns, settings))
        yield from section("Values", _values(plan.values))
        more = ["and so on"] if plan.due > len(plan.sample) else []
        if plan.sample:
            yield from section("Rows", [*(_row(line, row) for line, row in plan.sample), *more])
    due = counted(plan.due, "row") if plan.due else "nothing"
    orders = f", for {counted(plan.orders, 'order')}" if plan.orders != plan.due else ""
    yield from section(heading, [due + orders, *_by_status(plan)])
    if left := plan.all_due - plan.due:
        yield from section(
            "", [f"These are the first ones (--limit); {left:,} more would be left for a resume."]
        )
    not_sent = {
        **{f"updated before, by {place}": count for place, count in plan.elsewhere_told().items()},
        "repeated: each is sent once": plan.duplicates - plan.elsewhere.total(),
        "superseded: a later row or status counts": plan.superseded,
        "with a mistake": plan.invalid,
        "in contradiction to others": plan.conflicts,
    }
    overtaken = (
        f"  line {row.line}: {printable(row.error.message)}"
        for row in plan.overtaken[:_SUPERSEDED]
        if row.error is not None
    )
    yield from section("Not sent", [*_rows(not_sent), *overtaken])
    tracking = {"of a shipping status without a tracking number": plan.without_tracking}
    odd = problem_lines(plan.odd, len(plan.odd))
    yield from section("Look at", [*_rows(tracking), *odd])


def _columns(columns: Mapping[str, str], settings: Settings) -> Iterator[str]:
    """Yield where each field comes from, and which column says that a row is void."""
    status, origin = settings.status, settings.origins["status"]
    by = "--status" if origin in TYPED else origin
    for field in FIELDS:
        given = f"{status.label} ({status:d})" if field == "status" and status is not None else ""
        if field not in columns:
            yield f"{LABELS[field]}: {f'{given} for every row ({by})' if given else 'none'}"
            continue
        words = f'{LABELS[field]}: "{printable(columns[field], CELL)}"'
        yield f"{words}, {given} where that is blank ({by})" if given else words
    for word, means in settings.word.items():
        yield f'the status "{printable(word, CELL)}" means {means.label} ({means:d})'
    if VOID in columns:
        yield f'not sent where it says so: "{printable(columns[VOID], CELL)}"'


def _values(values: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield the values of columns that have only a few."""
    for name, counts in list(values.items())[:_VALUES]:
        told = (
            f"{printable(value, CELL) or '(blank)'} {count:,}" for value, count in counts.items()
        )
        yield f"{printable(name, CELL) or '(no name)'}: {', '.join(told)}"
    if len(values) > _VALUES:
        yield f"and {counted(len(values) - _VALUES, 'more column')}"


def _row(line: int, row: StatusUpdate) -> str:
    words = f"line {line}: order {printable(row.order_id, CELL)} → {row.status.label}"
    return f"{words}, tracking {printable(row.tracking, CELL)}" if row.tracking else words


def _rows(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield how many rows there are of each kind of which there are any."""
    return (f"{counted(count, 'row')} {kind}" for kind, count in counts.items() if count)


def _by_status(plan: Plan) -> list[str]:
    """Return how many of the due rows there are of each status."""
    counts = [(count, status) for status, count in sorted(plan.by_status.items()) if count]
    width = max((len(f"{count:,}") for count, _ in counts), default=0)
    return [f"  {count:{width},} {status.label} ({status:d})" for count, status in counts]


def _log(proposal: Proposal) -> Iterator[str]:
    """Yield what there is to say of the log that is gone on with."""
    plan, settings = proposal.plan, proposal.settings
    yield Whole(printable(str(proposal.log_path)))
    if proposal.log is not None and proposal.log.cut_off:
        yield "What a crash left unfinished at its end was cut off; nothing of it was sent."
    withdrawn, left = (
        f" (orders {some_of([printable(order, CELL) for order in orders])})" if orders else ""
        for orders in (plan.withdrawn_orders, plan.left_orders)
    )
    yield from _rows(
        {
            "done already, not sent again": plan.done,
            "new or mended": plan.new,
            "that failed, sent again": plan.failed,
            "that the API refused, sent again as they were": plan.rejected,
            f"withdrawn: nothing is sent for them any more{withdrawn}": plan.withdrawn,
            f"never sent that the file does not have stay to be sent{left}. To send them after "
            "this:": plan.left,
        }
    )
    if plan.left:
        yield Whole(f"  {command_line('bulkstatus', 'resume', proposal.log_path)}")
    kept = [name for name, origin in settings.origins.items() if origin == "result log"]
    if (options := list(settings.typed(kept))) and not proposal.withdraws:
        typed = ", ".join(command_line(*words) for words in options)
        yield f"As before, from the log: {printable(typed)}."


def _time(proposal: Proposal) -> str:
    settings, now = proposal.settings, time.time()
    words = f"about {duration(proposal.seconds)}"
    if proposal.seconds > _LONG:
        words += f", until {clock_time(now + proposal.seconds, now)}"
    limits = [str(rate) for rate in (settings.rate, *settings.quota) if rate is not None]
    return f"{words} (at most {', '.join(limits)})" if limits else words


def is_terminal() -> bool:
    """Tell whether there is somebody who sees a question and can answer it."""
    return terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)


def ask(proposal: Proposal, yes: bool, cancellations: int | None, changed_input: bool) -> bool:
    """Return whether to go on; the default answer is no.

    Raises SettingsRefused when there is nobody to ask, or nobody is to be asked, and the options
    do not answer.
    """
    plan, count = proposal.plan, proposal.plan.cancellations
    if proposal.needs_no_number:
        cancellations = None
    if cancellations is not None and cancellations != count:
        raise SettingsRefused(
            f"--cancellations says {cancellations}, but this run would cancel "
            f"{counted(count, 'order')}. Nothing was sent; look at the file again, or say that "
            "number."
        )
    if is_terminal() and not yes:
        with ctrl_c_answers():
            return _type_number(proposal, count) if count else _confirm(asked(proposal))
    missing = {} if yes else {"--yes": "There is no terminal to ask on."}
    if plan.untold_cancellations and cancellations is None:
        missing[f"--cancellations {count}"] = f"This run would cancel {counted(count, 'order')}."
    if proposal.changes_input and not changed_input:
        changes = {
            "new or mended": plan.new,
            "refused before and sent again": plan.rejected,
            "withdrawn": plan.withdrawn,
            "of the log left to be sent later": plan.left,
        }
        told = f"The file is not as the log has it: {', '.join(_rows(changes))}."
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


def asked(proposal: Proposal) -> str:
    """Return the question itself, to be answered with yes or no."""
    plan = proposal.plan
    if proposal.withdraws:
        return f"Send nothing more, and withdraw {counted(plan.withdrawn, 'row')}?"
    if not plan.due:
        return "Nothing is to be sent. Bring the log up to date?"
    return f"Send {'this update' if plan.due == 1 else f'these {plan.due:,} updates'}?"


def _confirm(question: str) -> bool:
    say("")
    while True:
        answer = prompt(f"{question} [y/N]").lower()
        if answer in {"y", "yes", "", "n", "no"}:
            return answer.startswith("y")
        say("Type y for yes, or n (or just Enter) for no.")


def cancels(proposal: Proposal) -> str:
    """Return the sentence that says what a run with cancellations does."""
    count = proposal.plan.cancellations
    others = proposal.plan.due - count
    besides = f" and sends {counted(others, 'other update')}" if others else ""
    return f"This cancels {counted(count, 'order')}{besides}."


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
