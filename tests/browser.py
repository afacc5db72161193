"""A page in a real browser, where one is installed."""

import asyncio
import shutil
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

needs_browser = pytest.mark.skipif(_BROWSER is None, reason="no Chromium is installed")

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


async def browse(url: str, folder: Path, *options: str) -> tuple[str, str]:
    """Return the page at `url` as it stands in the end, and what the browser wrote to its console.

    `folder` is for the browser's own files.
    """
    browser = await asyncio.create_subprocess_exec(
        str(_BROWSER),
        *_OPTIONS,
        *(f"--user-data-dir={folder}", "--enable-logging=stderr", "--dump-dom", *options, url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        page, messages = await asyncio.wait_for(browser.communicate(), 60)
    finally:
        if browser.returncode is None:
            browser.kill()
            await browser.wait()
    console = [line for line in messages.decode().splitlines() if "CONSOLE" in line]
    return page.decode(), "\n".join(console)


class Tab:
    """A tab of a browser that is driven over its DevTools protocol, as a user would."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.console: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        """Return what the browser answers to a call of the protocol."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("id") == self._number:
                assert "error" not in message, (method, parameters, message["error"])
                return message["result"]
            said = message.get("params", {}).get("entry", {"source": message.get("method")})
            # That an answer was a refusal is nothing wrong with the page.
            if said["source"] in {"Runtime.exceptionThrown", "security", "violation"}:
                self.console.append(str(message["params"]))

    async def run(self, script: str) -> Any:
        """Return the value of a script's last expression, run in the page."""
        answer = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, (script, answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a condition holds in the page, also over pages to come."""
        async with asyncio.timeout(20):
            while True:
                with suppress(AssertionError):  # the page is just being replaced
                    if await self.run(f"Boolean({condition})"):
                        return
                await asyncio.sleep(0.03)

    async def go(self, url: str) -> None:
        """Go to an address and wait for the page."""
        await self._leave(self.call("Page.navigate", url=url))

    async def press(self, words: str, stays: bool = False) -> None:
        """Press the button, or follow the link, that begins with these words.

        With `stays` the page does not let it happen.
        """
        script = f"""(() => {{
            const found = [...document.querySelectorAll("button, a, summary")];
            const one = found.find((each) => each.textContent.trim().startsWith({words!r}));
            if (!one) throw new Error(document.body.innerText);
            one.click();
        }})()"""
        await (self.run(script) if stays else self._leave(self.run(script)))

    async def back(self) -> None:
        """Go back to the page before, and wait until that is as things stand."""
        await self._leave(self.run("history.back()"))

    async def _leave(self, leaving: Awaitable[Any]) -> None:
        """Do what leads to another page, and wait for that."""
        await self.run("window.isOld = true")
        await leaving
        await self.until("!window.isOld && document.readyState === 'complete'")

    async def fill(self, selector: str, text: str) -> None:
        """Write into a field, or choose what a list has."""
        value = await self.run(
            f"(() => {{ const it = document.querySelector({selector!r}); it.value = {text!r}; "
            "return it.value; })()"
        )
        assert value == text, (selector, value)

    async def choose(self, selector: str, *files: Path) -> None:
        """Choose files, as one who drops them on the field."""
        document = await self.call("DOM.getDocument")
        found = await self.call(
            "DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector
        )
        await self.call("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[*map(str, files)])

    async def text(self) -> str:
        """Return what the page shows."""
        return str(await self.run("document.body.innerText"))


class Browser:
    """A browser that stays open; `tab` opens another tab in it."""

    def __init__(self, process: asyncio.subprocess.Process, base: str) -> None:
        self._process = process
        self._base = base
        self._session = aiohttp.ClientSession()
        self._tabs: list[aiohttp.ClientWebSocketResponse] = []

    @classmethod
    async def open(cls, folder: Path) -> "Browser":
        """Start one; `folder` is for its own files."""
        process = await asyncio.create_subprocess_exec(
            *(str(_BROWSER), *_OPTIONS, f"--user-data-dir={folder}", "--remote-debugging-port=0"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while not (line := (await process.stderr.readline()).decode()).startswith("DevTools"):
                assert line, "the browser did not start"
        return cls(process, "http://" + line.split("ws://")[1].split("/")[0])

    async def tab(self) -> Tab:
        """Return a new tab."""
        async with self._session.put(f"{self._base}/json/new") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        self._tabs.append(await self._session.ws_connect(address, max_msg_size=0))
        tab = Tab(self._tabs[-1])
        for domain in ("Page", "Runtime", "Log", "DOM"):
            await tab.call(f"{domain}.enable")
        return tab

    async def close(self) -> None:
        """End it."""
        await self._session.close()
        self._process.kill()
        await self._process.communicate()
