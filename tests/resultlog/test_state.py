"""What the records of a log say together, as a table of histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog import LogState
from bulkstatus.resultlog.state import Content, Matched, UpdatedRows


def result(text: str) -> Result:
    """ "7 A:8:T1 failed" is a record of line 7."""
    line, content, outcome = text.split()
    order_id, status, tracking = [*content.split(":"), "", ""][:3]
    return Result(
        int(line),
        order_id,
        int(status) if status else None,
        tracking or None,
        Outcome(outcome),
        0.0,
    )


@pytest.mark.parametrize(
    ("history", "counts"),
    [
        ("2 A:8 updated", {"updated": 1}),
        ("2 A:8 failed; 2 A:8 updated", {"updated": 1}),
        ("2 A:8 failed; 9 A:8 rejected; 3 A:8 updated", {"updated": 1}),
        ("2 A:8 failed; 2 A:8 rejected", {"rejected": 1}),
        ("2 A:8 updated; 2 A:8 failed", {"updated": 1}),
        ("2 A:8 updated; 3 A:8 duplicate; 4 A:8 duplicate", {"updated": 1, "duplicate": 2}),
        ("2 A:8:T1 updated; 3 A:8:T2 failed", {"updated": 1, "failed": 1}),
        ("2 A:512 failed; 3 A:513 updated; 2 A:512 superseded", {"updated": 1, "superseded": 1}),
        ("2 A:8 rejected; 2 A:8 withdrawn", {"withdrawn": 1}),
        ("2 :8 invalid; 3 :8 invalid; 4 :8 invalid", {"invalid": 3}),
        ("2 :8 invalid; 3 :8 invalid; 3 :8 withdrawn", {"invalid": 1, "withdrawn": 1}),
        ("2 :8 invalid; 2 :8 invalid", {"invalid": 1}),
        ("2 A:8 invalid; 9 A:8 invalid; 2 A:8 updated", {"updated": 1}),
        ("2 A: invalid; 2 A:8 updated", {"updated": 1, "invalid": 1}),
        ("2 A:8 failed; 2 A:8 withdrawn; 5 A:8 updated", {"updated": 1}),
    ],
)
def test_counts_go_by_the_latest_record_of_each_row(history: str, counts: dict[str, int]) -> None:
    read, counted = LogState(), LogState()
    for text in history.split("; "):
        read.read(result(text))
    assert read.counts() == counts
    # A run counts its own new records without remembering them: the last one after the others.
    *before, last = history.split("; ")
    for text in before:
        counted.read(result(text))
    if not last.endswith("failed") or "updated" not in history:
        counted.count([result(last)])
        assert counted.counts() == counts


def dispatched(order_id: str, tracking: str | None = None) -> StatusUpdate:
    return StatusUpdate(order_id, OrderStatus.DISPATCHED, tracking)


class TestUpdatedRows:
    def test_a_row_is_matched_by_its_whole_content(self) -> None:
        rows = UpdatedRows()
        rows.add("A", 8, "T1")
        assert Content("A", 8, "T1") in rows
        assert Content("A", 8, None) not in rows
        assert Content("A", 64, "T1") not in rows
        assert Content("B", 8, "T1") not in rows

    def test_match_tells_the_first_time_from_the_next(self) -> None:
        rows = UpdatedRows()
        rows.add("A", 8, "T1")
        first, second = dispatched("A", "T1"), dispatched("A", "T2")
        unknown = dispatched("B", "T1")
        assert rows.match([first, first, unknown]) == Matched([unknown], 1, [first])
        assert rows.match([first, second]) == Matched([], 0, [first, second])
        assert Content("A", 8, "T1") in rows
        assert rows.of("A") == [Content("A", 8, "T1")]

    def test_match_keeps_orders_apart_that_share_a_hash(self) -> None:
        # Texts of one hash cannot be found, so the entry of one order is put where another's is.
        rows = UpdatedRows()
        rows.add("A", 8, None)
        rows._rows[hash("B")] = rows._rows.pop(hash("A"))
        assert rows.match([dispatched("B")]) == Matched([dispatched("B")], 0, [])

    def test_several_rows_of_one_order(self) -> None:
        rows = UpdatedRows()
        for status in (512, 513, 512):
            rows.add("A", status, None)
        assert len(rows) == 2
        assert rows.of("A") == [Content("A", 512, None), Content("A", 513, None)]
        received = StatusUpdate("A", OrderStatus(512))
        assert rows.match([received]) == Matched([], 0, [received])
        assert Content("A", 513, None) in rows

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["A", "B", "A\u00a0B"]),
                st.sampled_from([8, 64]),
                st.sampled_from([None, "T", "T\t8\tT", "A\t8\tT", "\t"]),
            )
        )
    )
    def test_it_is_a_set_of_contents(self, added: list[tuple[str, int, str | None]]) -> None:
        rows = UpdatedRows()
        for row in added:
            rows.add(*row)
        assert len(rows) == len(set(added))
        for order in ("A", "B", "A\u00a0B"):
            assert rows.of(order) == list(
                dict.fromkeys(Content(*r) for r in added if r[0] == order)
            )
        for row in added:
            assert Content(*row) in rows
