"""The inputs that no run has finished, and the runs that broke off and so may have sent more.

A run without an end record sent rows of which the log has no word: it was killed, or is still
going on. Each row of its input that has no record yet is perhaps one of them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bulkstatus.resultlog import LogContents, RunRecord
from bulkstatus.resultlog.unfinished import is_over

_LINE_BITS = 40


@dataclass(frozen=True)
class UnfinishedInput:
    """An input that no run has finished.

    `run` is the last one over it, number `number` of the log, from 1. `broken_off` are the numbers
    of the runs over it that wrote no end; where there are none, its pending rows were not sent.
    """

    run: RunRecord
    number: int
    broken_off: tuple[int, ...]


def unfinished_inputs(contents: LogContents) -> list[UnfinishedInput]:
    """Return the inputs that no run has finished, the latest first."""
    runs = contents.runs
    found: list[UnfinishedInput] = []
    for run in reversed(contents.unfinished):
        if not any(is_over(run, there.run.input, there.run.input_sha256) for there in found):
            found.append(UnfinishedInput(run, runs.index(run) + 1, broken_off(contents, run, runs)))
    return found


def broken_off(
    contents: LogContents, run: RunRecord, among: Sequence[RunRecord]
) -> tuple[int, ...]:
    """Return the numbers, from 1, of the runs over the input of `run` that wrote no end.

    `among` are the first runs of the log. Once a run has finished an input, each of its rows has a
    record, and what broke off before no longer matters.
    """
    ends = {end.run_id: end.reason for end in contents.ends}
    numbers: list[int] = []
    for number, other in enumerate(among, 1):
        if is_over(other, run.input, run.input_sha256):
            if ends.get(other.run_id) == "finished":
                numbers.clear()
            elif other.run_id not in ends:
                numbers.append(number)
    return tuple(numbers)


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
