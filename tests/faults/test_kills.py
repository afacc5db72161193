"""Killed at random moments and resumed each time: nothing lost, nothing done sent twice."""

import asyncio
import random
from pathlib import Path

import pytest

from bulkstatus.sandbox import Faults, Sandbox
from tests.program import end_of, results, start

CONCURRENCY = 16
RATE = 400

# Of what was sent, the results of the last 200 ms and those in flight may be unknown to the log.
AT_STAKE = CONCURRENCY + RATE * 0.2


@pytest.mark.parametrize(
    "kills", [6, pytest.param(200, marks=pytest.mark.soak)], ids=["few", "many"]
)
async def test_kill_9_at_random_moments(
    tmp_path: Path, kills: int, record_property: object
) -> None:
    chance = random.Random(kills)
    rows = [(str(46140000 + number), 8, f"T{number}") for number in range(kills * 120)]
    path, log = tmp_path / "dispatch.csv", tmp_path / "dispatch.results.jsonl"
    path.write_text("order_id,status,tracking\n" + "".join(f"{o},{s},{t}\n" for o, s, t in rows))
    killed = 0
    async with Sandbox(faults=Faults(latency=0.01)) as sandbox:
        finished = False
        while not finished:
            command = ["resume", str(log)] if log.exists() else ["send", str(path)]
            before = sandbox.counts.total()
            done = {record["order_id"] for record in results(log)}
            sent_before = {order: len(sandbox.received.get(order, ())) for order in done}
            process = await start(
                *command, "--yes", "--quiet", "--rate", f"{RATE}/s", base_url=sandbox.base_url
            )
            if killed < kills:
                # Wait for the first request, so that each kill falls into the sending.
                while sandbox.counts.total() == before and process.returncode is None:
                    await asyncio.sleep(0.005)
                await asyncio.sleep(chance.uniform(0.0, 0.4))
                if process.returncode is None:
                    process.kill()
                    killed += 1
            ended = await end_of(process)
            finished = ended.status == 0
            assert finished or ended.status == -9, ended.err
            for order, count in sent_before.items():
                assert len(sandbox.received.get(order, ())) == count
        repeats = sum(len(puts) - 1 for puts in sandbox.received.values())
        for order, status, tracking in rows:
            last = sandbox.received[order][-1]
            assert (last.status, last.tracking) == (status, tracking)
    assert killed == kills
    updated = [record["order_id"] for record in results(log)]
    assert sorted(updated) == [order for order, _, _ in rows]
    assert repeats <= kills * AT_STAKE
    print(f"{kills} kills, {len(rows)} rows, {repeats} repeats")  # noqa: T201
