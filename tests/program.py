"""The program as a process of its own, as users run it."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REF_ID = "ref-4711"
API_KEY = "key-0815"


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    status: int
    out: str
    err: str


def environment(base_url: str = "", **more: str) -> dict[str, str]:
    """Return the environment of a run with credentials."""
    return {
        **os.environ,
        "BULKSTATUS_REF_ID": REF_ID,
        "BULKSTATUS_API_KEY": API_KEY,
        "BULKSTATUS_BASE_URL": base_url,
        "PYTHONUTF8": "1",
        **more,
    }


async def start(*arguments: str, base_url: str = "", **more: str) -> asyncio.subprocess.Process:
    """Start `bulkstatus` with no terminal."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bulkstatus",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(base_url, **more),
    )


async def end_of(process: asyncio.subprocess.Process) -> Ended:
    """Wait for a process and return what it left behind."""
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def run(*arguments: str, base_url: str = "", **more: str) -> Ended:
    """Run `bulkstatus` to its end."""
    return await end_of(await start(*arguments, base_url=base_url, **more))


def results(log: Path) -> list[dict[str, Any]]:
    """Return the rows' records of a log, a torn last line left out."""
    lines = log.read_text("utf-8").split("\n")[:-1] if log.exists() else []
    return [record for line in lines if (record := json.loads(line))["type"] == "result"]


def final_states(log: Path) -> dict[tuple[str, int, str | None], dict[str, Any]]:
    """Return the latest record of each row, by content."""
    return {(r["order_id"], r["status"], r["tracking"]): r for r in results(log)}
