"""httpx's async client, as its documentation has it, as many requests at once as `send` has.

With a fourth argument, `tuned`, it runs on uvloop.
"""

import asyncio
import sys

import httpx
import uvloop


async def put_all(base_url: str, rows: int, concurrency: int) -> None:
    numbers = iter(range(rows))

    async def work(client: httpx.AsyncClient) -> None:
        for number in numbers:
            response = await client.put(
                f"{base_url}/order/{46140204 + number}/status",
                json={"status": 8, "shipping_tracking": f"H023YA{number:010d}"},
            )
            response.raise_for_status()

    async with httpx.AsyncClient(
        headers={"authorization": "basic REF:KEY"},
        limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        timeout=30,
    ) as client:
        await asyncio.gather(*(work(client) for _ in range(concurrency)))


if __name__ == "__main__":
    loop_factory = uvloop.new_event_loop if sys.argv[4:] == ["tuned"] else None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(put_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
