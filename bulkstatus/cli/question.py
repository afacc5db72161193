"""The question before sending: what is about to happen, and whether to go on."""

import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter

import click

from bulkstatus import terminal
from bulkstatus.cli.description import (
    CELL,
    Section,
    Whole,
    input_sections,
    laid_out,
    plan_sections,
)
from bulkstatus.config import passed_over_base_url
from bulkstatus.errors import Interrupted, SettingsRefused
from bulkstatus.preflight import Plan
from bulkstatus.result import Outcome
from bulkstatus.resultlog import LogContents, RunRecord
from bulkstatus.resultlog.inputs import input_name, input_path
from bulkstatus.sending import Proposal
from bulkstatus.sending.typed import options_of_log, send_command
from bulkstatus.terminal import say
from bulkstatus.text import printable
from bulkstatus.wording import clock_time, command_line, counted, duration, some_of

# From how long a run on, in seconds, the time of day of its end is told too.
_LONG = 90.0

_NO = {"", "n", "no"}

# How often the number of cancellations may be typed.
_TRIES = 3


def show(proposal: Proposal) -> None:
    """Print to stderr what a run is about to do."""
    say(laid_out(_sections(proposal), sys.stderr), whole=True)


def _sections(proposal: Proposal) -> Iterator[Section]:
    whole = replace(proposal.plan, rows=proposal.plan.rows + proposal.left_out)
    yield from input_sections(proposal.source, whole, proposal.settings)
    if proposal.log is not None:
        yield "Log", list(_log(proposal))
    yield from plan_sections(proposal.plan, "To send")
    if proposal.plan.due < proposal.all_due:
        left = proposal.all_due - proposal.plan.due
        are = "is" if left == 1 else "are"
        yield "", [f"These are the first ones (--limit); {left} more {are} left for a resume."]
    yield "To", list(_target(proposal))
    yield "Time", [_time(proposal)]


def _log(proposal: Proposal) -> Iterator[str]:
    """Yield what the log of a resumed run says about the rows."""
    plan, log = proposal.plan, proposal.log
    if log is None:
        return
    yield Whole(printable(str(proposal.log_path)))
    if log.torn:
        yield "Its last line was torn (a crash or a full disk) and was cut off."
    yield from _rows(plan)
    if proposal.picked_up or proposal.source.sha256 != log.last_run.input_sha256:
        yield from _another_input(proposal, log)
    if proposal.left_out:
        stay, them = ("stays", "it") if proposal.left_out == 1 else ("stay", "them")
        yield f"{_mended(proposal.left_out)} {stay} withdrawn: nothing is sent for {them}."
    if proposal.brought_back:
        yield _brought_back(proposal)
    if plan.gone:
        one = len(plan.gone) == 1
        are, were, them = ("is", "it was", "it") if one else ("are", "they were", "them")
        yield (
            f"{counted(len(plan.gone), 'row')} that failed before {are} not in this file as "
            f"{were} (mended or taken out): nothing is sent for {them}, and the log marks {them} "
            "as withdrawn."
        )
        in_file_order = sorted(plan.gone, key=itemgetter(0))
        yield _named_orders(content.order_id for _, content in in_file_order)
    if proposal.left_behind:
        rows = counted(proposal.left_behind, "row")
        yield (
            f"At least {rows} of the last run's file were never sent and are not in this one: this "
            "run leaves them behind."
        )
    if proposal.unfinished is not None:
        yield from _own_input_left(proposal, proposal.unfinished)
    if options := options_of_log(proposal.settings):
        typed = ", ".join(command_line(*words) for words in options)
        yield f"As before, from the log: {printable(typed)}."


def _named_orders(orders: Iterable[str]) -> str:
    """Return such as "Orders: 46140654, 46140834"; blank IDs, which a mistake may be, as such."""
    names = [printable(order, CELL) or "(blank)" for order in dict.fromkeys(orders)]
    return f"{'Orders' if len(names) > 1 else 'Order'}: {some_of(names)}"


