"""Why rows were not updated, and what to do next."""

import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from bulkstatus.log import ErrorKind, Outcome, Result, State
from bulkstatus.reporting.summary import RUNNING, Summary
from bulkstatus.words import capitalised, command_line, printable

_WORDS = {
    Outcome.REJECTED: "rejected by the API",
    Outcome.FAILED: "failed",
    Outcome.INVALID: "not sent",
}

# What differs from row to row in the sentences about rows that were never sent.
_PARTICULARS = re.compile(r'"[^"]*"|\bline [0-9]+|(?<=\border )(?!ID\b)\S+')

_LONGEST_MESSAGE = 300


def reason(result: Result) -> str:
    """Return why a row is not updated, printable; "" where there is nothing to say."""
    said = []
    if result.error or result.outcome in _WORDS:
        said.append(_said(result, _message(result)).rstrip("."))
    if result.outcome is Outcome.FAILED:
        said.append("It can be sent again as it is")
    if result.uncertain:
        said.append("The order may have been changed all the same")
    return capitalised(". ".join(said))


def group_failures(failures: Iterable[Result]) -> list[tuple[str, list[Result]]]:
    """Return what was said of failures, and of which, the largest group first.

    What differs from row to row in what was said of several is told as "…".
    """
    groups: dict[tuple[object, ...], list[Result]] = {}
    for result in failures:
        code = result.error.code if result.error else None
        kind = (result.outcome, result.http_status, code, _common_message(result))
        groups.setdefault(kind, []).append(result)
    told = [
        (_said(results[0], str(kind[-1]) if len(results) > 1 else _message(results[0])), results)
        for kind, results in groups.items()
    ]
    return sorted(told, key=lambda group: -len(group[1]))


def _said(result: Result, message: str) -> str:
    """Return what was said of a row by the API, or of it before it was sent, printable."""
    origin = []
    if result.http_status and not message.startswith("HTTP "):
        origin.append(f"HTTP {result.http_status}")
    if result.error and result.error.code not in {None, 0}:
        origin.append(f"code {printable(str(result.error.code), 20)}")
    words = f"{_WORDS[result.outcome]}: " if result.outcome in _WORDS else ""
    from_where = f" ({', '.join(origin)})" if origin else ""
    return f"{words}{printable(message, _LONGEST_MESSAGE)}{from_where}"


def _message(result: Result) -> str:
    return result.error.message if result.error else "no reason was given"


def _common_message(result: Result) -> str:
    """Return what was said of a row, without what is the row's own."""
    message = _message(result)
    if result.error is not None and result.error.kind is ErrorKind.ROW:
        return _PARTICULARS.sub("…", message)
    for own in (result.order_id, result.tracking):
        # A short one might be part of a word or of another number.
        if own and len(own) >= 4:
            message = message.replace(own, "…")
    return message


# What to do next.

#: A sentence, and the commands that do what it says, harmless for a terminal.
Step = tuple[str, ...]


def next_steps(summary: Summary, mend: Path | None = None) -> list[Step]:
    """Return what brings the one log nearer to its end; none when nothing is to be done.

    `mend` is the file that the failures have just been written to.
    """
    log = summary.log
    if summary.state == RUNNING:
        return [_step("Look again later:", "report", log)]
    steps = []
    rejected, invalid = summary.count(State.REJECTED), summary.count(State.INVALID)
    # A file of failures has the failed ones too.
    if summary.to_send or (summary.count(State.FAILED) and not rejected + invalid):
        steps.append(_step("Send what is left:", "resume", log))
    if rejected or invalid:
        file = mend or mend_path(log)
        if mend is None:
            write = "Write the rows to mend into a file:"
            steps.append(_step(write, "report", log, "--failures", file))
        sentence = f"Mend them in {printable(file.name)}, and send that:"
        steps.append(_step(sentence, "resume", log, file))
    if rejected and not invalid:
        again = "Or send the rejected rows again as they are:"
        steps.append(_step(again, "resume", log, "--retry-rejected"))
    return steps


def all_steps(summary: Summary, mend: Path | None = None) -> list[Step]:
    """Return the next steps, and what to do instead where the file was the wrong one.

    Of several logs, return how the steps are told of those that have any.
    """
    if summary.parts:
        left = "What is left to do of {}:"
        return [
            _step(left.format(printable(each.log.name)), "report", each.log)
            for each in summary.parts
            if next_steps(each)
        ]
    steps = next_steps(summary, mend)
    if steps and summary.state not in {"finished", RUNNING}:
        wrong = "If it was the wrong file, see what it touched and withdraw the rest:"
        touched = _step(
            wrong, "report", summary.log, "--touched", _beside(summary.log, "touched.csv")
        )
        steps.append((*touched, _command("resume", summary.log, "--withdraw")))
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
