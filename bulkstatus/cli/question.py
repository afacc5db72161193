"""The question before sending: what is about to happen, and whether to go on."""

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from bulkstatus import terminal
from bulkstatus.cli.output import CELL, problem_lines
from bulkstatus.errors import Interrupted, SettingsRefused
from bulkstatus.job import Proposal
from bulkstatus.job.plan import Plan
from bulkstatus.order import StatusUpdate
from bulkstatus.settings.table import Settings
from bulkstatus.source import Source
from bulkstatus.source.options import FIELDS, LABELS
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
        yield from section("Columns", [_column(f, source.columns, settings) for f in FIELDS])
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


def _column(field: str, columns: Mapping[str, str], settings: Settings) -> str:
    """Return where a field comes from."""
    label = LABELS[field]
    status = settings.status
    given = f"{status.label} ({status:d})" if field == "status" and status is not None else ""
    if field not in columns:
        return f"{label}: {f'{given} for every row (--status)' if given else 'none'}"
    words = f'{label}: "{printable(columns[field], CELL)}"'
    return f"{words}, {given} where that is blank (--status)" if given else words


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
            return _type_number(proposal, count) if count else _confirm(_question(proposal))
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


def prompt(question: str, hidden: bool = False) -> str:
    """Return what is typed to a question, without blanks around it."""
    default = None if hidden else ""
    typed = click.prompt(question, default, hide_input=hidden, show_default=False, err=True)
    return str(typed).strip()


def _question(proposal: Proposal) -> str:
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


def _type_number(proposal: Proposal, count: int) -> bool:
    others = proposal.plan.due - count
    besides = f" and sends {counted(others, 'other update')}" if others else ""
    say(f"\nThis cancels {counted(count, 'order')}{besides}.")
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
