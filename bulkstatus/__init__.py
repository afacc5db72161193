"""Set the status of many orders at once through an Order Status API.

As a library: `send`, `resume`, `check` and `report` do what the commands of those names do, and
`Client` sets the status of one order at a time. Every name below is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from bulkstatus.client import AccessRefused, Client, NotUpdated, UpdateFailed, UpdateRejected
    from bulkstatus.errors import (
        ActionNeeded,
        BulkstatusError,
        InputRefused,
        LogInUse,
        LogLost,
        LogRefused,
        Refused,
        SettingsRefused,
        Stopped,
    )
    from bulkstatus.job.plan import Plan
    from bulkstatus.job.run import Observer, Silent
    from bulkstatus.job.terms import Ended, Proposal, RowsRefused
    from bulkstatus.library import check, report, resume, send
    from bulkstatus.log.records import Outcome, Result
    from bulkstatus.order import OrderStatus
    from bulkstatus.reporting.summary import Summary

# The module of each public name.
_HOMES = {
    "AccessRefused": "client",
    "ActionNeeded": "errors",
    "BulkstatusError": "errors",
    "Client": "client",
    "Ended": "job.terms",
    "InputRefused": "errors",
    "LogInUse": "errors",
    "LogLost": "errors",
    "LogRefused": "errors",
    "NotUpdated": "client",
    "Observer": "job.run",
    "OrderStatus": "order",
    "Outcome": "log.records",
    "Plan": "job.plan",
    "Proposal": "job.terms",
    "Refused": "errors",
    "Result": "log.records",
    "RowsRefused": "job.terms",
    "SettingsRefused": "errors",
    "Silent": "job.run",
    "Stopped": "errors",
    "Summary": "reporting.summary",
    "UpdateFailed": "client",
    "UpdateRejected": "client",
    "check": "library",
    "report": "library",
    "resume": "library",
    "send": "library",
}

__all__ = [
    "AccessRefused",
    "ActionNeeded",
    "BulkstatusError",
    "Client",
    "Ended",
    "InputRefused",
    "LogInUse",
    "LogLost",
    "LogRefused",
    "NotUpdated",
    "Observer",
    "OrderStatus",
    "Outcome",
    "Plan",
    "Proposal",
    "Refused",
    "Result",
    "RowsRefused",
    "SettingsRefused",
    "Silent",
    "Stopped",
    "Summary",
    "UpdateFailed",
    "UpdateRejected",
    "check",
    "report",
    "resume",
    "send",
]


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'bulkstatus' has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"bulkstatus.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
