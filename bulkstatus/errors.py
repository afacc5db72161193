"""What can go wrong, as seen by the person who must act.

BulkstatusError
├── Refused             nothing was sent; exit status 2
│   ├── InputRefused    the file, or a row in it
│   ├── SettingsRefused an option, a setting or a credential
│   └── LogRefused      the result log
├── Stopped             the run ended before its end, `resume` goes on; exit status 3
│   ├── InputChanged    the file is no longer the one that was checked
│   └── LogLost         the result log can no longer be written
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


class Stopped(BulkstatusError):
    """The run ended before its end; what it logged stands and `resume` goes on."""

    exit_status = 3


class Interrupted(BulkstatusError):
    """The user ended a question with Ctrl-C; nothing was sent."""

    exit_status = 130


class InputChanged(Stopped):
    """The input is no longer the file that was checked."""


class LogLost(Stopped):
    """The result log can no longer be written."""
