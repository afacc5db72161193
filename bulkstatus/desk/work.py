"""What somebody wishes to send, what that would do, and the one run that goes on.

The question is a dry run. The yes comes with a mark of what was asked, and holds for that alone:
where the file, the log or the settings are others by then, nothing is sent.
"""

import asyncio
import hashlib
import os
import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from traceback import print_exc
from typing import Any
from urllib.parse import urlencode

from bulkstatus import job
from bulkstatus.desk.folder import Folder, is_rehearsal
from bulkstatus.errors import FAULT, ActionNeeded, BulkstatusError, Refused, SettingsRefused
from bulkstatus.job import Ended, Proposal, Terms
from bulkstatus.job.run import Observer
from bulkstatus.progress.course import Course
from bulkstatus.settings.keys import credentials_for
from bulkstatus.settings.sources import settings_for
from bulkstatus.settings.table import SETTINGS, Settings, names_of
from bulkstatus.settings.values import FLAG
from bulkstatus.source.options import FIELDS, LABELS, VOID
from bulkstatus.words import printable

#: How many rows a page shows at the most; it says where there are more.
MOST_ROWS = 500

#: How many orders a rehearsal refuses, for practice.
REFUSALS = 3

#: From how many seconds on a clock that jumps says that the machine slept.
SLEPT = 60.0

#: The settings that say how a file is to be understood, beside its columns and words.
UNDERSTANDING = [name for name in names_of("input") if name not in {"column", "word"}]

_COLUMNS = {f"column.{name}": name for name in (*FIELDS, VOID)}
_SETTINGS = ("skip_invalid", "sandbox", "send_again", *UNDERSTANDING)
_NAMES = {"file", "log", "withdraw", "retry_rejected", "save_layout", *_SETTINGS, *_COLUMNS}
_WORD, _IS = "word.", "is."

# What a run that is stopped from the page would exit with, as after Ctrl-C.
_STOPPED = 130