def _rows(plan: Plan) -> Iterator[str]:
    """Yield what the log says about the rows of the file, and which of them are as they failed."""
    new = "new or mended" if plan.gone else "not sent before"
    counts = {"done": plan.done, "to be sent again": plan.again, new: plan.due - plan.again}
    yield ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none to send"
    refused = plan.tried[Outcome.REJECTED]
    if refused == 1:
        yield (
            "1 row is as it was when the API refused it, and is sent again. To leave it, take it "
            "out of the file."
        )
    elif refused:
        yield (
            f"{refused} rows are as they were when the API refused them, and are sent again. To "
            "leave them, take them out of the file."
        )


def _another_input(proposal: Proposal, log: LogContents) -> Iterator[str]:
    """Yield how an input that is not the last run's stands to the log."""
    name, last = printable(proposal.source.name), log.last_run
    path = proposal.source.path
    if proposal.picked_up:
        yield (
            f"This goes on with {name}, which no run has finished; the last run, over "
            f"{printable(input_name(last))}, finished."
        )
        if proposal.changed:
            yield f"{name} was changed since its own last run."
    elif not proposal.changed:
        yield f"{name} is the file of an earlier run of this log, not of the last."
    elif path is not None and path.resolve() == input_path(last, proposal.log_path).resolve():
        yield f"{name} was changed since the last run."
    else:
        yield f"{name} is another file than the last run's ({printable(input_name(last))})."
    yield "Rows are known by their order ID, status and tracking, not by their line."
    if done := log.state.counts().get(Outcome.UPDATED, 0):
        stay, are = ("stays", "is") if done == 1 else ("stay", "are")
        yield f"The {counted(done, 'row')} updated so far {stay} so and {are} not sent again."


def _own_input_left(proposal: Proposal, run: RunRecord) -> Iterator[str]:
    """Yield that the log's own input, over which `run` was, stays unfinished, and what to do."""
    own = printable(input_name(run))
    later = "a later resume without a file goes on with it" if run.input != "-" else "it stays open"
    instead = (
        "stop here and send the right one by itself instead:"
        if proposal.is_new
        else "leave it, and do not resume this log again when this file is done."
    )
    yield (
        f"No run has finished {own}, which this log was made for, so {later}. If that was the "
        f"wrong file, {instead}"
    )
    if proposal.is_new:
        yield Whole(f"  {printable(send_command(proposal.source, proposal.settings))}")


def _target(proposal: Proposal) -> Iterator[str]:
    if proposal.settings.values["sandbox"]:
        yield f"{proposal.address}: a rehearsal, no real order changes"
        yield from _updated_elsewhere(proposal)
        return
    yield printable(proposal.base_url)
    yield from _updated_elsewhere(proposal)
    if other := passed_over_base_url(proposal.settings):
        yield (
            f"That is the log's base URL; your settings say {printable(other)}. To send there "
            "instead, give it with --base-url."
        )
    yield f"account (ref ID) {printable(proposal.ref_id) or 'not given'}"


def _updated_elsewhere(proposal: Proposal) -> Iterator[str]:
    for place, count in proposal.updated_at.items():
        if place != proposal.address:
            were, they = ("was", "it counts") if count == 1 else ("were", "they count")
            yield (
                f"{counted(count, 'row')} of this log {were} updated at {printable(place)}, not at "
                f"the address above; {they} as done."
            )


def _time(proposal: Proposal) -> str:
    settings, now = proposal.settings, time.time()
    words = f"about {duration(proposal.seconds)}"
    if proposal.seconds > _LONG:
        words += f", until {clock_time(now + proposal.seconds, now)}"
    limits = [str(rate) for rate in (settings.rate, *settings.quotas) if rate is not None]
    return f"{words} (at most {', '.join(limits)})" if limits else words


def is_terminal() -> bool:
    """Tell whether there is somebody who sees a question and can answer it."""
    return terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)


