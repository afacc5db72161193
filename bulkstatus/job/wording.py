"""What a run is about to do, and what is wrong with a file, in words, wherever it is asked."""

import time
from collections.abc import Iterator, Mapping, Sequence

from bulkstatus.job.beginning import NAMED
from bulkstatus.job.plan import Plan, Problem
from bulkstatus.job.refusals import how_to_resume
from bulkstatus.job.terms import Proposal
from bulkstatus.order import StatusUpdate
from bulkstatus.settings.table import TYPED, Settings
from bulkstatus.source import Source
from bulkstatus.source.options import FIELDS, LABELS, VOID
from bulkstatus.words import (
    Section,
    clock_time,
    command_line,
    counted,
    duration,
    kind_of,
    printable,
    some_of,
)

#: How much of a cell or a header is shown, in characters; and of a reason, which may quote one.
CELL = 40
_REASON = 400

# From how long a run on, in seconds, the time of day of its end is told too.
_LONG = 90.0

# How many problems are told that differ in nothing but what is the row's own.
_ALIKE = 3

# Of how many columns the values are told.
_VALUES = 8


def sections(proposal: Proposal) -> Iterator[Section]:
    """Yield, section by section, what a run is about to do."""
    plan, settings = proposal.plan, proposal.settings
    if proposal.log is not None:
        yield "Log", [*_log(proposal)]
    if proposal.withdraws:
        return
    yield from file_sections(proposal.source, plan, settings, "To send")
    if settings.sandbox:
        yield "To", ["the sandbox in this program: a rehearsal, no order changes"]
    else:
        account = f"account (ref ID) {printable(proposal.ref_id) or 'not given'}"
        yield "To", [printable(proposal.base_url), account]
    yield "Time", [_time(proposal)]
    yield "Note", list(proposal.notes)


def file_sections(
    source: Source | None, plan: Plan, settings: Settings, heading: str
) -> Iterator[Section]:
    """Yield how a file was understood, what of it can be sent, under `heading`, and what cannot.

    Without a `source` the rows are those of a log, of which the user has been told before.
    """
    if source is not None:
        name = f"{printable(source.name)}, {counted(plan.rows, 'row')}"
        yield "File", [name, *source.notes]
        if source.saved is not None:
            yield "Layout", [f'"{printable(source.saved, CELL)}"']
        yield "Columns", [*_columns(source.columns, settings)]
        if values := [*_values(plan.values)]:
            yield "Values", values
        more = ["and so on"] if plan.due > len(plan.sample) else []
        if plan.sample:
            yield "Rows", [*(_row(line, row) for line, row in plan.sample), *more]
    due = counted(plan.due, "row") if plan.due else "nothing"
    orders = f", for {counted(plan.orders, 'order')}" if plan.orders != plan.due else ""
    left = plan.all_due - plan.due
    first = f"These are the first ones (--limit); {left:,} more would be left for a resume."
    yield heading, [due + orders, *_by_status(plan), *([first] if left else [])]
    not_sent = {
        **{f"updated before, by {place}": count for place, count in plan.elsewhere_told().items()},
        "repeated: each is sent once": plan.duplicates - plan.elsewhere.total(),
        "superseded: a later row or status counts": plan.superseded,
        "with a mistake": plan.invalid,
        "in contradiction to others": plan.conflicts,
    }
    overtaken = problem_lines(plan.overtaken)
    yield "Not sent", [*rows_told(not_sent), *(f"  {line}" for line in overtaken)]
    tracking = {"of a shipping status without a tracking number": plan.without_tracking}
    yield "Look at", [*rows_told(tracking), *problem_lines(plan.odd)]


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


