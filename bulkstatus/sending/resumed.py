"""What a resume goes on with: which input, and which run's settings."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Self

from bulkstatus.errors import InputRefused
from bulkstatus.resultlog import LogContents, RunRecord
from bulkstatus.resultlog.inputs import input_path
from bulkstatus.resultlog.state import Content
from bulkstatus.resultlog.unfinished import is_over, is_own
from bulkstatus.sending.record import recorded_path
from bulkstatus.sending.refusal import input_gone, unnamed_input
from bulkstatus.sending.terms import address
from bulkstatus.sending.withdrawn import withdrawn_since
from bulkstatus.source import Source

# What the settings of a run say of its input, and nothing of another file.
_FILE_SETTINGS = frozenset({"format", "encoding", "sheet", "no_header"})


@dataclass(frozen=True)
class Resumed:
    """The input that a resume goes on with, and the log's latest `run` over it, None without one.

    `is_named` says that the user named the input.
    """

    log: LogContents
    log_path: Path
    path: str
    run: RunRecord | None
    is_named: bool

    @classmethod
    def of(cls, log: LogContents, log_path: Path, named: str | None) -> Self:
        """Return what a resume goes on with, given the input that was named, if any.

        Raises Refused when none was, and it was standard input.
        """
        if named is not None:
            return cls(log, log_path, named, _run_over(log, log_path, named), is_named=True)
        run = log.run_to_resume
        if run.input == "-":
            raise unnamed_input(log_path)
        return cls(log, log_path, str(input_path(run, log_path)), run, is_named=False)

    @property
    def is_picked_up(self) -> bool:
        """Whether the input was not named, and is another one than the last run's."""
        return not self.is_named and self.run is not self.log.last_run

    @property
    def settings_run(self) -> RunRecord:
        """The run whose settings hold: the input's own, else the last without those of its file.

        The base URL is that of the log, where the last run went.
        """
        last = self.log.last_run
        if self.run is not None:
            return replace(self.run, base_url=last.base_url)
        if self.path == "-":
            return last
        kept = {name: value for name, value in last.settings.items() if name not in _FILE_SETTINGS}
        return replace(last, settings=kept)

    def not_opened(self, error: InputRefused) -> InputRefused:
        """Return why the input cannot be used: `error`, and what to do where the log's is gone."""
        if self.is_named or self.run is None or Path(self.path).exists():
            return error
        return input_gone(self.log, self.log_path, self.run, error)

    def is_changed(self, source: Source) -> bool:
        """Tell whether the input is neither the one that the log goes on with by itself, nor as
        the latest run over it had it.
        """
        known = {self.log.run_to_resume.input_sha256}
        if self.run is not None:
            known.add(self.run.input_sha256)
        return source.sha256 not in known

    def is_unfinished(self, source: Source) -> bool:
        """Tell whether the log has a run over the input, as it is, that no run has finished."""
        return any(run.input_sha256 == source.sha256 for run in self.log.unfinished)

    def unfinished_besides(self, source: Source) -> RunRecord | None:
        """Return the latest run over the log's own input, if no run has finished that and this
        is another one. A run over this input gives any other up.
        """
        recorded = recorded_path(self.path, self.log_path)
        runs = (
            run
            for run in reversed(self.log.unfinished)
            if is_own(run, self.log.runs) and not is_over(run, recorded, source.sha256)
        )
        return next(runs, None)

    def updated_at(self) -> dict[str, int]:
        """Return at which addresses the log's rows were updated, and how many at each."""
        counts: Counter[str] = Counter()
        steps = pairwise([*self.log.updated_before, len(self.log.state.updated)])
        for run, (before, after) in zip(self.log.runs, steps, strict=True):
            counts[address(run.base_url, bool(run.settings.get("sandbox")))] += after - before
        return dict(+counts)

    def withdrawn_since(self, source: Source) -> dict[Content, int]:
        """Return the rows withdrawn since a run had the input as it is, and their lines.

        There are none where no run had it so: then somebody may have put them back. Where it was
        not named, its own latest run alone counts.
        """
        runs = reversed(self.log.runs) if self.is_named else [self.run]
        for run in runs:
            if run is not None and run.input_sha256 == source.sha256:
                return withdrawn_since(self.log, run)
        return {}

    def is_spoken_of(self, source: Source, content: Content) -> bool:
        """Tell whether it means anything that the input does not have a row that failed.

        It does not where the input is gone on with as it was, and the row is of another.
        """
        if self.is_named or self.run is None or self.run.input_sha256 != source.sha256:
            return True
        run = self.log.runs[self.log.run_numbers[content] - 1]
        return is_over(run, self.run.input, source.sha256)


def _run_over(log: LogContents, log_path: Path, path: str) -> RunRecord | None:
    """Return the latest run of a log over the input at `path`, None when there is none."""
    place = None if path == "-" else Path(path).resolve()
    for run in reversed(log.runs):
        there = None if run.input == "-" else input_path(run, log_path).resolve()
        if there == place:
            return run
    return None
