"""What `send` and `resume` do with their options."""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from bulkstatus.api.access import Credentials
from bulkstatus.cli import question
from bulkstatus.cli.output import print_json
from bulkstatus.errors import LogRefused, SettingsRefused
from bulkstatus.job import Ended, Proposal, Terms
from bulkstatus.job.consent import Said
from bulkstatus.job.wording import sections
from bulkstatus.progress import observe
from bulkstatus.settings.keys import credentials_for
from bulkstatus.settings.table import Settings, not_logged
from bulkstatus.signals import ending_undisturbed, interrupting
from bulkstatus.terminal import said, say, tell
from bulkstatus.words import counted, laid_beside, printable

_T = TypeVar("_T")

#: How many files a process must be able to open, by which its event loop can be relied on.
FEWEST_FILES = 64

_WORDS = {
    "yes": "--yes",
    "cancellations": "--cancellations {}",
    "changed_input": "--changed-input",
}


def terms_of(options: Mapping[str, Any], changed_input: bool) -> Terms:
    """Return the terms of a run as the options have them."""
    dry_run, quiet, yes = options["dry_run"], options["quiet"], options["yes"]
    is_silent = quiet or options["as_json"]
    may_ask = question.is_terminal() and not yes
    consent = Said(_WORDS, options["cancellations"], changed_input, yes)

    def confirm(proposal: Proposal) -> bool:
        needs_yes = not (dry_run or proposal.settings.sandbox)
        is_asked = needs_yes and may_ask
        if is_asked or not quiet:
            say(laid_beside(sections(proposal)))
        consent.check(proposal, needs_all=needs_yes and not is_asked)
        return not is_asked or question.ask(proposal)

    return Terms(
        credentials=_credentials,
        confirm=confirm,
        retry_rejected=question.ask_rejected if may_ask else lambda log, count: False,
        take_over=question.ask_changed if may_ask else lambda name: False,
        asks=question.Asking() if may_ask else None,
        # There is one JSON object, of the last run.
        ended=lambda ended: _show(ended, {**options, "as_json": False, "quiet": is_silent}),
        observer=None if quiet else observe,
        limit=options["limit"],
        max_failures=options["max_failures"],
        dry_run=dry_run,
        stoppable=interrupting,
    )


def with_account(settings: Settings) -> Settings:
    """Return settings that name an account, which is asked for where none is known."""
    if settings.ref_id is not None or not question.is_terminal():
        return settings
    return replace(settings, ref_id=question.prompt("Ref ID of your account of the platform"))


def _credentials(settings: Settings) -> Credentials:
    """Return the account's credentials, and ask for those that are found nowhere."""

    def ask(ref_id: str) -> str:
        return question.prompt(f"API key of the account {printable(ref_id)}", hidden=True)

    return credentials_for(with_account(settings), ask=ask if question.is_terminal() else None)


def execute(
    work: Callable[[Terms], Coroutine[Any, Any, Ended]],
    options: Mapping[str, Any],
    changed_input: bool = False,
) -> int:
    """Run the work in an event loop, print what came of it and return the exit status."""
    with ending_undisturbed() as ignore_signals:

        async def to_its_end() -> Ended:
            try:
                return await work(terms_of(options, changed_input))
            finally:
                ignore_signals()

        ended = run_in_loop(to_its_end())
        # The run is over and logged: what cannot be printed of it changes nothing.
        with said():
            _show(ended, options)
    return ended.ending.exit_status


def _show(ended: Ended, options: Mapping[str, Any]) -> None:
    """Print what came of a run: what `report` prints, and before it what kept it from its end."""
    ending, as_json, quiet = ended.ending, options["as_json"], options["quiet"]
    if quiet and not as_json and not ending.exit_status and ended.ran:
        return
    from bulkstatus.reporting import summarise, summary_lines

    # What the run has left in memory must not add to what the report needs.
    gc.collect()
    try:
        typed = not_logged(options)
        summary = summarise(ended.log_path, typed=typed) if ended.log_path is not None else None
    except LogRefused as error:
        say(str(error))
        summary = None
    if as_json:
        from bulkstatus.cli.as_json import ended_record

        print_json(ended_record(ended, summary))
        return
    if not quiet and not ended.ran:
        would = f"; {counted(ended.to_send, 'row')} would be" if ended.to_send else ""
        nothing = f"Nothing was sent{would}."
        is_more = ending.message != "Nothing was sent."
        say(printable(f"{ending.message} {nothing}") if is_more else nothing)
    elif summary is None or summary.contents.runs[-1].end is None:
        # The log, which else has the last word, did not get to hold it.
        say(printable(ending.message))
    if summary is not None and (not quiet or ending.exit_status):
        (say if quiet else tell)(summary_lines(summary))


def run_in_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in uvloop's event loop where there is one, else in asyncio's own."""
    if sys.platform != "win32":
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= most < FEWEST_FILES:  # -1 may stand for no limit
            work.close()
            raise SettingsRefused(
                f"The system lets this process open {most} files at once, and {FEWEST_FILES} are "
                "needed, connections among them. Nothing was sent. Raise that first:\n"
                f"  ulimit -n {FEWEST_FILES}"
            )
    # Rows are many, short-lived and free of cycles: to look for cycles among them at Python's
    # usual pace takes a fifth of the time of a check. What is imported by now stays anyway.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        from uvloop import new_event_loop
    except ImportError:
        factory = None
    else:
        factory = new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
