"""A local stand-in of the Order Status API, with faults on request."""

from bulkstatus.sandbox.faults import Faults, parse_duration, parse_share
from bulkstatus.sandbox.history import Ending, Received
from bulkstatus.sandbox.server import Sandbox

__all__ = ["Ending", "Faults", "Received", "Sandbox", "parse_duration", "parse_share"]
