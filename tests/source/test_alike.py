"""Which rows are no orders, told by what the IDs of their file have in common."""

import pytest

from bulkstatus.source.alike import Alike

NUMBERS = [str(46140200 + n) for n in range(19)]
CODES = [f"AB-{n}" for n in range(19)]
LETTERS = ["abc", "xyz"] * 10

CASES: list[tuple[list[str], str, bool]] = [
    ([*NUMBERS, "Anna"], "Anna", True),
    ([*NUMBERS, "A1"], "A1", True),
    ([*NUMBERS[1:], "A1"], "A1", False),
    ([*NUMBERS, "1001", "A1", "A2"], "A1", False),
    ([*CODES, "Anna"], "Anna", True),
    ([*CODES, "AB 7"], "AB 7", True),
    ([*CODES, "Total:7"], "Total:7", True),
    ([*CODES, "20"], "20", False),
    ([*LETTERS, "20"], "20", False),
    ([*LETTERS, "Total 20"], "Total 20", True),
    # Fewer others do for one alone at an edge, which in small files a number is not.
    ([*NUMBERS[:9], "Total"], "Total", True),
    ([*NUMBERS[:8], "Total"], "Total", True),
    ([*NUMBERS[:7], "Total"], "Total", False),
    (["Total:9", *CODES[:9]], "Total:9", True),
    ([*NUMBERS[:9], "A1"], "A1", False),
    ([*NUMBERS[:9], "Total", "Anna"], "Anna", False),
]


@pytest.mark.parametrize("lot", [100, 1])
@pytest.mark.parametrize(("order_ids", "asked", "is_odd"), CASES)
def test_one_of_another_kind_is_no_order(
    order_ids: list[str], asked: str, is_odd: bool, lot: int
) -> None:
    alike = Alike(few=8)
    for start in range(0, len(order_ids), lot):
        alike.look(order_ids[start : start + lot], (start + 1, start + lot))
    place = order_ids.index(asked) + 1
    reason = alike.why_odd(asked, place in {1, len(order_ids)})
    assert bool(reason) == is_odd
    assert not reason or f'"{asked}"' in reason
    assert not is_odd or any(first <= place <= last for first, last in alike.spans())


def test_in_the_middle_of_a_file_one_in_twenty_counts() -> None:
    alike = Alike(few=8)
    alike.look([*NUMBERS[:18], "Anna"])
    assert alike.why_odd("Anna", is_edge=False) is None
    alike.look(NUMBERS[:1])
    assert alike.why_odd("Anna", is_edge=False)
