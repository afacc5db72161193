"""`Plan`: what a run is about to do, in numbers, for the question that comes before it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from bulkstatus.log.records import Result
from bulkstatus.order import OrderStatus, StatusUpdate

#: How many rows are shown as they were understood, before sending.
SAMPLE_ROWS = 3


class Problem(NamedTuple):
    """A row that cannot be sent: an invalid one, or one of a conflict."""

    line: int
    order_id: str
    field: str
    value: str
    reason: str


@dataclass
class Plan:
    """What is to become of the rows of an input, or of a log.

    The numbers are of rows. `due` are those that this run sends, `all_due` those that it would
    without `--limit`; `by_status`, `orders` and `without_tracking` are about the due rows alone,
    and `sample` has a few of them with their lines. `done` are updated already. `failed` and
    `rejected` are those of the due rows that were so before. `problems` holds the first rows that
    cannot be sent, `overtaken` the superseded ones, `rounded` the fields whose long numbers all
    look cut to 15 digits, each with one of them.

    `untold_cancellations` of the due rows cancel an order that no run of the log was told of.

    Where a mended file is merged into a log, `new` rows are added to it, `withdrawn` ones taken
    out of it, and `left` ones stay in it and are not sent; of the latter two, the first orders.
    """

    rows: int = 0
    due: int = 0
    all_due: int = 0
    done: int = 0
    duplicates: int = 0
    superseded: int = 0
    invalid: int = 0
    conflicts: int = 0
    orders: int = 0
    untold_cancellations: int = 0
    without_tracking: int = 0
    failed: int = 0
    rejected: int = 0
    new: int = 0
    withdrawn: int = 0
    withdrawn_orders: list[str] = field(default_factory=list)
    left: int = 0
    left_orders: list[str] = field(default_factory=list)
    by_status: Counter[OrderStatus] = field(default_factory=Counter)
    sample: list[tuple[int, StatusUpdate]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    overtaken: list[Result] = field(default_factory=list)
    rounded: dict[str, str] = field(default_factory=dict)

    @property
    def cancellations(self) -> int:
        """How many of the due rows cancel their order."""
        return self.by_status[OrderStatus.CANCELLED]

    @property
    def refused(self) -> int:
        """How many rows cannot be sent."""
        return self.invalid + self.conflicts
