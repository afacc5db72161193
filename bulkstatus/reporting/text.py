"""What is said of a log, of several, and of one order, as text.

`summary_lines` is what `report` prints, and the end of a run. Its parts are the page's too.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bulkstatus.log import Outcome, Result, RowRecord, State
from bulkstatus.order import SHIPPING, OrderStatus
from bulkstatus.reporting.failures import WORDS, all_steps, group_failures, reason
from bulkstatus.reporting.several import missing_shards
from bulkstatus.reporting.summary import BROKEN_OFF, RUNNING, RunSummary, Summary, seconds_of
from bulkstatus.words import Section, counted, duration, laid_beside, printable, some_of

if TYPE_CHECKING:
    from bulkstatus.reporting.as_json import History

NOTHING_LEFT = "Nothing is left to do."

#: What a page shows of a row that failed.
FAILURE_COLUMNS = ("Order", "Why", "Line", "Status", "Tracking")

_DONE_BEFORE = "done before, by another log"

# How much is shown of what may be long.
_ROWS_OF_A_GROUP = 3
_ORDERS = 20
_RUNS = 10
_LONGEST_TEXT = 60
_LONGEST_MESSAGE = 300


def summary_lines(told: Summary) -> Iterator[str]:
    """Yield what is said of a log, or of several, harmless for a terminal.

    Raises LogRefused when a log can no longer be read.
    """
    yield from (headline(told), *state_sentences(told))
    if told.failures:
        yield from ("", *failure_lines(told.failures))
    if perhaps := perhaps_text(told, _ORDERS):
        yield from ("", perhaps)
    yield ""
    for sentence, *commands in all_steps(told) or [(NOTHING_LEFT,)]:
        yield from (sentence, *(f"  {command}" for command in commands))
    yield from ("", *laid_beside(facts(told)))


def history_lines(history: "History", order_id: str) -> Iterator[str]:
    """Yield what a log knows of an order, harmless for a terminal."""
    name, order_id = printable(Path(history.log).name), printable(order_id, _LONGEST_MESSAGE)
    if not history.records:
        yield f"{name} has no row of the order {order_id}."
        return
    words = {"yes": "touched", "perhaps": "perhaps touched", "no": "not touched"}
    touched = words[history.touched]
    latest = {each.n: each for each in history.records}.values()
    if all(isinstance(each, Result) and each.outcome is Outcome.DUPLICATE for each in latest):
        touched += f", {_DONE_BEFORE}"
    yield f"Order {order_id} in {name}: {touched}."
    # Each row has its results behind it.
    for record in sorted(history.records, key=lambda record: record.n):
        if isinstance(record, Result):
            said = reason(record) or record.outcome.capitalize()
            yield f"      {_moment_of(record.at)}: {said}"
        else:
            yield f"  line {record.line}: {_asked(record)}"


def _asked(row: RowRecord | Result) -> str:
    tracking = f", {printable(row.tracking, _LONGEST_TEXT)}" if row.tracking else ""
    return f"{status_name(row.status)}{tracking}"


# What the reader wants to know.


def headline(told: Summary) -> str:
    """Return how many went out and how many did not: "60 in the file: 57 went out, 3 did not.".

    A withdrawn row is not counted where a later one stands for it.
    """
    brought = [run for run in told.contents.runs if run.rows]
    where = "in the file" if len(brought) < 2 else "in all"
    if told.parts:
        where = f"in {counted(len(told.parts), 'log')}"
    counts = {state: told.count(state) for state in State} | {State.WITHDRAWN: told.given_up}
    rows, updated, failed = sum(counts.values()), counts[State.UPDATED], len(told.failures)
    if not rows:
        return f"0 {where}: there was nothing to send."
    yes, no = _verbs(told.by_status)
    if updated == rows > 1:
        return f"{rows:,} {where}: all {yes}."
    others = State.TO_SEND, State.DUPLICATE, State.SUPERSEDED, State.WITHDRAWN
    parts = {yes: updated, no: failed} | {WORDS[state]: counts[state] for state in others}
    said = (f"{count:,} {words}" for words, count in parts.items() if count or words == yes)
    return f"{rows:,} {where}: {', '.join(said)}."


def _verbs(by_status: Mapping[OrderStatus | None, object]) -> tuple[str, str]:
    """Return what is said of rows that were updated, and of rows that failed."""
    statuses = by_status.keys() - {None}
    if statuses == {OrderStatus.CANCELLED}:
        return "cancelled", "not"
    return ("went out", "did not") if statuses and statuses <= SHIPPING else ("updated", "not")


def state_sentences(told: Summary) -> list[str]:
    """Return in sentences what there is to say of the last run beside that it finished."""
    if told.parts:
        return [
            "Each order and status counts once, as the latest run had it.",
            *(
                f"{printable(job.input, _LONGEST_TEXT)} was sent in {job.of:,} shards, and some of "
                f"their logs are missing: {some_of([*map(str, job.missing)])}."
                for job in missing_shards(told)
            ),
        ]
    run, shard, said = told.runs[-1], told.contents.shard, []
    if told.contents.is_sandbox:
        said.append("It was a rehearsal in the sandbox: nothing was sent to the API.")
    if shard is not None:
        others = [str(index) for job in missing_shards(told) for index in job.missing]
        nothing = f" It says nothing of the others: {some_of(others)}." if others else ""
        said.append(f"This is shard {shard.index} of {shard.count} of the file.{nothing}")
    if run.how == RUNNING:
        said.append("A run is going on: this is how far it has come.")
    elif run.how == BROKEN_OFF:
        said.append(
            f"The run broke off at about {moment(run.ended)} without a word: a crash, a kill, a "
            "full disk or a power cut."
        )
    elif run.how == "interrupted":
        said.append(f"The run was interrupted on {moment(run.ended)}.")
    elif run.how != "finished" or run.message:
        message = f": {printable(run.message, _LONGEST_MESSAGE)}" if run.message else "."
        said.append(f"The run {run.how} on {moment(run.ended)}{message}")
    if told.given_up and not told.contents.is_sandbox:
        said.append("Withdrawn rows can still be sent: resume this log with their file.")
    return said


def failure_lines(failures: Sequence[Result]) -> Iterator[str]:
    """Yield what was said of the rows that failed, how often, and a few rows each."""
    yield "Which did not, and why:"
    groups, others = group_failures(failures)
    for said, results in groups:
        yield f"  {len(results):,} {said}"
        for result in results[:_ROWS_OF_A_GROUP]:
            order_id = printable(result.order_id, _LONGEST_TEXT) or "(none)"
            uncertain = " (may have been changed all the same)" if result.uncertain else ""
            yield f"      line {result.line}: order {order_id}, {_asked(result)}{uncertain}"
        if len(results) > _ROWS_OF_A_GROUP:
            yield f"      … and {len(results) - _ROWS_OF_A_GROUP:,} more"
    if others:
        yield f"  … and {others:,} more kinds"


def failure_cells(result: Result) -> list[object]:
    """Return what a page shows of a row that failed, in FAILURE_COLUMNS."""
    tracking = result.tracking or "none"
    own = result.order_id or "none", reason(result), result.line, status_name(result.status)
    return [*own, tracking]


def perhaps_text(told: Summary, most: int) -> str:
    """Return which orders are perhaps touched, `most` of them by their IDs, and how to find out;
    "" for none.
    """
    rows = told.orders.perhaps
    if not rows:
        return ""
    ids = [printable(order_id, _LONGEST_TEXT) for order_id in told.ids_of(rows[:most])]
    if more := len(rows) - len(ids):
        ids.append(f"… and {more:,} more; --touched FILE lists them all")
    again = sum(told.row_state(row) in {State.TO_SEND, State.FAILED} for row in rows)
    which = "them" if again == len(rows) else f"{again:,} of them"
    finds_out = f"Going on sends {which} again, with the same status, and finds out"
    if told.state == RUNNING:
        finds_out = "The run that goes on finds out"
    elif not again:
        finds_out = "The platform's support can tell"
    return (
        f"{counted(len(rows), 'order')} perhaps touched: a request may have arrived, and its "
        f"answer was not seen. {finds_out}: {', '.join(ids)}"
    )


# The particulars.


def facts(told: Summary) -> list[Section]:
    """Return the particulars, figures of speed last."""
    touched, perhaps, untouched, before = map(len, told.orders)
    by_status = [
        f"{status_name(status)}: "
        + ", ".join(f"{count:,} {WORDS[state]}" for state, count in counts.items())
        for status, counts in told.by_status.items()
    ]
    if stood_for := told.count(State.WITHDRAWN) - told.given_up:
        later = "withdrawn, for which later rows stand"
        by_status.append(f"not counted in the first line: {stood_for:,} {later}")
    orders = f"{touched:,} touched, {perhaps:,} perhaps touched, {untouched:,} not touched"
    if before:
        orders += f", {before:,} of them {_DONE_BEFORE}"
    places = dict.fromkeys(f"{r.record.base_url}, ref ID {r.record.ref_id}" for r in told.runs)
    always: list[Section] = [
        ("Orders", [orders]),
        ("By status", by_status),
        ("Sent to", [printable(place, _LONGEST_MESSAGE) for place in places]),
    ]
    if told.parts:
        logs = [f"{each.log.name}, {each.state}: {headline(each)}" for each in told.parts]
        return [*always, ("Logs", logs)]
    earlier = len(told.runs) - _RUNS
    more = [f"… {counted(earlier, 'earlier run')}"] if earlier > 0 else []
    return [
        *always,
        ("Log", [str(told.log)]),
        ("Runs", [*more, *map(_run_text, told.runs[-_RUNS:])]),
    ]


def status_name(code: int | None) -> str:
    """Return a status as people read it: "Dispatched (8)"."""
    if code is None:
        return "no valid status"
    return f"{OrderStatus(code).label} ({code:d})"


def _run_text(run: RunSummary) -> str:
    """Return when a run went on, by whom, how it ended, and how fast it was."""
    who = " on ".join(filter(None, (run.record.user, run.record.host)))
    by = f" by {printable(who, _LONGEST_TEXT)}" if who else ""
    how = "still going on" if run.how == RUNNING else run.how
    rate = run.answers / run.seconds if run.seconds else 0.0
    speed = f", {rate:,.1f} rows a second" if rate else ""
    # Of another run some may have left besides, for rows that it has no result of.
    are_all = run.how == "finished"
    requests = f", {counted(run.requests, 'request')}" if are_all else ""
    return f"{moment(run.started)}{by}: {how} after {duration(run.seconds)}{requests}{speed}"


def _moment_of(text: str) -> str:
    """Return a time of the log by the clock of this machine, as it stands there if it is none."""
    try:
        return moment(seconds_of(text))
    except ValueError:
        return printable(text, _LONGEST_TEXT)


def moment(seconds: float) -> str:
    """Return a time, given in seconds since the epoch, by the clock of this machine."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
