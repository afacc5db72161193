"""Why a row was not updated, in a sentence, and that sentence made harmless for a spreadsheet."""

import re

from bulkstatus.result import Outcome, Result
from bulkstatus.text import printable
from bulkstatus.wording import counted

#: The header of the column that says it, the last one of a file of failures.
REASON = "reason"

#: What a spreadsheet takes for the beginning of a formula.
FORMULA_SIGNS = ("=", "+", "-", "@")

# Such a sign at the beginning of a cell, or where a spreadsheet that goes by another delimiter
# would see a cell begin.
_FORMULA = re.compile(r"(^|[,;|'])(\s*)(?=[=+\-@])")


_SAID_STATUS = re.compile(r'the status "(.+)" is not one of the nine', re.DOTALL)


def message_of(result: Result) -> str:
    """Return what was said of a row that is not updated."""
    return result.error.message if result.error else "no reason was given"


def reason(result: Result) -> str:
    """Return why a row is not updated, "" where there is nothing to say."""
    message = message_of(result)
    if result.outcome is Outcome.REJECTED:
        status = f" (HTTP {result.http_status})" if result.http_status else ""
        said = f"The API refused it{'' if message.startswith('HTTP ') else status}: {message}"
    elif result.outcome is Outcome.FAILED:
        attempts = counted(result.attempts, "attempt")
        if result.uncertain or result.http_status is None:
            said = f"No answer to rely on after {attempts}: {message}"
        else:
            said = f"The API could not do it in {attempts}: {message}"
    elif result.outcome is Outcome.INVALID:
        said = f"Not sent: {message}"
    else:
        return result.error.message if result.error else ""
    if result.uncertain:
        said = f"{said.rstrip('.')}. The order may have been changed all the same."
    return said


def reason_to_mend(result: Result) -> str:
    """Return why a row failed, and of one that needs no mending that it is tried again."""
    said = reason(result)
    if result.outcome is not Outcome.FAILED:
        return said
    return f"{said.rstrip('.')}. Nothing to mend: it is tried again as it is."


def said_status(result: Result) -> str | None:
    """Return what stands in an invalid row in the place of a status; None where that was one.

    The record has it in the sentence that says what is wrong.
    """
    if result.status is not None or result.error is None:
        return None
    found = _SAID_STATUS.match(result.error.message)
    return found and found[1]


def harmless(text: str) -> str:
    """Return text on one line, with an apostrophe before what a spreadsheet would calculate.

    Quotation marks become apostrophes: the reader of an input takes them for a sign that a cell
    of the row was meant as it stands.
    """
    return _FORMULA.sub(r"\1\2'", printable(text).replace('"', "'"))
