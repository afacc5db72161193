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
from dataclasses import dataclass
from functools import partial
from traceback import print_exc
from typing import Any

from bulkstatus import job
from bulkstatus.desk.folder import Folder
from bulkstatus.errors import FAULT, ActionNeeded, BulkstatusError, Refused, SettingsRefused
from bulkstatus.job import Ended, Proposal, Terms
from bulkstatus.job.consent import check_typed
from bulkstatus.job.wording import sections
from bulkstatus.progress.course import Course
from bulkstatus.settings.keys import credentials_for
from bulkstatus.settings.sources import settings_for
from bulkstatus.settings.table import SETTINGS, names_of
from bulkstatus.settings.values import FLAG
from bulkstatus.source.options import VOID

#: How many rows a page shows at the most; it says where there are more.
MOST_ROWS = 500

#: From how many seconds on a clock that jumps says that the machine slept.
SLEPT = 60.0

#: The settings that say how a file is to be understood, beside its columns and words.
UNDERSTANDING = [name for name in names_of("input") if name not in {"column", "word"}]

_SETTINGS = ("skip_invalid", "sandbox", "send_again", *UNDERSTANDING)
_NAMES = {"file", "log", "withdraw", "retry_rejected", "save_layout", "asked", *_SETTINGS}
_IS, _WORD = "is.", "word."

# What a run that is stopped from the page would exit with, as after Ctrl-C.
_STOPPED = 130


class Wish(dict[str, str]):
    """What is to be sent, as the fields of a form have it; what is not given is "".

    "is.HEADER" is the field that a column holds, and "asked" has the fields of which it says so:
    the file has none of the others, nor one of the field for which HEADER is blank. "word.Shipped"
    is the status that this word of the file's means.
    """

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Wish":
        """Return the wish among what a page sent.

        Raises Refused where it says the same of two columns.
        """
        names = [name for name in given if name in _NAMES or name.startswith((_IS, _WORD))]
        wish = cls({name: str(given[name]) for name in names if given[name]})
        said = [field for name, field in wish.items() if name.startswith(_IS)]
        if len({*said}) < len(said):
            raise Refused("Two columns are said to be the same. Choose one of them.")
        return wish

    def __missing__(self, name: str) -> str:
        return ""

    def but(self, **changes: str) -> "Wish":
        """Return it with some fields changed, or taken out by ""."""
        return Wish.of({**self, **changes})

    def without(self, fields: Iterable[str]) -> "Wish":
        """Return it without what it says of how the file, and some fields, are understood."""
        said = {"save_layout", "asked", *UNDERSTANDING}
        said |= {name for name in self if name.startswith(_IS) and self[name] in {*fields, VOID}}
        return self.but(**dict.fromkeys(said, ""))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that it gives."""
        given: dict[str, Any] = {name: self[name] for name in _SETTINGS if name in self}
        given |= {name: True for name in given if SETTINGS[name].kind is FLAG}
        given |= {"save_layout": ""} if "save_layout" in self else {}
        columns = dict.fromkeys(self["asked"].split(), "")
        columns |= {self[name]: name.removeprefix(_IS) for name in self if name.startswith(_IS)}
        words = {n.removeprefix(_WORD): self[n] for n in self if n.startswith(_WORD)}
        return given | {"column": columns or None, "word": words or None}


@dataclass
class Going:
    """A run: how far it is, what stops it, and in the end what came of it.

    `said` is then what there is to say, also where the log could not be made to hold it.
    """

    wish: Wish
    mark: str = ""
    course: Course | None = None
    interrupt: Callable[[int], None] | None = None
    stops: int = 0
    ended: Ended | None = None
    said: str = ""

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
        self.settings = partial(settings_for, environ=self.environ)
        self._credentials = partial(credentials_for, environ=self.environ)

    # What is asked.

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

    def rehearses(self, wish: Wish) -> bool:
        """Tell whether a wish is of a rehearsal: it says so, or its log does."""
        return "sandbox" in wish or self._folder.is_rehearsal(wish["log"])

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
        return self._task is not None and not self._task.done()

    def start(self, wish: Wish, yes: Mapping[str, str]) -> None:
        """Start the run that was said yes to.

        `yes` has the `mark` of what was asked and the `ref_id` of the account, which a rehearsal
        needs not, the `number` that was typed for the cancellations, and the `key` where that was
        asked for. A yes counts once, also where it comes twice. Raises Refused where another run
        goes on.
        """
        given, before = yes.get("mark", ""), self.going
        if before and given == before.mark and (self.is_busy or (before.ended and given)):
            return
        if self.is_busy:
            raise Refused("A run is going on already, and there is one at a time.")
        ref_id, key, number = (yes.get(name, "").strip() for name in ("ref_id", "key", "number"))
        if (names_account := self.settings({}).ref_id is None) or key:
            typed = {"BULKSTATUS_REF_ID": ref_id, "BULKSTATUS_API_KEY": key}
            self.typed.update({name: text for name, text in typed.items() if text})
        self.going = going = Going(wish, given)

        def confirm(proposal: Proposal) -> bool:
            if proposal.settings.sandbox:
                return True
            if (mark(wish, proposal), proposal.ref_id) != (going.mark, ref_id):
                raise Refused(
                    "The file, its log or the settings have changed since you were asked, so "
                    "nothing was sent. Look again at what would be sent now."
                )
            if count := proposal.plan.cancellations:
                check_typed(number, count)
            return True

        def observe(proposal: Proposal) -> Course:
            settings = proposal.settings
            going.course = Course(proposal.plan.due, settings.rate, settings.give_up_after)
            return going.course

        terms = Terms(
            self._credentials,
            confirm,
            observer=observe,
            stoppable=going.stoppable,
            names_account=names_account,
            rehearsed_refusals=0 if "log" in wish else 3,  # as the page says, for practice
        )
        self._task = asyncio.create_task(self._carry_out(going, terms))

    async def _carry_out(self, going: Going, terms: Terms) -> None:
        watching = asyncio.create_task(self._watch(going))
        try:
            going.ended = ended = await self._do(going.wish, terms)
            going.said = going.said or ended.ending.message
            if ended.ending.exit_status == ActionNeeded.exit_status:
                self.typed.clear()  # it may be what has to be put right
        except BulkstatusError as error:
            going.said = str(error)
            if isinstance(error, SettingsRefused):
                self.typed.clear()
        except Exception:
            print_exc()
            going.said = FAULT
        finally:
            watching.cancel()

    async def _watch(self, going: Going) -> None:
        """Look at the clock while a run goes on: it does not go on unasked after a sleep."""
        while True:
            before = time.time()
            await asyncio.sleep(1.0)
            if going.course is not None:
                going.course.sample()
            if time.time() - before > SLEPT and not going.stops:
                going.said = "The machine slept, so the run was stopped. Shall it go on?"
                self.stop()

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


def mark(wish: Wish, proposal: Proposal) -> str:
    """Return what stands for all that was asked, but for how long it takes and whose it is."""
    others, source, log = {"To", "Time", "Layout"}, proposal.source, proposal.log
    told = [(label, [*lines]) for label, lines in sections(proposal) if label not in others]
    said = (sorted(wish.items()), told, proposal.base_url, source and source.sha256)
    return hashlib.sha256(repr((*said, log and log.size)).encode()).hexdigest()
