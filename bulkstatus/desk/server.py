"""What each address of the desk shows and does."""

import asyncio
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from traceback import print_exc
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from bulkstatus.desk.door import Door
from bulkstatus.desk.folder import Folder, is_rehearsal, summary_of
from bulkstatus.desk.pages import guard, page
from bulkstatus.desk.work import MOST_ROWS, Wish, Work, mark
from bulkstatus.errors import (
    FAULT,
    BulkstatusError,
    InputRefused,
    LogRefused,
    Refused,
    SettingsRefused,
)
from bulkstatus.job import Ended, RowsRefused
from bulkstatus.job.refusals import DoneElsewhere
from bulkstatus.job.wording import file_sections, sections
from bulkstatus.log import State
from bulkstatus.order import is_mistyped
from bulkstatus.reporting import Summary, text
from bulkstatus.reporting.as_json import history_of
from bulkstatus.reporting.failures import mend_path
from bulkstatus.reporting.mend import original, write_failures, written_sentences
from bulkstatus.reporting.page import render
from bulkstatus.reporting.tables import write_orders
from bulkstatus.settings.keys import find_key
from bulkstatus.source import InputOptions, InQuestion, Source, open_source
from bulkstatus.source.options import FIELDS
from bulkstatus.words import capitalised

# How many rows are shown to choose columns by.
_FIRST_ROWS = 5

#: How many bytes a file may have that is dropped on the page.
LARGEST_FILE = 64 * 1024 * 1024


