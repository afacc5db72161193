"""Set the status of many orders at once through an Order Status API.

As a library: `send`, `resume`, `check` and `report` do what the commands of those names do, in
`sync` for programs without an event loop, and `Client` sets the status of one order at a time.
Every name below is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from bulkstatus import sync as sync
    from bulkstatus.client import AccessRefused as AccessRefused
    from bulkstatus.client import Client as Client
    from bulkstatus.client import NotUpdated as NotUpdated
    from bulkstatus.client import UpdateFailed as UpdateFailed
    from bulkstatus.client import UpdateRejected as UpdateRejected
    from bulkstatus.errors import ActionNeeded as ActionNeeded
    from bulkstatus.errors import BulkstatusError as BulkstatusError
    from bulkstatus.errors import InputRefused as InputRefused
    from bulkstatus.errors import LogInUse as LogInUse
    from bulkstatus.errors import LogLost as LogLost
    from bulkstatus.errors import LogRefused as LogRefused
    from bulkstatus.errors import Refused as Refused
    from bulkstatus.errors import SettingsRefused as SettingsRefused
    from bulkstatus.errors import Stopped as Stopped
    from bulkstatus.job.plan import Plan as Plan
    from bulkstatus.job.run import Observer as Observer
    from bulkstatus.job.terms import Ended as Ended
    from bulkstatus.job.terms import Proposal as Proposal
    from bulkstatus.job.terms import RowsRefused as RowsRefused
    from bulkstatus.library import check as check
    from bulkstatus.library import report as report
    from bulkstatus.library import resume as resume
    from bulkstatus.library import send as send
    from bulkstatus.log.records import Outcome as Outcome
    from bulkstatus.log.records import Result as Result
    from bulkstatus.order import OrderStatus as OrderStatus
    from bulkstatus.order import StatusUpdate as StatusUpdate
    from bulkstatus.reporting.summary import Summary as Summary

_NAMES = {
    "client": "AccessRefused Client NotUpdated UpdateFailed UpdateRejected",
    "errors": "ActionNeeded BulkstatusError InputRefused LogInUse LogLost LogRefused Refused "
    "SettingsRefused Stopped",
    "job.plan": "Plan",
    "job.run": "Observer",
    "job.terms": "Ended Proposal RowsRefused",
    "library": "check report resume send",
    "log.records": "Outcome Result",
    "order": "OrderStatus StatusUpdate",
    "reporting.summary": "Summary",
}
# The module of each public name.
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted({*_HOMES, "sync"})

if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name == "sync":
            return import_module("bulkstatus.sync")
        if name not in _HOMES:
            raise AttributeError(f"module 'bulkstatus' has no attribute {name!r}")
        value = getattr(import_module(f"bulkstatus.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
