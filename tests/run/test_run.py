"""The pipeline under every kind of answer, in simulated time."""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.job.run import Ending, Observer, RunOptions
from bulkstatus.log import read_log
from bulkstatus.log.records import Result
from bulkstatus.pace import Ledger, Pacer, Quotas, Rate
from bulkstatus.pace.pacer import spacing
from tests.pace.limited_world import bucket, fixed, leaky, shedding, sliding
from tests.run.simulated import LONGEST, simulate
from tests.run.world import (
    UPDATED,
    Request,
    World,
    limited,
    orders,
    refused,
    unanswered,
)


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_fault_of_our_own_where_results_are_written_ends_the_run(
    tmp_path: Path, concurrency: int
) -> None:
    class Broken(Observer):
        def wrote(self, results: Sequence[Result]) -> None:
            # A run that is not over by then goes on for ever.
            asyncio.get_running_loop().call_later(LONGEST, self.ended)
            raise ZeroDivisionError

    world = World(
        tmp_path,
        orders(600),
        lambda request: UPDATED,
        options=RunOptions(concurrency=concurrency),
        observer=Broken(),
    )

    with pytest.raises(ZeroDivisionError):
        simulate(world.send())
    # Nothing is sent on whose result nobody would find.
    assert len(world.requests) < 150


def test_every_row_is_sent_once_and_logged_once(tmp_path: Path) -> None:
    world = World(tmp_path, orders(100), lambda request: UPDATED)
    ending = simulate(world.send())
    assert (ending.reason, ending.exit_status) == ("finished", 0)
    assert sorted(record["line"] for record in world.records()) == list(range(2, 102))
    assert len(world.requests) == 100
    end = json.loads(world.log_path.read_text().splitlines()[-1])
    assert (end["type"], end["reason"], end["counts"]) == ("end", "finished", {"updated": 100})


def test_the_first_request_goes_alone_and_concurrency_doubles_with_each_success(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, orders(200), lambda request: UPDATED)
    simulate(world.send())
    at = world.times()
    assert at[:4] == [0.0, 0.1, 0.1, 0.2]
    assert world.most_in_flight == 16


def test_a_fatal_first_answer_costs_one_request(tmp_path: Path) -> None:
    rule = lambda request: refused(Meaning.FATAL, advice="Check the key.")  # noqa: E731
    world = World(tmp_path, orders(50), rule)
    ending = simulate(world.send())
    assert (ending.reason, ending.exit_status) == ("stopped", 4)
    assert "Check the key." in ending.message
    assert len(world.requests) == 1
    assert world.records() == []


def test_a_fatal_answer_lets_those_on_the_wire_finish_and_sends_nothing_new(
    tmp_path: Path,
) -> None:
    fatal = refused(Meaning.FATAL)
    world = World(tmp_path, orders(200), lambda r: fatal if r.number == 60 else UPDATED)
    ending = simulate(world.send())
    assert ending.exit_status == 4
    answered_at = world.requests[59].left
    assert all(request.at <= answered_at for request in world.requests)
    assert len(world.records()) == len(world.requests) - 1
    assert set(world.outcomes().values()) == {"updated"}


def test_a_bare_404_as_the_first_answer_is_about_the_url(tmp_path: Path) -> None:
    world = World(tmp_path, orders(5), lambda request: refused(Meaning.UNKNOWN_PAGE, 404))
    assert simulate(world.send()).exit_status == 4
    assert len(world.requests) == 1


def test_a_bare_404_is_about_the_row_once_the_log_vouches_for_the_url(tmp_path: Path) -> None:
    not_found = refused(Meaning.UNKNOWN_PAGE, 404)
    world = World(tmp_path, orders(3), lambda r: UPDATED if r.number == 1 else not_found)
    assert simulate(world.send()).exit_status == 1
    assert list(world.outcomes().values()) == ["updated", "rejected", "rejected"]
    world.rule = lambda request: not_found
    assert simulate(world.send(again=True)).exit_status == 1
    assert len(world.requests) == 5


