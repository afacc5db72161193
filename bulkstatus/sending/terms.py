"""What `send` and `resume` are given, what they propose, and what they give back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bulkstatus.config import Settings
from bulkstatus.credentials import Credentials
from bulkstatus.errors import InputRefused, Refused
from bulkstatus.preflight import Plan
from bulkstatus.result import Outcome
from bulkstatus.resultlog import LogContents
from bulkstatus.run import Ending, Observer
from bulkstatus.source import Source


class RowsRefused(InputRefused):
    """The file holds rows that cannot be sent; `plan.problems` has the first of them."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


class Declined(Refused):
    """The user said no."""


@dataclass(frozen=True)
class Proposal:
    """What a run is about to do, for the question that comes before it.

    `plan` counts the rows that this run will send, after `--limit`; `all_due` is how many there
    are without it. `seconds` is the estimated time. `log` is what the log of a resumed run holds,
    `changed` says that none of its runs had an input like this one, and `left_behind` how many
    rows that were not sent yet this one has no more.
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
    left_behind: int = 0


@dataclass(frozen=True)
class Summary:
    """What came of a run; `counts` and `pending` are of rows, over all runs of the log.

    `input_name` is what messages call the input, `log_path` is None where there is no log, and
    `ran` says that there was something to do and it was to be done.
    """

    ending: Ending
    counts: dict[Outcome, int]
    rows: int
    pending: int
    log_path: Path | None
    input_name: str
    ran: bool = True


@dataclass(frozen=True)
class Terms:
    """How a run is to go that no log remembers.

    `credentials` is called with the settings when they are needed, and may return None for a dry
    run alone; `confirm` is told what is about to happen and returns whether to go on; `observer`
    makes the observer of the run. With `handle_signals`, SIGINT and SIGTERM stop the run in good
    order.
    """

    credentials: Callable[[Settings], Credentials | None]
    confirm: Callable[[Proposal], bool]
    observer: Callable[[Proposal], Observer] | None = None
    limit: int | None = None
    max_failures: int | None = None
    dry_run: bool = False
    handle_signals: bool = False
