"""The inputs that no run has finished, and the runs that broke off and so may have sent more.

A run without an end record sent rows of which the log has no word: it was killed, or is still
going on. Each row of its input that has no record yet is perhaps one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bulkstatus.resultlog import LogContents, RunRecord
from bulkstatus.resultlog.unfinished import is_over


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