class TestHoldsForALimit:
    def test_no_row_is_lost_or_charged(self, tmp_path: Path) -> None:
        world = World(
            tmp_path,
            orders(60),
            lambda r: limited() if 1.0 <= r.at < 9.0 else UPDATED,
            options=RunOptions(attempts=1, concurrency=4),
        )
        assert simulate(world.send()).exit_status == 0
        assert set(world.outcomes().values()) == {"updated"}

    def test_one_probe_at_a_time_after_growing_waits(self, tmp_path: Path) -> None:
        world = World(
            tmp_path,
            orders(300),
            lambda r: limited() if 1.0 <= r.at < 30.0 else UPDATED,
            options=RunOptions(concurrency=1),
        )
        assert simulate(world.send()).exit_status == 0
        probes = [r for r in world.requests if 1.2 < r.at < 30.0]
        waits = [later.at - probe.left for probe, later in pairwise(probes)]
        assert len(waits) > 8
        assert all(later == pytest.approx(1.5 * wait, abs=1e-3) for wait, later in pairwise(waits))

    def test_never_earlier_than_the_server_asks(self, tmp_path: Path) -> None:
        world = World(
            tmp_path, orders(300), lambda r: limited(7.5) if 1.0 <= r.at < 1.2 else UPDATED
        )
        assert simulate(world.send()).exit_status == 0
        last_limited = max(r.at for r in world.requests if 1.0 <= r.at < 1.2) + world.latency
        assert min(at for at in world.times() if at > 1.2) >= last_limited + 7.5 - 1e-3

    def test_more_than_a_day_ends_the_run(self, tmp_path: Path) -> None:
        world = World(tmp_path, orders(5), lambda r: UPDATED if r.number < 3 else limited(90_000))
        ending = simulate(world.send())
        assert ending.exit_status == 3
        assert "25 hours" in ending.message

    @pytest.mark.parametrize("poison", [{"105"}, {"105", "120"}, {"100"}])
    @pytest.mark.parametrize("concurrency", [1, 4, 16])
    def test_a_row_that_alone_draws_such_answers_fails(
        self, tmp_path: Path, poison: set[str], concurrency: int
    ) -> None:
        world = World(
            tmp_path,
            orders(60),
            lambda r: limited() if r.update.order_id in poison else UPDATED,
            options=RunOptions(concurrency=concurrency),
        )
        assert simulate(world.send()).exit_status == 1
        failed = {order for order, outcome in world.outcomes().items() if outcome == "failed"}
        assert failed == poison
        assert len(world.records()) == 60

    @pytest.mark.parametrize(
        ("count", "every", "first"),
        [(12, 25, 100), (12, 25, 124), (12, 1, 150), (12, 7, 250), (40, 7, 100)],
    )
    @pytest.mark.parametrize(
        ("rate", "least"), [(None, 0.3), (Rate(60, 1.0), 5.0), (Rate(10, 1.0), 30.0)]
    )
    def test_those_that_draw_them_keep_no_others_back(
        self,
        tmp_path: Path,
        count: int,
        every: int,
        first: int,
        rate: Rate | None,
        least: float,
    ) -> None:
        """What they drew at first is no limit of the API's, once it is known for their own."""
        poison = {str(100 + (first - 100 + every * place) % 300) for place in range(count)}
        world = World(
            tmp_path,
            orders(300),
            lambda r: limited() if r.update.order_id in poison else UPDATED,
            latency=0.01,
        )
        world.pacer = Pacer(rate)
        assert simulate(world.send()).exit_status == 1
        outcomes = world.outcomes()
        assert {order for order, outcome in outcomes.items() if outcome == "failed"} == poison
        said = {r["error"]["message"] for r in world.records() if r["outcome"] == "failed"}
        assert said == {"Request limit reached"}
        others = [r.left for r in world.requests if r.update.order_id not in poison]
        retries = 5 * count * (spacing(rate) if rate else 0.0)
        # Side by side they look like a limit for as long as they last.
        doubt = 45 if every == 1 else 12
        assert max(others) <= least + retries + doubt
        assert max(r.left for r in world.requests) <= least + retries + 60
        world.requests.clear()
        world.pacer = Pacer(rate)
        assert simulate(world.send()).exit_status == 1
        assert {r.update.order_id for r in world.requests} == poison
        assert max(r.left for r in world.requests) <= 60

    @pytest.mark.parametrize("seed", range(4))
    def test_shedding_at_random_costs_no_row(self, tmp_path: Path, seed: int) -> None:
        passes = shedding(0.5, seed)
        world = World(tmp_path, orders(300), lambda r: UPDATED if passes(r.at) else limited())
        world.pacer = Pacer(Rate(60, 1.0))
        assert simulate(world.send()).exit_status == 0
        assert set(world.outcomes().values()) == {"updated"}
        assert max(world.times()) <= 240

    @pytest.mark.parametrize("met_at", [250, 280, 299])
    @pytest.mark.parametrize("rate", [None, Rate(10, 1.0)])
    def test_one_per_hour_that_is_met_near_the_end_costs_waiting_only(
        self, tmp_path: Path, met_at: int, rate: Rate | None
    ) -> None:
        passes = fixed(met_at, 3600.0)
        world = World(tmp_path, orders(300), lambda r: UPDATED if passes(r.at) else limited())
        world.pacer = Pacer(rate)
        assert simulate(world.send()).exit_status == 0
        assert len(world.requests) <= 400

    @pytest.mark.parametrize("seed", [0, 2, 6])
    def test_one_without_burst_fails_none_but_those_that_always_draw_such_answers(
        self, tmp_path: Path, seed: int
    ) -> None:
        """Nor does it take them for ones that want the run to go ever slower."""
        poison = {str(order) for order in random.Random(seed).sample(range(100, 400), 12)}
        passes = leaky(5)
        world = World(
            tmp_path,
            orders(300),
            lambda r: limited() if r.update.order_id in poison or not passes(r.at) else UPDATED,
            latency=0.02,
        )
        world.pacer = Pacer(Rate(10, 1.0))
        assert simulate(world.send()).exit_status == 1
        failed = {order for order, outcome in world.outcomes().items() if outcome == "failed"}
        assert failed == poison
        assert max(world.times()) <= 200

    @pytest.mark.parametrize(
        ("server", "rate", "rows", "seconds"),
        [
            (lambda: leaky(40), 60, 400, 12.5),
            (lambda: leaky(5), 10, 100, 24.0),
            (lambda: sliding(100, 5), 60, 500, 27.0),
            (lambda: bucket(20, 20), 60, 500, 27.0),
        ],
    )
    def test_a_limit_is_found_and_used(
        self,
        tmp_path: Path,
        server: Callable[[], Callable[[float], bool]],
        rate: int,
        rows: int,
        seconds: float,
    ) -> None:
        passes = server()
        world = World(
            tmp_path,
            orders(rows),
            lambda r: UPDATED if passes(r.at) else limited(),
            latency=0.01,
        )
        world.pacer = Pacer(Rate(rate, 1.0))
        assert simulate(world.send()).exit_status == 0
        assert set(world.outcomes().values()) == {"updated"}
        assert max(world.times()) <= seconds
        assert len(world.requests) <= 1.15 * rows

    @pytest.mark.parametrize("count", [1, 12])
    @pytest.mark.parametrize("answer", [limited(), refused(Meaning.OVERLOADED, 503)])
    def test_the_last_rows_stop_the_run_at_last_and_fail_in_the_resume_at_once(
        self, tmp_path: Path, count: int, answer: Answer
    ) -> None:
        poison = {str(160 - place) for place in range(1, 1 + count)}
        world = World(
            tmp_path,
            orders(60),
            lambda r: answer if r.update.order_id in poison else UPDATED,
        )
        for seconds, status in ((8000.0, 3), (30.0, 1), (30.0, 1)):
            assert simulate(world.send()).exit_status == status
            failed = {order for order, outcome in world.outcomes().items() if outcome == "failed"}
            assert failed == poison
            assert max(r.left for r in world.requests) < seconds
            world.requests.clear()
        world.rule = lambda request: UPDATED
        assert simulate(world.send()).exit_status == 0

    @pytest.mark.parametrize("behind", [0, 40])
    def test_one_that_is_met_by_rows_that_failed_otherwise_costs_them_waiting_only(
        self, tmp_path: Path, behind: int
    ) -> None:
        poison = {str(order) for order in range(110, 150, 5)}
        fault = refused(Meaning.TRANSIENT, 500)
        world = World(
            tmp_path,
            orders(60 + behind),
            lambda r: fault if r.update.order_id in poison else UPDATED,
            limit=60,
        )
        assert simulate(world.send()).exit_status == (3 if behind else 1)
        world.limit = None
        world.rule = lambda r: limited() if r.at < 3000.0 else UPDATED
        assert simulate(world.send()).exit_status == 0

    @pytest.mark.parametrize("last", [3, 10])
    def test_one_that_is_met_at_the_very_end_costs_waiting_also_where_some_rows_have_their_own(
        self, tmp_path: Path, last: int
    ) -> None:
        poison = {str(order) for order in range(110, 290, 25)}
        honest = {str(400 - place) for place in range(1, 1 + last)}
        world = World(
            tmp_path,
            orders(300),
            lambda r: (
                limited()
                if r.update.order_id in poison or (r.update.order_id in honest and r.at < 3000.0)
                else UPDATED
            ),
        )
        assert simulate(world.send()).exit_status == 1
        failed = {order for order, outcome in world.outcomes().items() if outcome == "failed"}
        assert failed == poison

    @pytest.mark.parametrize(
        ("count", "window"), [(1, 2.0), (5, 10.0), (20, 1.0), (3, 60.0), (10, 600.0)]
    )
    @pytest.mark.parametrize("concurrency", [1, 2, 16])
    def test_a_limit_that_was_not_told_of_costs_waiting_never_a_row(
        self, tmp_path: Path, count: int, window: float, concurrency: int
    ) -> None:
        admitted: list[float] = []

        def rule(request: Request) -> object:
            if sum(at > request.at - window for at in admitted) >= count:
                return limited()
            admitted.append(request.at)
            return UPDATED

        world = World(
            tmp_path,
            orders(60),
            rule,
            options=RunOptions(concurrency=concurrency),  # type: ignore[arg-type]
        )
        assert simulate(world.send()).exit_status == 0
        assert set(world.outcomes().values()) == {"updated"}


