import tracemalloc

import orjson
import pytest
from report_logs import REFUSAL, TIMEOUT, Log

from bulkstatus.order import OrderStatus, unknown_status
from bulkstatus.reporting.groups import group_failures
from bulkstatus.reporting.reasons import reason
from bulkstatus.reporting.record import report_record
from bulkstatus.reporting.summary import summarise
from bulkstatus.reporting.text import failures_text, report_text, status_text
from bulkstatus.result import ErrorKind, Outcome, Result, RowError
from bulkstatus.wording import command_line

FAILED, REJECTED, INVALID = Outcome.FAILED, Outcome.REJECTED, Outcome.INVALID
UPDATED, DUPLICATE = Outcome.UPDATED, Outcome.DUPLICATE


def test_counts_go_by_the_latest_record_of_each_row(log: Log) -> None:
    log.run(6).row("1").row("2", FAILED, TIMEOUT).row("3", REJECTED, REFUSAL).row("1", DUPLICATE)
    log.row("5", status=128).row("6", INVALID, status=None).end("stopped")
    log.run(6).row("2", line=3).row("3", REJECTED, REFUSAL, line=4).end()
    report = summarise(log.path)
    assert report.counts == {UPDATED: 3, REJECTED: 1, INVALID: 1, DUPLICATE: 1}
    assert report.by_status == {
        OrderStatus.DISPATCHED: {UPDATED: 2, REJECTED: 1, DUPLICATE: 1},
        OrderStatus.CANCELLED: {UPDATED: 1},
        None: {INVALID: 1},
    }
    assert sum(sum(counts.values()) for counts in report.by_status.values()) == report.rows
    assert [result.line for result in report.failures] == [4, 7]
    assert (report.answers, report.requests, report.pending) == (6, 6, 0)
    assert not report.done


def test_a_log_is_done_when_nothing_failed_and_nothing_is_pending(log: Log) -> None:
    log.run(2).row("1").row("1", DUPLICATE).end()
    assert summarise(log.path).done
    assert "nothing is left to do" in report_text(summarise(log.path))


@pytest.mark.parametrize(
    ("rows", "perhaps_pending", "expected"),
    [
        # Each row: order, outcome, uncertain. Expected: touched, perhaps touched, untouched.
        ([("1", UPDATED, False)], [], (1, [], [])),
        ([("1", FAILED, True)], [], (0, ["1"], [])),
        ([("1", FAILED, False)], [], (0, [], ["1"])),
        ([("1", REJECTED, False), ("2", INVALID, False)], [], (0, [], ["1", "2"])),
        # An update settles what an earlier attempt left open; a refusal does not.
        ([("1", FAILED, True), ("1", UPDATED, False)], [], (1, [], [])),
        ([("1", FAILED, True), ("1", REJECTED, False)], [], (0, ["1"], [])),
        ([("1", FAILED, True), ("1", Outcome.WITHDRAWN, False)], [], (0, ["1"], [])),
        ([("1", REJECTED, True)], [], (0, ["1"], [])),
        # Pending rows of which a request had left.
        ([], ["1"], (0, ["1"], [])),
        ([("1", UPDATED, False)], ["1"], (1, [], [])),
        ([("1", REJECTED, False)], ["1"], (0, ["1"], [])),
        # An invalid row without an ID is no order.
        ([("", INVALID, False)], [], (0, [], [])),
    ],
)
def test_orders_are_touched_perhaps_touched_or_not(
    log: Log,
    rows: list[tuple[str, Outcome, bool]],
    perhaps_pending: list[str],
    expected: tuple[int, list[str], list[str]],
) -> None:
    log.run(9)
    log.end("interrupted", perhaps=tuple(perhaps_pending))
    log.run(9)
    for order_id, outcome, uncertain in rows:
        log.row(order_id, outcome, None if outcome is UPDATED else TIMEOUT, uncertain=uncertain)
    log.end()
    orders = summarise(log.path).orders
    assert (orders.touched, list(orders.perhaps_touched), list(orders.untouched)) == expected


