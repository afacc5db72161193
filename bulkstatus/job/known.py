"""`Known`: what logs have updated of the orders of an input, or of a log, whose rows are judged."""

import time
from array import array
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from datetime import datetime
from itertools import compress, islice
from pathlib import Path

from bulkstatus.conflict import STEP, Claim, Decision, Place, judge_order, may_follow
from bulkstatus.errors import LogLost, LogRefused, NoLog
from bulkstatus.job.names import is_log
from bulkstatus.log.reader import LogContents, read_log, read_rows
from bulkstatus.log.records import RowRecord, timestamp
from bulkstatus.log.state import LogState, Span, State, numbers, spans_of
from bulkstatus.order import StatusUpdate
from bulkstatus.settings.table import TYPED, Settings
from bulkstatus.words import counted, utf8

# So many updated rows of a log are compared at a time.
_LOT = 65536


class Known:
    """What the log that the rows belong to, which may be a new one, and those beside it say.

    The latter count as far back as the settings say, for the account if that is known by now, and
    at the base URL. Those of rehearsals count for nothing, and a rehearsal looks at none. `read`
    are such that were read already. `notes` are sentences about logs that are not finished or
    cannot be read.
    """

    def __init__(
        self,
        log: LogContents,
        settings: Settings,
        read: Iterable[LogContents] = (),
    ) -> None:
        self.log = log
        self.notes: list[str] = []
        self._settings = settings
        self._read = {log.path: log for log in read}
        self._rows = LogState()
        self._due: Sequence[Span] = ()
        self._repeated: Set[int] = frozenset()
        # The logs that were looked at, of which the last is the log itself.
        self._places: list[Place] = []
        # By which of them each row is done as it is, from 1; 0 for none.
        self._done = array("I")
        # Which row of the log each row is, as old as which it is; 0 for one that is new, or mended.
        self._open = array("I")
        # What else they have updated of an order that a due row of it may not simply follow.
        self._updates: dict[str, dict[StatusUpdate, Place]] = {}
        # What others have updated since --send-again was said, which the log has kept, as in
        # `LogState.contents`: it was said of what was done by then.
        self._since: set[int] = set()
        is_kept = settings.send_again and settings.origins["send_again"] not in TYPED
        said = (run.record.started_at for run in log.runs if run.record.settings.get("send_again"))
        self._said = next(said, None) if is_kept else None

    @property
    def has_updates(self) -> bool:
        """Whether something is known that no check of a file alone could know."""
        return bool(self.log.runs or self._updates or any(self._done))

    def look(
        self, rows: LogState, due: Sequence[Span], counting: Sequence[Span], repeated: Set[int]
    ) -> tuple[list[int], list[Span]]:
        """Look for the orders of the `due` rows, of an input or of the log, in all of the logs.

        Returns the rows that the log has done as they are, and of the `counting` ones those that
        are to be judged: of the `repeated` orders, given as in `LogState.orders`, and of those of
        which something else is updated, or the same by another log.
        """
        self._rows, self._due, self._repeated = rows, due, repeated
        self._done = array("I", bytes(4 * len(rows)))
        if rows is self.log.state:
            self._open = array("I", range(1, len(rows) + 1))
        else:
            self._open = array("I", self._done)
            of_log = State.TO_SEND, State.FAILED, State.REJECTED
            for mine, same in self._pairs(due, self.log.state, *of_log):
                for n in same:
                    if self.log.state.contents[n - 1] == rows.contents[mine - 1]:
                        self._open[mine - 1] = n
        for path in self._beside():
            try:
                log = self._read.get(path) or read_log(path)
                if (place := self._place(log)) is not None:
                    self._places.append(place)
                    self._compare(log)
            except NoLog:
                continue
            except (LogRefused, LogLost):
                what = f"The log {utf8(path.name)} beside this one cannot be read"
                self.notes.append(f"{what}, so what it updated is not known.")
        self._places.append(Place())
        # Where a row of the log itself is updated, its order has several.
        if rows is not self.log.state or repeated:
            self._compare(self.log)
        exact, own = {*repeated, *map(hash, self._updates)}, len(self._places)
        done = self._done
        # Mostly none is, which is found out far faster than row by row.
        of_own = [
            n
            for n in (numbers(due) if own in done else ())
            if done[n - 1] == own and rows.orders[n - 1] not in exact
        ]
        judged = (
            n
            for n in (numbers(counting) if exact or own > 1 else ())
            if 0 < done[n - 1] < own or rows.orders[n - 1] in exact
        )
        return of_own, spans_of(judged)

    def _place(self, log: LogContents) -> Place | None:
        """Return the place that a log beside the log is, None where it does not count."""
        settings, run = self._settings, log.last_run
        if log.is_sandbox or run.started_at < timestamp(time.time() - settings.look_back):
            return None
        if log.state.to_send and not self._is_of_same_job(log, settings):
            self._note_unfinished(log)
        ref_id = settings.ref_id or (self.log.last_run.ref_id if self.log.runs else None)
        if ref_id not in {None, run.ref_id} or run.base_url != settings.base_url:
            return None
        return Place(f"{utf8(log.path.name)} of {_day(run.started_at)}")

    def _compare(self, log: LogContents) -> None:
        """Find which due rows a log has updated as they are, and what else stands in their way."""
        rows, state, place = self._rows, log.state, self._places[-1]
        later = place._replace(is_later=True)
        others: dict[int, bool] = {}
        for mine, same in self._pairs(self._due, state, State.UPDATED):
            for n in same:
                done, asked = state.status(n), rows.status(mine)
                if self._said is not None and log is not self.log and log.given(n) > self._said:
                    self._since.add(state.contents[n - 1])
                # What a file brings is the last word; the log's own rows may be older.
                own = self._open[mine - 1] if log is not self.log else 0
                is_later = own > 0 and log.given(n) > self.log.given(own)
                if state.contents[n - 1] == rows.contents[mine - 1]:
                    self._done[mine - 1] = len(self._places)
                elif done and asked and not may_follow(done, asked, later if is_later else place):
                    before = others.get(n, is_later)
                    # Of rows of one status the latest counts, else the doubt of any.
                    others[n] = before and is_later if done is asked else before or is_later
        for row in read_rows(log, spans_of(sorted(others))):
            updates = self._updates.setdefault(row.order_id, {})
            # An older log may have been written to last.
            is_later = others[row.n] or updates.get(row.update, place).is_later
            updates[row.update] = later if is_later else place

    def _pairs(
        self, spans: Sequence[Span], log: LogState, *states: State
    ) -> Iterator[tuple[int, list[int]]]:
        """Yield rows of some spans, each with some rows of a log, in one of some states, that are
        of the same order.
        """
        hits, orders = numbers(log.spans(*states)), self._rows.orders
        while lot := [*islice(hits, _LOT)]:
            there: dict[int, list[int]] = {}
            for n in lot:
                there.setdefault(log.orders[n - 1], []).append(n)
            for first, last in spans:
                those = map(there.__contains__, memoryview(orders)[first - 1 : last])
                for mine in compress(range(first, last + 1), those):
                    yield mine, there[orders[mine - 1]]

    def _beside(self) -> list[Path]:
        """Return the logs beside the log that may count, by when they were written to, the latest
        last.
        """
        settings, own, times = self._settings, self.log.path, dict[Path, float]()
        if settings.sandbox or not settings.look_back:
            return []
        since = time.time() - settings.look_back
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

    def _note_unfinished(self, log: LogContents) -> None:
        state, end = log.state, log.runs[-1].end
        of_these = bytearray(len(state))
        for _, same in self._pairs(self._due, state, State.TO_SEND):
            for n in same:
                of_these[n - 1] = True
        shared = of_these.count(True)
        name, left = utf8(log.path.name), counted(state.to_send, "row")
        note = f"The log {name} beside this one still has {left} to send"
        if shared:
            note += f", {shared:,} of them for orders of this run"
        self.notes.append(f"{note}{'' if end else '; its run goes on now, or broke off'}.")

    async def judge(
        self, lots: AsyncIterator[list[RowRecord]]
    ) -> AsyncIterator[tuple[RowRecord, Decision]]:
        """Yield what is to become of the rows that are to be judged, the repeated orders' last."""
        several: dict[str, list[RowRecord]] = {}
        async for rows in lots:
            for row in rows:
                if hash(row.order_id) in self._repeated:
                    several.setdefault(row.order_id, []).append(row)
                else:
                    yield row, self._judged([row])[row.n]
        for same in several.values():
            if self._rows is self.log.state:
                # A mended file may have brought an earlier status after a later one.
                same.sort(key=lambda row: STEP.get(row.update.status, -1))
            decisions = self._judged(same)
            for row in same:
                yield row, decisions[row.n]

    def _judged(self, rows: Sequence[RowRecord]) -> dict[int, Decision]:
        """Return what is to become of all rows of an order that count, in their order."""
        settings, updates = self._settings, {**self._updates.get(rows[0].order_id, {})}
        claims = [Claim(row.n, row.line, row.update) for row in rows]
        for claim in claims:
            if done := self._done[claim.n - 1]:
                updates.setdefault(claim.update, self._places[done - 1])
        if settings.send_again:
            since = {update: at for update, at in updates.items() if hash(update) in self._since}
            updates = _but_for(updates, {claim.update for claim in claims}) | since
        return judge_order(claims, updates, settings.last_wins)

    def new(self) -> list[int]:
        """Return the rows to be sent that the log does not have, or has as invalid.

        What was wrong with those is wrong still, where they come back as they were.
        """
        rows, log, there = self._rows, self.log.state, bytearray(len(self._rows))
        to_send = rows.spans(State.TO_SEND)
        for mine, same in self._pairs(to_send, log, *(set(State) - {State.INVALID})):
            there[mine - 1] |= rows.contents[mine - 1] in [log.contents[n - 1] for n in same]
        return [n for n in numbers(to_send) if not there[n - 1]]

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


def _but_for(
    updates: dict[StatusUpdate, Place], asked: Set[StatusUpdate]
) -> dict[StatusUpdate, Place]:
    """Return updates without those elsewhere that are asked for, and so are to be sent again."""
    # A row without a tracking is the same as any of its status, beside none that has one.
    blank = {row.status for row in asked if row.tracking is None}
    blank -= {row.status for row in asked if row.tracking}
    return {
        update: place
        for update, place in updates.items()
        if not place.log or (update not in asked and update.status not in blank)
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
