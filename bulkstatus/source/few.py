"""The values of columns that have only a few: what tells the right list from the wrong one."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bulkstatus.order import BLANKS

# How many values are a few, and how many rows each has on average at least.
_FEW = 6
_EACH = 2


class Few:
    """Counts the values of the columns `names`, by position, as long as they are a few."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._counts: dict[int, Counter[str]] = {place: Counter() for place in names}

    def look(self, rows: Sequence[Sequence[str]]) -> None:
        """Take in rows with all their cells, all at once for speed."""
        for place, counts in list(self._counts.items()):
            for value, count in Counter(
                row[place] if place < len(row) else "" for row in rows
            ).items():
                counts[value.strip(BLANKS)] += count
            if len(counts) > _FEW:
                del self._counts[place]

    def values(self) -> dict[str, dict[str, int]]:
        """Return how many rows there are of each value of such columns, the most first."""
        return {
            self._names[place]: dict(counts.most_common())
            for place, counts in self._counts.items()
            if any(counts) and len(counts) * _EACH <= counts.total()
        }
