"""Where rows stand: in which input of a log, and on which line."""

from collections.abc import Collection, Sequence

from bulkstatus.resultlog import RunRecord
from bulkstatus.resultlog.unfinished import is_over

_LINE_BITS = 40


class Positions:
    """Where rows stand, as numbers in file order: by input in the order of the log, then line."""

    def __init__(self, runs: Sequence[RunRecord]) -> None:
        self._inputs = [
            next(
                place
                for place, first in enumerate(runs)
                if is_over(first, run.input, run.input_sha256)
            )
            for run in runs
        ]

    def of(self, number: int, line: int) -> int:
        """Return the position of a line in the input of a run, whose number counts from 1."""
        return self._inputs[number - 1] << _LINE_BITS | line


def in_file_order(order_ids: Collection[str], *positions: dict[str, int]) -> tuple[str, ...]:
    """Return orders by the first of their positions, and those without one last."""
    unknown = 1 << 2 * _LINE_BITS

    def first(order_id: str) -> int:
        return min(there.get(order_id, unknown) for there in positions)

    return tuple(sorted(order_ids, key=first))
