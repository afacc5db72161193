"""A page in a real browser, where one is installed."""

import asyncio
import shutil
from pathlib import Path

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