class TestOutages:
    def test_a_network_that_is_back_is_noticed_within_a_minute(self, tmp_path: Path) -> None:
        world = World(
            tmp_path, orders(50), lambda r: unanswered() if 0.5 < r.at < 840.0 else UPDATED
        )
        assert simulate(world.send()).exit_status == 0
        assert min(at for at in world.times() if at >= 840.0) <= 840.0 + 60.0 + world.latency

    def test_a_hold_costs_a_second_at_any_rate(self, tmp_path: Path) -> None:
        """The probe's turn is the next one: the rows that wait for theirs do not let them pass."""
        lost = range(20, 23)
        world = World(tmp_path, orders(30), lambda r: unanswered() if r.number in lost else UPDATED)
        rate = Rate(12, 60.0)
        world.pacer = Pacer(rate)
        assert simulate(world.send()).exit_status == 0
        times = world.times()
        assert 1.0 <= times[22] - times[21] <= spacing(rate) + 1.0 + world.latency

    def test_an_api_that_never_answers_ends_the_run_after_the_attempts(
        self, tmp_path: Path
    ) -> None:
        world = World(
            tmp_path,
            orders(50),
            lambda request: unanswered(unseen=False),
            options=RunOptions(attempts=3),
        )
        ending = simulate(world.send())
        assert (ending.exit_status, len(world.requests)) == (3, 3)
        assert world.records() == []

    def test_a_refusal_after_an_unanswered_attempt_is_uncertain(self, tmp_path: Path) -> None:
        def rule(request: Request) -> object:
            if request.update.order_id != "103":
                return UPDATED
            return unanswered() if request.nth == 1 else refused(Meaning.REFUSED)

        world = World(tmp_path, orders(10), rule)  # type: ignore[arg-type]
        simulate(world.send())
        record = next(record for record in world.records() if record["order_id"] == "103")
        assert (record["outcome"], record["uncertain"]) == ("rejected", True)


