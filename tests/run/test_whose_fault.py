"""Whose fault a failure is: the rule in the docstring of `fault`, by its numbers."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.job.run import RunOptions
from bulkstatus.job.run.fault import BEHIND
from bulkstatus.log.records import ErrorKind
from tests.run.simulated import simulate
from tests.run.world import UPDATED, Request, World, orders, refused, unanswered

FAULTS = {
    "lost": unanswered(),
    "500": refused(Meaning.TRANSIENT, 500),
    "403": refused(Meaning.FORBIDDEN, 403),
    "page": refused(Meaning.ELSEWHERE, 200),
}
WHILE_OUT = {**FAULTS, "503": refused(Meaning.OVERLOADED, 503)}
HUNG_UP = unanswered()._replace(meaning=Meaning.HUNG_UP)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("bad", [range(150, 156), range(110, 350, 20), [110], [110, 111, 112]])
@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_rows_that_alone_fail_keep_no_others_back(
    tmp_path: Path, fault: str, bad: Sequence[int], concurrency: int
) -> None:
    poison = {str(order) for order in bad}
    world = World(
        tmp_path,
        orders(300),
        lambda r: FAULTS[fault] if r.update.order_id in poison else UPDATED,
        options=RunOptions(concurrency=concurrency),
    )
    ending = simulate(world.send())
    assert ending.exit_status == 1
    last = max(r.left for r in world.requests if r.update.order_id not in poison)
    assert last <= 300 * world.latency / concurrency + 20.0
    outcomes = world.outcomes()
    assert {order for order, outcome in outcomes.items() if outcome != "updated"} == poison
    assert {outcomes[order] for order in poison} == {"rejected" if fault == "403" else "failed"}
    assert len(world.records()) == 300


@pytest.mark.parametrize("fault", ["lost", "500"])
@pytest.mark.parametrize("bad", [range(100, 130), range(150, 180), range(150, 230)])
@pytest.mark.parametrize("concurrency", [1, 16])
def test_however_many_stand_side_by_side_those_behind_them_are_not_kept_back(
    tmp_path: Path, fault: str, bad: range, concurrency: int
) -> None:
    """5: while it holds, rows from behind them find that others get through."""
    world = World(
        tmp_path,
        orders(300),
        lambda r: FAULTS[fault] if int(r.update.order_id) in bad else UPDATED,
        options=RunOptions(concurrency=concurrency),
    )
    simulate(world.send())
    good = [r for r in world.requests if int(r.update.order_id) not in bad]
    assert len(good) == 300 - len(bad)
    assert good[-1].left <= 150.0


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("bad", [range(110, 400, 25), range(390, 400), [398, 399]])
@pytest.mark.parametrize("seconds", [2.0, 30.0])
def test_rows_whose_failure_takes_long_are_suspect_once_it_comes(
    tmp_path: Path, fault: str, bad: Sequence[int], seconds: float
) -> None:
    """2: what left after them has got through by then, and nothing else will."""
    poison = {str(order) for order in bad}

    async def rule(request: Request) -> Answer:
        if request.update.order_id not in poison:
            return UPDATED
        await asyncio.sleep(seconds)
        return FAULTS[fault]

    # With one row from behind them that goes out at the last.
    world = World(tmp_path, [*orders(300), "9,8,"], rule)
    assert simulate(world.send()).exit_status == 1
    assert max(r.left for r in world.requests) <= 10 * seconds + 40
    failed = {order for order, outcome in world.outcomes().items() if outcome != "updated"}
    assert failed == poison


@pytest.mark.parametrize(
    ("fault", "attempts", "since"),
    [("lost", 3, 2.0), ("500", 3, 2.0), ("page", 3, 2.0), ("503", 1, 0.0), ("503", 1, 2.0)],
)
@pytest.mark.parametrize("seconds", [0.15, 5.0, 120.0])
@pytest.mark.parametrize("latency", [0.01, 0.1, 10.0])
@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_what_all_rows_draw_is_held_through_and_uses_up_no_attempt(
    tmp_path: Path,
    fault: str,
    attempts: int,
    since: float,
    seconds: float,
    latency: float,
    concurrency: int,
) -> None:
    """A 503 that asks for no wait, from the first request on too: it may be a limit's."""
    world = World(
        tmp_path,
        orders(60),
        lambda r: WHILE_OUT[fault] if since <= r.at < since + seconds else UPDATED,
        latency=latency,
        options=RunOptions(concurrency=concurrency, attempts=attempts),
    )
    assert simulate(world.send()).exit_status == 0
    assert set(world.outcomes().values()) == {"updated"}
    assert max(r.at for r in world.requests) <= since + 2 * seconds + 60 + 70 * latency


