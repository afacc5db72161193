"""`Plan`: what a run is about to do, in numbers, for the question that comes before it."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from bulkstatus.conflict import Decision, Fate
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.words import counted

#: How many rows are shown as they were understood, before sending.
SAMPLE_ROWS = 3

# How many of the logs are named that have updated some of the rows.
_LOGS = 5


class Problem(msgspec.Struct, frozen=True, order=True):
    """A row that cannot be sent, or is odd; `field` is "conflict" where it contradicts another."""

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
    cannot be sent, `overtaken` the superseded ones, `odd` those that are sent and may be wrong.
    `values` has the columns that hold only a few values and nothing that is read, with how many
    rows there are of each.

    `untold_cancellations` of the due rows cancel an order that no run of the log was told of.

    `elsewhere` counts the duplicates that other logs have updated, by log.

    Where a mended file is merged into a log, `new` rows are added to it, or were invalid in it,
    `withdrawn` ones taken out of it, and `left` ones stay in it and are not sent; of the latter
    two, the first orders.
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
    elsewhere: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    overtaken: list[Problem] = field(default_factory=list)
    odd: list[Problem] = field(default_factory=list)
    values: dict[str, dict[str, int]] = field(default_factory=dict)

    def tell(self, decision: Decision) -> None:
        """Count a row that is judged not to be sent."""
        self.duplicates += decision.fate in {Fate.DUPLICATE, Fate.DONE}
        self.superseded += decision.fate is Fate.SUPERSEDED
        self.conflicts += decision.fate is Fate.CONFLICT
        if decision.place:
            self.elsewhere[decision.place] += 1

    def elsewhere_told(self) -> dict[str, int]:
        """Return the logs that have updated most of the duplicates, and the others as one."""
        most = dict(self.elsewhere.most_common(_LOGS))
        if others := len(self.elsewhere) - len(most):
            rest = self.elsewhere.total() - sum(most.values())
            most[counted(others, "other log")] = rest
        return most

    @property
    def cancellations(self) -> int:
        """How many of the due rows cancel their order."""
        return self.by_status[OrderStatus.CANCELLED]

    @property
    def refused(self) -> int:
        """How many rows cannot be sent."""
        return self.invalid + self.conflicts
