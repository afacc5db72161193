import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bulkstatus.desk import serve
from bulkstatus.sandbox import Faults, Sandbox

TYPED = re.compile(r"--[a-z]|bulkstatus (?:check|config|resume|report|send|statuses)\b|Ctrl-C")


class Page(HTMLParser):
    """An answer as a browser without script has it: its status, text, links, forms and tags."""

    def __init__(self, status: int, headers: Any, body: str) -> None:
        super().__init__()
        self.status, self.headers, self.body = status, headers, body
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.links: list[str] = []
        self.fields: dict[str, str] = {}
        self.choices: set[str] = set()
        self._shown: list[str] = []
        self._style = False
        self.feed(body)
        self.text = re.sub(r"\s+", " ", "".join(self._shown))

    @property
    def yes(self) -> dict[str, str]:
        """What a yes to the question of this page comes with."""
        return {name: self.fields[name] for name in ("mark", "ref_id")}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._style = tag in {"style", "script"}
        given = {name: value or "" for name, value in attrs}
        self.names |= given.keys()
        if tag == "a":
            self.links.append(given["href"])
        if tag == "select":
            self.choices.add(given["name"])
        if tag == "input":
            self.fields.setdefault(given.get("name", ""), given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self._shown.append(data)


class Visitor:
    """A browser without script, which has come in; `base` is where the desk is."""

    def __init__(self, base: URL, session: aiohttp.ClientSession, mat: Path) -> None:
        self.base, self.session, self.mat = base, session, mat

    async def ask(self, method: str, path: str, **more: Any) -> Page:
        """Return the answer to a request, as the browser of the desk makes it."""
        headers = {"Origin": str(self.base.origin()), **more.pop("headers", {})}
        url = URL(f"{self.base.origin()}{path}", encoded=True)
        async with self.session.request(method, url, headers=headers, **more) as answer:
            page = Page(answer.status, answer.headers, (await answer.read()).decode())
        # A clerk has no command line; the report's own page is for others too.
        assert path.startswith("/page") or not TYPED.search(page.text), page.text
        return page

    async def get(self, path: str, **query: str) -> Page:
        return await self.ask("GET", str(URL(path).with_query(query)))

    async def post(self, path: str, **fields: str) -> Page:
        return await self.ask("POST", path, data=fields)

    async def drop(self, name: str, content: bytes) -> Page:
        """Drop a file whose name is as given, which no browser and no library would send so."""
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        body = b"--X\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n--X--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=X"}
        return await self.ask("POST", "/drop", data=io.BytesIO(body), headers=headers)

    async def yes(self, **wish: str) -> Page:
        """Say yes to what is asked, and return the page of the run once it goes."""
        asked = await self.get("/send", **wish)
        return await self.said_yes(**wish, **asked.yes)

    async def said_yes(self, **fields: str) -> Page:
        """Return the page after a yes, once the file has been checked again."""
        page = await self.post("/run", **fields)
        while "The file is checked once more" in page.text:
            page = await self.get("/run")
        return page

    async def over(self) -> Page:
        """Return the page of the run once that is over."""
        while "/run" in (page := await self.get("/run")).links:
            await asyncio.sleep(0.01)
        return page


Opens = Callable[..., Any]


def address_in(mat: Path) -> str:
    """Return the address to which a private page leads, "" for none."""
    found = re.search(r'href="([^"]+)"', mat.read_text())
    return found[1] if found else ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.fixture
async def desk(folder: Path, tmp_path: Path, monkeypatch: Any) -> AsyncIterator[Visitor]:
    """Yield somebody who has come in to the desk of `folder`."""
    monkeypatch.setenv("BULKSTATUS_STATE_DIR", str(tmp_path / "state"))
    task = asyncio.create_task(serve(folder, 0, False))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        while not (mats := [m for m in tmp_path.glob("state/desk-*") if address_in(m)]):
            await asyncio.sleep(0.01)
            assert not task.done(), task.result()
        address = URL(address_in(mats[0]))
        async with session.get(address) as answer:
            assert answer.status == 200
        visitor = Visitor(address, session, mats[0])
        yield visitor
        with suppress(aiohttp.ClientError):
            await visitor.post("/quit")
    await asyncio.wait_for(task, 20)


@pytest.fixture
async def api(monkeypatch: Any) -> AsyncIterator[Callable[..., Any]]:
    """Yield what starts a sandbox in the place of the API, for an account in the environment."""
    async with AsyncExitStack() as running:

        async def start(*key: str, rate: str = "none", **faults: Any) -> Sandbox:
            credentials = ("acme", *key) if key else None
            sandbox = Sandbox(faults=Faults(**faults), credentials=credentials)
            await running.enter_async_context(sandbox)
            config = Path(os.environ["BULKSTATUS_CONFIG_DIR"]) / "config.toml"
            config.parent.mkdir(exist_ok=True)
            config.write_text(f'[profile.default]\nrate = "{rate}"\n')
            monkeypatch.setenv("BULKSTATUS_BASE_URL", sandbox.base_url)
            monkeypatch.setenv("BULKSTATUS_REF_ID", "acme")
            monkeypatch.setenv("BULKSTATUS_API_KEY", "key-0815")
            return sandbox

        yield start


def dispatches(path: Path, count: int = 3, first: int = 46140200) -> Path:
    """Write a file with some orders to be dispatched."""
    rows = [f"{first + n},Dispatched,H0{n:05}YA,Farley {n}\n" for n in range(count)]
    path.write_text("Order Number,Status,Tracking Number,Customer\n" + "".join(rows))
    return path