@pytest.mark.parametrize(
    ("crashed", "rows", "outcome", "expected"),
    [
        (True, 2, UPDATED, True),
        (True, 1, UPDATED, False),
        (True, 1, REJECTED, True),
        (False, 2, UPDATED, False),
        (False, 1, REJECTED, False),
    ],
)
def test_what_a_crash_left_without_a_record_is_owned_up_to(
    log: Log, crashed: bool, rows: int, outcome: Outcome, expected: bool
) -> None:
    log.run(rows)
    if not crashed:
        log.end("stopped")
    log.run(rows).row("1", outcome, REFUSAL if outcome is REJECTED else None).end("stopped")
    report = summarise(log.path)
    assert report.unrecorded is expected
    assert ("perhaps touched" in report_text(report).replace("0 perhaps", "")) is expected


def test_rows_are_all_that_the_log_is_about_once_mended_failures_were_fed_back(log: Log) -> None:
    log.run(330, "aa")
    for order in range(322):
        log.row(f"46{order}")
    for order in range(8):
        log.row(f"47{order}", REJECTED, REFUSAL)
    log.end()
    assert summarise(log.path).rows == 330
    log.run(8, "bb", "mend.csv")
    for order in range(3):
        log.row(f"47{order}", Outcome.WITHDRAWN).row(f"48{order}")
    for order in range(3, 8):
        log.row(f"47{order}", REJECTED, REFUSAL)
    report = summarise(log.end().path)
    assert (report.rows, report.pending, report.left_behind) == (330, 0, 0)
    assert report_record(report)["rows"] == 330
    text = report_text(report)
    assert "Rows       330: 325 updated, 5 rejected\n" in text
    assert "besides 3 withdrawn" in text
    assert f"Input      {log.path.with_name('today.csv')}\n" in text
    assert f"{log.path.with_name('mend.csv')} in the last run\n" in text


@pytest.mark.parametrize(
    ("reason", "rows", "expected"),
    [("interrupted", 9, 5), ("interrupted", 4, 0), ("finished", 9, 0)],
)
def test_rows_that_a_later_input_left_behind_are_counted(
    log: Log, reason: str, rows: int, expected: int
) -> None:
    log.run(rows, "aa").row("1").row("2").row("3", REJECTED, REFUSAL).end(reason)
    log.run(1, "bb").row("3", Outcome.WITHDRAWN, line=4).row("33").end()
    report = summarise(log.path)
    assert report.left_behind == expected
    assert report_record(report)["left_behind"] == expected
    text = report_text(report)
    assert (f"at least {expected} rows of an earlier input were never sent" in text) is bool(
        expected
    )
    assert ("nothing is left to do\n" in f"{text}\n") is not bool(expected)


@pytest.mark.parametrize("said", ["Dispached", "9", 'a "b" c', "two\nlines"])
def test_what_stands_in_the_place_of_a_status_is_shown(said: str) -> None:
    message = unknown_status(said)
    result = failure(message, kind=ErrorKind.ROW, outcome=INVALID, status=None, http_status=None)
    shown = said.replace("\n", "\\n")
    assert status_text(result) == f'status "{said}"'
    assert f'order 46140204, status "{shown}"' in failures_text(group_failures([result] * 2))


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (None, "the row has no status; fill it in", "no valid status"),
        (None, None, "no valid status"),
        (8, 'the status "9" is not one of the nine', "Dispatched (8)"),
    ],
)
def test_a_status_is_named_where_nothing_else_is_said(
    status: int | None, message: str | None, expected: str
) -> None:
    error = message and RowError(ErrorKind.ROW, message)
    assert status_text(failure("", status=status, error=error)) == expected


def test_the_statuses_of_one_order_are_one_touched_order(log: Log) -> None:
    log.run(3).row("1", status=515).row("1", status=516).row("1", FAILED, TIMEOUT).end()
    orders = summarise(log.path).orders
    assert (orders.touched, orders.perhaps_touched, orders.untouched) == (1, (), ())


def test_pending_is_not_claimed_to_be_known_when_the_input_was_another_one_before(
    log: Log,
) -> None:
    log.run(3, "aa").row("1").row("2", REJECTED, REFUSAL).row("3", REJECTED, REFUSAL).end()
    log.run(2, "bb").row("2", Outcome.WITHDRAWN, line=3).row("22", line=2)
    report = summarise(log.path)
    assert report.pending is None
    assert "Rows       at least 3: 2 updated, 1 rejected" in report_text(report)
    assert "some more may be pending" in report_text(report)
    assert "the orders of all rows still pending" in report_text(report)
    log.row("33", line=3).end()
    assert summarise(log.path).pending == 0