def ask(proposal: Proposal, yes: bool, cancellations: int | None, changed_input: bool) -> bool:
    """Return whether to go on; the default answer is no.

    Raises SettingsRefused when there is nobody to ask, or nobody is to be asked, and the options
    do not answer.
    """
    count = proposal.plan.cancellations
    if cancellations is not None and cancellations != count:
        raise SettingsRefused(
            f"--cancellations says {cancellations}, but this run would cancel "
            f"{counted(count, 'order')}{_counted_without(proposal)}. Nothing was sent; look at the "
            "file again, or say that number."
        )
    if is_terminal() and not yes:
        with ctrl_c_answers():
            return _type_number(proposal, count) if count else _confirm(proposal)
    missing = [] if yes else ["--yes"]
    if count and cancellations is None:
        missing.append(f"--cancellations {count}")
    if (proposal.changed or proposal.brought_back) and not changed_input:
        missing.append("--changed-input")
    if missing:
        lines = [" ".join(_unanswered(proposal, missing, count))]
        if "--changed-input" in missing and proposal.unfinished is not None:
            lines += _own_input_left(proposal, proposal.unfinished)
        raise SettingsRefused("\n".join(lines))
    return True


def _counted_without(proposal: Proposal) -> str:
    """Return why a run may cancel other orders than the file asks for."""
    reasons = []
    if proposal.plan.due < proposal.all_due:
        reasons.append("after --limit")
    if proposal.log is not None:
        reasons.append("without those done already")
    return f", {' and '.join(reasons)}" if reasons else ""


def _confirm(proposal: Proposal) -> bool:
    what = "this update" if proposal.plan.due == 1 else f"these {proposal.plan.due} updates"
    question = (
        f"Send {what}?" if proposal.plan.due else "Nothing is to be sent. Bring the log up to date?"
    )
    say("")
    while True:
        typed = click.prompt(f"{question} [y/N]", default="", show_default=False, err=True)
        answer = str(typed).strip().lower()
        if answer in {"y", "yes"}:
            return True
        if answer in _NO:
            return False
        say("Type y for yes, or n (or just Enter) for no.")


def _type_number(proposal: Proposal, count: int) -> bool:
    others = proposal.plan.due - count
    besides = f" and sends {counted(others, 'other update')}" if others else ""
    say(f"\nThis cancels {counted(count, 'order')}{besides}.")
    for _ in range(_TRIES):
        typed = click.prompt(
            f"Type {count} to do that, or press Enter to stop",
            default="",
            show_default=False,
            err=True,
        )
        answer = str(typed).strip()
        if answer == str(count):
            return True
        if answer.lower() in _NO:
            return False
        say(f'You typed "{printable(answer, CELL)}", and {count} is needed.')
    return False


def _brought_back(proposal: Proposal) -> str:
    are = "is" if proposal.brought_back == 1 else "are"
    return f"{_mended(proposal.brought_back)} {are} sent again."


def _mended(count: int) -> str:
    """Return the beginning of a sentence about rows that were withdrawn since."""
    were = "was" if count == 1 else "were"
    return (
        f"{counted(count, 'row')} of it that failed {were} mended or taken out of a later file "
        "since, and"
    )


def _unanswered(proposal: Proposal, missing: list[str], count: int) -> Iterator[str]:
    """Yield the sentences that say which options would have answered."""
    if "--yes" in missing:
        yield "There is no terminal to ask on."
    if f"--cancellations {count}" in missing:
        yield f"This run would cancel {counted(count, 'order')}."
    if "--changed-input" in missing and proposal.changed:
        yield (
            "The file is not the one that this log goes on with: it is another one, or was "
            "changed since."
        )
    elif "--changed-input" in missing:
        yield _brought_back(proposal)
    yield f"Nothing was sent. If all this is meant, add {' '.join(missing)}."


@contextmanager
def ctrl_c_answers() -> Iterator[None]:
    """Let Ctrl-C end a prompt; the event loop's own handler would only note it for later."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("")  # ends the line of the question
        raise Interrupted("Interrupted; nothing was sent.") from None
    finally:
        signal.signal(signal.SIGINT, before)
