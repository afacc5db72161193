"""What the rows of one order mean together, as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.conflict import Claim, Decision, Fate, Place, judge_order
from bulkstatus.order import SEQUENCE, OrderStatus, StatusUpdate

A = "46140204"


def updates(text: str) -> dict[StatusUpdate, Place]:
    """Return the updates of "512, *8 T1": a status and a tracking each.

    "*" stands for another log's, and "**" for one of which the row was given later.
    """
    found = {}
    for row in text.split(", ") if text else ():
        code, _, after = row.lstrip("*").partition(" ")
        update = StatusUpdate(A, OrderStatus(int(code)), after or None)
        found[update] = Place("monday.results.jsonl" if "*" in row else "", "**" in row)
    return found


def rows_of(text: str) -> list[StatusUpdate]:
    return [update for row in text.split(", ") for update in updates(row)]


def judged(
    rows: list[StatusUpdate], updated: dict[StatusUpdate, Place], last_wins: bool
) -> list[Decision]:
    claims = [Claim(n, n + 1, row) for n, row in enumerate(rows, 1)]
    decisions = judge_order(claims, updated, last_wins)
    assert sorted(decisions) == [claim.n for claim in claims]
    return [decisions[claim.n] for claim in claims]


# The file's rows | what is known to be updated | the fates of the former, and with
# --on-conflict last where these are others.
FATES = """
8 T1 | | send
8 T1, 8 T1, 8 T1 | | send, duplicate, duplicate
512, 513, 515, 516, 8, 64 | | send, send, send, send, send, send
515, 8 T1, 515 | | send, send, duplicate
8, 515 | | conflict, conflict
515, 64, 8 | | conflict, conflict, conflict
8, 128 | | conflict, conflict
128, 8 | | conflict, conflict
32, 512 | | conflict, conflict
128, 128 | | send, duplicate
8 T1, 8 T2 | | conflict, conflict | superseded, send
8 T1, 8 T2, 8 T1 | | conflict, conflict, duplicate | send, superseded, duplicate
8, 8 T1 | | duplicate, send
8 T1, 8 | | send, duplicate
515 T1, 8 T2 | | send, send
515 T1, 515 T2, 8 T2 | | conflict, conflict, conflict | superseded, send, send
8 T1, 8 T1, 128 | | conflict, duplicate, conflict
8 T1, 64, 8 T2 | | conflict, conflict, conflict
8 T1, 8 T2, 128 | | conflict, conflict, conflict
8 T1, 8 T1 | 8 T1 | done, duplicate
512, 513 | 513 | superseded, done
512 | 8 T1 | superseded
512 | 515, 8, 516 | superseded
512, 513, 515 | 512 | done, send, send
64 | 8 T1 | send
8 | 8 T1 | done
8 T1 | 8 | conflict | send
8 T2 | 8 T1 | conflict | send
8 T1, 8 T2 | 8 T1 | done, conflict | done, send
8 T1, 8 T2 | 8 T2 | conflict, done | superseded, done
8 T1, 8 T2 | 8 T2, 8 T1 | done, done
128 | 8 T1 | conflict
8 | 128 | conflict
8 | 256 | conflict
128 | 128 | done
512, 128 | 8 | superseded, conflict
8 T1 | *8 T1 | duplicate
8 | *8 T1 | duplicate
8 T1, 8 T1 | *8 T1 | duplicate, duplicate
512, 513 | *512 | duplicate, send
64 | *8 T1 | send
8 T2 | *8 T1 | conflict | send
8 T1 | *8 | conflict | send
128 | *8 T1 | conflict
8 | *128 | conflict
512 | *8 T1 | conflict
512, 8 T1 | *8 T1 | conflict, duplicate
512 | 513, *8 | superseded
513, 8 | 512, *513 | duplicate, send
8 T1 | 8 T1, *512 | done
8 T1 | **8 T2 | conflict | superseded
8 T1 | **8 | conflict | send
64 | **8 T1 | send
8 | *256 | send
8 | *32, *512 | send
512 | *256 | send
128 | *256 | send
256 | *32 | send
128 | *512 | send
256 | *513 | send
128 | *515 | conflict
256 | *8 T1 | conflict
32 | *64 | conflict
8 | *128, *256 | conflict
8 | **256 | conflict
128 | **512 | conflict
8 | 256, *256 | send
"""


@pytest.mark.parametrize("row", FATES.strip().splitlines())
def test_the_fates_of_an_orders_rows(row: str) -> None:
    rows, updated, *fates = [part.strip() for part in row.split("|")]
    for last_wins, wanted in ((False, fates[0]), (True, fates[-1])):
        decisions = judged(rows_of(rows), updates(updated), last_wins)
        assert ", ".join(decision.fate.name.lower() for decision in decisions) == wanted
        for decision in decisions:
            told = decision.fate in {Fate.CONFLICT, Fate.SUPERSEDED} or bool(decision.place)
            assert bool(decision.reason) == told
            assert not decision.place or decision.fate is Fate.DUPLICATE


@pytest.mark.parametrize(
    ("rows", "updated", "pieces"),
    [
        ("8 T1, 128", "", [A, "line 2", "line 3", "Dispatched", "Cancelled"]),
        ("8 T1", "*128", [A, "Cancelled", "(monday.results.jsonl)", "--look-back 0"]),
        ("8 T1, 8 T2", "", [A, '"T1"', '"T2"', "line 2", "line 3", "--on-conflict last"]),
        ("128", "*8 T1", [A, "Dispatched", "(monday.results.jsonl)", "Cancelled", "line 2"]),
        ("8 T1", "8", [A, '"T1"', "none", "the result log", "line 2", "--on-conflict last"]),
    ],
)
def test_a_conflict_names_both_places_and_what_stands_there(
    rows: str, updated: str, pieces: list[str]
) -> None:
    (reason,) = {decision.reason for decision in judged(rows_of(rows), updates(updated), False)}
    assert [piece for piece in pieces if piece not in reason] == []


any_update = st.builds(
    StatusUpdate, st.just(A), st.sampled_from(OrderStatus), st.sampled_from([None, "T1", "T2"])
)


@given(st.lists(any_update, min_size=1, max_size=6), st.booleans())
def test_what_is_sent_of_one_order_only_ever_moves_forward(
    rows: list[StatusUpdate], last_wins: bool
) -> None:
    fates = [decision.fate for decision in judged(rows, {}, last_wins)]
    sent = [row for row, fate in zip(rows, fates, strict=True) if fate is Fate.SEND]
    if len(sent) > 1:
        steps = [SEQUENCE.index(row.status) for row in sent]
        assert steps == sorted(set(steps))
    assert not (sent and Fate.CONFLICT in fates)
