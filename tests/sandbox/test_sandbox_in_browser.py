"""The sandbox's page in a real browser, where one is installed."""

import asyncio
import re
from itertools import count
from pathlib import Path
from urllib.parse import quote

from browser import browse, needs_browser

from bulkstatus.sandbox import Sandbox

pytestmark = needs_browser

HOSTILE = "<img src=x onerror=\"document.title='broken in'\">"


async def test_the_page_fills_as_updates_arrive_and_runs_nothing_that_was_sent(
    client, tmp_path: Path
) -> None:
    async def send_on() -> None:
        for order in count():
            await client.put(sandbox.base_url, f"{order}-{quote(HOSTILE, safe='')}")
            await asyncio.sleep(0.02)  # so that the page's 500 rows are not filled at once

    async with Sandbox() as sandbox:
        sending = asyncio.create_task(send_on())
        try:
            page, console = await browse(sandbox.base_url, tmp_path, "--virtual-time-budget=4000")
        finally:
            sending.cancel()
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    shown = [int(number) for number in re.findall(r"<bdi>(\d+)-&lt;img", body)]
    when_loaded = int(re.findall(r'data-seen="(\d+)"', page)[0])
    assert shown == sorted(shown, reverse=True)
    assert shown[0] >= when_loaded
    assert len(shown) == min(shown[0] + 1, 500)
    assert "<title>bulkstatus sandbox</title>" in page
    assert "Live: looks for news every second." in page
    assert console == ""
