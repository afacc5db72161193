"""The page of the sandbox: what it shows, and that nothing that was sent is more than text."""

import asyncio
import json
import re
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from browser import browse, needs_browser
from markup import Parsed, check_self_contained

from bulkstatus.sandbox import Faults, Sandbox
from bulkstatus.sandbox.server import RECENT


async def shown(client, *sent: str, **options: object) -> Parsed:
    """Return the page after PUTs for these orders, whose trackings are the same."""
    async with Sandbox(**options) as sandbox:
        for text in sent:
            body = json.dumps({"status": 8, "shipping_tracking": text}).encode()
            with suppress(aiohttp.ServerDisconnectedError):
                await client.put(sandbox.base_url, quote(text, safe=""), body)
        return Parsed((await client.get(sandbox.base_url + "/"))[1])


async def test_the_page_shows_the_latest_requests_newest_first_and_how_they_ended(client) -> None:
    sent = ["1", "2", "unknown", *map(str, range(3, 12))]
    faults = Faults(fail=0.3, drop=0.4, seed=2)
    page = await shown(client, *sent, orders=[*sent[:2], *sent[3:]], faults=faults)
    rows = page.rows[1:]
    # aiohttp sends a PUT again that was dropped on a connection used before.
    assert list(dict.fromkeys(row[1] for row in rows)) == sent[::-1]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", row[0]) for row in rows)
    assert [row[2:] for row in rows if row[1] == "unknown"] == [["", "", "400: Order not found"]]
    followed = [row for row in rows if row[1] != "unknown"]
    assert all(row[2:4] == ["Dispatched (8)", row[1]] for row in followed)
    answers = [row[4] for row in followed]
    assert set(answers) == {"200", "500", "none", "none, though changed"}
    figures = {
        "requests": len(rows),
        "updated": answers.count("200"),
        "failed": answers.count("500"),
        "dropped": sum(answer.startswith("none") for answer in answers),
        "refused": 1,
        "unauthorised": 0,
    }
    assert {name: int(page.by_id[name]) for name in figures} == figures


async def test_the_page_is_bounded_and_says_at_first_how_to_send_something(client) -> None:
    async with Sandbox() as sandbox:
        first = (await client.get(sandbox.base_url + "/"))[1]
        for order in range(1100):
            await client.put(sandbox.base_url, str(order))
        page = Parsed((await client.get(sandbox.base_url + "/"))[1])
    assert f"--base-url {sandbox.base_url}" in first
    assert [row[1] for row in page.rows[1:]] == [str(1099 - place) for place in range(RECENT)]
    assert page.by_id["requests"] == "1,100"


@pytest.mark.parametrize("orders", [None, ["1"]], ids=["taken", "refused"])
@pytest.mark.parametrize(
    ("hostile", "text"),
    [
        *((text, text) for text in ("<script>alert(1)</script>", '"><img src=x onerror=x>', "'")),
        *((text, text) for text in ("&lt;b&gt;", "</td></tr></tbody></table></main><h1>x")),
        ("{{ counts }} {% if %} $x", "{{ counts }} {% if %} $x"),
        *(("\u202eab", r"\u202eab"), ("\x1b[2J", r"\x1b[2J"), ("x" * 500, "x" * 299 + "…")),
    ],
)
async def test_what_a_client_sends_is_shown_as_text_and_adds_no_tag(
    client, hostile: str, text: str, orders: list[str] | None
) -> None:
    plain = await shown(client, "2", orders=orders)
    page = await shown(client, hostile, orders=orders)
    assert page.rows[1][1:4:2] == [text, "" if orders else text]
    assert page.elements == plain.elements


async def test_the_page_loads_nothing_and_runs_its_own_script_alone() -> None:
    async with (
        Sandbox() as sandbox,
        aiohttp.ClientSession() as session,
        session.get(sandbox.base_url) as response,
    ):
        text, policy = await response.text(), response.headers["Content-Security-Policy"]
    check_self_contained(text, policy)
    assert set(re.findall(r"https?://[^\s<\"]+", text)) == {sandbox.base_url}


async def test_neither_page_nor_sandbox_holds_the_key(client) -> None:
    key = "MARKED-KEY-58d1"
    async with Sandbox() as sandbox:
        for segment, body in ((key[:3], b'{"status": 8}'), (quote("é"), b"{"), ("1", b"{")):
            await client.put(sandbox.base_url, segment, body, authorization=f"basic R1:{key}")
        paths = ("/", "/order/1/status", f"/order/{key[:3]}/status")
        seen = [(await client.get(sandbox.base_url + path))[1] for path in paths]
        kept = repr(vars(sandbox))
    assert key not in "".join(seen) + kept
    assert key[:3] in kept


@needs_browser
async def test_in_a_browser_it_follows_and_runs_nothing_that_was_sent(
    client, tmp_path: Path
) -> None:
    hostile = quote("<img src=x onerror=\"document.title='broken in'\">", safe="")

    async def send_on() -> None:
        for order in count():
            await client.put(sandbox.base_url, f"{order}-{hostile}")
            await asyncio.sleep(0.02)

    async with Sandbox() as sandbox:
        sending = asyncio.create_task(send_on())
        try:
            first = (await client.get(f"{sandbox.base_url}/"))[1]
            page, console = await browse(sandbox.base_url, tmp_path, "--virtual-time-budget=4000")
        finally:
            sending.cancel()
    numbers = [int(number) for number in re.findall(r"<bdi>(\d+)-&lt;img", page)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) > first.count("<bdi>")
    assert "<title>bulkstatus sandbox</title>" in page
    assert re.search('id="lost"[^>]* hidden', page)
    assert console == ""
