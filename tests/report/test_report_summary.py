"""`summarise(log)`: what is said of a log, by value."""

import orjson
import pytest
from report_logs import FAILED, INVALID, REJECTED, UPDATED, Log, as_json

from bulkstatus.errors import LogRefused
from bulkstatus.log import Outcome, State
from bulkstatus.log.writer import try_lock
from bulkstatus.order import OrderStatus
from bulkstatus.reporting import Summary, summarise
from bulkstatus.reporting.as_json import history_of
from bulkstatus.reporting.failures import all_steps, next_steps
from bulkstatus.reporting.text import history_lines
from bulkstatus.words import command_line

DUPLICATE, SUPERSEDED, WITHDRAWN = Outcome.DUPLICATE, Outcome.SUPERSEDED, Outcome.WITHDRAWN


def orders(summary: Summary) -> tuple[list[str], list[str], list[str]]:
    touched, perhaps, untouched = ([*summary.ids_of(part)] for part in summary.orders[:3])
    return touched, perhaps, untouched


def test_every_row_is_counted_once_by_its_latest_result(log: Log) -> None:
    log.run("1", "2", "3", ("4", 128, None), "5", ("", None, None), "5", "5")
    log.results(UPDATED, REJECTED, FAILED, REJECTED, None, INVALID, DUPLICATE, SUPERSEDED)
    log.end("stopped")
    log.run().result(2, UPDATED).result(4, FAILED).result(3, WITHDRAWN).end()
    summary = summarise(log.path)
    assert summary.counts == {
        UPDATED: 2, FAILED: 1, INVALID: 1, DUPLICATE: 1, SUPERSEDED: 1, WITHDRAWN: 1
    }  # fmt: skip
    assert (summary.rows, summary.to_send) == (8, 1)
    assert [result.n for result in summary.failures] == [4, 6]
    assert summary.by_status == {
        OrderStatus.DISPATCHED: {
            State.TO_SEND: 1,
            State.UPDATED: 2,
            State.DUPLICATE: 1,
            State.SUPERSEDED: 1,
            State.WITHDRAWN: 1,
        },
        OrderStatus.CANCELLED: {State.FAILED: 1},
        None: {State.INVALID: 1},
    }


def test_orders_that_another_log_has_done_are_not_merely_untouched(log: Log) -> None:
    log.run("1", "2", "2", "3", "4", "5", "5")
    log.results(UPDATED, DUPLICATE, DUPLICATE, REJECTED, DUPLICATE, REJECTED, DUPLICATE).end()
    summary = summarise(log.path)
    assert orders(summary) == (["1"], [], ["2", "3", "4", "5"])
    assert [*summary.ids_of(summary.orders.before)] == ["2", "4"]
    told = {order: next(history_lines(history_of(log.path, order), order)) for order in "12345"}
    done = {order for order, line in told.items() if "done before, by another log" in line}
    assert done == {"2", "4"}


def test_without_an_end_the_lock_tells_whether_the_run_goes_on(log: Log) -> None:
    log.run("1")
    assert summarise(log.path).state == "broken off"
    with log.path.open("rb") as file:
        assert try_lock(file.fileno())
        assert summarise(log.path).state == "running"
        (step,) = next_steps(summarise(log.path))
        assert step[1] == command_line("bulkstatus", "report", log.path)
    log.run().result(1, after=30.0, attempts=2).end("stopped", "Because.")
    summary = summarise(log.path)
    assert [run.how for run in summary.runs] == ["broken off", "stopped"]
    assert [(run.answers, round(run.seconds, 1)) for run in summary.runs] == [(0, 0), (1, 30.1)]
    assert (summary.runs[-1].message, summary.runs[-1].requests) == ("Because.", 2)
    # One that broke off ends with the second of its last answer, or where the next begins.
    assert round(summarise(log.run().result(1).path).runs[2].seconds, 1) == 0.9
    assert round(summarise(log.run().end().path).runs[2].seconds, 1) == 0.1