@pytest.mark.parametrize("fault", ["lost", "500", "503"])
def test_where_it_does_not_end_the_run_gives_up_after_the_time_asked_for_and_fails_no_row(
    tmp_path: Path, fault: str
) -> None:
    world = World(
        tmp_path,
        orders(50),
        lambda r: UPDATED if r.number < 10 else WHILE_OUT[fault],
        options=RunOptions(give_up_after=100.0),
    )
    ending = simulate(world.send())
    assert ending.exit_status == 3
    assert "--give-up-after" in ending.message
    left = [record for record in world.records() if record["outcome"] != "updated"]
    assert bool(left) is (fault == "lost")
    assert all(record["outcome"] == "failed" and record["uncertain"] for record in left)
    assert max(r.at for r in world.requests) <= 160.0


def test_failures_that_led_to_a_hold_are_forgotten(tmp_path: Path) -> None:
    """The row of request 14 is that of request 10."""
    world = World(
        tmp_path,
        orders(30),
        lambda r: FAULTS["lost"] if r.number in {10, 11, 12, 14} else UPDATED,
        options=RunOptions(concurrency=1, attempts=2),
    )
    assert simulate(world.send()).exit_status == 0
    assert world.requests[13].update == world.requests[9].update


def test_while_it_holds_one_probe_at_a_time_leaves_each_with_another_row(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, orders(60), lambda r: FAULTS["500"] if r.number > 9 else UPDATED)
    ending = simulate(world.send())
    assert (ending.exit_status, set(world.outcomes().values())) == (3, {"updated"})
    probes = [r for r in world.requests if r.at > 2.0]
    assert len({r.update.order_id for r in probes}) == len(probes) > 10
    assert all(a.left < b.at for a, b in pairwise(probes))


def test_a_row_that_fails_before_and_after_an_outage_uses_up_its_own_attempts(
    tmp_path: Path,
) -> None:
    def rule(request: Request) -> Answer:
        out = 1.0 <= request.at < 20.0
        return FAULTS["lost"] if out or request.update.order_id == "102" else UPDATED

    world = World(tmp_path, orders(60), rule, options=RunOptions(attempts=3))
    assert simulate(world.send()).exit_status == 1
    failed = {order for order, outcome in world.outcomes().items() if outcome == "failed"}
    assert failed == {"102"}


@pytest.mark.parametrize("attempts", [1, 5])
def test_what_hangs_up_on_a_kept_connection_is_nobodys_fault(tmp_path: Path, attempts: int) -> None:
    """1: the row goes again at once, and no attempt is used up, also where each row draws it."""
    world = World(
        tmp_path,
        orders(60),
        lambda r: HUNG_UP if r.nth <= 3 else UPDATED,
        options=RunOptions(attempts=attempts, concurrency=4),
    )
    assert simulate(world.send()).exit_status == 0
    assert max(r.left for r in world.requests) < 60 * 4 * world.latency / 4 + 2.0
    assert {record["attempts"] for record in world.records()} == {4}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("count", [1, 4, 12])
def test_what_an_earlier_run_found_suspect_gets_its_results_by_itself(
    tmp_path: Path, fault: str, count: int
) -> None:
    """2: with nothing else left, not even an answer in that run that is not theirs."""
    poison = {str(150 + 10 * number) for number in range(count)}
    world = World(
        tmp_path,
        orders(300),
        lambda r: FAULTS[fault] if r.update.order_id in poison else UPDATED,
    )
    for _ in range(3):
        ending = simulate(world.send(again=True))
        if fault == "page" and len(world.requests) == 1:
            # As the first answer of a run it is about the URL.
            assert ending.exit_status == 4
        else:
            assert ending.exit_status == 1
            assert world.requests[-1].left < 100.0
        found = {order for order, outcome in world.outcomes().items() if outcome != "updated"}
        assert found == poison
        world.requests.clear()


def test_what_could_not_even_connect_is_no_rows_own_failure(tmp_path: Path) -> None:
    """2: also of rows that an earlier run found suspect, so that a network that is gone is seen."""
    world = World(
        tmp_path,
        orders(60),
        lambda r: FAULTS["500"] if r.update.order_id in {"110", "120", "130"} else UPDATED,
    )
    assert simulate(world.send()).exit_status == 1
    count = len(world.records())
    world.requests.clear()
    world.rule = lambda request: unanswered(unseen=False)
    assert simulate(world.send()).exit_status == 3
    assert (len(world.records()), len(world.requests)) == (count, world.options.attempts)


