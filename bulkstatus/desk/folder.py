"""The folder: its files and logs, each with its state in words and its one next step.

A rehearsal's log is no log of a file here: it never makes one look sent.
"""

import hashlib
import re
import time
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple
from urllib.parse import urlencode

from bulkstatus.errors import BulkstatusError, Refused
from bulkstatus.job.names import default_log, logs_of
from bulkstatus.log import State
from bulkstatus.reporting import Summary, summarise
from bulkstatus.reporting.summary import RUNNING
from bulkstatus.reporting.text import headline
from bulkstatus.words import printable, utf8

_ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".xlsx")
_LOG = ".results.jsonl"
_LONGEST_NAME = 150

# The name of a file with rows to mend says of which log they are.
_TO_MEND = re.compile(r"(.+)\.to-mend(?:-[0-9]+)?\.(?:xlsx|csv)")


class Entry(NamedTuple):
    """A file or a log: its name, its state in words and more of that, and the next step's page."""

    name: str
    state: str
    told: str
    step: str
    page: str
    changed: float
    is_open: bool = True


class Folder:
    """A folder, of which nothing but regular files by their names is ever used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """Return the names of the regular files. Raises Refused where they cannot be listed."""
        try:
            there = [path for path in self.path.iterdir() if not path.name.startswith(".")]
            files = (path.name for path in there if path.is_file() and not path.is_symlink())
            return sorted(name for name in files if utf8(name) == name)
        except OSError as error:
            raise Refused(f"The folder {self.path} cannot be read: {error.strerror}.") from None

    def file(self, name: str) -> Path:
        """Return the file of a name. Raises Refused where the folder has none."""
        if name not in self.names():
            raise Refused(f'There is no file "{printable(name, 100)}" in {self.path}.')
        return self.path / name

    def keep(self, name: str, content: bytes, replaces: bool) -> bool:
        """Take in a file, and return False where another is there and it `replaces` none.

        Raises Refused where its name is none of a file that can be sent, or it cannot be written.
        """
        is_bare = {PurePosixPath(name).name, PureWindowsPath(name).name} == {name}
        if not is_bare or name[0] == "." or printable(name, _LONGEST_NAME) != name:
            raise Refused(f'"{printable(name, 100)}" is no name for a file here. Give it another.')
        if not is_sendable(name):
            raise Refused(f"{name} is no table, workbook, JSON Lines or list. Export it as one.")
        path, is_there = self.path / name, name in self.names()
        try:
            with path.open("wb" if is_there and replaces else "xb") as file:
                file.write(content)
        except FileExistsError:
            return is_there and path.read_bytes() == content
        except OSError as error:
            raise Refused(f"{name} cannot be written: {error.strerror or error}.") from None
        return True

    def logs(self) -> list[Path]:
        """Return the logs, but for those of rehearsals."""
        found = [self.path / name for name in self.names() if name.endswith(_LOG)]
        return [path for path in found if not is_rehearsal(path)]

    def mended_log(self, name: str) -> Path | None:
        """Return the log whose rows to mend a file has, by its name; also a rehearsal's."""
        mended = _TO_MEND.fullmatch(name)
        there = mended is not None and f"{mended[1]}{_LOG}" in self.names()
        return self.path / f"{mended[1]}{_LOG}" if mended and there else None

    def to_mend(self, log: Path) -> list[str]:
        """Return the files with rows to mend of a log, the newest first."""
        found = [self.path / name for name in self.names() if self.mended_log(name) == log]
        return [path.name for path in sorted(found, key=_changed, reverse=True)]

    def log_of(self, name: str) -> Summary | None:
        """Return the newest log of a file, None where there is none that can be read."""
        return _newest(self.path / name, [told for log in self.logs() if (told := _told(log))])

    def entries(self) -> tuple[list[Entry], list[Entry], list[Entry]]:
        """Return the logs with something open, today's other files, and those of other days.

        The latest come first.
        """
        told = {path: _told(path) for path in self.logs()}
        logs = [_of_log(path, summary) for path, summary in told.items()]
        unfinished = sorted((e for e in logs if e.is_open), key=lambda entry: -entry.changed)
        summaries = [summary for summary in told.values() if summary is not None]
        paths = [self.path / name for name in self.names() if is_sendable(name)]
        files = sorted((self._of_file(p, summaries) for p in paths), key=lambda e: -e.changed)
        shown, today = {entry.page for entry in unfinished}, time.localtime()[:3]
        by_day: tuple[list[Entry], list[Entry]] = ([], [])
        for entry in files:
            if entry.page not in shown:
                by_day[time.localtime(entry.changed)[:3] != today].append(entry)
        return unfinished, *by_day

    def _of_file(self, path: Path, summaries: list[Summary]) -> Entry:
        page, changed = "/send?" + urlencode({"file": path.name}), _changed(path)
        new = Entry(path.name, "not sent", "", "Check it", page, changed)
        summary, mended = _newest(path, summaries), self.mended_log(path.name)
        if mended is not None and is_rehearsal(mended):
            return new._replace(state="of a rehearsal", step="Rehearse it, once it is mended")
        if summary is None:
            return new
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return new._replace(state="cannot be read", step="See why")
        if summary.contents.is_of_content(digest):
            return _of_log(summary.log, summary)._replace(name=path.name, changed=changed)
        if mended is not None:
            return new._replace(state="to be mended and sent", step="Check it, once it is mended")
        state = state_of(summary)
        if summary.to_send:
            return new._replace(state=f"changed since it was sent: {state}")
        return new._replace(told=f"The file that was sent under this name was another one: {state}")


