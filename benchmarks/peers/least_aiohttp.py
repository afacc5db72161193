"""The least that a PUT costs with aiohttp: no time limit, no header left out, no URL parsed.

Nobody would send orders this way; it shows what there is to gain.
"""

import asyncio
import sys

import aiohttp
import uvloop
from yarl import URL


async def put_all(base_url: str, rows: int, concurrency: int) -> None:
    base = URL(base_url)
    numbers = iter(range(rows))

    async def work(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            response = await session.put(
                base.with_path(f"/order/{46140204 + number}/status", encoded=True),
                data=b'{"status":8,"shipping_tracking":"H023YA%010d"}' % number,
                allow_redirects=False,
            )
            await response.read()

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency),
        headers={"authorization": "basic REF:KEY", "content-type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(put_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
