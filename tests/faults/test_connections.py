"""Connections that end or go on where they should not, under a whole run of the program."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from tests.faults.hostile import misbehave
from tests.program import results, run


@asynccontextmanager
async def served(name: str, received: list[tuple[str, int]]) -> AsyncIterator[str]:
    """Serve an API that sets every order and then misbehaves, keeping what it received."""

    async def put(request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        received.append((request.match_info["order"], body["status"]))
        response = web.Response(body=b'{"status":"ok"}')
        await misbehave(name, request, response)
        return response

    app = web.Application()
    app.router.add_put("/order/{order}/status", put)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("name", ["hung up", "surplus", "surplus at once"])
@pytest.mark.parametrize("rate", ["none", "300/s"])
async def test_every_connection_ends_unannounced_or_says_more_than_was_asked(
    tmp_path: Path, name: str, rate: str
) -> None:
    """With one attempt for each row, and one row after the other, no failure may be counted."""
    path, log = tmp_path / "dispatch.csv", tmp_path / "dispatch.results.jsonl"
    path.write_text("order_id,status,tracking\n" + "".join(f"{n},8,\n" for n in range(300, 600)))
    received: list[tuple[str, int]] = []
    async with served(name, received) as base_url:
        options = ("--attempts", "1", "--give-up-after", "1s", "--rate", rate, "--json")
        ended = await run("send", str(path), "--yes", "--quiet", *options, base_url=base_url)
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["counts"] == {"updated": 300}
    assert sorted(received) == [(str(n), 8) for n in range(300, 600)]
    assert {record["outcome"] for record in results(log)} == {"updated"}
