"""`--shard I/N`: each order in one shard, the whole file checked by each, a log of its own."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus import Observer, Proposal
from bulkstatus.errors import LogRefused
from bulkstatus.job import RowsRefused
from bulkstatus.log import read_log
from bulkstatus.shard import Shard
from tests.job.conftest import Desk, records

ORDERS = [str(46140000 + number) for number in range(60)]


@given(st.text(), st.integers(1, 50))
def test_each_order_is_in_one_shard(order_id: str, count: int) -> None:
    assert sum(Shard(index, count).has(order_id) for index in range(1, count + 1)) == 1


def test_which_shard_an_order_is_in_never_changes() -> None:
    # A job that is gone on with by another version, or by another program, divides it alike.
    of_8 = {o: [i for i in range(1, 9) if Shard(i, 8).has(o)] for o in ("46140204", "A", "Bjørk-7")}
    assert of_8 == {"46140204": [5], "A": [7], "Bjørk-7": [4]}
    sizes = [sum(map(Shard(index, 8).has, map(str, range(80_000)))) for index in range(1, 9)]
    assert max(sizes) - min(sizes) < 1000


@pytest.mark.parametrize("count", [1, 3, 7])
async def test_all_shards_together_send_every_row_once(desk: Desk, count: int) -> None:
    path = desk.write(*(f"{order}:{status}" for order in ORDERS for status in (515, 8)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rows = 0
    for index in range(1, count + 1):
        ended = await desk.send(shard=f"{index}/{count}")
        name = f"day.shard-{index}-of-{count}.results.jsonl"
        assert (ended.ending.exit_status, ended.log_path) == (0, Path(name))
        run, *rest = records(desk.folder / name)
        assert (run["input_sha256"], run["rows"]) == (digest, 120)
        assert run["settings"]["shard"] == f"{index}/{count}"
        logged = [record for record in rest if record["type"] == "row"]
        assert [row["n"] for row in logged] == list(range(1, len(logged) + 1))
        assert {Shard(index, count).has(row["order_id"]) for row in logged} <= {True}
        assert [row["line"] for row in logged] == sorted(row["line"] for row in logged)
        rows += ended.rows
    assert rows == 120
    assert {o: [int(p.status) for p in puts] for o, puts in desk.api.received.items()} == {
        order: [515, 8] for order in ORDERS
    }


async def test_the_whole_file_is_checked_by_each(desk: Desk) -> None:
    bad = next(order for order in ORDERS if Shard(1, 2).has(order))
    desk.write(*(f"{order}:8" for order in ORDERS), f"{bad}:128", ":8")
    for index in (1, 2):
        await desk.refuses(desk.send(shard=f"{index}/2"), RowsRefused)
    # Set aside, they are told by the shard that they are of.
    invalid = []
    for index in (1, 2):
        ended = await desk.send(shard=f"{index}/2", skip_invalid=True, cancellations=0)
        invalid.append(ended.counts.get("invalid", 0))
        assert ended.ending.exit_status == (1 if invalid[-1] else 0)
    empty = Shard(1, 2).has("")
    assert invalid == [2 + empty, 1 - empty]
    assert sorted(desk.api.received) == sorted(set(ORDERS) - {bad})


async def test_a_shard_is_gone_on_with_by_its_log_alone_or_the_same_command(desk: Desk) -> None:
    path = desk.write(*(f"{order}:8" for order in ORDERS))
    log = "day.shard-2-of-3.results.jsonl"
    assert (await desk.send(shard="2/3", limit=5)).ending.exit_status == 3
    await desk.refuses(desk.resume(log, shard="1/3"), LogRefused, "shard 2/3", "--shard")
    assert (await desk.send(shard="2/3", go_on=True, limit=5)).ending.exit_status == 3
    path.unlink()
    assert (await desk.resume(log)).ending.exit_status == 0
    mine = set(filter(Shard(2, 3).has, ORDERS))
    assert set(desk.api.received) == mine
    # A mended file is the whole one; only the shard's rows of it are new.
    desk.write(*(f"{order}:8" for order in ORDERS), *(f"X{n}:8" for n in range(9)))
    ended = await desk.resume(log, "day.csv", changed_input=True)
    mine |= set(filter(Shard(2, 3).has, [f"X{n}" for n in range(9)]))
    assert (ended.ending.exit_status, set(desk.api.received)) == (0, mine)
    assert len(read_log(desk.folder / log).state) == len(mine)
    await desk.refuses(desk.send("day.csv", shard="3/3", log=log), LogRefused, log)


async def test_what_one_shard_has_done_is_nothing_to_another(desk: Desk) -> None:
    desk.write(*(f"{order}:8" for order in ORDERS))
    await desk.send(shard="1/2", limit=4)
    told: list[Proposal] = []
    await desk.send(shard="2/2", observer=lambda p: told.append(p) or Observer())
    (proposal,) = told
    assert (proposal.plan.elsewhere, proposal.plan.due) == ({}, len(desk.api.received) - 4)
    # Nor is it worth a word that the other is not finished; but that the limits are its own is.
    (note,) = proposal.notes
    assert "shard 2 of 2" in note
    # Sent as one job, the file is one of which those are done.
    ended = await desk.send()
    assert (ended.ending.exit_status, len(desk.api.received)) == (0, 60)
    assert all(len(puts) == 1 for puts in desk.api.received.values())


async def test_a_shard_without_an_order_leaves_a_log_that_says_so(desk: Desk) -> None:
    desk.write("A:8")
    (other,) = (index for index in (1, 2) if not Shard(index, 2).has("A"))
    for go_on in (False, True):
        ended = await desk.send(shard=f"{other}/2", go_on=go_on)
        assert (ended.ending.exit_status, ended.rows) == (0, 0)
    assert desk.logs == [f"day.shard-{other}-of-2"]
