"""The question before sending: what is about to happen, and whether to go on."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bulkstatus import terminal
from bulkstatus.cli.description import Section, input_sections, laid_out, plan_sections
from bulkstatus.errors import Interrupted, SettingsRefused
from bulkstatus.sending import Proposal
from bulkstatus.terminal import say
from bulkstatus.text import printable
from bulkstatus.wording import clock_time, counted, duration

# From how long a run on, in seconds, the time of day of its end is told too.
_LONG = 90.0


def show(proposal: Proposal) -> None:
    """Print to stderr what a run is about to do."""
    say(laid_out(_sections(proposal), sys.stderr), whole=True)


def _sections(proposal: Proposal) -> Iterator[Section]:
    yield from input_sections(proposal.source, proposal.plan, proposal.settings)
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
    plan = proposal.plan
    yield printable(str(proposal.log_path))
    if proposal.log is not None and proposal.log.torn:
        yield "Its last line was torn (a crash or a full disk) and was cut off."
    yield (
        f"{plan.done} done, {plan.again} to be sent again, {plan.due - plan.again} not sent "
        f"before, {len(plan.gone)} gone from the file"
    )
    if proposal.changed:
        yield "The file is not the one that this log was made from."
    if proposal.left_behind:
        rows = counted(proposal.left_behind, "row")
        yield (
            f"{rows} of that file were never sent and are not in this one: this run leaves them "
            "behind. To send them, resume with that file first."
        )


def _target(proposal: Proposal) -> Iterator[str]:
    if proposal.settings.values["sandbox"]:
        yield "the sandbox in this program: a rehearsal, no real order changes"
        return
    yield printable(proposal.base_url)
    yield f"account (ref ID) {printable(proposal.ref_id) or 'not given'}"


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
            f"{counted(count, 'order')}. Nothing was sent; look at the file again."
        )
    if is_terminal() and not yes:
        with ctrl_c_answers():
            return _type_number(proposal, count) if count else _confirm(proposal)
    missing = [] if yes else ["--yes"]
    if count and cancellations is None:
        missing.append(f"--cancellations {count}")
    if proposal.changed and not changed_input:
        missing.append("--changed-input")
    if missing:
        raise SettingsRefused(" ".join(_unanswered(missing, count)))
    return True


def _confirm(proposal: Proposal) -> bool:
    if not proposal.plan.due:
        return click.confirm("\nWrite that into the log?", default=False, err=True)
    what = "this update" if proposal.plan.due == 1 else f"these {proposal.plan.due} updates"
    return click.confirm(f"\nSend {what}?", default=False, err=True)


def _type_number(proposal: Proposal, count: int) -> bool:
    others = proposal.plan.due - count
    besides = f" and sends {counted(others, 'other update')}" if others else ""
    say(f"\nThis cancels {counted(count, 'order')}{besides}.")
    typed = click.prompt(
        f"Type {count} to do that, or press Enter to stop",
        default="",
        show_default=False,
        err=True,
    )
    agreed = str(typed).strip() == str(count)
    if typed and not agreed:
        say(f"That was not {count}.")
    return agreed


def _unanswered(missing: list[str], count: int) -> Iterator[str]:
    """Yield the sentences that say which options would have answered."""
    if "--yes" in missing:
        yield "There is no terminal to ask on."
    if f"--cancellations {count}" in missing:
        yield f"This run would cancel {counted(count, 'order')}."
    if "--changed-input" in missing:
        yield "The file is not the one that the log was made from."
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