class Desk:
    """The pages of one folder, and the run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)
        self.work = Work(self.folder)
        self.closing = asyncio.Event()
        self._said: Sequence[str] = ()
        self._dropped: tuple[str, bytes] | None = None

    def make_app(self, door: Door) -> web.Application:
        """Return the application of aiohttp.web; `door` says what is answered."""
        app = web.Application(middlewares=[door.admit, self._refuse], client_max_size=LARGEST_FILE)
        app.on_response_prepare.append(guard)
        app.router.add_get("/", self._show_folder)
        for name in ("send", "run", "log", "table", "page", "order"):
            app.router.add_get(f"/{name}", getattr(self, f"_show_{name}"))
        for name in ("run", "stop", "drop", "keep", "mend", "quit"):
            app.router.add_post(f"/{name}", getattr(self, f"_do_{name}"))
        return app

    @web.middleware
    async def _refuse(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer an error with a page that says it."""
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            error = f"That has more than {LARGEST_FILE >> 20} MB. Move it there without the desk."
        except web.HTTPException:
            raise
        except BulkstatusError as refused:
            error = str(refused)
        except Exception:
            print_exc()
            error = FAULT
        return self._message("That does not work", error, status=409)

    def _page(self, template: str, rehearses: bool = False, **values: Any) -> web.Response:
        """Return a page; first of all it shows the account, and whether this is a rehearsal."""
        try:
            settings = self.work.settings({})
            host = URL(settings.base_url).host
            account = f"Account {settings.ref_id or 'not given yet'} at {host}"
        except BulkstatusError as error:
            account = str(error)
        said, self._said = self._said, ()
        return page(template, desk=self, account=account, said=said, rehearses=rehearses, **values)

    def _message(self, title: str, *sentences: str, status: int = 200) -> web.Response:
        return self._page("message.html", title=title, sentences=sentences, status=status)

    async def _do_quit(self, request: web.Request) -> web.Response:
        self.closing.set()
        stops = "The run stops in good order. Start the desk again to go on with what is left."
        said = [stops] if self.work.is_busy else []
        return self._message("The desk is closed", *said, "This page can be closed too.")

    # The folder, and what is dropped on it.

    async def _show_folder(self, request: web.Request) -> web.Response:
        unfinished, today, others = await asyncio.to_thread(self.folder.entries)
        return self._page("folder.html", unfinished=unfinished, today=today, others=others)

    async def _do_drop(self, request: web.Request) -> web.Response:
        dropped = (await request.post()).get("file")
        if not isinstance(dropped, web.FileField) or not dropped.filename:
            raise Refused("Choose a file first.")
        self._dropped = dropped.filename, dropped.file.read()
        return await self._keep(*self._dropped, replaces=False)

    async def _do_keep(self, request: web.Request) -> web.Response:
        dropped, name = self._dropped, (await request.post()).get("name")
        if dropped is None or name != dropped[0]:
            raise Refused("That file is not there any more. Drop it once more.")
        return await self._keep(*dropped, replaces=True)

    async def _keep(self, name: str, content: bytes, replaces: bool) -> web.Response:
        if not await asyncio.to_thread(self.folder.keep, name, content, replaces):
            return self._page("drop.html", name=name)
        self._dropped = None
        raise web.HTTPSeeOther("/send?" + Wish(file=name).query)

    # The question: a file as it was understood, what is wrong with it, and what would be sent.

    def _wish(self, given: Mapping[str, Any]) -> Wish:
        """Return a wish; the rows to mend of a log go back into that one."""
        wish = Wish.of(given)
        mended = self.folder.mended_log(wish["file"])
        return wish.but(log=mended.name) if mended and "log" not in wish else wish

    async def _show_send(self, request: web.Request) -> web.Response:
        return await self._ask(self._wish(request.query))

    async def _ask(self, wish: Wish, error: str = "") -> web.Response:
        """Ask whether what is wished is to be sent, or say what speaks against it."""
        shown: dict[str, Any] = dict.fromkeys(("told", "columns", "problems", "proposal"), ())
        shown |= {"wish": wish, "rehearses": wish.rehearses, "words": (), "key": ""}
        shown |= {"error": error, "is_asked": False, "is_done": False, "fields": FIELDS}
        shown["newest"] = self.folder.log_of(wish["file"]) if "file" in wish else None
        try:
            asked = await self.work.ask(wish)
        except RowsRefused as refused:
            shown |= await self._what_is_wrong(wish, refused)
            shown["error"] = error or _without_commands(refused)
        except InQuestion as doubt:
            taken = dict.fromkeys(doubt.taken, "taken")
            columns = [(name, cells[:_FIRST_ROWS], taken.get(name)) for name, cells in doubt.table]
            shown |= {"is_asked": True, "fields": doubt.fields, "columns": columns}
            shown["error"] = error or f"{doubt.name}: {doubt.doubts}"
        except BulkstatusError as refused:
            shown["error"] = error or _without_commands(refused)
            shown["is_asked"] = isinstance(refused, InputRefused | SettingsRefused)
            shown["is_done"] = isinstance(refused, DoneElsewhere)
        else:
            if isinstance(asked, Ended):
                return self._message("Nothing is to be done", asked.ending.message)
            settings, source = asked.settings, asked.source
            shown |= {"proposal": asked, "mark": mark(asked), "rehearses": settings.sandbox}
            if not settings.sandbox and asked.plan.due:
                shown["key"] = await asyncio.to_thread(find_key, settings, self.work.environ)
            shown |= {"told": sections(asked), "columns": _columns(source)}
        # Here all is in the one folder.
        shown["error"] = shown["error"].replace(f"{self.folder.path}{os.sep}", "")
        return self._page("send.html", **shown)

    async def _what_is_wrong(self, wish: Wish, refused: RowsRefused) -> dict[str, Any]:
        """Return the rows that refuse a file, with the file's other columns.

        Of those whose status is a word that may have a meaning there is one each.
        """
        source, settings, plan = refused.source, refused.settings, refused.plan
        once: dict[object, Any] = {}
        for each in plan.problems:
            is_word = each.field == "status" and each.value and not is_mistyped(each.value)
            once.setdefault(each.value if is_word else each.line, each)
        words = [key for key in once if isinstance(key, str)]
        path, lines = self.folder.file(wish["file"]), {each.line for each in once.values()}
        cells = await _cells(path, source.options, lines)
        width = len(source.header)
        return {
            "words": words,
            "is_asked": bool(words),
            "told": file_sections(source, plan, settings, "Good"),
            "header": source.header,
            "columns": _columns(source),
            "problems": [
                (
                    p.line,
                    capitalised(p.reason),
                    p.value or "(empty)",
                    *cells.get(p.line, ())[:width],
                )
                for p in once.values()
            ],
            "more": plan.refused - len(once),
        }

    # The run.

    async def _do_run(self, request: web.Request) -> web.Response:
        data = await request.post()
        self.work.start(self._wish(data), {name: str(value) for name, value in data.items()})
        raise web.HTTPSeeOther("/run")

    async def _do_stop(self, request: web.Request) -> web.Response:
        self.work.stop()
        raise web.HTTPSeeOther("/run")

    async def _show_run(self, request: web.Request) -> web.Response:
        going = self.work.going
        if going is None:
            raise web.HTTPSeeOther("/")
        if self.work.is_busy:
            return self._page("run.html", rehearses=going.wish.rehearses, going=going)
        if going.ended is None and going.course is None:
            return await self._ask(going.wish.but(sandbox=""), going.error)
        log, said = None, going.error
        if going.ended is not None:
            log, said = going.ended.log_path, going.ended.ending.message
        if log is None or not log.exists():
            return self._message("The run has ended", said)
        if going.slept:
            self._said = ["The machine slept, so the run was stopped. Shall it go on?"]
        elif summary_of(log).contents.runs[-1].end is None:
            self._said = [said]  # the log did not get to hold it
        raise web.HTTPSeeOther("/log?" + Wish(log=log.name).query)

    # The end: what a log says.

    async def _summary(self, name: object) -> Summary:
        return await asyncio.to_thread(summary_of, self.folder.file(str(name)))

    async def _show_log(self, request: web.Request) -> web.Response:
        summary = await self._summary(request.query.get("log"))
        table = await original(summary) if summary.failures else None
        header, all_cells = (table.header, table.cells) if table else ((), {})
        others = [p for p in range(len(header)) if table and p not in table.places.values()]
        failures = []
        for row in summary.failures[:MOST_ROWS]:
            cells = all_cells.get(row.n, ())
            more = (cells[place] for place in others if place < len(cells))
            failures.append([*text.failure_cells(row), *more])
        return self._page(
            "log.html",
            rehearses=is_rehearsal(summary.log),
            summary=summary,
            failures=failures,
            columns=[*text.FAILURE_COLUMNS, *(header[place] for place in others)],
            perhaps=text.perhaps_text(summary, MOST_ROWS),
            failed=summary.count(State.FAILED),
            rejected=summary.count(State.REJECTED),
            to_mend=self.folder.to_mend(summary.log),
        )

    async def _do_mend(self, request: web.Request) -> web.Response:
        summary = await self._summary((await request.post()).get("log"))
        path = mend_path(summary.log)
        is_original = await write_failures(path, summary)
        self._said = written_sentences(path, len(summary.failures), is_original)
        raise web.HTTPSeeOther("/log?" + Wish(log=summary.log.name).query)

    async def _show_table(self, request: web.Request) -> web.Response:
        """Give the orders touched, or those that are not, as a CSV to be saved."""
        summary, kind = await self._summary(request.query.get("log")), request.query.get("kind")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            option = "--touched" if kind == "touched" else "--untouched"
            await asyncio.to_thread(write_orders, option, path, summary)
            body = path.read_bytes()
        headers = {"Content-Disposition": "attachment"}
        return web.Response(body=body, content_type="text/csv", headers=headers)

    async def _show_page(self, request: web.Request) -> web.Response:
        """Show the report's own page, which has a policy of its own, to be printed or sent on."""
        body = await asyncio.to_thread(render, await self._summary(request.query.get("log")))
        headers = {"Content-Security-Policy": "frame-ancestors 'none'"}
        return web.Response(text=body, content_type="text/html", charset="utf-8", headers=headers)

    async def _show_order(self, request: web.Request) -> web.Response:
        """Tell all that the logs of the folder know of an order."""
        order_id, logs, told = request.query.get("id", "").strip(), self.folder.logs(), []
        for path in logs:
            try:
                history = await asyncio.to_thread(history_of, path, order_id)
            except LogRefused as error:
                told.append(str(error))
                continue
            if history.records:
                told.append("\n".join(text.history_lines(history, order_id)))
        none = f"None of the logs in this folder has a row of it ({len(logs)} were looked at)."
        return self._message(f"Order {order_id}", *(told or [none]))


def _without_commands(error: BulkstatusError) -> str:
    """Return what an error says, but for the commands at its end, which are links here."""
    return re.sub(r"(?<=\.)\s[^.]*:$", "", str(error).partition("\n  bulkstatus")[0])


def _columns(source: Source | None) -> list[tuple[str, Sequence[str], str | None]]:
    """Return the columns of a table that was understood: header, no cells, and its field."""
    fields = {header: field for field, header in source.columns.items()} if source else {}
    return [(name, (), fields.get(name.strip())) for name in (source.header if source else ())]


async def _cells(path: Path, options: InputOptions, lines: set[int]) -> dict[int, Sequence[str]]:
    """Return the cells of the records that begin on some lines."""
    found: dict[int, Sequence[str]] = {}
    async with (
        await open_source(str(path), options) as source,
        aclosing(source.batches()) as batches,
    ):
        async for batch in batches:
            there = zip(batch.lines, batch.cells, strict=True)
            found |= {line: cells for line, cells in there if line in lines}
    return found
