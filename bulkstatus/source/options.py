"""What may be asked of the input side, and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bulkstatus.order import OrderStatus, Row

#: What a row is made of, in the order of a file without a header.
FIELDS = ("order_id", "status", "tracking")

#: The names of fields in messages.
LABELS = {"order_id": "order ID", "status": "status", "tracking": "tracking"}


@dataclass(frozen=True)
class InputOptions:
    """How to read an input.

    `format` is "csv", "tsv", "txt", "jsonl" or "xlsx" (any spreadsheet); None goes by the file's
    extension. `columns` maps a field ("order_id", "status", "tracking") to the header that holds
    it; "" says that the file has none, which `order_id` cannot. `odd_ids` says that numbers which
    are far shorter than the other IDs are meant.
    """

    format: str | None = None
    default_status: OrderStatus | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    no_header: bool = False
    encoding: str | None = None
    require_tracking: bool = False
    sheet: str | None = None
    odd_ids: bool = False


class Batch(NamedTuple):
    """Consecutive records of the input, blank ones left out.

    `lines[i]` is the physical line on which the record of `rows[i]` starts, the first line of
    the file being 1. `cells[i]` are all of its cells, in the order of the header; of JSON Lines
    the values of the object's keys as text, none where the line is no object.
    """

    lines: Sequence[int]
    rows: Sequence[Row]
    cells: Sequence[Sequence[str]]
