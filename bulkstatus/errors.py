"""What can go wrong, as seen by the person who must act.

`bulkstatus.client` has those of a single update that did not come about.
The text of each error is one or more whole sentences: what happened, where, what to do next.
"""

from pathlib import Path

#: What is said when an error is none of these.
FAULT = (
    "This is a fault of bulkstatus itself. What it sent until then is in the result log, "
    "if there is one. `bulkstatus resume` goes on from there."
)


class BulkstatusError(Exception):
    """The root: every error that bulkstatus raises on purpose."""

    exit_status = 1


class Refused(BulkstatusError):
    """Nothing was sent."""

    exit_status = 2


class InputRefused(Refused):
    """The input cannot be used as it is."""


class SettingsRefused(Refused):
    """An option, a setting or a credential cannot be used as it is."""


class LogRefused(Refused):
    """The result log cannot be used as it is; `log` is one that stands in the way of a file."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class NoLog(LogRefused):
    """There is no result log, or none of its runs has begun."""


class LogInUse(BulkstatusError):
    """Another run holds the result log; nothing was sent, and a later try may go on."""

    exit_status = 3


class Stopped(BulkstatusError):
    """The run ended before its end; what it logged stands and `resume` goes on."""

    exit_status = 3


class LedgerLost(Stopped):
    """The ledger, which counts the requests of the quota, can no longer be used."""


class ActionNeeded(Stopped):
    """The run ended before its end, and goes on only after somebody has put something right."""

    exit_status = 4


class Interrupted(BulkstatusError):
    """The user ended a question with Ctrl-C; nothing was sent."""

    exit_status = 130


class LogLost(ActionNeeded):
    """The result log can no longer be written."""