def test_a_network_that_is_gone_on_the_way_is_held_through_by_suspects_too(tmp_path: Path) -> None:
    suspects = {str(order) for order in range(110, 150, 5)}
    world = World(
        tmp_path,
        orders(60),
        lambda r: FAULTS["500"] if r.update.order_id in suspects else UPDATED,
    )
    assert simulate(world.send()).exit_status == 1
    world.requests.clear()
    gone = unanswered(unseen=False)
    # The run gives up first, though each row has tried to connect by then; then it does not.
    for seconds, status in ((10_000.0, 3), (300.0, 0)):
        world.rule = lambda r: gone if r.number > 1 and r.at < seconds else UPDATED  # noqa: B023
        assert simulate(world.send()).exit_status == status
        assert "failed" not in {r["outcome"] for r in world.records()[60:]}
        world.requests.clear()


@pytest.mark.parametrize("fault", ["lost", "500", "page"])
@pytest.mark.parametrize("count", [3, 4, 12])
def test_the_last_rows_stop_the_run_at_last_and_get_their_results_in_the_resume_at_once(
    tmp_path: Path, fault: str, count: int
) -> None:
    """5: they are no suspects, since nothing left after them; in the resume they are."""
    poison = {str(159 - place) for place in range(count)}
    world = World(
        tmp_path,
        orders(60),
        lambda r: FAULTS[fault] if r.update.order_id in poison else UPDATED,
    )
    for least, most, status in ((800.0, 1000.0, 3), (0.0, 60.0, 4 if fault == "page" else 1)):
        assert simulate(world.send()).exit_status == status
        assert least <= world.requests[-1].at <= most
        failed = {order for order, outcome in world.outcomes().items() if outcome == "failed"}
        assert failed == poison
        world.requests.clear()
    world.rule = lambda request: UPDATED
    assert simulate(world.send()).exit_status == 0


@pytest.mark.parametrize(("fault", "resumes"), [("500", 3), ("403", 5), ("503", 1), ("lost", 1)])
def test_however_many_are_left_alone_they_get_their_results_in_the_end(
    tmp_path: Path, fault: str, resumes: int
) -> None:
    """8: each resume finds as many of them suspect as it comes to try."""
    poison = {str(order) for order in range(300, 340)}
    world = World(
        tmp_path,
        orders(240),
        lambda r: WHILE_OUT[fault] if r.update.order_id in poison else UPDATED,
    )
    assert simulate(world.send()).exit_status in {3, 4}
    for nth in range(1, resumes + 1):
        assert "rejected" not in world.outcomes().values()
        assert (simulate(world.send()).exit_status == 1) is (nth == resumes)
    outcomes = world.outcomes()
    assert {outcomes[order] for order in poison} == {"rejected" if fault == "403" else "failed"}
    assert list(outcomes.values()).count("updated") == 200


def test_where_the_api_has_dealt_with_nothing_yet_it_is_out_of_order(tmp_path: Path) -> None:
    """5: in each run."""
    world = World(tmp_path, orders(4), lambda request: FAULTS["500"])
    for _ in range(2):
        assert simulate(world.send()).exit_status == 3
        assert world.records() == []


def test_suspects_are_those_of_the_same_kind_of_failure(tmp_path: Path) -> None:
    """2: that rows failed is no evidence that it is they alone which are forbidden now."""
    bad = {str(order) for order in range(101, 160, 5)}
    world = World(
        tmp_path, orders(60), lambda r: FAULTS["500"] if r.update.order_id in bad else UPDATED
    )
    assert simulate(world.send()).exit_status == 1
    world.rule = lambda request: FAULTS["403"]
    assert simulate(world.send()).exit_status == 4
    assert set(world.outcomes().values()) == {"updated", "failed"}


def test_a_row_that_fails_for_good_after_an_answer_that_was_not_the_apis_has_one_result(
    tmp_path: Path,
) -> None:
    """Such an answer shows that requests get through, and settles no other row."""
    bare = refused(Meaning.REFUSED, kind=ErrorKind.HTTP)
    world = World(tmp_path, orders(3), lambda r: FAULTS["500"], options=RunOptions(attempts=2))
    world.rule = lambda r: bare if r.update.order_id == "102" else FAULTS["500"]
    assert simulate(world.send()).exit_status == 1
    assert [record["outcome"] for record in world.records()] == ["rejected", "failed", "failed"]


def stopped_at_the_fifth(tmp_path: Path, count: int) -> World:
    """A log of so many rows with four updates."""
    world = World(tmp_path, orders(count), lambda r: UPDATED, options=RunOptions(concurrency=1))
    world.rule = lambda r: UPDATED if r.number <= 4 else refused(Meaning.FATAL)
    simulate(world.send())
    world.requests.clear()
    return world


