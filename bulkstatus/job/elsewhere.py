"""`Elsewhere`: what the other logs in a log's folder have updated, and which are not finished."""

import time
from collections.abc import Iterator, Set
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bulkstatus.errors import LogLost, LogRefused, NoLog
from bulkstatus.job.names import is_log
from bulkstatus.log import LogContents, State, read_log
from bulkstatus.log.reader import read_rows
from bulkstatus.log.records import timestamp
from bulkstatus.log.state import numbers, spans_of
from bulkstatus.order import StatusUpdate
from bulkstatus.settings.table import Settings
from bulkstatus.words import counted, utf8

#: What was updated of orders, by order ID, each with the log and the day that say so.
Updates = dict[str, dict[StatusUpdate, str]]


class Elsewhere:
    """The logs beside one that is at `log_path`, or will be, as far back as the settings say.

    Those of rehearsals count for nothing, and a rehearsal looks at none. `notes` are sentences
    about logs that are not finished or cannot be read.
    """

    def __init__(self, log_path: Path, settings: Settings, ref_id: str | None) -> None:
        self.notes: list[str] = []
        self._log_path = log_path
        self._settings = settings
        self._ref_id = ref_id

    def updates(self, orders: Set[int]) -> Updates:
        """Return what was updated of some orders, which are given as in `LogState.orders`.

        It counts where it was for the same account, if that is known by now, at the same base URL.
        """
        found: Updates = {}
        self.notes.clear()
        for path in self._there():
            try:
                log = read_log(path)
                if log.is_sandbox or log.last_run.started_at < timestamp(self._since):
                    continue
                state, run = log.state, log.last_run
                if state.to_send and not self._is_of_same_job(log):
                    self._note_unfinished(log, orders)
                is_ours = self._ref_id in {None, run.ref_id}
                if not is_ours or run.base_url != self._settings.base_url:
                    continue
                updated = numbers(state.spans(State.UPDATED))
                wanted = spans_of(n for n in updated if state.orders[n - 1] in orders)
                place = f"{utf8(path.name)} of {_day(run.started_at)}"
                for row in read_rows(log, wanted):
                    found.setdefault(row.order_id, {})[row.update] = place
            except NoLog:
                continue
            except (LogRefused, LogLost):
                what = f"The log {utf8(path.name)} beside this one cannot be read"
                self.notes.append(f"{what}, so what it updated is not known.")
        return found

    @property
    def _since(self) -> float:
        return time.time() - self._settings.look_back

    def _there(self) -> Iterator[Path]:
        """Yield the logs that were written to since then, the latest last."""
        if self._settings.sandbox or not self._settings.look_back:
            return
        own, suffixes = self._log_path, {".jsonl", self._log_path.suffix}
        times: dict[Path, float] = {}
        with suppress(OSError):  # a folder that is not there, or that none may list
            names = [path for path in own.parent.iterdir() if path.suffix in suffixes]
            for path in names:
                with suppress(OSError):  # it is gone by now
                    times[path] = path.stat().st_mtime
        for path in sorted(times, key=lambda path: times[path]):
            if times[path] >= self._since and path != own and is_log(path):
                yield path

    def _is_of_same_job(self, log: LogContents) -> bool:
        """Tell whether a log is that of another shard of the same job."""
        if log.shard is None or self._settings.shard is None:
            return False
        stem = self._log_path.name.partition(".shard-")[0]
        return log.path.name.startswith(f"{stem}.shard-")

    def _note_unfinished(self, log: LogContents, orders: Set[int]) -> None:
        state, end = log.state, log.runs[-1].end
        rows = numbers(state.spans(State.TO_SEND))
        shared = sum(state.orders[n - 1] in orders for n in rows)
        name, left = utf8(log.path.name), counted(state.to_send, "row")
        note = f"The log {name} beside this one still has {left} to send"
        if shared:
            note += f", {shared:,} of them for orders of this run"
        self.notes.append(f"{note}{'' if end else '; its run goes on now, or broke off'}.")


def _day(text: str) -> str:
    """Return the day of a log's time, as it is here."""
    try:
        return datetime.fromisoformat(text).astimezone().date().isoformat()
    except (ValueError, OverflowError):
        return "an unknown day"
