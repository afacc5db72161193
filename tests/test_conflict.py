"""What the rows of one order mean together, as a table."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.conflict import Fate, judge_order
from bulkstatus.order import SEQUENCE, OrderStatus, StatusUpdate

A = "46140204"


def update(text: str) -> StatusUpdate:
    """ "8 T1" is Dispatched with the tracking T1."""
    code, _, tracking = text.partition(" ")
    return StatusUpdate(A, OrderStatus(int(code)), tracking or None)


def fates(rows: str, updated: str = "", superseded: str = "", last_wins: bool = False) -> str:
    """Judge rows written as "512, 8 T1" and return the initials of their fates."""
    numbered = [(line, update(text)) for line, text in enumerate(rows.split(", "), 2)]
    decisions = judge_order(
        numbered,
        [update(text) for text in updated.split(", ") if text],
        {update(text) for text in superseded.split(", ") if text},
        last_wins=last_wins,
    )
    names = {
        Fate.SEND: "send",
        Fate.DONE: "done",
        Fate.DUPLICATE: "duplicate",
        Fate.SUPERSEDED: "superseded",
        Fate.CONFLICT: "conflict",
    }
    return ", ".join(names[decisions[line].fate] for line, _ in numbered)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("8 T1", "send"),
        ("8 T1, 8 T1, 8 T1", "send, duplicate, duplicate"),
        ("512, 513, 515, 516, 8, 64", "send, send, send, send, send, send"),
        ("515, 8 T1, 515", "send, send, duplicate"),
        ("8, 515", "conflict, conflict"),
        ("515, 64, 8", "conflict, conflict, conflict"),
        ("8, 128", "conflict, conflict"),
        ("128, 8", "conflict, conflict"),
        ("256, 8", "conflict, conflict"),
        ("32, 512", "conflict, conflict"),
        ("128, 128", "send, duplicate"),
        ("8 T1, 8 T2", "conflict, conflict"),
        ("8 T1, 8", "conflict, conflict"),
        ("8, 8 T1", "conflict, conflict"),
        ("515 T1, 8 T2", "send, send"),
        ("8 T1, 8 T1, 128", "conflict, duplicate, conflict"),
    ],
)
def test_fresh_rows(rows: str, expected: str) -> None:
    assert fates(rows) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("8 T1, 8 T2", "superseded, send"),
        ("8 T1, 8", "superseded, send"),
        ("8 T1, 8 T2, 8 T1", "send, superseded, duplicate"),
        ("515 T1, 515 T2, 8 T2", "superseded, send, send"),
        ("8 T1, 64, 8 T2", "conflict, conflict, conflict"),
        ("8 T1, 8 T2, 128", "conflict, conflict, conflict"),
        ("8, 128", "conflict, conflict"),
    ],
)
def test_the_last_tracking_counts_when_asked_for(rows: str, expected: str) -> None:
    assert fates(rows, last_wins=True) == expected


@pytest.mark.parametrize(
    ("rows", "updated", "expected"),
    [
        ("8 T1", "8 T1", "done"),
        ("8 T1, 8 T1", "8 T1", "done, duplicate"),
        ("512, 513", "513", "superseded, done"),
        ("512", "8 T1", "superseded"),
        ("512, 513, 515", "512", "done, send, send"),
        ("64", "8 T1", "send"),
        ("8 T2", "8 T1", "conflict"),
        ("8 T1, 8 T2", "8 T1", "done, conflict"),
        ("128", "8 T1", "conflict"),
        ("8", "128", "conflict"),
        ("8", "256", "conflict"),
        ("128", "128", "done"),
        ("512, 128", "8", "superseded, conflict"),
        ("513, 512", "", "conflict, conflict"),
    ],
)
def test_rows_beside_what_the_log_says_is_done(rows: str, updated: str, expected: str) -> None:
    assert fates(rows, updated) == expected


@pytest.mark.parametrize(
    ("rows", "updated", "superseded", "expected"),
    [
        ("8 T2", "8 T1", "", "send"),
        ("8 T1, 8 T2", "8 T2", "8 T1", "done, done"),
        ("8 T1, 8 T2", "8 T2", "", "superseded, done"),
        ("8 T1", "", "8 T1", "send"),
        ("8 T2, 8 T1", "8 T2", "", "done, send"),
    ],
)
def test_the_last_tracking_counts_on_a_resume(
    rows: str, updated: str, superseded: str, expected: str
) -> None:
    assert fates(rows, updated, superseded, last_wins=True) == expected


def test_superseded_rows_of_a_done_order_are_not_judged_again() -> None:
    assert fates("8 T1, 8 T2", "8 T2", "8 T1") == "done, done"


def test_duplicates_in_the_log_are_not_logged_again() -> None:
    rows = [(line, update("8 T1")) for line in (2, 3, 4)]
    decisions = judge_order(rows, duplicates=Counter({update("8 T1"): 1}))
    assert [decisions[line].fate for line in (2, 3, 4)] == [Fate.SEND, Fate.DONE, Fate.DUPLICATE]


def test_a_conflict_names_both_lines_and_both_statuses() -> None:
    decisions = judge_order([(3, update("8 T1")), (7, update("128"))])
    assert decisions[3].reason == decisions[7].reason
    for word in (A, "line 3", "line 7", "Dispatched", "Cancelled"):
        assert word in decisions[3].reason


def test_a_tracking_conflict_names_the_way_out() -> None:
    reason = judge_order([(3, update("8 T1")), (7, update("8"))])[3].reason
    for word in ('"T1"', "none", "line 3", "line 7", "--on-conflict last"):
        assert word in reason


_updates = st.builds(
    StatusUpdate, st.just(A), st.sampled_from(OrderStatus), st.sampled_from([None, "T1", "T2"])
)


@given(st.lists(_updates, min_size=1, max_size=6), st.booleans())
def test_what_is_sent_of_one_order_only_ever_moves_forward(
    updates: list[StatusUpdate], last_wins: bool
) -> None:
    decisions = judge_order(list(enumerate(updates)), last_wins=last_wins)
    assert sorted(decisions) == list(range(len(updates)))
    sent = [row for line, row in enumerate(updates) if decisions[line].fate is Fate.SEND]
    if len(sent) > 1:
        steps = [SEQUENCE.index(row.status) for row in sent]
        assert steps == sorted(set(steps))
    if any(decision.fate is Fate.CONFLICT for decision in decisions.values()):
        assert not sent
