"""What `send` and `resume` are given, what they propose, and what they give back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bulkstatus.config import Settings
from bulkstatus.credentials import Credentials
from bulkstatus.errors import InputRefused, Refused
from bulkstatus.preflight import Plan
from bulkstatus.result import Outcome
from bulkstatus.resultlog import LogContents, RunRecord
from bulkstatus.run import Ending, Observer
from bulkstatus.source import Source


class RowsRefused(InputRefused):
    """The file holds rows that cannot be sent; `plan.problems` has the first of them."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


class Declined(Refused):
    """The user said no."""


def address(base_url: str, is_sandbox: bool) -> str:
    """Return what to call the place where a run sends to; the sandbox has no URL that stays."""
    return "the sandbox in this program" if is_sandbox else base_url


@dataclass(frozen=True)
class Proposal:
    """What a run is about to do, for the question that comes before it.

    `plan` counts the rows that this run will send, after `--limit`; `all_due` is how many there
    are without it. `seconds` is the estimated time.

    The others are of a resumed run: `log` is what its log holds; `changed` says that the input is
    not the one that the log goes on with, nor as the latest run over it had it; `picked_up` that
    it was not named, and is another one than the last run's. `left_behind` is how many rows of
    the last run that were not sent yet the input has no more. Of the rows that were withdrawn
    since the input's run, `left_out` stay so and `brought_back` are sent again. `unfinished` is
    the latest run over the log's own input, where that stays unfinished when this one finishes,
    and `is_new` says that the log knows neither this input nor any of its rows. `updated_at` has
    the addresses at which the log's rows were updated, and how many of them.
    """

    source: Source
    plan: Plan
    all_due: int
    settings: Settings
    base_url: str
    ref_id: str
    log_path: Path
    seconds: float
    log: LogContents | None = None
    changed: bool = False
    picked_up: bool = False
    left_behind: int = 0
    left_out: int = 0
    brought_back: int = 0
    unfinished: RunRecord | None = None
    is_new: bool = False
    updated_at: Mapping[str, int] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What to call the place where the run sends to."""
        return address(self.base_url, bool(self.settings.values["sandbox"]))


@dataclass(frozen=True)
class Summary:
    """What came of a run; `counts` and `pending` are of rows, over all runs of the log.

    `input_name` is what messages call the input, `log_path` is None where there is no log, and
    `ran` says that there was something to do and it was to be done. `unfinished` is the latest run
    over the log's own input, where that is another one and did not finish, but this one did.
    Where there was nothing to do, `updated_at` has the addresses at which the log's rows were
    updated, and `elsewhere` the base URL that is asked for and is none of them, with the command
    that sends the input there.
    """

    ending: Ending
    counts: dict[Outcome, int]
    rows: int
    pending: int
    log_path: Path | None
    input_name: str
    ran: bool = True
    unfinished: RunRecord | None = None
    updated_at: tuple[str, ...] = ()
    elsewhere: tuple[str, str] | None = None


@dataclass(frozen=True)
class Terms:
    """How a run is to go that no log remembers.

    `credentials` is called with the settings and whether the key is needed; where it is not, the
    key may be empty, and None says that the account is not known either. `confirm` is told what
    is about to happen and returns whether to go on; `observer` makes the observer of the run. With
    `handle_signals`, SIGINT and SIGTERM stop the run in good order.
    """

    credentials: Callable[[Settings, bool], Credentials | None]
    confirm: Callable[[Proposal], bool]
    observer: Callable[[Proposal], Observer] | None = None
    limit: int | None = None
    max_failures: int | None = None
    dry_run: bool = False
    handle_signals: bool = False
