"""What may be asked of the input side, and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from bulkstatus.order import BLANKS, OrderStatus, Row, normalise, parse_status

if TYPE_CHECKING:
    from bulkstatus.source.doubt import InQuestion
    from bulkstatus.source.layouts import Layouts

#: What a row is made of, in the order of a file without a header.
FIELDS = ("order_id", "status", "tracking")

#: What columns say that a row is void, beside the fields.
VOID = "void"

#: The last column of a file of failures: why a row was not sent.
REASON = "reason"

#: The names of fields in messages.
LABELS = {"order_id": "order ID", "status": "status", "tracking": "tracking"}


class Asks(Protocol):
    """Asks somebody what a file leaves in question."""

    def answer(self, doubt: "InQuestion", options: "InputOptions") -> "InputOptions | None":
        """Return the options with what is meant by columns or words; None for no answer."""

    def keep(self) -> bool:
        """Return whether the answers are to be kept as a layout."""


@dataclass(frozen=True)
class InputOptions:
    """How to read an input.

    All but the last two are the settings of these names. `format` is "csv", "tsv", "txt", "jsonl"
    or "xlsx" (any spreadsheet); None goes by the file's extension. `status` is that of rows that
    have none. `column` maps a field ("order_id", "status", "tracking", or "void") to the header
    that holds it; "" says that the file has none, which `order_id` cannot. `odd_ids` says that
    numbers which are far shorter than the other IDs are meant. `word` has the file's own for a
    status. `layouts` are the answers that were kept of other files; those of this one are kept as
    `save_layout` where that is not None ("" leaves the name to the file's). `asks` answers what is
    in question, where somebody can.
    """

    format: str | None = None
    status: OrderStatus | None = None
    column: Mapping[str, str] = field(default_factory=dict)
    no_header: bool = False
    encoding: str | None = None
    require_tracking: bool = False
    sheet: str | None = None
    odd_ids: bool = False
    word: Mapping[str, OrderStatus] = field(default_factory=dict)
    save_layout: str | None = None
    layouts: "Layouts | None" = None
    asks: Asks | None = None

    @cached_property
    def _meant(self) -> Mapping[str, str]:
        return {normalise(word): str(int(status)) for word, status in self.word.items()}

    def translated(self, status: str) -> str:
        """Return a status cell with the code that it means where it is a word of the file's own."""
        return self._meant.get(normalise(status.strip(BLANKS)), status) if self.word else status

    def status_of(self, status: str) -> OrderStatus | None:
        """Return the status that a cell means, None where it is blank or means none."""
        return parse_status(self.translated(status))


class Wrong(str):
    """The text of a cell that is no order ID, status or tracking, and why it is not."""

    why: str

    def __new__(cls, text: str, why: str) -> Self:
        cell = super().__new__(cls, text)
        cell.why = why
        return cell


class Batch(NamedTuple):
    """Consecutive records of the input, blank ones left out.

    `lines[i]` is the physical line on which the record of `rows[i]` starts, the first line of
    the file being 1. `cells[i]` are all of its cells, in the order of the header; of JSON Lines
    the values of the object's keys as text, none where the line is no object.
    """

    lines: Sequence[int]
    rows: Sequence[Row]
    cells: Sequence[Sequence[str]]
