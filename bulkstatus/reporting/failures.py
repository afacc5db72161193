"""Why rows were not updated, and what to do next."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from bulkstatus.log import FAILURES, ErrorKind, Outcome, Result, State
from bulkstatus.reporting.summary import RUNNING, Summary
from bulkstatus.words import capitalised, command_line, kind_of, printable

#: What became of rows, by their state; of those that went out it depends on the status.
WORDS = {
    State.UPDATED: "updated",
    State.REJECTED: "rejected by the API",
    State.FAILED: "failed",
    State.INVALID: "not sent",
    State.TO_SEND: "still to be sent",
    State.DUPLICATE: "repeated or done before",
    State.SUPERSEDED: "replaced by a later row",
    State.WITHDRAWN: "withdrawn",
}

_LONGEST_MESSAGE = 300

# How many kinds of failures are told.
_GROUPS = 20


def reason(result: Result) -> str:
    """Return why a row is not updated, printable; "" where there is nothing to say."""
    said = []
    if result.error or result.outcome in FAILURES:
        said.append(_said(result).rstrip("."))
    if result.outcome is Outcome.FAILED:
        said.append("It can be sent again as it is")
    if result.uncertain:
        said.append("The order may have been changed all the same")
    return capitalised(". ".join(said))


def group_failures(failures: Iterable[Result]) -> tuple[list[tuple[str, list[Result]]], int]:
    """Return what was said of failures, and of which, the largest groups first; and how many
    more groups there are.

    What differs from row to row in what was said of several is told as "…".
    """
    groups: dict[str, list[Result]] = {}
    for result in failures:
        groups.setdefault(_said(result, in_common=True), []).append(result)
    told = [
        (said if len(results) > 1 else _said(results[0]), results)
        for said, results in groups.items()
    ]
    told.sort(key=lambda group: -len(group[1]))
    return told[:_GROUPS], len(told[_GROUPS:])


def _said(result: Result, in_common: bool = False) -> str:
    """Return what was said of a row by the API, or of it before it was sent, printable.

    What it has `in_common` with others is without what is the row's own.
    """
    message = result.error.message if result.error else "no reason was given"
    if in_common and result.error and result.error.kind is ErrorKind.ROW:
        message = kind_of(message)
    elif in_common:
        for own in (result.order_id, result.tracking):
            # A short one might be part of a word or of another number.
            if own and len(own) >= 4:
                message = message.replace(own, "…")
    origin = []
    if result.http_status and not message.startswith("HTTP "):
        origin.append(f"HTTP {result.http_status}")
    if result.error and result.error.code not in {None, 0}:
        origin.append(f"code {printable(str(result.error.code), 20)}")
    words = f"{WORDS[State[result.outcome.name]]}: " if result.outcome in FAILURES else ""
    from_where = f" ({', '.join(origin)})" if origin else ""
    return f"{words}{printable(message, _LONGEST_MESSAGE)}{from_where}"


# What to do next.

#: A sentence, and the commands that do what it says, harmless for a terminal.
Step = tuple[str, ...]


def next_steps(told: Summary) -> list[Step]:
    """Return what brings the one log nearer to its end; none when nothing is to be done."""
    log = told.log
    if told.state == RUNNING:
        return [_step("Look again later:", "report", log)]
    steps = []
    rejected, invalid = told.count(State.REJECTED), told.count(State.INVALID)
    # A file of failures has the failed ones too.
    if told.to_send or (told.count(State.FAILED) and not rejected + invalid):
        steps.append(_step("Send what is left:", "resume", log, *told.typed))
    if rejected or invalid:
        file = told.mend or mend_path(log)
        if told.mend is None:
            write = "Write the rows to mend into a file:"
            steps.append(_step(write, "report", log, "--failures", file))
        sentence = f"Mend them in {printable(file.name)}, and send that:"
        steps.append(_step(sentence, "resume", log, file, *told.typed))
    if rejected and not invalid:
        again = "Or send the rejected rows again as they are:"
        steps.append(_step(again, "resume", log, "--retry-rejected", *told.typed))
    return steps


def all_steps(told: Summary) -> list[Step]:
    """Return the next steps, and what to do instead where the file was the wrong one.

    Of several logs, return how the steps are told of those that have any.
    """
    if told.parts:
        left = "What is left to do of {}:"
        return [
            _step(left.format(printable(each.log.name)), "report", each.log)
            for each in told.parts
            if next_steps(each)
        ]
    steps = next_steps(told)
    if steps and told.state not in {"finished", RUNNING}:
        wrong = (
            "If it was the wrong file, see what it touched (and with --not-in RIGHT-FILE what of "
            "that the right one has not) and withdraw the rest:"
        )
        touched = _step(wrong, "report", told.log, "--touched", _beside(told.log, "touched.csv"))
        steps.append((*touched, _command("resume", told.log, "--withdraw")))
    return steps


def mend_path(log: Path) -> Path:
    """Return where the failures of a log go: `dispatch.to-mend.xlsx`, or with the next number."""
    names = (f"to-mend{f'-{number}' if number > 1 else ''}.xlsx" for number in count(1))
    return next(path for name in names if not (path := _beside(log, name)).exists())


def _step(sentence: str, *words: object) -> Step:
    return sentence, _command(*words)


def _command(*words: object) -> str:
    return printable(command_line("bulkstatus", *words))


def _beside(log: Path, ending: str) -> Path:
    stem = log.name.removesuffix(log.suffix).removesuffix(".results")
    return log.with_name(f"{stem}.{ending}")
