"""A constant pace: requests leave evenly, and what is refused goes again in a later turn."""

import asyncio
import time
from collections import deque

import aiohttp

from benchmarks.inputs import order_id


async def send_at(base_url: str, account: str, rate: float, rows: int) -> None:
    """Send `rows` orders at `rate` a second until each got through."""
    due, done = deque(map(order_id, range(rows))), 0
    over = asyncio.Event()

    async def put(order: str) -> None:
        nonlocal done
        async with session.put(
            f"{base_url}/order/{order}/status",
            json={"status": 8},
            headers={"authorization": account},
        ) as answer:
            await answer.read()
        if answer.status != 200:
            due.append(order)
        else:
            done += 1
        if done == rows:
            over.set()

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        leave = time.monotonic()
        while not over.is_set():
            if due:
                tasks.create_task(put(due.popleft()))
            leave = max(leave + 1 / rate, time.monotonic())
            await asyncio.sleep(leave - time.monotonic())
