"""A bare aiohttp loop: reads no file, checks nothing, paces nothing, writes no log.

Event loop and concurrency are those of `bulkstatus send`. So are the session's settings, written
as aiohttp's own: the header that is left out and the time limit, which `send` sees to by cheaper
means, are asked of aiohttp here.
"""

import asyncio
import sys

import aiohttp
import uvloop


async def put_all(base_url: str, rows: int, concurrency: int) -> None:
    numbers = iter(range(rows))

    async def work(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            body = b'{"status":8,"shipping_tracking":"H023YA%010d"}' % number
            url = f"{base_url}/order/{46140204 + number}/status"
            async with session.put(url, data=body, allow_redirects=False) as response:
                await response.read()
                response.raise_for_status()

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency),
        headers={
            "authorization": "basic REF:KEY",
            "content-type": "application/json",
            "User-Agent": "bare/1",
        },
        skip_auto_headers=("Accept-Encoding",),
        timeout=aiohttp.ClientTimeout(total=30, connect=15),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(put_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
