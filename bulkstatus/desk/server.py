"""What each address of the desk shows and does."""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from traceback import print_exc
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from bulkstatus import job
from bulkstatus.desk.door import Door
from bulkstatus.desk.folder import Folder, mended_log, page_of
from bulkstatus.desk.pages import guard, page, said
from bulkstatus.desk.work import MOST_ROWS, Wish, Work, mark
from bulkstatus.errors import FAULT, BulkstatusError, InputRefused, Refused, SettingsRefused
from bulkstatus.order import is_mistyped
from bulkstatus.reporting import Summary, as_json, failures, mend, summarise, tables, text
from bulkstatus.reporting.page import render
from bulkstatus.settings.keys import find_key
from bulkstatus.source import open_source
from bulkstatus.words import capitalised

#: How many bytes a file may have that is dropped on the page.
LARGEST_FILE = 64 * 1024 * 1024


class Desk:
    """The pages of one folder, and the run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)
        self.work = Work(self.folder)
        self.closing = asyncio.Event()
        self._news: list[str] = []
        self._dropped = ("", b"")

    def make_app(self, door: Door) -> web.Application:
        """Return the application of aiohttp.web; `door` says what is answered."""
        app = web.Application(middlewares=[door.admit, self._refuse], client_max_size=LARGEST_FILE)
        app.on_response_prepare.append(guard)
        app.router.add_get("/", self._show_folder)
        for name in ("send", "run", "log", "table", "page", "order"):
            app.router.add_get(f"/{name}", getattr(self, f"_show_{name}"))
        for name in ("run", "stop", "drop", "mend", "quit"):
            app.router.add_post(f"/{name}", getattr(self, f"_do_{name}"))
        return app

    @web.middleware
    async def _refuse(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer an error with a page that says it."""
        status = 409
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            error = f"That has more than {LARGEST_FILE >> 20} MB. Move it there without the desk."
        except web.HTTPException as other:
            if other.status < 400:
                raise
            error, status = f"{other.reason}.", other.status
        except BulkstatusError as refused:
            error = str(refused)
        except Exception:
            print_exc()
            error = FAULT
        return self._message("That does not work", error, status=status)

    def _page(self, template: str, rehearses: bool = False, **values: Any) -> web.Response:
        """Return a page; first of all it shows the account, and whether this is a rehearsal."""
        try:
            settings = self.work.settings({})
            who, host = settings.ref_id or "not given yet", URL(settings.base_url).host
            account = f"Account {who} at {host}"
        except BulkstatusError as error:
            account = str(error)
        news, self._news = self._news, []
        values |= {"account": account, "news": news, "rehearses": rehearses, "said": self._said}
        return page(template, desk=self, **values)

    def _said(self, sentence: str) -> str:
        """Return a sentence as the page says it, where all is in the one folder."""
        return said(sentence.replace(f"{self.folder.path}{os.sep}", ""))

    def _message(self, title: str, *sentences: str, **more: Any) -> web.Response:
        return self._page("message.html", title=title, sentences=sentences, **more)

    async def _do_quit(self, request: web.Request) -> web.Response:
        self.closing.set()
        stops = "The run stops in good order. Start the desk again to go on with what is left."
        told = stops if self.work.is_busy else "This page can be closed too."
        return self._message("The desk is closed", told)

    # The folder, and what is dropped on it.

    async def _show_folder(self, request: web.Request) -> web.Response:
        unfinished, today, others = await asyncio.to_thread(self.folder.entries)
        return self._page("folder.html", unfinished=unfinished, today=today, others=others)

    async def _do_drop(self, request: web.Request) -> web.Response:
        """Take in a file, or say yes to replacing one by what was dropped last."""
        data = await _form(request)
        dropped, replaces = data.get("file"), data.get("replaces")
        if isinstance(dropped, web.FileField) and dropped.filename:
            self._dropped = dropped.filename, dropped.file.read()
        elif not replaces or replaces != self._dropped[0]:
            raise Refused("Choose a file first.")
        name, content = self._dropped
        if not await asyncio.to_thread(self.folder.keep, name, content, bool(replaces)):
            there = "What was sent of that stays in its log, whatever becomes of the file."
            return self._message(f"Another {name} is there already", there, replaces=name)
        self._dropped = ("", b"")
        # The rows to mend of a log go back into that one.
        log = mended_log(name, self.folder.names())
        raise web.HTTPSeeOther(page_of("send", file=name, log=log))

    # The question: a file as it was understood, what is wrong with it, and what would be sent.

    async def _show_send(self, request: web.Request) -> web.Response:
        return await self._ask(Wish.of(request.query))

    async def _ask(self, wish: Wish, error: str = "") -> web.Response:
        """Ask whether what is wished is to be sent, or say what speaks against it."""
        rehearses = self.work.rehearses(wish)
        shown: dict[str, Any] = {"wish": wish, "rehearses": rehearses, "error": error}
        shown |= {"proposal": None, "refused": None, "problems": (), "words": ()}
        try:
            asked = await self.work.ask(wish)
        except BulkstatusError as refused:
            shown |= {"refused": refused, "error": error or str(refused)}
            shown["is_of_file"] = isinstance(refused, InputRefused | SettingsRefused)
            if isinstance(refused, job.RowsRefused):
                shown |= await self._bad_rows(self.folder.file(wish["file"]), refused)
        else:
            if isinstance(asked, job.Ended):
                told = asked.ending.message
                return self._message("Nothing is to be done", told, rehearses=rehearses)
            key = None
            if needs_key := asked.plan.due and not rehearses:
                key = await asyncio.to_thread(find_key, asked.settings, self.work.environ)
            shown |= {"proposal": asked, "mark": mark(wish, asked)}
            shown["asks_key"] = needs_key and key is None
        return self._page("send.html", **shown)

    async def _bad_rows(self, path: Path, refused: job.RowsRefused) -> dict[str, Any]:
        """Return the rows that refuse a file, and words for a status that are the file's own."""
        rows = refused.plan.problems
        statuses = dict.fromkeys(row.value for row in rows if row.field == "status" and row.value)
        words = [word for word in statuses if not is_mistyped(word)]
        # Of the rows that are refused for such a word there is one each.
        once = {row.value if row.value in words else row.line: row for row in reversed(rows)}
        rows = sorted(once.values())
        why = {row.line: self._said(capitalised(row.reason)) for row in rows}
        told = {row.line: [row.line, why[row.line], row.value] for row in rows}
        source = await open_source(str(path), refused.source.options)
        async with source, aclosing(source.batches()) as batches:
            async for batch in batches:
                for line, cells in zip(batch.lines, batch.cells, strict=True):
                    told.get(line, []).extend(cells[: len(source.header)])
        return {"words": words, "problems": [*told.values()]}

    # The run.

    async def _do_run(self, request: web.Request) -> web.Response:
        data = await _form(request)
        self.work.start(Wish.of(data), {name: str(value) for name, value in data.items()})
        raise web.HTTPSeeOther("/run")

    async def _do_stop(self, request: web.Request) -> web.Response:
        self.work.stop()
        raise web.HTTPSeeOther("/run")

    async def _show_run(self, request: web.Request) -> web.Response:
        going = self.work.going
        if going is None:
            raise web.HTTPSeeOther("/")
        if self.work.is_busy:
            return self._page("run.html", self.work.rehearses(going.wish), going=going)
        if going.ended is None and going.course is None:
            return await self._ask(going.wish.but(sandbox=""), going.said)
        log = going.ended.log_path if going.ended is not None else None
        if log is None or log.parent != self.folder.path or not log.exists():
            return self._message("The run has ended", going.said)
        if going.said != summarise(log).runs[-1].message:
            self._news = [going.said]
        raise web.HTTPSeeOther(page_of("log", log=log.name))

    # The end: what a log says.

    async def _summary(self, name: object) -> Summary:
        return await asyncio.to_thread(summarise, self.folder.file(str(name)))

    async def _show_log(self, request: web.Request) -> web.Response:
        summary = await self._summary(request.query.get("log"))
        rows = await mend.rows_to_mend(summary, MOST_ROWS)
        return self._page("log.html", summary.contents.is_sandbox, summary=summary, rows=rows)

    async def _do_mend(self, request: web.Request) -> web.Response:
        summary = await self._summary((await _form(request)).get("log"))
        path = failures.mend_path(summary.log)
        is_original = await mend.write_failures(path, summary)
        self._news = mend.written_sentences(path, len(summary.failures), is_original)
        raise web.HTTPSeeOther(page_of("log", log=summary.log.name))

    async def _show_table(self, request: web.Request) -> web.Response:
        """Give the orders touched, or those that are not, as a CSV to be saved."""
        summary, kind = await self._summary(request.query.get("log")), request.query.get("kind")
        with tempfile.TemporaryDirectory() as folder:
            path, option = Path(folder) / "table.csv", f"--{kind}"
            await asyncio.to_thread(tables.write_orders, option, path, summary)
            headers = {"Content-Disposition": "attachment"}
            return web.Response(body=path.read_bytes(), content_type="text/csv", headers=headers)

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
                history = await asyncio.to_thread(as_json.history_of, path, order_id)
            except BulkstatusError as error:
                told.append(str(error))
                continue
            if history.records:
                told += text.history_lines(history, order_id)
        none = f"None of the logs in this folder has a row of it ({len(logs)} were looked at)."
        return self._message(f"Order {order_id}", *(told or [none]))


async def _form(request: web.Request) -> Mapping[str, Any]:
    """Return the fields that a page sent. Raises Refused where they cannot be had."""
    try:
        return await request.post()
    except web.HTTPException:
        raise
    except OSError as error:  # a full disk, or a connection that ended
        raise Refused(f"What was sent cannot be taken in: {error.strerror or error}.") from None
    except Exception:  # aiohttp raises half a dozen kinds for what is no form
        raise Refused(
            "What was sent has broken off, or is no form of a page here. Go back and try again."
        ) from None
