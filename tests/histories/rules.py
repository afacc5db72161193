"""What holds after every step: the log, the API's own record and the report say the same."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bulkstatus.job import Ended
from tests.histories.log_reader import TO_SEND, Content, Told
from tests.histories.server import Server

CANCELLED = 128
SEQUENCE = [512, 513, 515, 516, 8, 64]
FAILURES = ("rejected", "failed", "invalid")


def statuses(told: Told, rows: Iterable[int]) -> Counter[str]:
    return Counter(str(told.rows[n]["status"]) for n in rows)


def _contents(rows: Iterable[tuple[str, str, str]]) -> list[Content]:
    """The rows of a file that can be sent, the same one once."""
    valid = [(o, int(s), t or None) for o, s, t in rows if s != "9" and (not t or s != "128")]
    tracked = {(order, status) for order, status, tracking in valid if tracking}
    return list(dict.fromkeys(c for c in valid if c[2] or c[:2] not in tracked))


def _mixed(contents: Iterable[Content]) -> set[str]:
    """The orders that are to be cancelled and something else at once."""
    asked: dict[str, set[int | None]] = {}
    for order, status, _ in contents:
        asked.setdefault(order, set()).add(status)
    return {order for order, all_of in asked.items() if CANCELLED in all_of and len(all_of) > 1}


def check_refused(
    name: str, error: object, before: Told, after: Told, server: Server, text: bytes, log: Path
) -> None:
    """A refusal sends nothing and leaves the log as it was, but for what a crash left of it."""
    assert not server.lately, error
    assert (after.rows, after.latest, after.unseen) == (before.rows, before.latest, before.unseen)
    if log.exists():
        assert text.startswith(log.read_bytes())


def check_step(
    before: Told,
    after: Told,
    server: Server,
    file: list[tuple[str, str, str]] | None,
    limit: int | None,
) -> None:
    """A run, with a file or with the log's own rows, did what it may and nothing else."""
    assert {n: after.rows[n] for n in before.rows} == before.rows
    sent = [put.content for put in server.lately]
    ran = len(after.runs) > len(before.runs)
    due = after.due if ran else set()
    asked = {after.content(n): n for n in due}
    assert len(asked) == len(due)
    assert set(sent) <= asked.keys()
    # What is done is not sent again, nor what does not go with it.
    done = before.done()
    assert not done & set(sent)
    for order, status, _ in sent:
        for other, reached, _ in done:
            if order == other:
                assert reached in SEQUENCE
                assert status in SEQUENCE
                assert SEQUENCE.index(reached) <= SEQUENCE.index(status)
    # The statuses of an order arrive in the order of the sequence, also those sent again.
    last: dict[str, int] = {}
    for order, status, _ in sent:
        step = SEQUENCE.index(status) if status in SEQUENCE else -1
        assert step >= last.get(order, step)
        last[order] = step
    open_rows = before.contents(TO_SEND, "rejected", "failed")
    if file is None:
        assert set(after.rows) == set(before.rows)
        wanted = open_rows
    else:
        wanted = set(_contents(file)) - done
        _check_file(before, after, file, wanted if limit is None else set())
    mixed = _mixed(wanted)
    assert not mixed & {order for order, _, _ in sent}
    if due or not before.runs:
        assert set(asked) <= wanted
    # Each request that left was counted.
    counted = Counter(asked[content] for content in sent)
    for n, result in after.answered.items() if ran else ():
        assert result["attempts"] >= counted[n]
    _check_truth(after, server)


