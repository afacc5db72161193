"""What an error looks like that ends the program: sentences, or one JSON object."""

import sys
from typing import Any

import click

from bulkstatus.cli.problems import show_problems
from bulkstatus.cli.records import plan_record, print_json, utf8_text
from bulkstatus.errors import BulkstatusError
from bulkstatus.sending import RowsRefused
from bulkstatus.terminal import say
from bulkstatus.text import printable

_INTERRUPTED = 130


def show_refusal(error: Exception, as_json: bool) -> int:
    """Print why the program ends, to stderr or as JSON to stdout, and return the exit status."""
    status = _exit_status(error)
    if as_json:
        reasons = {_INTERRUPTED: "interrupted", 3: "stopped"}
        record: dict[str, Any] = {
            "reason": reasons.get(status, "refused"),
            "exit_status": status,
            "message": utf8_text(_message(error)),
        }
        if isinstance(error, RowsRefused):
            record |= plan_record(error.plan)
        print_json(record)
    elif isinstance(error, click.ClickException):
        error.show()
        return status
    elif isinstance(error, RowsRefused):
        show_problems(error.plan.problems, error.plan.refused, sys.stderr, say)
    say("\n".join(printable(line) for line in _message(error).split("\n")))
    return status


def _exit_status(error: Exception) -> int:
    if isinstance(error, BulkstatusError):
        return error.exit_status
    return error.exit_code if isinstance(error, click.ClickException) else _INTERRUPTED


def _message(error: Exception) -> str:
    if isinstance(error, click.exceptions.Abort):
        return "Interrupted. What was sent until then, if anything, is in the result log."
    return error.format_message() if isinstance(error, click.ClickException) else str(error)
