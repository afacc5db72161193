"""Every fault of the API's table at random: the log and the server agree row by row."""

from pathlib import Path

import pytest

from bulkstatus.order import SEQUENCE
from tests.faults.hostile import HostileServer
from tests.program import final_states, results, run


@pytest.mark.parametrize(
    "orders", [600, pytest.param(16_000, marks=pytest.mark.soak)], ids=["short", "long"]
)
async def test_the_log_and_the_server_agree_row_by_row(tmp_path: Path, orders: int) -> None:
    rows = [(str(100_000 + number), 515, None) for number in range(0, orders, 4)]
    rows += [(str(100_000 + number), 8, f"T{number}") for number in range(orders)]
    path, log = tmp_path / "dispatch.csv", tmp_path / "dispatch.results.jsonl"
    path.write_text(
        "order_id,status,tracking\n" + "".join(f"{o},{s},{t or ''}\n" for o, s, t in rows)
    )
    runs = 0
    async with HostileServer(seed=orders) as server:
        while True:
            command = ["resume", str(log)] if log.exists() else ["send", str(path)]
            ended = await run(
                *command, "--yes", "--quiet", "--rate", "none", base_url=server.base_url
            )
            runs += 1
            assert "Traceback" not in ended.err
            assert ended.status in {0, 1, 3}, ended.err
            if ended.status != 3:
                break
            assert runs < 200
    states = final_states(log)
    assert set(states) == set(rows)
    for (order, status, tracking), record in states.items():
        times_set = server.orders.get(order, []).count((status, tracking))
        if record["outcome"] == "updated":
            assert times_set >= 1
        elif not record.get("uncertain"):
            assert times_set == 0, record
    for order, history in server.orders.items():
        steps = [[int(step) for step in SEQUENCE].index(status) for status, _ in history]
        assert steps == sorted(steps), order
    assert server.overlaps == 0
    updated = [
        (record["order_id"], record["status"])
        for record in results(log)
        if record["outcome"] == "updated"
    ]
    assert len(updated) == len(set(updated))
    print(runs, "runs", dict(server.counts))  # noqa: T201
