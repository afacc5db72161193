"""The question before sending: which answers and options send, and what is shown before it."""

import asyncio
import signal
import sys
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bulkstatus.cli import execute, question
from bulkstatus.errors import Interrupted, SettingsRefused
from bulkstatus.job import Proposal
from bulkstatus.job.plan import Plan, Problem
from bulkstatus.job.wording import sections
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.settings.sources import resolve
from bulkstatus.settings.table import OF_ONE_RUN
from bulkstatus.terminal import say
from bulkstatus.words import laid_beside
from tests.terminal import Screen

DISPATCHED, CANCELLED = OrderStatus.DISPATCHED, OrderStatus.CANCELLED


def plan(sent: int, cancelled: int = 0, **more: Any) -> Plan:
    by_status = Counter({DISPATCHED: sent, CANCELLED: cancelled})
    total = sent + cancelled
    told = {"rows": total, "due": total, "all_due": total, "orders": total} | more
    return Plan(by_status=by_status, **({"untold_cancellations": cancelled} | told))


def proposal(of: Plan, **more: Any) -> Proposal:
    settings = resolve(("option", {"rate": "20/s", "quota": "1000/h"}))
    return Proposal(of, settings, Path("day.results.jsonl"), "https://api.example", "acme", **more)


SEND, CANCEL, BOTH = plan(4), plan(0, 12), plan(1, 2)
TOLD = plan(0, 12, untold_cancellations=0)
YES = {"yes": True}
OPTIONS = dict.fromkeys(("yes", "dry_run", "quiet", "as_json"), False) | dict.fromkeys(OF_ONE_RUN)


@pytest.mark.parametrize(
    ("of", "typed", "options", "answer"),
    [
        # Somebody is there: the default is no.
        (SEND, "y\n", {}, "go"),
        (SEND, "\n", {}, "stop"),
        (SEND, "n\n", {}, "stop"),
        (SEND, "4\nyex\ny\n", {}, "go"),
        (SEND, "yex\n\n", {}, "stop"),
        (SEND, "", {}, "interrupted"),
        (SEND, "n\n", YES, "go"),
        # Cancellations are confirmed by their number, and by nothing else.
        (CANCEL, " 12 \n", {}, "go"),
        (CANCEL, " No \n", {}, "stop"),
        (CANCEL, "y\n\n", {}, "stop"),
        (CANCEL, "y\n11\n12\n", {}, "go"),
        (CANCEL, "y\n11\n120\n\n12\n", {}, "stop"),
        (CANCEL, "", {}, "interrupted"),
        (CANCEL, "12\n", {"cancellations": 12}, "go"),
        (CANCEL, "y\n\n", {"cancellations": 12}, "stop"),
        (CANCEL, "12\n", {"cancellations": 11}, "refused"),
        (CANCEL, "", YES, "refused"),
        (CANCEL, "", YES | {"cancellations": 12}, "go"),
        (BOTH, "3\n\n", {}, "stop"),
        (BOTH, "2\n", {}, "go"),
        # Nobody is there.
        (SEND, None, {}, "refused"),
        (SEND, None, YES, "go"),
        (SEND, None, YES | {"cancellations": 0}, "go"),
        (SEND, None, YES | {"cancellations": 1}, "refused"),
        (CANCEL, None, YES, "refused"),
        (CANCEL, None, {"cancellations": 12}, "refused"),
        (CANCEL, None, YES | {"cancellations": 12}, "go"),
        (CANCEL, None, YES | {"cancellations": 11}, "refused"),
        # Those that this log's runs were told of need no number again.
        (TOLD, None, YES, "go"),
        (TOLD, None, YES | {"cancellations": 11}, "refused"),
        # What a mended file changes of the log is meant only when somebody says so.
        (plan(4, new=1), "y\n", {}, "go"),
        (plan(4, new=1), None, YES, "refused"),
        (plan(4, rejected=1), None, YES, "refused"),
        (plan(4, withdrawn=1), "", YES, "refused"),
        (plan(4, left=1), None, YES, "refused"),
        (plan(4, left=1), None, YES | {"changed_input": True}, "go"),
        (plan(4, new=1), None, YES | {"dry_run": True}, "go"),
        # A rehearsal needs no yes; what was said of it all the same is held to.
        (CANCEL, None, {"dry_run": True}, "go"),
        (CANCEL, None, {"dry_run": True, "cancellations": 12}, "go"),
        (CANCEL, None, {"dry_run": True, "cancellations": 11}, "refused"),
        (CANCEL, "12\n", {"dry_run": True, "cancellations": 11}, "refused"),
    ],
)
def test_only_the_right_answer_sends(
    monkeypatch: pytest.MonkeyPatch,
    of: Plan,
    typed: str | None,
    options: dict[str, Any],
    answer: str,
) -> None:
    there: dict[str, Any] = {}
    if of.new or of.rejected or of.withdrawn or of.left:
        there = {"source": object(), "log": object()}
    monkeypatch.setattr(question, "is_terminal", lambda: typed is not None)
    monkeypatch.setattr(execute, "sections", lambda proposal: [])
    terms = execute.terms_of(OPTIONS | options, options.get("changed_input", False))
    seen: list[str] = []

    @click.command()
    def command() -> None:
        try:
            seen.append("go" if terms.confirm(proposal(of, **there)) else "stop")
        except (SettingsRefused, Interrupted) as error:
            seen.append("refused" if isinstance(error, SettingsRefused) else "interrupted")

    assert CliRunner().invoke(command, input=typed or "").exception is None
    assert seen == [answer]


@pytest.mark.parametrize("of", [SEND, CANCEL])
def test_the_first_ctrl_c_ends_the_question(monkeypatch: pytest.MonkeyPatch, of: Plan) -> None:
    def pressed(*arguments: object, **options: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return "12"

    async def ask() -> None:
        question.ask(proposal(of))

    monkeypatch.setattr(question, "is_terminal", lambda: True)
    for name in ("prompt", "confirm"):
        monkeypatch.setattr(click, name, pressed)
    before = signal.getsignal(signal.SIGINT)
    with asyncio.Runner() as runner, pytest.raises(Interrupted):
        runner.run(ask())
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("stdin", "stderr"), [(Screen, StringIO), (StringIO, Screen)])
def test_a_question_needs_a_terminal_to_be_seen_and_one_to_be_answered(
    monkeypatch: pytest.MonkeyPatch, stdin: type, stderr: type
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin())
    monkeypatch.setattr(sys, "stderr", stderr())
    assert not question.is_terminal()


@pytest.mark.parametrize("width", [40, 100])
def test_what_is_shown_fits_the_terminal_and_plays_no_tricks(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stderr", Screen())
    row = StatusUpdate("[red]\x1b[2J" + "x" * 500, DISPATCHED, None)
    of = replace(
        SEND,
        sample=[(2, row)],
        odd=[Problem(2, "1", "tracking", "1" * 500, "x " * 250)],
        withdrawn_orders=["\x9b"],
    )
    say(laid_beside(sections(proposal(of, seconds=7200.0))))
    lines = sys.stderr.getvalue().splitlines()  # type: ignore[attr-defined] - the Screen above
    assert max(map(len, lines)) <= max(width, 60)
    assert "until" in " ".join(lines)
    assert not {"\x1b", "\x9b"} & set("".join(lines))