def rows_told(counts: Mapping[str, int]) -> Iterator[str]:
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
    yield printable(str(proposal.log_path))
    if proposal.log is not None and proposal.log.cut_off:
        yield "What a crash left unfinished at its end was cut off; nothing of it was sent."
    after_all = ". To send them after all, with their file:" if proposal.withdraws else ""
    withdrawn, left = map(_orders, (plan.withdrawn_orders, plan.left_orders))
    yield from rows_told(
        {
            "done already, not sent again": plan.done,
            "new or mended": plan.new,
            "that failed, sent again": plan.failed,
            "that the API refused, sent again as they were": plan.rejected,
            f"withdrawn: nothing is sent for them any more{withdrawn}{after_all}": plan.withdrawn,
            f"never sent and not in the file, left to be sent{left}. To send them after "
            "this:": plan.left,
        }
    )
    if plan.left:
        yield how_to_resume(settings, proposal.log_path)
    if proposal.withdraws and plan.withdrawn:
        yield how_to_resume(settings, proposal.log_path, "FILE")
    kept = [name for name, origin in settings.origins.items() if origin == "result log"]
    if (options := list(settings.typed(kept))) and not proposal.withdraws:
        typed = ", ".join(command_line(*words) for words in options)
        yield f"As before, from the log: {printable(typed)}."


def why_left(plan: Plan) -> str:
    """Return why rows stay to be sent when a run is over, "" where none do."""
    said = []
    if plan.due < plan.all_due:
        said.append(f"Stopped after {counted(plan.due, 'row')} (--limit).")
    if plan.left:
        said.append(
            f"{counted(plan.left, 'row')} of the log not in the file: neither sent nor dropped. "
            f"Resuming the log alone sends them{_orders(plan.left_orders)}."
        )
    return " ".join(said)


def _orders(first: Sequence[str]) -> str:
    """Return the first of some orders in brackets; NAMED of them say that there may be more."""
    shown = [printable(order, CELL) for order in first]
    return f" (orders {some_of(shown, are_all=len(shown) < NAMED)})" if shown else ""


def _time(proposal: Proposal) -> str:
    settings, now = proposal.settings, time.time()
    words = f"about {duration(proposal.seconds)}"
    if proposal.seconds > _LONG:
        words += f", until {clock_time(now + proposal.seconds, now)}"
    limits = [str(rate) for rate in (settings.rate, *settings.quota) if rate is not None]
    return f"{words} (at most {', '.join(limits)})" if limits else words


def problem_lines(problems: Sequence[Problem], total: int = 0) -> Iterator[str]:
    """Yield problems, the first of `total`, those that are told in the same words together."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for problem in problems:
        reason, value = printable(problem.reason, _REASON), printable(problem.value, CELL)
        is_told = not value or value in reason or problem.field == "conflict"
        told = reason if is_told else f'"{value}": {reason}'
        kinds.setdefault(kind_of(told), {}).setdefault(told, []).append(str(problem.line))
    for alike in kinds.values():
        for told, lines in list(alike.items())[:_ALIKE]:
            yield f"{_lines(lines)}: {told}"
        if others := [line for lines in list(alike.values())[_ALIKE:] for line in lines]:
            yield f"  likewise {_lines(others)}"
    if total > len(problems):
        yield f"and {counted(total - len(problems), 'more row')}"


def _lines(lines: Sequence[str]) -> str:
    return f"line{'s' if len(lines) > 1 else ''} {some_of(lines)}"


def asked(proposal: Proposal) -> str:
    """Return the question itself, to be answered with yes or no."""
    plan = proposal.plan
    if proposal.withdraws:
        return f"Send nothing more, and withdraw {counted(plan.withdrawn, 'row')}?"
    if not plan.due:
        return "Nothing is to be sent. Bring the log up to date?"
    return f"Send {'this update' if plan.due == 1 else f'these {plan.due:,} updates'}?"


def cancels(proposal: Proposal) -> str:
    """Return the sentence that says what a run with cancellations does."""
    count = proposal.plan.cancellations
    others = proposal.plan.due - count
    besides = f" and sends {counted(others, 'other update')}" if others else ""
    return f"This cancels {counted(count, 'order')}{besides}."
