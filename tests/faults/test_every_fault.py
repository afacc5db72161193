"""Every fault of the API's table at random: the log and the server agree row by row."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bulkstatus.reporting import summarise, summary_record
from tests.faults.hostile import NOT_NOW, REFUSALS, SUCCESSES, HostileServer, always
from tests.histories import rules
from tests.histories.log_reader import Told, read
from tests.program import run


@pytest.mark.parametrize(
    "orders", [600, pytest.param(16_000, marks=pytest.mark.soak)], ids=["short", "long"]
)
async def test_the_log_and_the_server_agree_row_by_row(tmp_path: Path, orders: int) -> None:
    rows = [(str(100_000 + number), 515, None) for number in range(0, orders, 4)]
    # What a refusal quotes of a row can be anything.
    words = ("T", "Rate limit ", "Authentication required ")
    rows += [(str(100_000 + n), 8, f"{words[n % 3]}{n}") for n in range(orders)]
    path, log = tmp_path / "dispatch.csv", tmp_path / "dispatch.results.jsonl"
    path.write_text(
        "order_id,status,tracking\n" + "".join(f"{o},{s},{t or ''}\n" for o, s, t in rows)
    )
    runs, status, told = 0, 3, Told()
    async with HostileServer(seed=orders) as server:
        while status in {3, 4}:
            command = ["resume", str(log)] if told.runs else ["send", str(path)]
            ended = await run(
                *command, "--yes", "--quiet", "--rate", "none", base_url=server.base_url
            )
            runs, status = runs + 1, ended.status
            assert "Traceback" not in ended.err, ended.err
            assert status in {0, 1, 3, 4}, ended.err
            assert runs < 200
            before, told = told, read(log)
            # What is updated stays so, and the report says what the log says.
            assert before.in_state("updated") <= told.in_state("updated")
            rules.check_report(told, summary_record(summarise(log)))
    assert [told.content(n) for n in sorted(told.rows)] == rows
    assert not told.in_state("to send")
    for n in told.rows:
        check_row(told, n, server)
    for order, history in server.orders.items():
        steps = [rules.SEQUENCE.index(status) for status, _ in history]
        assert steps == sorted(steps), order
    assert server.overlaps == 0
    updated = Counter(
        record["n"]
        for record in map(json.loads, log.read_bytes().splitlines())
        if record["type"] == "result" and record["outcome"] == "updated"
    )
    assert set(updated.values()) == {1}
    print(runs, "runs", dict(server.counts))  # noqa: T201


def check_row(told: Told, n: int, server: HostileServer) -> None:
    """Hold a row's latest result to what the server answered, and did."""
    content, result = told.content(n), told.latest[n]
    answers = server.answers.get(content, [])  # type: ignore[arg-type]
    times_set = server.orders.get(content[0], []).count(content[1:])  # type: ignore[arg-type]
    if result["outcome"] == "updated":
        assert times_set
        assert answers[-1] in {"updated", *SUCCESSES}, answers
    else:
        assert result["outcome"] in {"rejected", "failed"}
        assert not {"updated", *SUCCESSES} & set(answers), answers
        assert result.get("uncertain") or not times_set, result
    if result["outcome"] == "rejected":
        assert answers[-1] in REFUSALS, answers
    is_known = result["attempts"] <= len(answers) and always(content[0]) is None  # type: ignore[arg-type]
    if result.get("uncertain") and is_known:
        # Else a request met a connection that was closed, which the server cannot know of.
        assert set(answers) - REFUSALS - NOT_NOW, answers
