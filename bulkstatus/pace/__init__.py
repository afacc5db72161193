"""When the next request may leave: evenly at `--rate`, and within every `--quota`."""

from bulkstatus.pace.ledger import Ledger
from bulkstatus.pace.pacer import Pacer
from bulkstatus.pace.quotas import Full, Place, Quotas, seconds_needed
from bulkstatus.pace.rate import Rate

__all__ = ["Full", "Ledger", "Pacer", "Place", "Quotas", "Rate", "seconds_needed"]