class Wish(dict[str, str]):
    """What is to be sent, as the fields of a form have it; what is not given is "".

    A column is "=" and its header, so that "=" alone says that the file has none; "word.Shipped"
    is the status that this word of the file's means.
    """

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Wish":
        """Return the wish among what a page sent.

        There "is.HEADER" may say what a column is, and "asked" for which fields it says that.
        Raises Refused where it says the same of two.
        """
        wish = cls()
        for name, value in given.items():
            if name.startswith(_IS) and (key := f"column.{value}") in _COLUMNS:
                if key in wish:
                    raise Refused(f"Two columns are said to be the {LABELS[value]}. Choose one.")
                wish[key] = f"={name.removeprefix(_IS)}"
            elif value and (name in _NAMES or name.startswith(_WORD)):
                wish[name] = str(value)
        for field in str(given.get("asked", "")).split():
            wish.setdefault(f"column.{field}", "=")
        return wish

    def __missing__(self, name: str) -> str:
        return ""

    def but(self, **changes: str) -> "Wish":
        """Return it with some fields changed, or taken out by ""."""
        return Wish.of({**self, **changes})

    def without(self, fields: Iterable[str] = FIELDS) -> "Wish":
        """Return it without what it says of how the file is to be understood."""
        said = ("save_layout", *UNDERSTANDING, *(f"column.{name}" for name in (*fields, VOID)))
        return self.but(**dict.fromkeys(said, ""))

    @property
    def rehearses(self) -> bool:
        """Whether it is of a rehearsal."""
        return "sandbox" in self or is_rehearsal(Path(self["log"]))

    @property
    def query(self) -> str:
        """The wish as a part of an address."""
        return urlencode(self)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that it gives."""
        columns = {name: self[key][1:] for key, name in _COLUMNS.items() if key in self}
        given: dict[str, Any] = {name: self[name] for name in _SETTINGS if name in self}
        given |= {name: True for name in given if SETTINGS[name].kind is FLAG}
        given |= {"save_layout": ""} if "save_layout" in self else {}
        words = {n.removeprefix(_WORD): self[n] for n in self if n.startswith(_WORD)}
        return given | {"column": columns or None, "word": words or None}


@dataclass
class Going:
    """A run: how far it is, what stops it, and in the end what came of it."""

    wish: Wish
    mark: str = ""
    course: Course | None = None
    interrupt: Callable[[int], None] | None = None
    stops: int = 0
    slept: bool = False
    ended: Ended | None = None
    error: str = ""

    @contextmanager
    def stoppable(self, interrupt: Callable[[int], None]) -> Iterator[None]:
        """Have it stopped by `interrupt`, also if it was to be stopped before now."""
        self.interrupt = interrupt
        for _ in range(self.stops):
            interrupt(_STOPPED)
        yield


class Work:
    """What is done in a folder: one run at a time, `going`, which stays there when it is over.

    `typed` is the account as it was typed on a page, by the names of the environment.
    """

    def __init__(self, folder: Folder) -> None:
        self.going: Going | None = None
        self.typed: dict[str, str] = {}
        self.environ = ChainMap(self.typed, os.environ)
        self._folder = folder
        self._task: asyncio.Task[None] | None = None
        self._credentials = partial(credentials_for, environ=self.environ)

    # What is asked.

    def settings(
        self, given: Mapping[str, Any], logged: object = None, log_name: object = ""
    ) -> Settings:
        """Return the settings in force."""
        return settings_for(given, logged, log_name, environ=self.environ)

    async def ask(self, wish: Wish) -> Proposal | Ended:
        """Return what a wish would do, or that it would do nothing. Raises what refuses it.

        No answers are kept before a yes.
        """
        found: list[Proposal] = []

        def take(proposal: Proposal) -> bool:
            found.append(proposal)
            return True

        terms = Terms(self._credentials, take, dry_run=True, keep=MOST_ROWS)
        ended = await self._do(wish.but(save_layout=""), terms)
        return found[0] if found else ended

    async def _do(self, wish: Wish, terms: Terms) -> Ended:
        path = str(self._folder.file(wish["file"])) if "file" in wish or "log" not in wish else None
        if "log" not in wish:
            return await job.send(str(path), self.settings(wish.settings), None, terms)
        return await job.resume(
            self._folder.file(wish["log"]),
            path,
            partial(self.settings, wish.settings),
            terms,
            withdraw="withdraw" in wish,
            retry_rejected="retry_rejected" in wish,
        )

    # The run.

    @property
    def is_busy(self) -> bool:
        """Whether a run goes on."""
        going = self.going
        return going is not None and going.ended is None and not going.error

    def start(self, wish: Wish, yes: Mapping[str, str]) -> None:
        """Start the run that was said yes to.

        `yes` has the `mark` of what was asked and the `ref_id` of the account, which a rehearsal
        needs not, the `number` that was typed for the cancellations, and the `key` where that was
        asked for. A yes counts once, also where it comes twice. Raises Refused where another run
        goes on.
        """
        said, before = (wish, yes.get("mark", "")), self.going
        is_same = before is not None and (before.wish, before.mark) == said
        if before and is_same and (self.is_busy or (before.mark and before.ended)):
            return
        if self.is_busy:
            raise Refused("A run is going on already, and there is one at a time.")
        ref_id, key, number = (yes.get(name, "").strip() for name in ("ref_id", "key", "number"))
        if ref_id and (key or self.settings({}).ref_id is None):
            self.typed["BULKSTATUS_REF_ID"] = ref_id
        if key:
            self.typed["BULKSTATUS_API_KEY"] = key
        self.going = going = Going(*said)

        def confirm(proposal: Proposal) -> bool:
            count = proposal.plan.cancellations
            if proposal.settings.sandbox:
                return True
            if (mark(proposal), proposal.ref_id) != (yes.get("mark"), ref_id):
                raise Refused(
                    "The file, its log or the settings have changed since you were asked, so "
                    "nothing was sent. Look again at what would be sent now."
                )
            if count and number != str(count):
                raise Refused(f'You typed "{printable(number, 40)}", and {count} is needed.')
            return True

        def observe(proposal: Proposal) -> Observer:
            settings, stop = proposal.settings, ("Stop", "Stop now")
            due, give_up_after = proposal.plan.due, settings.give_up_after
            going.course = Course(due, settings.rate, give_up_after, stop=stop)
            return going.course

        refusals = 0 if "log" in wish else REFUSALS
        terms = Terms(
            self._credentials,
            confirm,
            observer=observe,
            stoppable=going.stoppable,
            rehearsed_refusals=refusals,
        )
        self._task = asyncio.create_task(self._carry_out(going, terms))

    async def _carry_out(self, going: Going, terms: Terms) -> None:
        try:
            ended = await self._do(going.wish, terms)
            if ended.ending.exit_status == ActionNeeded.exit_status:
                self.typed.clear()  # it may be what has to be put right
            going.ended = ended
        except BulkstatusError as error:
            going.error = str(error)
            if isinstance(error, SettingsRefused):
                self.typed.clear()
        except Exception:
            print_exc()
            going.error = FAULT

    def stop(self) -> None:
        """Stop the run as Ctrl-C does: what is on the wire finishes, the second time is dropped."""
        if self.going is not None and self.is_busy:
            self.going.stops += 1
            if self.going.interrupt is not None:
                self.going.interrupt(_STOPPED)

    async def finish(self) -> None:
        """Stop the run that goes on, and wait for its end."""
        self.stop()
        if self._task is not None:
            await self._task

    async def watch(self) -> None:
        """Look at the clock as long as the desk is open: no run goes on unasked after a sleep."""
        while True:
            before = time.time()
            await asyncio.sleep(1.0)
            if self.going is not None and self.going.course is not None and self.is_busy:
                self.going.course.sample()
                if time.time() - before > SLEPT and not self.going.stops:
                    self.going.slept = True
                    self.stop()


def mark(proposal: Proposal) -> str:
    """Return what stands for all that a proposal says will be done, but for whose orders it is."""
    plan, source, log = proposal.plan, proposal.source, proposal.log
    counts = [value for each in fields(plan) if isinstance(value := getattr(plan, each.name), int)]
    said = (
        *(counts, sorted(plan.by_status.items()), proposal.withdraws, proposal.settings.logged),
        *(source and (source.sha256, sorted(source.columns.items())), log and log.size),
        *(proposal.base_url, proposal.log_path.name),
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()
