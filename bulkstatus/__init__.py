"""Set the status of many orders at once through an Order Status API.

As a library: `send`, `resume`, `check` and `report` do what the commands of those names do, and
`Client` sets the status of one order at a time. Every name below is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bulkstatus.client import AccessRefused, Client, NotUpdated, UpdateFailed, UpdateRejected
    from bulkstatus.errors import (
        BulkstatusError,
        InputChanged,
        InputRefused,
        LogLost,
        LogRefused,
        Refused,
        SettingsRefused,
        Stopped,
    )
    from bulkstatus.library import check, report, resume, send
    from bulkstatus.order import OrderStatus
    from bulkstatus.preflight import Plan
    from bulkstatus.result import Outcome, Result
    from bulkstatus.run import Observer, Silent
    from bulkstatus.sending import Proposal, RowsRefused, Summary

# The module of each public name.
_HOMES = {
    "AccessRefused": "client",
    "BulkstatusError": "errors",
    "Client": "client",
    "InputChanged": "errors",
    "InputRefused": "errors",
    "LogLost": "errors",
    "LogRefused": "errors",
    "NotUpdated": "client",
    "Observer": "run",
    "OrderStatus": "order",
    "Outcome": "result",
    "Plan": "preflight",
    "Proposal": "sending",
    "Refused": "errors",
    "Result": "result",
    "RowsRefused": "sending",
    "SettingsRefused": "errors",
    "Silent": "run",
    "Stopped": "errors",
    "Summary": "sending",
    "UpdateFailed": "client",
    "UpdateRejected": "client",
    "check": "library",
    "report": "library",
    "resume": "library",
    "send": "library",
}

__all__ = [
    "AccessRefused",
    "BulkstatusError",
    "Client",
    "InputChanged",
    "InputRefused",
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
