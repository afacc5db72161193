"""The runs of a log: when each went on, how it ended, and when it waited."""

import os
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from bulkstatus.pace.rate import parse_rate
from bulkstatus.reporting.timeline import Pause
from bulkstatus.resultlog import EndRecord, LogContents, RunRecord
from bulkstatus.resultlog.lock import try_lock

# A pause counts as a wait when it is longer than this, and than so many times the pace set.
_SHORTEST_WAIT = 5.0
_PACES = 5.0


class How(StrEnum):
    """How a run ended, or that it has not."""

    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    RUNNING = "running"  #: the log is locked by the run that writes it
    CRASHED = "crashed"  #: no end was written, and no run holds the log
    UNKNOWN = "unknown"  #: no end was written, and whether a run holds the log cannot be seen


@dataclass(frozen=True)
class RunReport:
    """One run; times are in seconds since the epoch.

    `ended` is the last that the log knows of a run that wrote no end. `waits` are the times in
    which no answer came although rows were due: a limit, a quota, an outage, or a slow server.
    `counts` are of rows over all runs so far, as the run's end has them.
    """

    record: RunRecord
    started: float
    ended: float
    how: How
    message: str
    counts: dict[str, int]
    waits: tuple[Pause, ...]

    @property
    def seconds(self) -> float:
        """How long the run went on."""
        return self.ended - self.started


def describe_runs(contents: LogContents, pauses: Sequence[Pause], last_how: How) -> list[RunReport]:
    """Return the runs of a log in order.

    `pauses` are the times without an answer; `last_how` is what became of the last run if it
    wrote no end. Raises ValueError for a time that is none.
    """
    ends = {end.run_id: end for end in contents.ends}
    starts = [_moment(run.started_at) for run in contents.runs]
    return [
        _describe(
            run,
            start,
            ends.get(run.run_id),
            pauses,
            How.CRASHED if following else last_how,
            following[0] if following else None,
        )
        for index, (run, start) in enumerate(zip(contents.runs, starts, strict=True))
        for following in [starts[index + 1 : index + 2]]
    ]


def _describe(
    run: RunRecord,
    start: float,
    end: EndRecord | None,
    pauses: Sequence[Pause],
    otherwise: How,
    next_start: float | None,
) -> RunReport:
    if end is None:
        how, message, counts = otherwise, "", {}
        ended = _last_before(next_start, pauses)
    else:
        how, message, counts = How(end.reason), end.message, end.counts
        ended = _moment(end.ended_at)
    ended = max(start, ended)
    shortest = max(_SHORTEST_WAIT, _PACES * _pace(run))
    waits = (Pause(max(pause.start, start), min(pause.end, ended)) for pause in pauses)
    return RunReport(
        record=run,
        started=start,
        ended=ended,
        how=how,
        message=message,
        counts=counts,
        waits=tuple(wait for wait in waits if wait.seconds >= shortest),
    )


def _last_before(moment: float | None, pauses: Sequence[Pause]) -> float:
    """Return when the last answer before `moment` came, or the last of all."""
    if moment is None:
        return pauses[-1].start
    around = bisect_left(pauses, moment, key=lambda pause: pause.end)
    if around < len(pauses) and pauses[around].start < moment:
        return pauses[around].start
    return moment


def _pace(run: RunRecord) -> float:
    """Return the seconds between two requests at the rate that the run was given."""
    rate = parse_rate(str(run.settings.get("rate", "none")))
    return rate.seconds / rate.count if rate else 0.0


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def how_unended(path: Path, contents: LogContents) -> How | None:
    """Return what became of a last run that wrote no end; None when the log has grown since.

    Raises OSError when the log is gone.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        free = try_lock(descriptor)
        size = os.fstat(descriptor).st_size
    except OSError:
        return How.UNKNOWN
    finally:
        os.close(descriptor)
    if not free:
        return How.RUNNING
    return How.CRASHED if size == contents.size + contents.torn else None
