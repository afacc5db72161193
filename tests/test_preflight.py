"""The plan that the check makes agrees, row by row, with judging every order by hand."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.conflict import Fate, judge_order
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.preflight import Plan, check_source, limit_plan, remaining_rows
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog import LogState
from bulkstatus.resultlog.state import Content
from bulkstatus.source import InputOptions, open_source

HEADER = "order_id,status,tracking"


def planned(
    rows: list[str],
    history: list[Result] | None = None,
    limit: int | None = None,
    keep: int | None = 20,
    last_wins: bool = False,
) -> tuple[Plan, list[tuple[int, str, str]]]:
    """Return the plan for rows, and (line, order, fate) of each row that is not done."""

    async def work() -> tuple[Plan, list[tuple[int, str, str]]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "dispatch.csv")
            path.write_text("\n".join([HEADER, *rows]) + "\n")
            log = LogState()
            for result in history or []:
                log.read(result)
            async with await open_source(str(path), InputOptions(), block_size=64) as source:
                plan = await check_source(source, log, last_wins=last_wins, keep=keep)
                left = [
                    (line, row.order_id, decision.fate.name)
                    async for line, row, decision in remaining_rows(source, plan, log)
                ]
                if limit is not None:
                    plan = await limit_plan(source, plan, log, limit)
            return plan, left

    return asyncio.run(work())


def logged(outcome: str, order_id: str, status: int = 8, tracking: str | None = None) -> Result:
    return Result(2, order_id, status, tracking, Outcome(outcome), 0.0)


def test_a_clean_file() -> None:
    plan, left = planned(["1,8,T1", "2,8,", "3,128,", "4,512,"])
    assert (plan.rows, plan.due, plan.orders, plan.refused) == (4, 4, 4, 0)
    assert plan.by_status == {
        8: 2,
        128: 1,
        512: 1,
        **dict.fromkeys((32, 64, 256, 513, 515, 516), 0),
    }
    assert (plan.cancellations, plan.without_tracking) == (1, 1)
    assert [line for line, _ in plan.sample] == [2, 3, 4]
    assert [fate for _, _, fate in left] == ["SEND"] * 4


def test_a_header_alone() -> None:
    plan, left = planned([])
    assert (plan.rows, plan.due, left) == (0, 0, [])


def test_duplicates_conflicts_and_invalid_rows_are_counted_and_named() -> None:
    plan, left = planned(["1,8,", "1,8,", "2,8,", "2,128,", "x y,99,", "3,515,", "3,8,"])
    assert (plan.due, plan.duplicates, plan.conflicts, plan.invalid) == (3, 1, 2, 1)
    assert [problem.line for problem in plan.problems] == [4, 5, 6]
    assert plan.orders == 2
    assert dict(Counter(fate for _, _, fate in left)) == {"SEND": 3, "DUPLICATE": 1, "CONFLICT": 3}


def test_only_the_first_problems_are_kept_unless_all_are_asked_for() -> None:
    rows = [f"{number},99," for number in range(50)] + ["a,8,", "a,128,"]
    assert [problem.line for problem in planned(rows)[0].problems] == list(range(2, 22))
    assert len(planned(rows, keep=None)[0].problems) == 52
    assert planned(rows)[0].refused == 52


def test_limit_counts_the_first_rows_that_are_due() -> None:
    rows = ["1,8,", "1,8,", "2,128,", "3,128,", "4,8,"]
    plan, _ = planned(rows, limit=2)
    assert (plan.due, plan.cancellations, plan.orders, plan.rows) == (2, 1, 2, 5)
    assert planned(rows, limit=100)[0].due == 4


class TestResume:
    def test_what_is_done_is_not_due(self) -> None:
        plan, left = planned(["1,8,T", "2,8,T"], [logged("updated", "1", 8, "T")])
        assert (plan.done, plan.due) == (1, 1)
        assert [order for _, order, _ in left] == ["2"]

    def test_a_row_that_the_log_has_twice_is_done_once(self) -> None:
        plan, _ = planned(["1,8,"], [logged("updated", "1"), logged("updated", "1")])
        assert (plan.done, plan.due) == (1, 0)

    def test_failed_rows_are_due_again(self) -> None:
        plan, _ = planned(["1,8,", "2,8,"], [logged("failed", "1")])
        assert (plan.due, plan.again) == (2, 1)

    def test_rows_that_were_tried_are_counted_by_what_became_of_them(self) -> None:
        history = [
            *(logged("rejected", order) for order in ("1", "2", "3", "4")),
            *(logged("failed", order) for order in ("5", "6")),
            logged("updated", "7"),
        ]
        # The orders 2 and 4 are judged: 4 is contradicted, and not to be sent.
        rows = ["1,8,", "2,8,", "2,8,", "4,8,", "4,128,", "5,8,", "6,8,T6", "7,8,", "8,8,"]
        plan, _ = planned(rows, history)
        assert +plan.tried == {Outcome.REJECTED: 2, Outcome.FAILED: 1}
        assert (plan.due, plan.again) == (5, 3)
        limited, _ = planned(rows, history, limit=2)
        assert (limited.due, limited.tried) == (2, {Outcome.REJECTED: 2})

    def test_the_rows_shown_are_those_that_were_not_tried_before_all_others(self) -> None:
        history = [logged("rejected", str(number)) for number in range(100)]
        tried = [f"{number},8," for number in range(100)]
        rows = [*tried[:60], "m,8,", *tried[60:80], "n,8,", *tried[80:]]
        assert [line for line, _ in planned(rows, history)[0].sample] == [2, 62, 83]
        assert [line for line, _ in planned(tried, history)[0].sample] == [2, 3, 4]
        assert len(planned([*rows, "o,8,", "p,8,"], history)[0].sample) == 3

    def test_the_rows_shown_are_among_those_of_the_limit(self) -> None:
        history = [logged("rejected", "1"), logged("rejected", "2")]
        rows = ["1,8,", "2,8,", "3,8,", "4,8,"]
        for limit, lines in ((1, [2]), (3, [2, 3, 4]), (4, [2, 4, 5])):
            assert [line for line, _ in planned(rows, history, limit=limit)[0].sample] == lines

    @pytest.mark.parametrize("outcome", ["failed", "rejected", "invalid"])
    def test_rows_that_are_gone(self, outcome: str) -> None:
        plan, _ = planned(["2,8,"], [logged(outcome, "1")])
        assert plan.gone == [(2, Content("1", 8, None))]

    @pytest.mark.parametrize("outcome", ["superseded", "withdrawn", "updated"])
    def test_rows_that_need_no_withdrawing(self, outcome: str) -> None:
        assert planned(["2,8,"], [logged(outcome, "1")])[0].gone == []

    def test_invalid_rows_that_the_log_has_are_not_logged_again(self) -> None:
        history = [
            Result(line, "", OrderStatus.DISPATCHED, None, Outcome.INVALID, 0.0) for line in (2, 3)
        ]
        plan, left = planned([",8,", ",8,", ",8,"], history)
        assert (plan.invalid, plan.gone) == (3, [])
        assert len(left) == 1
        plan, left = planned([",8,"], history)
        assert (len(plan.gone), left) == (1, [])

    def test_an_edited_tracking_of_a_done_order_is_a_conflict(self) -> None:
        plan, _ = planned(["1,8,T2"], [logged("updated", "1", 8, "T1")])
        assert (plan.conflicts, plan.due) == (1, 0)

    def test_a_cancellation_of_a_dispatched_order_is_a_conflict(self) -> None:
        plan, _ = planned(["1,128,", "1,8,T1"], [logged("updated", "1", 8, "T1")])
        assert (plan.conflicts, plan.done, plan.due) == (1, 1, 0)


_orders = st.sampled_from(["1", "2", "3", "4"])
_statuses = st.sampled_from([512, 513, 8, 64, 128])
_trackings = st.sampled_from(["", "T1", "T2"])
_rows = st.tuples(_orders, _statuses, _trackings).map(
    lambda row: (row[0], row[1], row[2] if row[1] in {8, 64} else "")
)
_histories = st.lists(st.tuples(_rows, st.sampled_from(["updated", "failed", "superseded"])))


@settings(max_examples=100, deadline=None)
@given(st.lists(_rows | st.just(("", 8, "")), max_size=12), _histories, st.booleans())
def test_the_plan_agrees_with_judging_every_order_by_hand(
    rows: list[tuple[str, int, str]],
    history: list[tuple[tuple[str, int, str], str]],
    last_wins: bool,
) -> None:
    results = [logged(outcome, row[0], row[1], row[2] or None) for row, outcome in history]
    plan, left = planned([f"{o},{s},{t}" for o, s, t in rows], results, last_wins=last_wins)
    log = LogState()
    for result in results:
        log.read(result)
    expected: Counter[str] = Counter()
    fates: dict[int, str] = {}
    for order in "1234":
        mine = [
            (line, StatusUpdate(o, OrderStatus(s), t or None))
            for line, (o, s, t) in enumerate(rows, 2)
            if o == order
        ]
        updated = [StatusUpdate(o, OrderStatus(s or 0), t) for o, s, t in log.updated.of(order)]
        superseded = {
            StatusUpdate(content.order_id, OrderStatus(content.status or 0), content.tracking)
            for content, result in log.open.items()
            if result.outcome is Outcome.SUPERSEDED
        }
        decisions = judge_order(mine, updated, superseded, last_wins=last_wins)
        fates |= {line: decision.fate.name for line, decision in decisions.items()}
    expected = Counter(fates.values())
    invalid = sum(o == "" for o, _, _ in rows)
    assert (plan.rows, plan.invalid) == (len(rows), invalid)
    assert plan.due == expected["SEND"] == sum(plan.by_status.values())
    assert plan.done == expected["DONE"]
    assert plan.duplicates == expected["DUPLICATE"]
    assert plan.superseded == expected["SUPERSEDED"]
    assert plan.conflicts == expected["CONFLICT"]
    assert plan.orders == len({rows[line - 2][0] for line, fate in fates.items() if fate == "SEND"})
    assert {line: fate for line, order, fate in left if order} == {
        line: fate for line, fate in fates.items() if fate != "DONE"
    }
    assert all(fates[line] == "SEND" for line, _ in plan.sample)


def test_a_fate_is_one_of_five() -> None:
    assert len(Fate) == 5
