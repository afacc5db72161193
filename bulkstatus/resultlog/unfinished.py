"""Which inputs of a log no run has finished, and the run that a resume goes on with."""

from collections.abc import Iterable, Sequence

from bulkstatus.resultlog.records import EndRecord, RunRecord


def is_over(run: RunRecord, path: str, sha256: str) -> bool:
    """Tell whether a run was over the input recorded as `path`, or had one of the same contents.

    "-" is standard input, which its contents alone identify.
    """
    return run.input_sha256 == sha256 or run.input == path != "-"


def is_own(run: RunRecord, runs: Sequence[RunRecord]) -> bool:
    """Tell whether one of a log's runs was over the input that the log was made for."""
    return is_over(run, runs[0].input, runs[0].input_sha256)


def unfinished_runs(runs: Sequence[RunRecord], ends: Iterable[EndRecord]) -> list[RunRecord]:
    """Return the runs that did not finish and whose input no later run finished, in order.

    One that was killed wrote no end, and did not finish either. Only the input that the log was
    made for counts, and the last run's: whoever left any other one for another file gave it up,
    and a wrong file must not come back.
    """
    finished = {end.run_id for end in ends if end.reason == "finished"}
    return [
        run
        for place, run in enumerate(runs)
        if run.run_id not in finished
        and (run is runs[-1] or is_own(run, runs))
        and not any(
            is_over(later, run.input, run.input_sha256)
            for later in runs[place + 1 :]
            if later.run_id in finished
        )
    ]


def run_to_resume(runs: Sequence[RunRecord], ends: Iterable[EndRecord]) -> RunRecord:
    """Return the run whose input and settings a resume goes on with when no input is named.

    It is the last one, unless that finished while the log's own input is not: then the latest run
    over that.
    """
    unfinished = unfinished_runs(runs, ends)
    return unfinished[-1] if unfinished else runs[-1]
