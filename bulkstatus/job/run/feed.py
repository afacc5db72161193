"""`Feed`: the rows under way, in the order in which they may leave.

New rows come in file order. Rows that wait for another try come when they are due. Rows of one
order never overlap: each waits until the one before it in the file is settled.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from operator import attrgetter
from random import random

from bulkstatus.api.answer import Answer
from bulkstatus.job.run.gate import Hold, HoldReason, Pass
from bulkstatus.log.state import State
from bulkstatus.order import StatusUpdate
from bulkstatus.pace import Place

#: How many rows are read ahead of their sending, others of the same orders besides, and how many
#: may wait for another try before no new row is begun.
AHEAD = 256
MOST_WAITING = 1024


class Job:
    """A row under way.

    `attempts` counts the requests that left, `failures` those that count against the row.
    `unseen` says that an attempt may have reached the API without its answer being seen, and
    `answer` is the last one. `failed` is the number of the pass with which it first failed, and
    `limited` of the last that drew an answer about a limit; 0 where none did. `own_limits` counts
    such answers that are taken for the row's own. `before` is the state in which earlier runs left
    it, and `denied_before` says that it failed for a limit or as forbidden then. `probed` is the
    last outage that it has probed in vain, and `given_up` says that it drew what the run gave up
    for. `from_behind` says that it left before its turn, and `taken_back` that it is not to be
    sent.
    """

    given: Pass

    # Defaults of the class: nearly every job is settled by its first attempt and sets few of them.
    attempts = 0
    failures = 0
    unseen = False
    answer: Answer | None = None
    failed = 0
    limited = 0
    own_limits = 0
    due = 0.0
    elapsed_ms = 0.0
    place: Place | None = None
    before = State.TO_SEND
    denied_before = False
    probed: Hold | None = None
    given_up = False
    from_behind = False
    taken_back = False
    turn = 0
    """Where the row stands among those that were read."""

    def __init__(self, n: int, line: int, update: StatusUpdate) -> None:
        self.n = n
        self.line = line
        self.update = update


class Feed:
    """Hands out jobs; `add` and `again` put them in, `settle` ends them.

    `sent` counts the new rows that were handed out.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.is_complete = False
        """Whether no more rows will be added."""
        self._read = 0
        self._new: deque[Job] = deque()
        self._waiting: list[Job] = []
        self._followers: dict[str, deque[Job]] = {}
        self._busy: set[str] = set()
        self.next_due = math.inf
        """The moment at which the next waiting row is due; infinity when none waits."""
        self.from_behind = False
        """Whether rows from behind go before those that come next."""

    def add(self, job: Job) -> None:
        """Put in a new row, behind all others of its order."""
        self._read += 1
        job.turn = self._read
        order_id = job.update.order_id
        if order_id in self._busy:
            self._followers.setdefault(order_id, deque()).append(job)
        else:
            self._busy.add(order_id)
            self._new.append(job)

    def again(self, job: Job, due: float) -> None:
        """Put a row back, to be tried again at the moment `due`."""
        if job.taken_back:
            self.settle(job.update.order_id)
            return
        job.due = due
        self._waiting.append(job)
        self.next_due = min(self.next_due, due)

    def next(self, now: float, hold: Hold | None, through: int) -> Job | None:
        """Take out the job that is to leave next, or None when none may yet.

        `through` is the `n` up to which new rows may leave.
        """
        new = self._new
        has_new = bool(new) and new[0].n <= through and len(self._waiting) < MOST_WAITING
        job = self._next_waiting(now, hold, has_new) if self.next_due <= now else None
        if job is None and has_new:
            # What looks like an outage can be the fault of all the rows that come next.
            is_out = hold is not None and hold.reason is HoldReason.OUTAGE
            job = self._pop_from_behind(through) if self.from_behind or is_out else new.popleft()
            self.sent += 1
        return job

    def _pop_from_behind(self, through: int) -> Job:
        """Take out the last new row that may leave, of those that no earlier run has judged."""
        new = enumerate(self._new)
        _, at = max((job.before is State.TO_SEND, at) for at, job in new if job.n <= through)
        job = self._new[at]
        del self._new[at]
        job.from_behind = self.from_behind
        return job

    def _next_waiting(self, now: float, hold: Hold | None, has_new: bool) -> Job | None:
        """Take out a row whose wait is over, unless a new one is to go first.

        New rows go as often as those that are tried again, and first while the run holds, so that
        no rows that alone fail keep the others back; by chance and not in turn, since a limit
        without any burst would refuse each that follows one it let through. They take turns to
        probe: who comes back stands last, and last of all who draws a limit's answer while others
        get through.
        """
        if has_new and (hold is not None or random() < 0.5):  # noqa: S311
            return None
        due = [job for job in self._waiting if job.due <= now]
        if not due:
            return None
        job = min(due, key=lambda job: job.own_limits)
        self._waiting.remove(job)
        self.next_due = min((job.due for job in self._waiting), default=math.inf)
        return job

    def take_back(self, job: Job) -> None:
        """Take a job out that is not wanted any more, or else when it comes back."""
        job.taken_back = True
        followers = self._followers.get(job.update.order_id, deque())
        if job in followers:
            followers.remove(job)
        elif job in self._new:
            self._new.remove(job)
            self.settle(job.update.order_id)
        elif job in self._waiting:
            self._waiting.remove(job)
            self.next_due = min((job.due for job in self._waiting), default=math.inf)
            self.settle(job.update.order_id)

    def settle(self, order_id: str) -> None:
        """End the job of an order whose result is kept, which lets the order's next row go."""
        followers = self._followers.get(order_id)
        if followers:
            # At its turn: ahead of it, it could wait for the log to say that it may leave, and keep
            # back the rows by whose sending the log comes to say so.
            job = followers.popleft()
            self._new.insert(bisect_left(self._new, job.turn, key=attrgetter("turn")), job)
        else:
            if followers is not None:
                del self._followers[order_id]
            self._busy.discard(order_id)

    @property
    def is_full(self) -> bool:
        """Whether enough rows have been read ahead."""
        return len(self._new) >= AHEAD

    @property
    def is_low(self) -> bool:
        """Whether it is time to read more rows ahead."""
        return len(self._new) <= AHEAD // 2

    @property
    def is_empty(self) -> bool:
        """Whether no job waits to be handed out."""
        return not self._new and not self._waiting and not self._followers

    @property
    def is_done(self) -> bool:
        """Whether no job is left, none on the wire either."""
        return not self._busy and self.is_empty

    @property
    def is_at_end(self) -> bool:
        """Whether no new job is left to be handed out, or will be added."""
        return self.is_complete and not self._new

    @property
    def waiting(self) -> Sequence[Job]:
        """The jobs that wait for another try."""
        return self._waiting

    def unsettled(self) -> Iterator[Job]:
        """Yield the jobs that have not been settled and are not on the wire."""
        yield from self._waiting
        yield from self._new
        for followers in self._followers.values():
            yield from followers