def failure(
    message: str,
    order_id: str = "46140204",
    tracking: str | None = None,
    kind: ErrorKind = ErrorKind.API,
    **changes: object,
) -> Result:
    result = Result(
        2, order_id, 8, tracking, REJECTED, 0.0, 400, 1, 1.0, RowError(kind, message, 0)
    )
    return result._replace(**changes)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (
            [failure("Invalid order status")] * 3 + [failure("Order unknown")],
            [(3, "Invalid order status"), (1, "Order unknown")],
        ),
        (
            [
                failure("Order 46140204 is unknown"),
                failure("Order 46140205 is unknown", "46140205"),
            ],
            [(2, "Order … is unknown")],
        ),
        ([failure("T123 is taken", tracking="T123")] * 2, [(2, "… is taken")]),
        # What is said of one row alone is said in full.
        ([failure("T123 is taken", tracking="T123")], [(1, "T123 is taken")]),
        # A short ID could be part of anything.
        ([failure("HTTP 404", "404"), failure("HTTP 404", "40")], [(2, "HTTP 404")]),
        (
            [
                failure('the order ID "4.6E+07" is a number', kind=ErrorKind.ROW),
                failure('the order ID "1.2E+09" is a number', kind=ErrorKind.ROW),
            ],
            [(2, "the order ID … is a number")],
        ),
        (
            [
                failure(
                    f"order {n} cannot be On Hold (line {n}) and then Dispatched (line {n + 1})",
                    kind=ErrorKind.ROW,
                )
                for n in (3, 700)
            ],
            [(2, "order … cannot be On Hold (…) and then Dispatched (…)")],
        ),
        ([failure("busy"), failure("busy", http_status=500)], [(1, "busy"), (1, "busy")]),
        ([failure("x", error=None)], [(1, "no reason was given")]),
    ],
)
def test_failures_are_grouped_by_what_was_said(
    results: list[Result], expected: list[tuple[int, str]]
) -> None:
    groups = group_failures(results)
    assert [(len(group.results), group.kind.message) for group in groups] == expected


def test_grouped_failures_show_a_few_rows_each_and_no_control_characters() -> None:
    text = failures_text(group_failures([failure("\x1b[2Jno\nway", f"10{n}") for n in range(9)]))
    assert text.count("line 2: order") == 3
    assert "… and 6 more" in text
    assert "\x1b" not in text
    assert "no\\nway" in text


def test_the_text_names_what_may_have_been_changed(log: Log) -> None:
    log.run(30)
    for order in range(30):
        log.row(f"46{order:02}", FAILED, TIMEOUT, uncertain=True)
    text = report_text(summarise(log.path.with_name(log.path.name)))
    assert "0 touched, 30 perhaps touched, 0 not touched" in text
    assert "4600" in text
    assert "… and 10 more; --json lists them all" in text


def test_the_json_holds_all_of_it(log: Log) -> None:
    log.run(4).row("1").row("2", FAILED, TIMEOUT, uncertain=True, attempts=5)
    log.row("3", REJECTED, REFUSAL, after=20.0).end("stopped", "Enough.", ("4",))
    record = orjson.loads(orjson.dumps(report_record(summarise(log.path))))
    assert record["state"] == "stopped"
    assert record["done"] is False
    assert record["message"] == "Enough."
    assert record["counts"] == {"updated": 1, "rejected": 1, "failed": 1}
    assert (record["rows"], record["pending"], record["uncertain"]) == (4, 1, 1)
    assert record["orders"] == {
        "touched": 1,
        "perhaps_touched": ["2", "4"],
        "untouched": ["3"],
        "unnamed_pending_rows": 1,
        "unrecorded": False,
    }
    assert record["left_behind"] == 0
    assert [failure["order_id"] for failure in record["failures"]] == ["2", "3"]
    assert record["failures"][0]["error"]["message"] == "no answer within 30 s"
    assert record["failure_groups"][0]["lines"] in ([3], [4])
    assert (record["sent"], record["requests"]) == (3, 7)
    assert record["runs"][0]["waits"][0]["from"] < record["runs"][0]["waits"][0]["to"]
    assert record["latency_ms"] == {"median": 40.0, "p95": 40.0, "p99": 40.0}
    assert record["next"] == [f"bulkstatus resume {log.path} INPUT"]