@pytest.mark.parametrize("count", [3, 4, 15])
@pytest.mark.parametrize("concurrency", [1, 16])
def test_orders_of_somebody_else_side_by_side_are_rejected_and_the_run_goes_on(
    tmp_path: Path, count: int, concurrency: int
) -> None:
    """4: rows from behind them go first."""
    world = stopped_at_the_fifth(tmp_path, 4 + count + 40)
    foreign = {str(104 + number) for number in range(count)}
    world.options = RunOptions(concurrency=concurrency)
    world.rule = lambda r: FAULTS["403"] if r.update.order_id in foreign else UPDATED
    assert simulate(world.send()).exit_status == 1
    rejected = {order for order, outcome in world.outcomes().items() if outcome == "rejected"}
    assert rejected == foreign
    assert len(world.requests) == count + 40
    assert world.requests[3].update.order_id not in foreign


@pytest.mark.parametrize("first", range(140, 156, 3))
def test_they_are_seen_as_such_also_when_many_are_on_the_wire(tmp_path: Path, first: int) -> None:
    foreign = {str(first + number) for number in range(4 + BEHIND)}
    world = World(
        tmp_path,
        orders(100),
        lambda r: FAULTS["403"] if r.update.order_id in foreign else UPDATED,
    )
    assert simulate(world.send()).exit_status == 1
    rejected = {order for order, outcome in world.outcomes().items() if outcome == "rejected"}
    assert rejected == foreign


@pytest.mark.parametrize("count", [3, 4, 2 + BEHIND])
def test_forbidden_orders_with_nothing_behind_them_are_rejected(tmp_path: Path, count: int) -> None:
    world = stopped_at_the_fifth(tmp_path, 4 + count)
    world.rule = lambda r: FAULTS["403"]
    assert simulate(world.send()).exit_status == 1
    assert len(world.requests) == count
    assert list(world.outcomes().values()) == ["updated"] * 4 + ["rejected"] * count


@pytest.mark.parametrize(("updates", "requests"), [(False, 3), (True, 3 + BEHIND)])
def test_forbidden_orders_in_a_row_stop_the_run(
    tmp_path: Path, updates: bool, requests: int
) -> None:
    """4: with updates before, only when those from behind are forbidden too."""
    if updates:
        world = stopped_at_the_fifth(tmp_path, 60)
    else:
        world = World(tmp_path, orders(60), lambda r: FAULTS["403"])
    for _ in range(2):
        world.requests.clear()
        world.rule = lambda r: FAULTS["403"]
        ending = simulate(world.send())
        assert (ending.exit_status, len(world.requests)) == (4, requests)
        assert "rejected" not in world.outcomes().values()


def test_a_permission_that_is_withdrawn_on_the_way_rejects_no_row(tmp_path: Path) -> None:
    """3 and 4: those that left before those which were forbidden say nothing for them."""
    world = World(tmp_path, orders(200), lambda r: FAULTS["403"] if r.at > 1.0 else UPDATED)

    async def slowly(request: Request) -> Answer:
        # Those that left first are answered last.
        await asyncio.sleep(0.05 * (50 - request.number % 50))
        return FAULTS["403"] if request.number > 60 else UPDATED

    world.rule = slowly
    assert simulate(world.send()).exit_status == 4
    assert set(world.outcomes().values()) == {"updated"}


def test_a_page_or_a_redirect_is_about_the_url_until_something_got_through(tmp_path: Path) -> None:
    """6: also in a run of a log with updates."""
    world = World(tmp_path, orders(20), lambda r: FAULTS["page"] if r.number > 10 else UPDATED)
    world.options = RunOptions(give_up_after=100.0)
    assert simulate(world.send()).exit_status == 3
    world.requests.clear()
    world.rule = lambda r: FAULTS["page"]
    assert (simulate(world.send()).exit_status, len(world.requests)) == (4, 1)
    assert set(world.outcomes().values()) == {"updated"}


@pytest.mark.parametrize("count", [1, 2])
def test_forbidden_orders_too_few_to_stop_a_file_are_rejected_at_its_end(
    tmp_path: Path, count: int
) -> None:
    world = World(tmp_path, orders(count), lambda request: refused(Meaning.FORBIDDEN, 403))
    assert simulate(world.send()).exit_status == 1
    assert list(world.outcomes().values()) == ["rejected"] * count


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("attempts", [1, 3])
def test_a_row_set_aside_at_the_very_end_does_not_keep_the_next_of_its_order_for_ever(
    tmp_path: Path, fault: str, attempts: int
) -> None:
    world = World(
        tmp_path,
        ["1,8,", "2,515,", "2,8,"],
        lambda r: FAULTS[fault] if r.update.status == 515 else UPDATED,
        options=RunOptions(attempts=attempts, concurrency=1),
    )
    ending = simulate(world.send())
    assert ending.exit_status == 1
    records = world.records()
    assert [(r["order_id"], r["status"], r["outcome"] == "updated") for r in records] == [
        ("1", 8, True),
        ("2", 515, False),
        ("2", 8, True),
    ]
