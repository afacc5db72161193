"""A local stand-in of the Order Status API, with faults on request."""

from bulkstatus.sandbox.faults import Faults
from bulkstatus.sandbox.protocol import Ending
from bulkstatus.sandbox.server import Received, Sandbox

__all__ = ["Ending", "Faults", "Received", "Sandbox"]
