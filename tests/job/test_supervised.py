"""A supervisor that starts `send FILE --resume` again and again, and kills it at random."""

import asyncio
import random
from pathlib import Path

import pytest

from bulkstatus.sandbox import Ending, Faults, Sandbox
from tests.histories.log_reader import Told, read
from tests.program import end_of, start

RATE = 200

#: What one kill may cost: the results of the last 200 ms, and those on the wire.
AT_STAKE = RATE * 0.2 + 16


@pytest.mark.parametrize(
    ("refused", "kills"),
    [(0, 5), (30, 5), pytest.param(0, 60, marks=pytest.mark.soak)],
    ids=["all well", "some refused", "many"],
)
async def test_it_gets_to_the_end_and_repeats_no_more_than_kills_allow(
    tmp_path: Path, refused: int, kills: int
) -> None:
    chance = random.Random(kills + refused)
    orders = [str(46140000 + number) for number in range(kills * 40 + 100)]
    known = set(orders) - set(chance.sample(orders, refused))
    path, log = tmp_path / "dispatch.csv", tmp_path / "dispatch.results.jsonl"
    path.write_text("order_id,status,tracking\n" + "".join(f"{o},8,T{o}\n" for o in orders))
    killed, told, statuses = 0, Told(), []
    async with Sandbox(faults=Faults(latency=0.01), orders=known) as sandbox:
        # Two more starts than are needed: they find that there is nothing to do.
        while len(statuses) < 3:
            requests = sandbox.counts.total()
            before = {order: len(puts) for order, puts in sandbox.received.items()}
            process = await start(
                *("send", str(path), "--resume", "--yes", "--quiet", "--rate", f"{RATE}/s"),
                base_url=sandbox.base_url,
            )
            if killed < kills:
                # At its start, while it sends, or never.
                await asyncio.sleep(chance.uniform(0.2, 0.9))
                if process.returncode is None:
                    process.kill()
                    killed += 1
            ended = await end_of(process)
            again = {o for o, puts in sandbox.received.items() if len(puts) > before.get(o, 0)}
            assert not again & told.orders(told.in_state("updated", "rejected"))
            told = read(log)
            if ended.status != -9:
                assert ended.status == (1 if refused else 0), ended.err
                assert not statuses or sandbox.counts.total() == requests
                statuses.append(ended.status)
        assert told.orders(told.in_state("updated")) == known
        assert told.orders(told.in_state("rejected")) == set(orders) - known
        assert all(puts[-1].tracking == f"T{order}" for order, puts in sandbox.received.items())
        sent = sum(len(puts) for puts in sandbox.received.values())
        assert sandbox.counts[Ending.REFUSED] + sent - len(orders) <= kills * AT_STAKE
    assert killed >= kills // 2
