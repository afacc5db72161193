"""What there is to say of rows and orders beside their numbers."""

from collections.abc import Iterator, Sequence

from bulkstatus.reporting.runs import How
from bulkstatus.reporting.summary import Report
from bulkstatus.reporting.unfinished import UnfinishedInput, broken_off, unfinished_inputs
from bulkstatus.result import Outcome
from bulkstatus.resultlog.inputs import input_name
from bulkstatus.wording import counted, some_of


def withdrawn_note(count: int) -> str:
    """Return what there is to say of withdrawn rows, which are no longer counted."""
    was = "was" if count == 1 else "were"
    return (
        f"besides {count:,} withdrawn, which failed earlier and since then {was} mended or taken "
        "out of the file"
    )


def row_notes(report: Report) -> Iterator[str]:
    """Yield what there is to say of the rows beside their number."""
    withdrawn = report.counts.get(Outcome.WITHDRAWN)
    if withdrawn:
        yield withdrawn_note(withdrawn)
    if report.pending is None:
        names = " and ".join(input_name(unread.run) for unread in report.unread)
        yield f"some more may be pending: the log alone does not tell how many of {names}"
    if report.unfinished is not None:
        yield f"no run has finished {input_name(report.unfinished)}, an earlier input"
    if report.left_behind:
        rows = counted(report.left_behind, "row")
        later = "" if report.unfinished else ", and are left behind: no later one has them"
        yield f"at least {rows} of an earlier input {_left_behind(report)}{later}"


def order_notes(report: Report) -> Iterator[str]:
    """Yield what there is to say of the orders beside their numbers."""
    orders = report.orders
    if orders.unspoken:
        those = _some_of(orders.unspoken, len(orders.perhaps_touched))
        inputs = unfinished_inputs(report.contents)
        numbers = sorted({number for there in inputs for number in there.broken_off})
        first = (
            "; rows leave in the order of the file, so most likely only the first of them were sent"
            if orders.unspoken > 1
            else ""
        )
        yield f"{those}: {_broke_off(report, numbers)}{first}"
    if orders.refused_later:
        those = _some_of(len(orders.refused_later), len(orders.perhaps_touched))
        yield f"{those}: refused or failed, but only after a run broke off that may have sent them"
    for unread in report.unread:
        yield _unread_note(report, unread)
    if orders.withdrawn:
        withdrawn = [order_id for order_id in orders.untouched if order_id in orders.withdrawn]
        yield f"of those not touched, only withdrawn rows were about {some_of(withdrawn)}"
    if report.left_behind and not report.unread:
        yield "the orders of the rows left behind are not counted: the log does not name them"


def _unread_note(report: Report, unread: UnfinishedInput) -> str:
    """Return what became of the pending rows of an input that would name them, but is not there."""
    count = report.orders.unnamed
    rows = "all rows still pending" if count is None else counted(count, "pending row")
    if unread.run.input == "-":
        who = "only standard input named them"
    else:
        who = f"only {unread.run.input} names them, and it is gone or no longer what it was"
    if unread.broken_off:
        why = _broke_off(report, unread.broken_off)
        return f"perhaps touched as well: the orders of {rows}, since {why}; {who}"
    return f"not touched either: the orders of {rows}, but for those counted above; {who}"


def _some_of(count: int, all_of_them: int) -> str:
    if count == all_of_them:
        return f"{count:,} perhaps touched"
    return f"{count:,} of those perhaps touched"


def _broke_off(report: Report, numbers: Sequence[int]) -> str:
    """Return why it is not known whether rows were sent, of the runs that left them unrecorded."""
    last = len(report.runs)
    over = [number for number in numbers if number < last or report.how is How.CRASHED]
    said = []
    if over:
        said.append(f"{numbered(over)} broke off without a word of them")
    if last in numbers and last not in over:
        what = "is still going on" if report.how is How.RUNNING else "has written no end"
        said.append(f"run {last} {what}, and their answers are not in the log")
    return ", and ".join(said)


def _left_behind(report: Report) -> str:
    last = report.contents.last_run.input_sha256
    killed = [
        number
        for run in report.runs
        if run.record.input_sha256 != last and run.how is not How.FINISHED
        for number in broken_off(report.contents, run.record, report.contents.runs)
    ]
    if not killed:
        return "were never sent"
    return f"have no record: {numbered(sorted(set(killed)))} broke off and may have sent some"


def numbered(numbers: Sequence[int]) -> str:
    """Return "run 1", "runs 1 and 2" or "runs 1, 2 and 5"."""
    *others, last = map(str, numbers)
    return f"runs {', '.join(others)} and {last}" if others else f"run {last}"
