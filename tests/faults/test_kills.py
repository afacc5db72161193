"""Killed at random moments and started again each time: nothing lost, nothing done sent twice.

What the server saw and the log has no result for is among the orders perhaps touched, and these
are no more than the log's `sending` allows.
"""

import asyncio
import random
from pathlib import Path

import pytest

from bulkstatus.reporting import summarise, summary_record
from bulkstatus.sandbox import Ending, Faults, Sandbox
from tests.histories.log_reader import TO_SEND, Told, read
from tests.program import end_of, start

CONCURRENCY = 16
RATE = 200

# Of what was sent, the results of the last 200 ms and those in flight may be unknown to the log.
AT_STAKE = CONCURRENCY + RATE * 0.2

# A run is ahead of its sending by about what two seconds send.
AHEAD = 2 * RATE + AT_STAKE


def check_killed(log: Path, before: Told, told: Told, seen: set[str]) -> None:
    """Hold the orders perhaps touched by a killed run to what the server saw in it."""
    orders = summary_record(summarise(log))["orders"]
    perhaps = set(orders["perhaps_touched"])
    reached = {n for n in told.due if n <= told.through} - told.answered.keys()
    assert seen - told.orders(set(told.answered)) <= perhaps
    assert perhaps - told.orders(before.unseen) <= told.orders(reached)
    assert told.orders(reached) <= perhaps
    # Of the rows never sent they are what comes next, and not the rest of the file. Rejected ones
    # that are sent again come after those, and are below `through` from the beginning.
    assert len([n for n in reached if before.state(n) == TO_SEND]) <= AHEAD
    assert not perhaps & set(orders["untouched"])
    everything = told.orders(set(told.rows))
    assert orders["touched"] + len(perhaps) + len(orders["untouched"]) == len(everything)


@pytest.mark.parametrize(
    ("supervised", "share", "kills"),
    [
        pytest.param(False, 0.1, 10, id="by hand"),
        pytest.param(False, 0.1, 200, marks=pytest.mark.soak, id="by hand, many"),
        # `send FILE --resume`, which is started again and again.
        pytest.param(True, 0.0, 5, id="supervised"),
        pytest.param(True, 0.1, 5, id="supervised, some refused"),
        pytest.param(True, 0.0, 60, marks=pytest.mark.soak, id="supervised, many"),
    ],
)
async def test_kill_9_at_random_moments(
    tmp_path: Path, supervised: bool, share: float, kills: int
) -> None:
    chance = random.Random(kills)
    orders = [str(46140000 + number) for number in range(kills * 60 + 200)]
    refused = set(chance.sample(orders, round(len(orders) * share)))
    path, log = tmp_path / "dispatch.csv", tmp_path / "dispatch.results.jsonl"
    path.write_text("order_id,status,tracking\n" + "".join(f"{o},8,T{o}\n" for o in orders))
    killed, told, ends = 0, Told(), 0
    async with Sandbox(faults=Faults(latency=0.01), orders=set(orders) - refused) as sandbox:
        # A supervisor's two more starts find that there is nothing to do.
        while ends < (3 if supervised else 1):
            command = ["resume", str(log)] if told.runs else ["send", str(path)]
            again = ["--retry-rejected"] if told.runs and killed % 2 else []
            if supervised:
                command, again = ["send", str(path), "--resume"], []
            rate = f"{RATE}/s" if killed < kills else "none"
            puts = {order: len(received) for order, received in sandbox.received.items()}
            before, requests = told, sandbox.counts.total()
            process = await start(
                *command, *again, "--yes", "--quiet", "--rate", rate, base_url=sandbox.base_url
            )
            if killed < kills:
                # From the first request on, so that each kill falls into the sending; or at any
                # moment from the start on, or never.
                while not supervised and sandbox.counts.total() == requests:
                    if process.returncode is not None:
                        break
                    await asyncio.sleep(0.005)
                await asyncio.sleep(chance.uniform(0.2, 0.9) if supervised else chance.random() / 3)
                if process.returncode is None:
                    process.kill()
                    killed += 1
            ended = await end_of(process)
            told = read(log)
            seen = {o for o, received in sandbox.received.items() if len(received) > puts.get(o, 0)}
            done = ["updated", "rejected"] if supervised else ["updated"]
            assert not before.orders(before.in_state(*done)) & seen
            if ended.status != -9:
                assert ended.status == (1 if refused else 0), ended.err
                assert not ends or sandbox.counts.total() == requests
                ends += not told.in_state("to send")
            elif len(told.runs) > len(before.runs):
                check_killed(log, before, told, seen)
        assert all(received[-1].tracking == f"T{o}" for o, received in sandbox.received.items())
        assert sandbox.counts[Ending.REFUSED] >= len(refused)
        repeats = sum(map(len, sandbox.received.values())) - (len(orders) - len(refused))
    assert killed >= (kills // 2 if supervised else kills)
    assert told.orders(told.in_state("updated")) == set(orders) - refused
    assert told.orders(told.in_state("rejected", "failed")) == refused
    assert repeats <= kills * AT_STAKE
    print(f"{kills} kills, {len(orders)} rows, {repeats} repeats")  # noqa: T201