def is_sendable(name: str) -> bool:
    """Tell whether a file can be sent, by its name."""
    # What begins so says only that Excel has the file open.
    is_none = name.startswith("~$") or name.endswith((_LOG, ".problems.csv"))
    return not is_none and name.lower().removesuffix(".gz").endswith(_ENDINGS)


def is_rehearsal(log: Path) -> bool:
    """Tell whether a log is of a rehearsal, by its name."""
    return log.name.endswith(f".sandbox{_LOG}")


def summary_of(path: Path) -> Summary:
    """Return what a log says, anew only once it has changed. Raises LogRefused."""
    try:
        state = path.stat()
    except OSError:
        return summarise(path)
    summary = _summary_at(path, state.st_size, state.st_mtime_ns)
    # A run may end without a word.
    return summarise(path) if summary.state == RUNNING else summary


@lru_cache(maxsize=256)
def _summary_at(path: Path, size: int, changed: int) -> Summary:
    return summarise(path)


def _changed(path: Path) -> float:
    """Return when a file was changed; one that has just gone was so long ago."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _told(path: Path) -> Summary | None:
    try:
        return summary_of(path)
    except BulkstatusError:
        return None


def _newest(path: Path, summaries: list[Summary]) -> Summary | None:
    """Return the log of a file, or of whose failures it is, that was last gone on with."""
    names = {log.name for log in logs_of(default_log(str(path), False))}
    if mended := _TO_MEND.fullmatch(path.name):
        names.add(mended[1] + _LOG)
    name = utf8(path.name)
    own = [s for s in summaries if s.log.name in names or name in {r.record.input for r in s.runs}]
    return max(own, key=lambda summary: summary.runs[-1].started, default=None)


def _of_log(path: Path, summary: Summary | None) -> Entry:
    page, changed = "/log?" + urlencode({"log": path.name}), _changed(path)
    if summary is None:
        return Entry(path.name, "cannot be read", "", "See why", page, changed)
    step = "See what came of it"
    if summary.state == RUNNING:
        step = "See how far it is"
    elif summary.to_send:
        step = "Go on with it"
    elif summary.failures:
        step = "See which, and mend them"
    told = f"{headline(summary)} ({path.name})"
    is_open = step != "See what came of it"
    name = summary.contents.first_run.input
    return Entry(name, state_of(summary), told, step, page, changed, is_open)


def state_of(summary: Summary) -> str:
    """Return the state of a log in a few words."""
    record, failed = summary.runs[-1].record, summary.count(State.FAILED)
    if summary.state == RUNNING:
        where = f" on {printable(record.host, 40)}" if record.host else ""
        return f"running{where}" + (f" by {printable(record.user, 40)}" if record.user else "")
    if summary.to_send:
        return f"{summary.count(State.UPDATED):,} of {summary.rows:,} sent"
    if failed < len(summary.failures):  # the workbook has the failed ones too
        return f"{len(summary.failures):,} to mend"
    return f"{failed:,} failed" if failed else "finished"
