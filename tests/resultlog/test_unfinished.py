"""Which run a resume goes on with, from the runs of a log and how they ended."""

from dataclasses import replace
from pathlib import Path

import pytest

from bulkstatus.resultlog import EndRecord
from bulkstatus.resultlog.inputs import resume_command
from bulkstatus.resultlog.unfinished import run_to_resume, unfinished_runs
from bulkstatus.wording import command_line
from tests.run.world import run_record

FINISHED, STOPPED, INTERRUPTED, KILLED = "finished", "stopped", "interrupted", None
DAY, MEND, OTHER, STDIN = ("day.csv", "d"), ("mend.csv", "m"), ("other.csv", "o"), ("-", "s")
DAY_EDITED, STDIN_2 = ("day.csv", "d2"), ("-", "s2")


@pytest.mark.parametrize(
    ("runs", "unfinished", "resumed"),
    [
        # Each run: its input as path and hash, and how it ended. Then the places of runs.
        ([(DAY, FINISHED)], [], 0),
        ([(DAY, STOPPED)], [0], 0),
        ([(DAY, KILLED)], [0], 0),
        ([(DAY, INTERRUPTED), (MEND, FINISHED)], [0], 0),
        ([(DAY, KILLED), (MEND, FINISHED)], [0], 0),
        ([(DAY, FINISHED), (MEND, FINISHED)], [], 1),
        # The last run goes first while it is not finished itself.
        ([(DAY, STOPPED), (MEND, INTERRUPTED)], [0, 1], 1),
        ([(DAY, STOPPED), (MEND, KILLED)], [0, 1], 1),
        # A later run finished the same input, also as it was edited, or of another name.
        ([(DAY, STOPPED), (DAY, FINISHED), (MEND, FINISHED)], [], 2),
        ([(DAY, STOPPED), (DAY_EDITED, FINISHED), (MEND, FINISHED)], [], 2),
        ([(DAY, STOPPED), (("copy.csv", "d"), FINISHED)], [], 1),
        ([(DAY, STOPPED), (DAY, STOPPED), (MEND, FINISHED)], [0, 1], 1),
        # An earlier one that finished does not speak for a later one.
        ([(DAY, FINISHED), (DAY, STOPPED), (MEND, FINISHED)], [1], 1),
        # An input that is neither the log's own nor the last was given up: a wrong file, say.
        ([(DAY, STOPPED), (OTHER, STOPPED), (MEND, FINISHED)], [0], 0),
        ([(DAY, STOPPED), (OTHER, STOPPED), (DAY, FINISHED)], [], 2),
        # Standard input is known by what came in alone.
        ([(STDIN, STOPPED), (MEND, FINISHED)], [0], 0),
        ([(STDIN, STOPPED), (STDIN_2, FINISHED)], [0], 0),
        ([(STDIN, STOPPED), (STDIN, FINISHED)], [], 1),
        ([(STDIN, STOPPED), (("day.csv", "s"), FINISHED)], [], 1),
    ],
)
def test_a_resume_goes_on_with_the_latest_input_that_is_not_finished(
    runs: list[tuple[tuple[str, str], str | None]], unfinished: list[int], resumed: int
) -> None:
    records = [
        replace(run_record(sha256), run_id=f"{place}", input=path)
        for place, ((path, sha256), _) in enumerate(runs)
    ]
    ends = [
        EndRecord(f"{place}", "", reason, {}) for place, (_, reason) in enumerate(runs) if reason
    ]
    assert unfinished_runs(records, ends) == [records[place] for place in unfinished]
    assert run_to_resume(records, ends) is records[resumed]


@pytest.mark.parametrize(
    ("path", "is_there", "named"),
    [("day.csv", True, []), ("day.csv", False, ["INPUT"]), ("-", False, ["INPUT"])],
)
def test_the_command_that_goes_on_asks_for_the_input_where_it_must(
    tmp_path: Path, path: str, is_there: bool, named: list[str]
) -> None:
    log = tmp_path / "the day.results.jsonl"
    if is_there:
        (tmp_path / path).touch()
    expected = command_line("bulkstatus", "resume", log, *named)
    assert resume_command(replace(run_record(), input=path), log) == expected
