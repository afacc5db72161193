"""What is said of a log, of several, and of one order, as text.

`summary_text` is what `report` prints, and the end of a run. Its parts are the page's too.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bulkstatus.log import Outcome, Result, RowRecord, State
from bulkstatus.order import SHIPPING, OrderStatus
from bulkstatus.reporting.failures import all_steps, group_failures, reason
from bulkstatus.reporting.several import missing_shards
from bulkstatus.reporting.summary import BROKEN_OFF, RUNNING, RunSummary, Summary, seconds_of
from bulkstatus.words import (
    Section,
    Whole,
    counted,
    duration,
    laid_beside,
    laid_out,
    printable,
    some_of,
)

if TYPE_CHECKING:
    from bulkstatus.reporting.as_json import History

NOTHING_LEFT = "Nothing is left to do."

#: What a page shows of a row that failed.
FAILURE_COLUMNS = ("Order", "Why", "Line", "Status", "Tracking")

_DONE_BEFORE = "done before, by another log"

# How much is shown of what may be long.
_GROUPS = 20
_ROWS_OF_A_GROUP = 3
_ORDERS = 20
_RUNS = 10
_LONGEST_TEXT = 60
_LONGEST_MESSAGE = 300

# What became of the rows that neither went out nor failed.
_NEITHER = {
    State.TO_SEND: "still to be sent",
    State.DUPLICATE: "repeated or done before",
    State.SUPERSEDED: "replaced by a later row",
    State.WITHDRAWN: "withdrawn",
}


def summary_text(told: Summary, width: int | None = None, mend: Path | None = None) -> str:
    """Return what is said of a log, or of several, as lines of text, harmless for a terminal.

    `mend` is the file that the failures have just been written to. Lines are not longer than
    `width`, but for commands and paths; None says that they may be. Raises LogRefused when a log
    can no longer be read.
    """
    lines = [headline(told), *state_sentences(told)]
    if told.failures:
        lines += ["", *failure_lines(told.failures)]
    if perhaps := perhaps_text(told, _ORDERS):
        lines += ["", perhaps]
    steps = all_steps(told, mend)
    lines += ["", *([] if steps else [NOTHING_LEFT])]
    for sentence, *commands in steps:
        lines += [sentence, *(Whole(f"  {command}") for command in commands)]
    lines.append("")
    return laid_out([*lines, *laid_beside(facts(told))], width)


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
    """Return how many went out and how many did not: "60 in the file: 57 went out, 3 did not."."""
    brought = [run for run in told.contents.runs if run.rows]
    where = "in the file" if len(brought) < 2 else "in all"
    if told.parts:
        where = f"in {counted(len(told.parts), 'log')}"
    rows, updated, failed = told.rows, told.count(State.UPDATED), len(told.failures)
    if not rows:
        return f"0 {where}: there was nothing to send."
    yes, no = _verbs(told.by_status)
    if updated == rows > 1:
        return f"{rows:,} {where}: all {yes}."
    parts = {yes: updated, no: failed}
    parts |= {words: told.count(state) for state, words in _NEITHER.items()}
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
            "Each order and status counts once, as the latest log has it.",
            *(
                f"{printable(job.input, _LONGEST_TEXT)} was sent in {job.of:,} shards, and some of "
                f"their logs are missing: {some_of([*map(str, job.missing)])}."
                for job in missing_shards(told.parts)
            ),
        ]
    run, shard, said = told.runs[-1], told.contents.shard, []
    if told.contents.is_sandbox:
        said.append("It was a rehearsal in the sandbox: nothing was sent to the API.")
    if shard is not None:
        said.append(f"This is shard {shard.index:,} of {shard.count:,} of the file.")
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
    return said


def failure_lines(failures: Sequence[Result]) -> Iterator[str]:
    """Yield what was said of the rows that failed, how often, and a few rows each."""
    yield "Which did not, and why:"
    groups = group_failures(failures)
    for said, results in groups[:_GROUPS]:
        yield f"  {len(results):,} {said}"
        # "and 1 more" would take the room of that row.
        most = _ROWS_OF_A_GROUP if len(results) > _ROWS_OF_A_GROUP + 1 else len(results)
        for result in results[:most]:
            order_id = printable(result.order_id, _LONGEST_TEXT) or "(none)"
            uncertain = " (may have been changed all the same)" if result.uncertain else ""
            yield f"      line {result.line}: order {order_id}, {_asked(result)}{uncertain}"
        if more := len(results) - most:
            yield f"      … and {more:,} more"
    if len(groups) > _GROUPS:
        yield f"  … and {len(groups) - _GROUPS:,} more kinds"


def failure_cells(result: Result) -> list[object]:
    """Return what a page shows of a row that failed, in FAILURE_COLUMNS."""
    tracking = result.tracking or "none"
    own = result.order_id or "none", reason(result), result.line, status_name(result.status)
    return [*own, tracking]


def perhaps_text(told: Summary, most: int) -> str:
    """Return which orders are perhaps touched, `most` of them by their IDs; "" for none."""
    rows = told.orders.perhaps
    if not rows:
        return ""
    ids = [printable(order_id, _LONGEST_TEXT) for order_id in told.ids_of(rows[:most])]
    if more := len(rows) - len(ids):
        ids.append(f"… and {more:,} more; --touched FILE lists them all")
    return (
        f"{counted(len(rows), 'order')} perhaps touched, since a request may have arrived without "
        f"its answer being seen: {', '.join(ids)}"
    )


# The particulars.


def facts(told: Summary) -> list[Section]:
    """Return the particulars, figures of speed last."""
    touched, perhaps, untouched = map(len, told.orders)
    by_status = [
        f"{status_name(status)}: "
        + ", ".join(f"{count:,} {_state_name(state)}" for state, count in counts.items())
        for status, counts in told.by_status.items()
    ]
    orders = f"{touched:,} touched, {perhaps:,} perhaps touched, {untouched:,} not touched"
    if before := told.done_before():
        orders += f", {before:,} of them {_DONE_BEFORE}"
    of_rows: list[Section] = [("Orders", [orders]), ("By status", by_status)]
    if told.parts:
        logs = [f"{each.log.name}, {each.state}: {headline(each)}" for each in told.parts]
        return [*of_rows, ("Logs", logs)]
    runs = [_run_text(run) for run in told.runs[-_RUNS:]]
    if earlier := len(told.runs) - len(runs):
        runs.insert(0, f"… {counted(earlier, 'earlier run')}")
    places = dict.fromkeys(f"{r.record.base_url}, ref ID {r.record.ref_id}" for r in told.runs)
    requests, answers = (
        sum(getattr(run, of) for run in told.runs) for of in ("requests", "answers")
    )
    seconds = sum(run.seconds for run in told.runs)
    time_taken = f"{duration(seconds)}, {counted(requests, 'request')}"
    if answers and seconds:
        time_taken += f", {answers / seconds:,.1f} rows a second"
    return [
        *of_rows,
        ("Runs", runs),
        ("Sent to", [printable(place, _LONGEST_MESSAGE) for place in places]),
        ("Log", [Whole(told.log)]),
        ("Time", [time_taken]),
    ]


def status_name(code: int | None) -> str:
    """Return a status as people read it: "Dispatched (8)"."""
    if code is None:
        return "no valid status"
    return f"{OrderStatus(code).label} ({code:d})"


def _state_name(state: State) -> str:
    return "to be sent" if state is State.TO_SEND else state.name.lower()


def _run_text(run: RunSummary) -> str:
    """Return when a run went on, by whom, how it ended and how many answers it got."""
    who = " on ".join(filter(None, (run.record.user, run.record.host)))
    by = f" by {printable(who, _LONGEST_TEXT)}" if who else ""
    how = "still going on" if run.how == RUNNING else run.how
    took, answers = duration(run.seconds), counted(run.answers, "answer")
    return f"{moment(run.started)}{by}: {how} after {took}, {answers}"


def _moment_of(text: str) -> str:
    """Return a time of the log by the clock of this machine, as it stands there if it is none."""
    try:
        return moment(seconds_of(text))
    except ValueError:
        return printable(text, _LONGEST_TEXT)


def moment(seconds: float) -> str:
    """Return a time, given in seconds since the epoch, by the clock of this machine."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