class TestRetries:
    def test_a_passing_fault_is_tried_again_with_growing_waits(self, tmp_path: Path) -> None:
        fault = refused(Meaning.TRANSIENT, 503)
        world = World(tmp_path, orders(1), lambda r: fault if r.nth < 4 else UPDATED)
        assert simulate(world.send()).exit_status == 0
        assert world.times() == [0.0, 0.6, 1.7, 3.8]
        assert world.records()[0]["attempts"] == 4

    def test_attempts_run_out(self, tmp_path: Path) -> None:
        fault = refused(Meaning.TRANSIENT, 503, message="Down for a moment")
        world = World(tmp_path, orders(1), lambda r: fault, options=RunOptions(attempts=2))
        assert simulate(world.send()).exit_status == 1
        record = world.records()[0]
        assert (record["outcome"], record["attempts"], record["http_status"]) == ("failed", 2, 503)
        assert record["error"] == {"kind": "api", "message": "Down for a moment"}
        assert "uncertain" not in record

    def test_retry_after_is_obeyed(self, tmp_path: Path) -> None:
        fault = refused(Meaning.TRANSIENT, 502, retry_after=40.0)
        world = World(tmp_path, orders(1), lambda r: fault if r.nth == 1 else UPDATED)
        simulate(world.send())
        assert world.times() == [0.0, 40.1]

    def test_retry_after_of_more_than_a_day_ends_the_run(self, tmp_path: Path) -> None:
        fault = refused(Meaning.TRANSIENT, 502, retry_after=1e6)
        world = World(tmp_path, orders(2), lambda r: fault)
        assert simulate(world.send()).exit_status == 3
        assert world.records() == []

    @pytest.mark.parametrize("step", [0.0, 0.05, 0.1, 0.12, 0.16, 0.2, 0.24, 0.3])
    def test_what_becomes_due_while_code_runs_is_not_slept_through(
        self, tmp_path: Path, step: float
    ) -> None:
        fault = refused(Meaning.TRANSIENT, 503)
        world = World(tmp_path, orders(1), lambda r: fault if r.nth < 4 else UPDATED, latency=0.0)
        assert simulate(world.send(), step).exit_status == 0

    def test_others_go_on_meanwhile(self, tmp_path: Path) -> None:
        fault = refused(Meaning.TRANSIENT, 503, retry_after=60.0)
        world = World(
            tmp_path, orders(50), lambda r: fault if (r.number, r.nth) == (3, 1) else UPDATED
        )
        simulate(world.send())
        assert sum(at < 10 for at in world.times()) == 50


