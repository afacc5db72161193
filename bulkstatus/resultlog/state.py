"""`LogState`: what the records of a log say together about each row.

Rows are matched by content (order id, status, tracking), not by line, so that the file may be
edited between runs. A row's state is its latest record, except that an update stays an update.
Rows of the same content are one row and its duplicates; invalid rows, whose contents may well be
alike (an empty ID), are told apart by their lines.
"""

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple, Self

from bulkstatus.order import OrderStatus, Row, StatusUpdate
from bulkstatus.result import ErrorKind, Outcome, Result


class Content(NamedTuple):
    """What a row asks for, which is all that identifies it across runs."""

    order_id: str
    status: int | None
    tracking: str | None

    @classmethod
    def of(cls, row: Result | Row) -> Self:
        """Return what a row of a file, or the record of one, asks for."""
        return cls(row.order_id, row.status, row.tracking)


class Matched(NamedTuple):
    """What the log's updates say about some rows of the file.

    `new` are those of whose order nothing was updated, and `done` is how many are updated. `other`
    need a closer look, since their order has other updates, or the file has shown them before.
    """

    new: list[StatusUpdate]
    done: int
    other: list[StatusUpdate]


class UpdatedRows:
    """The rows that are updated, about 150 bytes for each.

    The rows of an order are kept as text under the hash of its ID, one string for one row: half
    the size of tuples, which tells at a million rows. Orders that share a hash share an entry.
    """

    def __init__(self) -> None:
        self._rows: dict[int, str | list[str]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, order_id: str, status: int, tracking: str | None) -> bool:
        """Note an updated row; return False when it was noted before."""
        row = f"{order_id}\t{status}\t{tracking or ''}"
        key = hash(order_id)
        there = self._rows.setdefault(key, row)
        if there is not row:
            rows = [there] if isinstance(there, str) else there
            if row in rows:
                return False
            self._rows[key] = [*rows, row]
        self._count += 1
        return True

    def match(self, rows: Sequence[StatusUpdate]) -> Matched:
        """Return what is known of rows, all of them at once for speed.

        A row that is asked for again, in this call or a later one, is among `other`.
        """
        new, other = [], []
        known = self._rows
        for update in rows:
            order_id, status, tracking = update
            key = hash(order_id)
            there = known.get(key)
            if there is None:
                new.append(update)
                continue
            row = f"{order_id}\t{_DIGITS[status]}\t{tracking or ''}"
            if there == row:
                known[key] = row + _SEEN
            elif isinstance(there, list) or there == row + _SEEN or self.of(order_id):
                # Several rows of one order are rare enough to be looked at exactly, each time.
                other.append(update)
            else:
                new.append(update)
        return Matched(new, len(rows) - len(new) - len(other), other)

    def __contains__(self, content: tuple[str, int | None, str | None]) -> bool:
        order_id, status, tracking = content
        there = self._rows.get(hash(order_id))
        if there is None:
            return False
        row = f"{order_id}\t{status}\t{tracking or ''}"
        if isinstance(there, list):
            return row in there
        return there == row or there == row + _SEEN

    def of(self, order_id: str) -> list[Content]:
        """Return the updated rows of an order, in the order of the log."""
        there = self._rows.get(hash(order_id), [])
        rows = [there.removesuffix(_SEEN)] if isinstance(there, str) else there
        found = []
        for row in rows:
            owner, status, tracking = row.split("\t", 2)
            if owner == order_id:
                found.append(Content(owner, int(status), tracking or None))
        return found


_outcome_of = attrgetter("outcome")

# Marks a row that `match` has been asked for. No tracking ends in it: cells are stripped.
_SEEN = "\n"

# The codes as text, since an enum takes its time to be formatted.
_DIGITS = {status: f"{status:d}" for status in OrderStatus}


class LogState:
    """The rows of a log by their state."""

    def __init__(self) -> None:
        self.updated = UpdatedRows()
        self.open: dict[Content, Result] = {}
        """The latest record of each row that is rejected, failed, superseded or withdrawn."""
        self.invalid: dict[Content, dict[int, Result]] = {}
        """The invalid rows, by content and line."""
        self.duplicates: Counter[Content] = Counter()
        self.perhaps_touched: set[str] = set()
        """The orders that a stopped run left pending after an attempt that may have arrived."""
        self._updates = 0
        self._others: Counter[Outcome] = Counter()

    def counts(self) -> dict[Outcome, int]:
        """Return the number of rows by outcome, those that there are."""
        counts = Counter({Outcome.UPDATED: self._updates}) + self._others
        return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}

    def has_answers_of_the_api(self) -> bool:
        """Tell whether some row was answered by the API itself, which shows its URL to be right."""
        kinds = (result.error.kind for result in self.open.values() if result.error)
        return len(self.updated) > 0 or ErrorKind.API in kinds

    def was_tried(self, content: Content) -> bool:
        """Tell whether the log has a record of a row that is not an update."""
        return content in self.open or content in self.invalid

    def may_have_arrived(self, row: tuple[str, int | None, str | None]) -> bool:
        """Tell whether an earlier run's attempt for a row may have reached the API unseen."""
        before = self.open.get(Content(*row)) if self.open else None
        return row[0] in self.perhaps_touched or (before is not None and before.uncertain)

    def read_update(self, order_id: str, status: int, tracking: str | None) -> None:
        """Take in an update that was read from the log."""
        if self.updated.add(order_id, status, tracking):
            self._updates += 1
            if self.open or self.invalid:
                self._uncount(Content(order_id, status, tracking), Outcome.UPDATED, 0)

    def read(self, result: Result) -> None:
        """Take in a record that was read from the log, and remember its row."""
        content = Content.of(result)
        if result.outcome is Outcome.UPDATED and result.status is not None:
            self.read_update(result.order_id, result.status, result.tracking)
        elif result.outcome is Outcome.DUPLICATE:
            self.count([result])
            self.duplicates[content] += 1
        elif content not in self.updated:
            self.count([result])
            if result.outcome is Outcome.INVALID:
                self.invalid.setdefault(content, {})[result.line] = result
            else:
                self.open[content] = result

    def count(self, results: Sequence[Result]) -> None:
        """Count records, each in place of the one that it follows.

        This alone, without remembering the rows, is what a run needs for its new records, since
        it never writes two for the same row.
        """
        if self.open or self.invalid:
            for result in results:
                if result.outcome is not Outcome.DUPLICATE:
                    self._uncount(Content.of(result), result.outcome, result.line)
        counts = Counter(map(_outcome_of, results))
        self._updates += counts.pop(Outcome.UPDATED, 0)
        self._others.update(counts)

    def _uncount(self, content: Content, outcome: Outcome, line: int) -> None:
        """Take back the record that one of `outcome` replaces.

        A new invalid or withdrawn record replaces the invalid one of its line alone; any other
        replaces all of its content.
        """
        lines = self.invalid.get(content)
        if lines is not None:
            if outcome in {Outcome.INVALID, Outcome.WITHDRAWN}:
                replaced = 1 if lines.pop(line, None) else 0
            else:
                replaced = len(lines)
                lines.clear()
            self._others[Outcome.INVALID] -= replaced
            if not lines:
                del self.invalid[content]
            if replaced:
                return
        if outcome is not Outcome.INVALID:
            before = self.open.pop(content, None)
            if before is not None:
                self._others[before.outcome] -= 1