# Each: what the runs did, and which of the orders 1, 2, 3 are touched, perhaps and not touched.
TOUCHED = {
    "updated, rejected, never sent": (
        lambda log: log.run("1", "2", "3").results(UPDATED, REJECTED).end("stopped"),
        (["1"], [], ["2", "3"]),
    ),
    "killed, one beyond what was announced": (
        lambda log: log.run("1", "2", "3", through=2).result(1),
        (["1"], ["2"], ["3"]),
    ),
    "killed after it had rejected a row": (
        lambda log: log.run("1", "2", "3", through=3).result(2, REJECTED),
        ([], ["1", "3"], ["2"]),
    ),
    "a rejected row sent again by a run that was killed": (
        lambda log: log.run("1", "2", "3").results(UPDATED, REJECTED, REJECTED).end()
        .run(due=[(2, 3)], through=2),
        (["1"], ["2"], ["3"]),
    ),
    "a killed run, then a rejection that says the request before it may have arrived": (
        lambda log: log.run("1", "2", "3", through=1)
        .run().result(1, REJECTED, uncertain=True).result(2).result(3).end(),
        (["2", "3"], ["1"], []),
    ),
    "a killed run, then an edit that withdrew what it had sent": (
        lambda log: log.run("1", "2", "3", through=1)
        .run(due=[]).result(1, WITHDRAWN, uncertain=True).result(2, WITHDRAWN).end(),
        ([], ["1"], ["2", "3"]),
    ),
    "another row of the order was updated": (
        lambda log: log.run("1", ("1", 64, None), "2", "3")
        .result(1, FAILED, uncertain=True).result(2).end("stopped"),
        (["1"], [], ["2", "3"]),
    ),
    "stopped with a row left whose answer was not seen": (
        lambda log: log.run("1", "2", "3").result(1, FAILED, uncertain=True).end("stopped"),
        ([], ["1"], ["2", "3"]),
    ),
    "an invalid row that a mended file has made good, and a row of no order": (
        lambda log: log.run("1", "", "2").results(INVALID, UPDATED).end().run(due=[(1, 1)]),
        ([], ["1"], ["2"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TOUCHED)
def test_orders_are_touched_perhaps_touched_or_not(log: Log, case: str) -> None:
    write, expected = TOUCHED[case]
    write(log)
    assert orders(summarise(log.path)) == expected


@pytest.mark.parametrize("field", ["started_at", "ended_at", "at"])
def test_a_time_that_is_none_is_refused(log: Log, field: str) -> None:
    log.run("1").result(1).end()
    lines = [orjson.loads(line) for line in log.path.read_bytes().splitlines()]
    broken = [{**line, field: "\x1b[1mnever"} if field in line else line for line in lines]
    log.path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in broken))
    with pytest.raises(LogRefused, match="a time in it is none") as refused:
        summarise(log.path)
    assert "\x1b" not in str(refused.value)


def test_json_has_what_the_contract_names(log: Log) -> None:
    log.run("1", "2", "3", "4", through=3).result(1).result(2, REJECTED, elapsed_ms=90.0)
    record = as_json(summarise(log.path))
    expected = {
        "log": str(log.path),
        "state": "broken off",
        "rows": 4,
        "counts": {"updated": 1, "rejected": 1},
        "to_send": 2,
        "orders": {"touched": 1, "perhaps_touched": ["3"], "untouched": ["2", "4"]},
        "sandbox": False,
        "by_status": {"8": {"to_send": 2, "updated": 1, "rejected": 1}},
        "latency_ms": {"median": 90, "p95": 90},
    }
    assert {key: record[key] for key in expected} == expected
    (run,) = record["runs"]
    told = {"run_id": "run-1", "state": "broken off", "answers": 2, "requests": 2, "user": "anna"}
    assert {key: run[key] for key in told} == told
    # As the log has it.
    assert record["failures"] == [orjson.loads(log.path.read_bytes().splitlines()[-1])]
    assert record["next"] == [command for _, command in next_steps(summarise(log.path))]
    assert len(record["next"]) == 4
    assert as_json(summarise(log.run().end().path))["latency_ms"] == {"median": 90, "p95": 90}


# Outcomes of the rows 1 to 3, how the run ended, and the words of the next commands.
STEPS = [
    ([UPDATED] * 3, "finished", []),
    ([UPDATED, FAILED, UPDATED], "finished", ["resume LOG"]),
    ([UPDATED, FAILED], "stopped", ["resume LOG"]),
    ([UPDATED, None, UPDATED], "interrupted", ["resume LOG"]),
    ([UPDATED, INVALID, UPDATED], "finished", ["report LOG --failures MEND", "resume LOG MEND"]),
    (
        [UPDATED, REJECTED, FAILED],
        "finished",
        ["report LOG --failures MEND", "resume LOG MEND", "resume LOG --retry-rejected"],
    ),
    (
        [REJECTED, INVALID],
        "stopped",
        ["resume LOG", "report LOG --failures MEND", "resume LOG MEND"],
    ),
]


@pytest.mark.parametrize(("outcomes", "end", "expected"), STEPS)
def test_the_next_commands_are_the_exact_ones(
    log: Log, outcomes: list[Outcome | None], end: str, expected: list[str]
) -> None:
    log.run("1", "2", "3").results(*outcomes).end(end)
    mend = log.path.with_name("today.to-mend.xlsx")
    paths = {"LOG": log.path, "MEND": mend}
    assert [command for _, command in next_steps(summarise(log.path))] == [
        command_line("bulkstatus", *(paths.get(word, word) for word in line.split()))
        for line in expected
    ]
    # And the way to leave a wrong list.
    left = [each for step in all_steps(summarise(log.path))[len(expected) :] for each in step[1:]]
    wrong = [["report", log.path, "--touched", log.path.with_name("today.touched.csv")]]
    wrong += [["resume", log.path, "--withdraw"]]
    is_left = end != "finished"
    assert left == [command_line("bulkstatus", *words) for words in wrong if is_left]
