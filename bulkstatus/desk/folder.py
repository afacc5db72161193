"""The folder: its files and logs, each with its state in words and its one next step.

A rehearsal's log is no log of a file here: it never makes one look sent.
"""

import re
import time
from collections.abc import Container, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple
from urllib.parse import urlencode

from bulkstatus.errors import BulkstatusError, Refused
from bulkstatus.job.job import content_of, log_of_content
from bulkstatus.job.names import is_rehearsal
from bulkstatus.log import State
from bulkstatus.reporting import Summary, summarise
from bulkstatus.reporting.summary import RUNNING
from bulkstatus.reporting.text import headline
from bulkstatus.words import printable, utf8

_LOG = ".results.jsonl"
_FINISHED = "finished"

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
        if not is_bare or name[0] == "." or printable(name, 150) != name:
            raise Refused(f'"{printable(name, 100)}" is no name for a file here. Give it another.')
        if not is_sendable(name):
            raise Refused(f"{name} is no table, workbook, JSON Lines or list. Export it as one.")
        path, is_there = self.path / name, name in self.names()
        try:
            if is_there and not replaces and path.read_bytes() != content:
                return False
            with path.open("wb" if is_there else "xb") as file:
                file.write(content)
        except OSError as error:
            raise Refused(f"{name} cannot be written: {error.strerror or error}.") from None
        return True

    def logs(self) -> list[Path]:
        """Return the logs, but for those of rehearsals."""
        logs = (self.path / name for name in self.names() if name.endswith(_LOG))
        return [log for log in logs if not is_rehearsal(log)]

    def is_rehearsal(self, log: str) -> bool:
        """Tell whether a name is that of a rehearsal's log."""
        return log in self.names() and is_rehearsal(self.path / log)

    def to_mend(self, log: Path) -> list[str]:
        """Return the files with rows to mend of a log, the newest first."""
        names = self.names()
        found = [self.path / name for name in names if mended_log(name, names) == log.name]
        return [path.name for path in sorted(found, key=_changed, reverse=True)]

    def entries(self) -> list[list[Entry]]:
        """Return the logs with something open, today's other files, and those of other days.

        The latest come first. Rows to mend are told with their log.
        """
        told: dict[Path, Summary | None] = dict.fromkeys(self.logs())
        for path in told:
            with suppress(BulkstatusError):
                told[path] = summarise(path)
        unfinished = [entry for log in told.items() if (entry := _of_log(*log)).is_open]
        summaries = [summary for summary in told.values() if summary is not None]
        names = self.names()
        named = (name for name in names if is_sendable(name) and not mended_log(name, names))
        files = (self._of_file(name, summaries) for name in named)
        shown, today = {entry.page for entry in unfinished}, time.localtime()[:3]
        lists: list[list[Entry]] = [unfinished, [], []]
        for entry in files:
            if entry.page not in shown:
                lists[1 if time.localtime(entry.changed)[:3] == today else 2].append(entry)
        return [sorted(each, key=lambda entry: -entry.changed) for each in lists]

    def _of_file(self, name: str, summaries: Sequence[Summary]) -> Entry:
        """Return what is told of a file: what the newest log of its content says, if there is one.

        A log is of a file where one of its runs had an input of that name.
        """
        path = self.path / name
        changed = _changed(path)
        new = Entry(name, "not sent", "", "Check it", page_of("send", file=name), changed)
        own = [s for s in summaries if name in {run.record.input for run in s.runs}]
        if not own:
            return new
        own.sort(key=lambda summary: summary.runs[-1].started)
        found = log_of_content([summary.contents for summary in own], content_of(path))
        entries = {summary.log: _of_log(summary.log, summary) for summary in own}
        if found is not None:
            return entries[found.path]._replace(name=name, changed=changed)
        before = entries[own[-1].log].told
        return new._replace(told=f"Another of this name was sent before: {before}")


def page_of(place: str, **query: str) -> str:
    """Return the address of a page."""
    return f"/{place}?{urlencode(query)}"


def is_sendable(name: str) -> bool:
    """Tell whether a file can be sent, by its name."""
    # What begins so says only that Excel has the file open.
    is_none = name.startswith("~$") or name.endswith((_LOG, ".problems.csv"))
    endings = (".csv", ".tsv", ".txt", ".jsonl", ".xlsx")
    return not is_none and name.lower().removesuffix(".gz").endswith(endings)


def mended_log(name: str, names: Container[str]) -> str:
    """Return the log, of those among `names`, whose rows to mend a file has; "" for none."""
    mended = _TO_MEND.fullmatch(name)
    log = f"{mended[1]}{_LOG}" if mended else ""
    return log if log in names else ""


def _changed(path: Path) -> float:
    """Return when a file was changed; one that has just gone was so long ago."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _of_log(path: Path, summary: Summary | None) -> Entry:
    """Return the state of a log in a few words, and what to do with it next."""
    page, changed = page_of("log", log=path.name), _changed(path)
    if summary is None:
        return Entry(path.name, "cannot be read", "", "See why", page, changed)
    failures, failed = len(summary.failures), summary.count(State.FAILED)
    state, step = _FINISHED, "See what came of it"
    if summary.state == RUNNING:
        record = summary.runs[-1].record
        who = {"on": record.host, "by": record.user}
        told = (f" {at} {printable(name, 40)}" for at, name in who.items() if name)
        state, step = f"running{''.join(told)}", "See how far it is"
    elif summary.to_send:
        state, step = f"{summary.count(State.UPDATED):,} of {summary.rows:,} sent", "Go on with it"
    elif failures:
        # The workbook has the failed ones too.
        state = f"{failures:,} to mend" if failed < failures else f"{failed:,} failed"
        step = "See which, and mend them"
    name, more = summary.contents.first_run.input, f"{headline(summary)} ({path.name})"
    return Entry(name, state, more, step, page, changed, state != _FINISHED)