SEQUENCES = [f"{order},{status}," for status in (512, 513, 515) for order in range(100, 130)]


class TestSeveralStatusesOfOneOrder:
    @pytest.mark.parametrize("rows", [SEQUENCES, sorted(SEQUENCES)])
    def test_they_arrive_in_file_order_and_never_overlap(
        self, tmp_path: Path, rows: list[str]
    ) -> None:
        # After a crash no status may be sent again that a later one has followed.
        before_the_last_was_kept = []

        def rule(request: Request) -> object:
            order, status = request.update.order_id, int(request.update.status)
            kept = [r["status"] for r in world.records() if r["order_id"] == order]
            if kept != [earlier for earlier in (512, 513, 515) if earlier < status]:
                before_the_last_was_kept.append(request)
            if request.number % 7 == 0:
                return refused(Meaning.TRANSIENT, 503)
            if request.number % 11 == 0:
                return limited()
            return unanswered() if request.number % 13 == 0 else UPDATED

        world = World(tmp_path, rows, rule, options=RunOptions(concurrency=32))  # type: ignore[arg-type]
        assert simulate(world.send()).exit_status in {0, 1}
        for order in range(100, 130):
            mine = [r for r in world.requests if r.update.order_id == str(order)]
            statuses = [int(r.update.status) for r in mine]
            assert statuses == sorted(statuses)
            assert all(a.left <= b.at for a, b in pairwise(mine))
        assert before_the_last_was_kept == []
        assert len(world.records()) == 90

    def test_an_earlier_status_that_failed_is_superseded_on_a_resume(self, tmp_path: Path) -> None:
        refuse = refused(Meaning.REFUSED)
        world = World(tmp_path, ["1,512,", "1,513,"], lambda r: refuse if r.nth == 1 else UPDATED)
        assert simulate(world.send()).exit_status == 1
        world.requests.clear()
        assert simulate(world.send(again=True)).exit_status == 0
        assert world.requests == []
        assert [r["outcome"] for r in world.records()] == ["rejected", "updated", "superseded"]


class TestResume:
    def test_only_what_is_not_updated_is_sent_again(self, tmp_path: Path) -> None:
        world = World(
            tmp_path, orders(40), lambda r: UPDATED if r.number % 4 else refused(Meaning.REFUSED)
        )
        simulate(world.send())
        done = {order for order, outcome in world.outcomes().items() if outcome == "updated"}
        world.requests.clear()
        world.rule = lambda request: UPDATED
        assert simulate(world.send(again=True)).exit_status == 0
        assert {r.update.order_id for r in world.requests}.isdisjoint(done)
        assert set(world.outcomes().values()) == {"updated"}


