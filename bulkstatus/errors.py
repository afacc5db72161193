"""What can go wrong, as seen by the person who must act.

BulkstatusError
├── Refused             nothing was sent; exit status 2
│   ├── InputRefused    the file, or a row in it
│   ├── SettingsRefused an option, a setting or a credential
│   └── LogRefused      the result log
│       └── NoLog       there is none, or none of its runs has begun
├── LogInUse            another run holds the result log; nothing was sent; exit status 3
├── Stopped             the run ended before its end, `resume` goes on; exit status 3
│   ├── LedgerLost      the requests of the quota can no longer be counted
│   └── ActionNeeded    and somebody has to put something right first; exit status 4
│       └── LogLost     the result log can no longer be written
├── Interrupted         the user ended a question; nothing was sent; exit status 130
└── NotUpdated          a `Client`'s single update (bulkstatus.client)
    ├── UpdateRejected  the API said no
    ├── UpdateFailed    no answer said yes or no
    └── AccessRefused   no update can pass: credentials, URL, certificate or proxy

The text of each error is one or more whole sentences: what happened, where, what to do next.
"""


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
    """The result log cannot be used as it is."""


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
