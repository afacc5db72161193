"""When the next request may leave: evenly at `--rate`, and within every `--quota`."""

from bulkstatus.pace.estimate import seconds_needed
from bulkstatus.pace.ledger import Ledger
from bulkstatus.pace.pacer import Pacer
from bulkstatus.pace.quotas import Place, Quotas
from bulkstatus.pace.rate import Rate, parse_quota, parse_rate

__all__ = [
    "Ledger",
    "Pacer",
    "Place",
    "Quotas",
    "Rate",
    "parse_quota",
    "parse_rate",
    "seconds_needed",
]