def test_memory_grows_by_little_more_than_the_state_of_the_log(log: Log) -> None:
    rows = 20_000
    log.run(rows)
    one = log.path.read_bytes()
    log.row("ID")
    line = log.path.read_bytes()[len(one) :]
    log.write(b"".join(line.replace(b'"ID"', b'"%08d"' % n) for n in range(rows)))
    log.end()
    tracemalloc.start()
    report = summarise(log.path)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.answers == rows + 1
    assert kept / rows < 250


def test_a_failed_row_is_named_with_its_file_where_the_log_has_several(log: Log) -> None:
    log.run(2).row("1", Outcome.REJECTED, REFUSAL, line=5).row("2").end()
    assert "line 5: order 1," in report_text(summarise(log.path))
    log.run(1, "bb", "mend.csv").row("3", Outcome.REJECTED, REFUSAL, line=5).end()
    text = report_text(summarise(log.path))
    assert "line 5 of today.csv: order 1," in text
    assert "line 5 of mend.csv: order 3," in text


def test_withdrawn_rows_are_named_as_a_reason_of_orders_not_touched(log: Log) -> None:
    note = "of those not touched, only withdrawn rows were about 1\n"
    log.run(2).row("1", Outcome.REJECTED, REFUSAL).row("2").end()
    assert note not in report_text(summarise(log.path))
    log.run(1, "bb", "mend.csv").row("1", Outcome.WITHDRAWN, line=2).row("3").end()
    assert note in report_text(summarise(log.path))


def test_an_order_is_withdrawn_when_no_row_asks_for_it_any_more(log: Log) -> None:
    log.run(4).row("1", REJECTED, REFUSAL).row("2", REJECTED, REFUSAL).row("3").row("3", FAILED)
    log.end()
    log.run(1, "bb", "mend.csv").row("1", Outcome.WITHDRAWN, line=2).row("3", Outcome.WITHDRAWN)
    log.row("2", Outcome.WITHDRAWN).row("2", REJECTED, REFUSAL, tracking="T").end()
    orders = summarise(log.path).orders
    assert orders.untouched == ("1", "2")
    assert orders.withdrawn == {"1"}


def test_superseded_rows_are_counted_and_named(log: Log) -> None:
    log.run(30).row("1", tracking="T2").row("1", Outcome.SUPERSEDED, tracking="T1").end()
    text = report_text(summarise(log.path))
    assert "Rows       2: 1 updated, 1 superseded\n" in text
    assert (
        "\nSuperseded: overtaken by a later row or a later status of the order\n"
        "  line 3: order 1, Dispatched (8), T1\n"
    ) in text
    log.run(30)
    for order in range(2, 24):
        log.row(str(order), Outcome.SUPERSEDED)
    text = report_text(summarise(log.end().path))
    assert "\n  … and 3 more; --rows FILE.csv lists them all\n" in text


def test_a_file_that_did_not_finish_may_be_the_wrong_one(log: Log) -> None:
    log.run(3).row("1").end("interrupted")
    assert "wrong file" not in report_text(summarise(log.path))
    log.run(2, "bb", "other.csv").row("8").end("interrupted")
    steps = report_text(summarise(log.path)).splitlines()[-2:]
    assert steps[0].strip() == f"if {log.path.with_name('other.csv')} was the wrong file:"
    own = log.path.with_name("today.csv")
    assert steps[1].strip() == command_line("bulkstatus", "resume", log.path, own)


@pytest.mark.parametrize(
    ("http_status", "uncertain", "expected"),
    [
        (500, False, "The API could not do it in 2 attempts: busy"),
        (
            502,
            True,
            "No answer to rely on after 2 attempts: busy. "
            "The order may have been changed all the same.",
        ),
        (None, False, "No answer to rely on after 2 attempts: busy"),
    ],
)
def test_a_row_that_failed_says_whether_there_was_an_answer(
    http_status: int | None, uncertain: bool, expected: str
) -> None:
    failed = failure(
        "busy",
        outcome=Outcome.FAILED,
        http_status=http_status,
        uncertain=uncertain,
        attempts=2,
    )
    assert reason(failed) == expected