def _check_file(
    before: Told, after: Told, file: list[tuple[str, str, str]], wanted: set[Content]
) -> None:
    """Every row of the file is in the log; what is not in the file is withdrawn or left.

    What is `wanted` is one that can be sent.
    """
    if len(after.runs) == len(before.runs):
        return
    there = {after.content(n) for n in after.rows}
    done = before.done()
    shipped = {content[:2] for content in done if content[2]}
    for order, status, tracking in file:
        code = None if status == "9" else int(status)
        content = (order, code, tracking or None)
        assert content in there or (not tracking and (order, code) in shipped), content
    # What stands alone in the file, and for its order alone, can be sent: it is or will be.
    asked = Counter(order for order, _, _ in _contents(file))
    for content in wanted:
        if asked[content[0]] == 1 and content[0] not in {order for order, _, _ in done}:
            there_is = {after.state(n) for n in after.rows if after.content(n) == content}
            assert there_is & {TO_SEND, "updated", "rejected", "failed"}, content
    if not before.runs:
        assert list(after.rows) == list(range(1, len(file) + 1))
        assert [row["line"] for row in after.rows.values()] == list(range(2, len(file) + 2))
    sent_or_due = {after.content(n) for n in after.due}
    in_file = {(o, None if s == "9" else int(s), t or None) for o, s, t in file}
    for n in before.rows:
        if before.content(n) in in_file:
            continue
        assert n not in after.due
        if before.state(n) == TO_SEND:
            # Never sent: it stays. What may have been sent is said to be so.
            assert after.state(n) == TO_SEND or (n in before.unseen and n in after.unseen)
        elif before.state(n) in FAILURES:
            assert after.state(n) == "withdrawn"
        else:
            assert after.state(n) == before.state(n)
    assert not sent_or_due - in_file


def _check_truth(told: Told, server: Server) -> None:
    """What the log says of a row is what the API knows of it."""
    applied = {put.content for put in server.puts if put.applied}
    confirmed = {put.content for put in server.puts if put.answer == "updated"}
    refused = {put.content for put in server.puts if put.answer == "refused"}
    assert told.contents("updated") <= confirmed
    assert told.contents("rejected") <= refused
    unseen = {told.content(n) for n in told.unseen}
    assert applied <= told.contents("updated") | unseen
    assert {content[0] for content in applied} <= told.perhaps() | told.orders(
        told.in_state("updated")
    )


def check_ended(ended: Ended, told: Told) -> None:
    """The exit status is that of the table, and the counts are the log's."""
    counts = told.counts()
    assert {str(outcome): n for outcome, n in ended.counts.items()} == dict(counts)
    assert ended.rows == len(told.rows)
    to_send = len(told.in_state(TO_SEND))
    failed = any(counts[outcome] for outcome in FAILURES)
    status = ended.ending.exit_status
    if ended.ran:
        end = told.ends[-1]
        assert end is not None
        assert (end["reason"], end["message"]) == (ended.ending.reason, ended.ending.message)
        assert ended.to_send == to_send
    reasons = {0: "finished", 1: "finished", 3: "stopped", 4: "stopped", 130: "interrupted"}
    assert reasons[status] == ended.ending.reason
    if status in {0, 1}:
        assert (status, to_send) == (int(failed), 0)


def check_report(told: Told, report: dict[str, Any]) -> None:
    """The report says what the log says."""
    counts = {outcome: count for outcome, count in told.counts().items() if count}
    assert report["rows"] == len(told.rows) == sum(counts.values()) + report["to_send"]
    assert report["counts"] == counts
    by_status: Counter[str] = Counter()
    for status in report["by_status"].values():
        by_status.update(status)
    assert by_status == Counter({**counts, "to_send": report["to_send"]})
    end = told.ends[-1]
    assert report["state"] == ("broken off" if end is None else end["reason"])
    assert {result["n"] for result in report["failures"]} == told.in_state(*FAILURES)
    orders = report["orders"]
    touched = told.orders(told.in_state("updated"))
    assert orders["touched"] == len(touched)
    assert sorted(orders["perhaps_touched"]) == sorted(told.perhaps())
    rest = told.orders(set(told.rows)) - touched - told.perhaps()
    assert sorted(orders["untouched"]) == sorted(rest)


def check_end(told: Told, server: Server) -> None:
    """A log that got to its end on a good day has nothing left, and the API has what it says."""
    assert not told.in_state(TO_SEND, "failed", "rejected")
    now = {put.content[0]: put.content for put in server.puts if put.applied}
    unseen = told.orders(told.unseen)
    for n in told.in_state("updated"):
        order = told.rows[n]["order_id"]
        if order not in unseen:
            assert now[order] in told.contents("updated")
