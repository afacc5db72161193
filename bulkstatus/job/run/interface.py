"""What a run is given and what it gives back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bulkstatus.api.answer import Answer
from bulkstatus.job.run.gate import Hold
from bulkstatus.log.records import Reason, Result
from bulkstatus.order import StatusUpdate
from bulkstatus.pace import Full, Rate


class Observer:
    """Is told what happens, from the event loop, and must not block; this one takes no notice."""

    def started(self, places: Sequence[tuple[Rate, Sequence[float]]]) -> None:
        """The run begins; `places` says what is used of its quotas, as `Quotas.coming_free`."""

    def wrote(self, results: Sequence[Result]) -> None:
        """These results are on disk."""

    def holding(self, hold: Hold | None) -> None:
        """The run holds, probes again later, or (None) goes on."""

    def found(self, rate: float) -> None:
        """The API lets about so many requests a second through; infinity where no limit is met."""

    def waiting_for_quota(self, seconds: float, full: Full) -> None:
        """No request leaves for this long, since a quota is used up, by whom `full` says."""

    def stopping(self, ending: "Ending") -> None:
        """No further row leaves; those on the wire finish."""

    def ended(self) -> None:
        """The run is over; this is the last call, and may block."""


class Sender(Protocol):
    """What the pipeline needs of the API client."""

    async def put(self, update: StatusUpdate) -> Answer:
        """Send one PUT and return what came of it."""


class Book(Protocol):
    """Where results go, and what says whether rows may leave: a log, or the calls of a `Client`.

    `ready` is cleared while none may leave, and `through` is the `n` up to which they may.
    """

    ready: asyncio.Event
    through: int

    def add(self, result: Result) -> None:
        """Take a result; `Feed.settle` is to be told once it is kept."""

    def look(self) -> None:
        """Raise LogLost when no more results can be taken."""


@dataclass(frozen=True)
class RunOptions:
    """How a run goes about its rows; times are in seconds."""

    concurrency: int = 16
    attempts: int = 5
    give_up_after: float = 900.0
    max_failures: int | None = None


@dataclass(frozen=True)
class Ending:
    """How a run ended, and the program's exit status."""

    reason: Reason
    exit_status: int
    message: str = ""
