"""What `send` and `resume` are given, what they propose, and what they give back."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bulkstatus.api.access import Credentials
from bulkstatus.errors import InputRefused, Refused
from bulkstatus.job.plan import Plan
from bulkstatus.job.run import Ending, Observer
from bulkstatus.log import LogContents, LogState, Outcome
from bulkstatus.settings.table import Settings
from bulkstatus.source import Asks, Source


class RowsRefused(InputRefused):
    """The file holds rows that cannot be sent; `plan.problems` has the first of them.

    `source` is the file as it was understood, and `settings` are those in force.
    """

    def __init__(self, message: str, plan: Plan, source: Source, settings: Settings) -> None:
        super().__init__(message)
        self.plan, self.source, self.settings = plan, source, settings


class Declined(Refused):
    """The user said no."""


@dataclass(frozen=True)
class Proposal:
    """What a run is about to do, for the question that comes before it.

    `base_url` and `ref_id` are where to and for whom. `source` is the input that was checked, None
    where the log's rows are gone on with. `log` is what the log holds that is resumed, None for a
    first run. `seconds` is the estimated time, and `withdraws` says that the run only withdraws
    what is open. `notes` are sentences for the user. `restarts` says that a file was given to be
    sent, whose log is gone on with.
    """

    plan: Plan
    settings: Settings
    log_path: Path
    base_url: str = ""
    ref_id: str = ""
    seconds: float = 0.0
    source: Source | None = None
    log: LogContents | None = None
    withdraws: bool = False
    notes: tuple[str, ...] = ()
    restarts: bool = False


@dataclass(frozen=True)
class Ended:
    """What came of a run; `counts` and `to_send` are of rows, over all runs of the log.

    `rows` are all rows of the log. `log_path` is None where there is no log, and `ran` says that
    there was something to do and it was to be done; else `to_send` is what would be sent.
    """

    ending: Ending
    counts: dict[Outcome, int]
    rows: int
    to_send: int
    log_path: Path | None
    ran: bool = True

    @classmethod
    def of(
        cls, ending: Ending, state: LogState, log_path: Path | None, *, ran: bool = True
    ) -> "Ended":
        """Return what came of a run that left a log's rows in this state."""
        return cls(ending, state.counts(), len(state), state.to_send, log_path, ran)


@dataclass(frozen=True)
class Terms:
    """How a run is to go that no log remembers.

    `credentials` is called with the settings where the key is needed. `confirm` is told what
    is about to happen and returns whether to go on. `retry_rejected` is told the log and how many
    of its rows the API refused, and `take_over` the name of the log's file that has changed since;
    both return whether that is meant. `asks` is asked what is in question of a file. `ended` is
    told of a run that another one follows. `observer` makes the observer of the run. `stoppable`
    is given, for as long as the run goes on, what stops it in good order when called with an exit
    status, and at once the second time: `signals.interrupting` lets SIGINT and SIGTERM do so. A
    rehearsal's sandbox refuses `rehearsed_refusals` orders, so that there is something to mend.
    `keep` is how many problems of a file to hold on to. `names_account` says that somebody typed
    the account just now, so that it is the one meant.
    """

    credentials: Callable[[Settings], Credentials]
    confirm: Callable[[Proposal], bool]
    retry_rejected: Callable[[Path, int], bool] = lambda path, count: False
    take_over: Callable[[str], bool] = lambda name: False
    asks: Asks | None = None
    ended: Callable[[Ended], None] = lambda ended: None
    observer: Callable[[Proposal], Observer] | None = None
    limit: int | None = None
    max_failures: int | None = None
    dry_run: bool = False
    stoppable: Callable[[Callable[[int], None]], AbstractContextManager[None]] = lambda interrupt: (
        nullcontext()
    )
    rehearsed_refusals: int = 0
    keep: int = 20
    names_account: bool = False
