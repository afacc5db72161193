"""`Known`: what logs have updated of the orders of an input, or of a log, whose rows are judged."""

import time
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bulkstatus.conflict import Claim, Decision, judge_order
from bulkstatus.errors import LogLost, LogRefused, NoLog
from bulkstatus.job.names import is_log
from bulkstatus.log.reader import LogContents, read_log, read_rows
from bulkstatus.log.records import RowRecord, timestamp
from bulkstatus.log.state import LogState, State, count_of, numbers
from bulkstatus.order import StatusUpdate
from bulkstatus.settings.table import Settings
from bulkstatus.words import counted, utf8


class Known:
    """What the log that the rows belong to, which may be a new one, and those beside it say.

    The latter count as far back as the settings say, for the account if that is known by now, and
    at the base URL; without settings there are none. Those of rehearsals count for nothing, and a
    rehearsal looks at none. `read` are such that were read already. `notes` are sentences about
    logs that are not finished or cannot be read.
    """

    def __init__(
        self,
        log: LogContents,
        settings: Settings | None = None,
        read: Iterable[LogContents] = (),
    ) -> None:
        self.log = log
        self.notes: list[str] = []
        self._settings = settings
        self._read = {log.path: log for log in read}
        # Of the orders that were looked for, by ID: each with the log and the day that say so, ""
        # for the log itself.
        self._updates: dict[str, dict[StatusUpdate, str]] = {}
        # Those of them, by ID, that logs have which were begun after the log's rows were given.
        self._later: dict[str, list[StatusUpdate]] = {}

    @property
    def has_updates(self) -> bool:
        """Whether something is known that no check of a file alone could know."""
        return bool(self.log.runs or self._updates)

    def look(self, orders: Set[int]) -> set[int]:
        """Look for orders, given as in `LogState.orders`, in the logs beside the log.

        Returns those of which something is updated there.
        """
        settings, found = self._settings, self._updates
        if settings is None or settings.sandbox or not settings.look_back:
            return set()
        since = time.time() - settings.look_back
        ref_id = settings.ref_id or (self.log.last_run.ref_id if self.log.runs else None)
        given = max((run.record.started_at for run in self.log.runs if run.rows), default="")
        for path in self._beside(since):
            try:
                log = self._read.get(path) or read_log(path)
                run = log.last_run
                if log.is_sandbox or run.started_at < timestamp(since):
                    continue
                if log.state.to_send and not self._is_of_same_job(log, settings):
                    self._note_unfinished(log, orders)
                is_ours = ref_id in {None, run.ref_id}
                if not is_ours or run.base_url != settings.base_url:
                    continue
                place = f"{utf8(path.name)} of {_day(run.started_at)}"
                is_later = log.first_run.started_at > given
                for row in read_rows(log, log.state.spans_among(orders, State.UPDATED)):
                    found.setdefault(row.order_id, {})[row.update] = place
                    if is_later and row.tracking:
                        self._later.setdefault(row.order_id, []).append(row.update)
            except NoLog:
                continue
            except (LogRefused, LogLost):
                what = f"The log {utf8(path.name)} beside this one cannot be read"
                self.notes.append(f"{what}, so what it updated is not known.")
        return set(map(hash, found))

    def _beside(self, since: float) -> list[Path]:
        """Return the logs beside the log that were written to since then, the latest last."""
        own, times = self.log.path, dict[Path, float]()
        with suppress(OSError):  # a folder that is not there, or that none may list
            for path in own.parent.iterdir():
                if path != own:
                    with suppress(OSError):  # it is gone by now
                        times[path] = path.stat().st_mtime
        latest_last = sorted(times, key=times.__getitem__)
        return [path for path in latest_last if times[path] >= since and is_log(path)]

    def _is_of_same_job(self, log: LogContents, settings: Settings) -> bool:
        """Tell whether a log is that of another shard of the same job."""
        if log.shard is None or settings.shard is None:
            return False
        stem = self.log.path.name.partition(".shard-")[0]
        return log.path.name.startswith(f"{stem}.shard-")

    def _note_unfinished(self, log: LogContents, orders: Set[int]) -> None:
        state, end = log.state, log.runs[-1].end
        shared = count_of(state.spans_among(orders, State.TO_SEND))
        name, left = utf8(log.path.name), counted(state.to_send, "row")
        note = f"The log {name} beside this one still has {left} to send"
        if shared:
            note += f", {shared:,} of them for orders of this run"
        self.notes.append(f"{note}{'' if end else '; its run goes on now, or broke off'}.")

    def recall(self, orders: Set[int]) -> None:
        """Look for orders in the log itself."""
        for row in read_rows(self.log, self.log.state.spans_among(orders, State.UPDATED)):
            self._updates.setdefault(row.order_id, {})[row.update] = ""

    def done(self, rows: LogState, asked: Set[int]) -> tuple[list[int], set[int]]:
        """Return the rows that the log has done as they are, and orders that are judged exactly.

        Of the latter something else is done, here or in another log. `asked` are those that count.
        """
        exact, log = self.look(asked), self.log.state
        updated = log.spans(State.UPDATED)
        contents = {log.contents[n - 1] for n in numbers(updated)}
        orders = {order for n in numbers(updated) if (order := log.orders[n - 1]) in asked}
        done: list[int] = []
        for n in numbers(rows.spans(State.TO_SEND)) if orders else ():
            if rows.orders[n - 1] in orders:
                if rows.contents[n - 1] in contents:
                    done.append(n)
                else:
                    exact.add(rows.orders[n - 1])
        return done, exact

    def judge(
        self, rows: Iterable[RowRecord], *, of_log: bool = False
    ) -> Iterator[tuple[RowRecord, Decision]]:
        """Yield what is to become of rows: of each order all that count, in their order.

        They are a file's, which is the last word, or `of_log` the log's.
        """
        settings, orders = self._settings, dict[str, list[RowRecord]]()
        for row in rows:
            orders.setdefault(row.order_id, []).append(row)
        for order_id, same in orders.items():
            claims = [Claim(row.n, row.line, row.update) for row in same]
            updates = self._updates.get(order_id, {})
            if settings is not None and settings.send_again:
                updates = _but_for(updates, {claim.update for claim in claims})
            last_wins = settings is not None and settings.last_wins
            later = self._later.get(order_id, ()) if of_log else ()
            decisions = judge_order(claims, updates, last_wins, later)
            yield from ((row, decisions[row.n]) for row in same)

    def new(self, rows: LogState) -> list[int]:
        """Return the rows to be sent that the log does not have, or has as invalid.

        What was wrong with those is wrong still, where they come back as they were.
        """
        log = self.log.state
        states = (state for state in State if state is not State.INVALID)
        there = {log.contents[n - 1] for n in numbers(log.spans(*states))}
        return [n for n in numbers(rows.spans(State.TO_SEND)) if rows.contents[n - 1] not in there]

    def valid(self) -> Iterator[RowRecord]:
        """Yield the valid rows of the log: by all of them a few new ones are judged."""
        states = (State.TO_SEND, State.UPDATED, State.REJECTED, State.FAILED, State.DUPLICATE)
        return read_rows(self.log, self.log.state.spans(*states))

    def lost_zeros(self, rows: Sequence[RowRecord]) -> Iterator[tuple[RowRecord, str]]:
        """Yield each new row that is one of the log's without its leading zeros, and why so."""
        by_id: dict[str, list[RowRecord]] = {}
        for row in rows:
            by_id.setdefault(row.order_id.lstrip("0"), []).append(row)
        reasons: dict[int, str] = {}
        for there in read_rows(self.log, [(1, len(self.log.state))]):
            for row in by_id.get(there.order_id.lstrip("0"), ()):
                reason = _lost_zeros("order", row.order_id, there.order_id)
                if row.order_id == there.order_id:
                    reason = _lost_zeros("tracking", row.tracking, there.tracking)
                if reason:
                    reasons[row.n] = reason
        return ((row, reasons[row.n]) for row in rows if row.n in reasons)


def _but_for(updates: dict[StatusUpdate, str], asked: Set[StatusUpdate]) -> dict[StatusUpdate, str]:
    """Return updates without those elsewhere that are asked for, and so are to be sent again."""
    # A row without a tracking is the same as any of its status, beside none that has one.
    blank = {row.status for row in asked if row.tracking is None}
    blank -= {row.status for row in asked if row.tracking}
    return {
        update: place
        for update, place in updates.items()
        if not place or (update not in asked and update.status not in blank)
    }


def _lost_zeros(what: str, text: str | None, whole: str | None) -> str:
    """Return why a text is another one without its leading zeros, "" where it is not."""
    if not text or not whole or text == whole or text.zfill(len(whole)) != whole:
        return ""
    return (
        f'the {what} "{text}" is "{whole}" in the result log: a spreadsheet took its zeros off. '
        "Format the column as text and type them in again"
    )


def _day(text: str) -> str:
    """Return the day of a log's time, as it is here."""
    try:
        return datetime.fromisoformat(text).astimezone().date().isoformat()
    except (ValueError, OverflowError):
        return "an unknown day"