class TestStopping:
    def test_limit_sends_the_first_rows_that_are_due(self, tmp_path: Path) -> None:
        world = World(tmp_path, orders(20), lambda r: UPDATED, limit=5)
        ending = simulate(world.send())
        assert ending == Ending("stopped", 3, "the limit")
        assert [r.update.order_id for r in world.requests] == ["100", "101", "102", "103", "104"]
        assert len(world.records()) == 5

    def test_max_failures(self, tmp_path: Path) -> None:
        world = World(
            tmp_path,
            orders(50),
            lambda r: refused(Meaning.REFUSED),
            options=RunOptions(max_failures=3),
        )
        assert simulate(world.send()).exit_status == 4
        assert len(world.records()) == 3

    def test_max_failures_that_come_with_the_last_row_stop_nothing(self, tmp_path: Path) -> None:
        world = World(
            tmp_path,
            orders(3),
            lambda r: refused(Meaning.REFUSED),
            options=RunOptions(max_failures=3),
        )
        ending = simulate(world.send())
        assert (ending.reason, ending.exit_status) == ("finished", 1)

    def test_a_first_signal_lets_those_on_the_wire_finish(self, tmp_path: Path) -> None:
        def rule(request: Request) -> object:
            if request.number == 20:
                assert world.run is not None
                world.run.interrupt(130)
            return UPDATED

        world = World(tmp_path, orders(100), rule)  # type: ignore[arg-type]
        ending = simulate(world.send())
        assert (ending.reason, ending.exit_status) == ("interrupted", 130)
        assert len(world.records()) == len(world.requests) < 40
        assert set(world.outcomes().values()) == {"updated"}

    def test_a_second_signal_drops_them_as_failed_and_uncertain(self, tmp_path: Path) -> None:
        async def hang(request: Request) -> object:
            assert world.run is not None
            if request.number == 20:
                world.run.interrupt(130)
                await asyncio.sleep(1)
                world.run.interrupt(130)
            await asyncio.sleep(60)
            return UPDATED

        world = World(tmp_path, orders(100), lambda r: UPDATED if r.number < 16 else hang(r))  # type: ignore[arg-type, return-value]
        ending = simulate(world.send())
        assert ending.exit_status == 130
        dropped = [record for record in world.records() if record["outcome"] == "failed"]
        assert dropped
        assert all(record["uncertain"] for record in dropped)
        assert len(world.records()) == len(world.requests)

    def test_rows_that_wait_for_a_retry_stay_pending(self, tmp_path: Path) -> None:
        def rule(request: Request) -> object:
            if request.number == 5:
                return refused(Meaning.TRANSIENT, 503, retry_after=500.0)
            if request.number == 30:
                assert world.run is not None
                world.run.interrupt(143)
            return UPDATED

        world = World(tmp_path, orders(100), rule)  # type: ignore[arg-type]
        assert simulate(world.send()).exit_status == 143
        assert set(world.outcomes().values()) == {"updated"}
        assert len(world.records()) == len(world.requests) - 1


@pytest.mark.skipif(os.name != "posix", reason="an open file can be deleted on POSIX")
def test_after_the_machine_slept_the_log_is_looked_at_before_another_request_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(request: Request) -> Answer:
        if request.number == 5:
            awake = time.time
            monkeypatch.setattr(time, "time", lambda: awake() + 3600.0)
            world.log_path.unlink()
        return UPDATED

    world = World(tmp_path, orders(20), sleep, options=RunOptions(concurrency=1))
    ending = simulate(world.send())
    assert (ending.reason, ending.exit_status) == ("stopped", 4)
    # The next group, of which the answer is a part, would have found it out too late.
    assert len(world.requests) == 5
    # The run has its end in what was written anew.
    last = read_log(world.log_path).runs[-1].end
    assert last is not None
    assert "deleted" in last.message


def test_a_place_in_a_quota_is_held_until_one_window_after_the_answer(tmp_path: Path) -> None:
    async def work(world: World, ledger: Ledger) -> None:
        clock = asyncio.get_running_loop().time
        world.quotas = Quotas([Rate(3, 60.0)], ledger, "acme", 500.0, clock)
        await world.send()

    world = World(tmp_path, orders(9), lambda request: UPDATED, latency=10.0)
    with closing(Ledger(":memory:")) as ledger:
        simulate(work(world, ledger))
    sent = world.requests
    waits = [later.at - first.left for first, later in zip(sent[:-3], sent[3:], strict=True)]
    assert waits == pytest.approx([60.0] * 6, abs=0.5)


def test_rows_that_a_killed_run_may_have_sent_and_this_one_leaves_are_said_to_be_in_doubt(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, orders(3), lambda request: UPDATED)
    simulate(world.send())
    lines = world.log_path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"type":"result"' not in line and '"type":"end"' not in line]
    world.log_path.write_text("".join(kept))
    world.limit = 1
    assert simulate(world.send()).exit_status == 3
    told = [(r["order_id"], r["outcome"], r.get("uncertain", False)) for r in world.records()]
    assert sorted(told) == [
        ("100", "updated", False),
        ("101", "failed", True),
        ("102", "failed", True),
    ]
