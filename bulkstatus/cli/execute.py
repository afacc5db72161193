"""What `send` and `resume` do with their options."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import click

from bulkstatus.cli import question
from bulkstatus.cli.options import split_columns
from bulkstatus.cli.outcome import show_summary
from bulkstatus.config import (
    DEFAULTS,
    Settings,
    find_account,
    logged_settings,
    no_credentials,
    settings_from,
)
from bulkstatus.credentials import Credentials
from bulkstatus.progress import Course, course_of, observe
from bulkstatus.resultlog import RunRecord
from bulkstatus.run import Observer
from bulkstatus.sending import Proposal, Summary, Terms
from bulkstatus.signals import ending_undisturbed
from bulkstatus.terminal import say
from bulkstatus.text import printable

_T = TypeVar("_T")


def given_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings among the options that were typed."""
    given = {name: options.get(name) for name in DEFAULTS}
    given["column"] = split_columns(options.get("column") or ())
    given["quota"] = list(options.get("quota") or ()) or None
    return given


def settings_of(options: Mapping[str, Any], run: RunRecord | None = None) -> Settings:
    """Return the settings in force; `run` is the one of a log that a resumed run goes on with."""
    return settings_from(given_settings(options), None if run is None else logged_settings(run))


def terms_from(
    options: Mapping[str, Any],
    changed_input: bool = False,
    observer: Callable[[Proposal], Observer] | None = None,
) -> Terms:
    """Return the terms of a run as the options have them."""
    dry_run, quiet = options["dry_run"], options["quiet"]

    def confirm(proposal: Proposal) -> bool:
        asks = not (dry_run or options["yes"] or proposal.settings.values["sandbox"])
        if not quiet or (asks and question.is_terminal()):
            question.show(proposal)
        if dry_run or proposal.settings.values["sandbox"]:
            return True
        return question.ask(proposal, options["yes"], options["cancellations"], changed_input)

    return Terms(
        credentials=_credentials,
        confirm=confirm,
        observer=None if quiet else observer,
        limit=options["limit"],
        max_failures=options["max_failures"],
        dry_run=dry_run,
        handle_signals=True,
    )


def _credentials(settings: Settings, needs_key: bool) -> Credentials | None:
    """Return the account's credentials, and ask for those that are needed and found nowhere."""
    if not needs_key:
        return Credentials(settings.ref_id, "") if settings.ref_id else None
    ref_id, key = find_account(settings)
    if ref_id and key:
        return Credentials(ref_id, key.value)
    if not question.is_terminal():
        raise no_credentials(ref_id)
    say(
        "The API takes updates from an account of the platform, named by its ref ID, with its API "
        "key (which is not shown as you type). To be asked no more, set BULKSTATUS_REF_ID and "
        "BULKSTATUS_API_KEY, or make a profile."
    )
    with question.ctrl_c_answers():
        ref_id = ref_id or str(click.prompt("Ref ID", err=True))
        if key is None:
            prompt = f"API key of the account {printable(ref_id)}"
            return Credentials(ref_id, str(click.prompt(prompt, hide_input=True, err=True)))
    return Credentials(ref_id, key.value)


def execute(
    work: Callable[[Terms], Coroutine[Any, Any, Summary]],
    options: Mapping[str, Any],
    changed_input: bool = False,
) -> int:
    """Run the work in an event loop, print what came of it and return the exit status."""
    course: Course | None = None

    def observer(proposal: Proposal) -> Observer:
        nonlocal course
        course = course_of(proposal)
        return observe(course)

    with ending_undisturbed() as ignore_signals:

        async def to_its_end() -> Summary:
            try:
                return await work(terms_from(options, changed_input, observer))
            finally:
                ignore_signals()

        summary = run_in_loop(to_its_end())
        advice = course.advice(course.clock()) if course is not None else ""
        show_summary(summary, advice, options["as_json"], options["quiet"])
    return summary.ending.exit_status


def run_in_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in uvloop's event loop where there is one, else in asyncio's own."""
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
