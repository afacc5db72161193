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
    (["ABCDE", "FGHIJ"] * 10 + ["Totale"], "Totale", True),
    (["ABCDE", "FGHIJ"] * 10 + ["合計"], "合計", True),
    (["abcde", "fghij"] * 10 + ["Totale"], "Totale", False),
    ([*LETTERS, "20"], "20", False),
    ([*LETTERS, "Total 20"], "Total 20", True),
    # Fewer others do for one alone at an edge, which in small files a number is not.
    ([*NUMBERS[:9], "Total"], "Total", True),
    ([*NUMBERS[:8], "Total"], "Total", True),
    ([*NUMBERS[:7], "Total"], "Total", False),
    (["Total:9", *CODES[:9]], "Total:9", True),
    ([*NUMBERS[:9], "A1"], "A1", False),
    ([*NUMBERS[:9], "Total", "Anna"], "Anna", True),
    ([*NUMBERS[:9], "Total", "Anna"], "Total", True),
    (["Number", *NUMBERS[:9], "Total", "Anna"], "Number", True),
    (["Number", *NUMBERS[:9], "Total", "60", "Anna"], "Total", True),
    (["Number", *NUMBERS[:9], "Total", *NUMBERS[9:12], "Anna"], "Anna", False),
    ([*NUMBERS[:9], *LETTERS[:5]], "abc", False),
    # A number of at most half as many digits as most are long, of a letter and digits or not.
    ([*NUMBERS, "60"], "60", True),
    ([*NUMBERS, "6014"], "6014", True),
    ([*NUMBERS, "60144"], "60144", False),
    ([*NUMBERS[:9], "60"], "60", True),
    (["60", *NUMBERS[:9]], "60", True),
    ([*NUMBERS[:8], "60"], "60", True),
    ([*NUMBERS[:7], "60"], "60", False),
    ([*NUMBERS[:8], "60", NUMBERS[8]], "60", False),
    ([*NUMBERS[:9], "614020", "60"], "60", False),
    ([*NUMBERS * 3, "614020", "60"], "60", True),
    ([*NUMBERS[:9], "60", "Total"], "60", True),
    ([*CODES, "20"], "20", False),
    ([f"AB{n}" for n in NUMBERS] + ["20"], "20", True),
    ([f"AB{n}" for n in NUMBERS] + ["201001"], "201001", False),
    ([*(str(1001 + n) for n in range(20)), "7"], "7", False),
    (["99999998", "99999999", *(f"{n}" for n in range(10**8, 10**8 + 9)), "11"], "11", True),
    # Numbers from 1 on are all IDs, and so are those of any lengths.
    ([str(n) for n in range(1, 1000)], "1", False),
    ([str(n) for n in range(1, 10_000)], "1", False),
    ([str(n) for n in range(1, 100)], "1", False),
    ([*NUMBERS, *(str(7**n) for n in range(20))], "7", False),
]


@pytest.mark.parametrize("lot", [100, 1])
@pytest.mark.parametrize(("order_ids", "asked", "is_odd"), CASES)
def test_one_of_another_kind_is_no_order(
    order_ids: list[str], asked: str, is_odd: bool, lot: int
) -> None:
    alike = Alike("order_id", few=8)
    for start in range(0, len(order_ids), lot):
        alike.look(order_ids[start : start + lot], (start + 1, start + lot))
    place = order_ids.index(asked) + 1
    is_refused, reason = alike.why_odd(asked)
    assert is_refused == bool(reason) == is_odd
    assert not reason or f'"{asked}"' in reason
    assert not is_odd or any(first <= place <= last for first, last in alike.spans())


@pytest.mark.parametrize(("more", "is_odd"), [([], False), (NUMBERS[:1], True)])
def test_in_the_middle_of_a_file_one_in_twenty_counts(more: list[str], is_odd: bool) -> None:
    alike = Alike("order_id", few=8)
    alike.look([*NUMBERS[:9], "Anna", *NUMBERS[9:18]], (1, 19))
    if more:
        alike.look(more, (20, 20))
    assert alike.why_odd("Anna")[0] == is_odd


@pytest.mark.parametrize("in_log", [0, 3])
def test_the_others_may_stand_in_the_log(in_log: int) -> None:
    alike = Alike("order_id", few=8)
    alike.look(["Anna", "60"], (1, 2))
    alike.look(NUMBERS * in_log)
    assert alike.why_odd("Anna")[0] == alike.why_odd("60")[0] == (in_log > 0)
    assert set(alike.spans()) == ({(1, 2)} if in_log else set())


def test_a_count_is_of_the_rows_of_the_file_whatever_is_in_the_log() -> None:
    alike = Alike("order_id", few=8)
    alike.look(["10004"], (1, 1))
    alike.look(["10005", "2"], (2, 3))
    alike.look(["10001", "10002", "10003"])
    assert alike.spans() == [(2, 3)]
    assert alike.why_odd("2")[0]


def test_short_numbers_may_be_meant() -> None:
    alike = Alike("order_id", few=8, odd_ids=True)
    alike.look([*NUMBERS, "60", "Anna"], (1, 21))
    assert not alike.why_odd("60")[0]
    assert alike.why_odd("Anna")[0]


PARCELS = [f"H{n}YA" for n in range(1, 9)]


@pytest.mark.parametrize(
    ("trackings", "asked", "is_odd"),
    [
        (["H1", "collected", "H2"], "collected", True),
        ([*PARCELS, "per Post"], "per Post", True),
        ([*PARCELS[:4], "collected", *PARCELS[4:], "per Post", "ABHOLUNG"], "ABHOLUNG", True),
        ([*PARCELS[:3], "collected", "abgeholt"], "collected", True),
        # Where as many have none nobody knows what they are; numbers may be of any length.
        ([*PARCELS[:2], "collected", "abgeholt"], "collected", False),
        (["H1", "collected"], "collected", False),
        ([*PARCELS, "60", "H 1"], "60", False),
        ([*PARCELS, "60", "H 1"], "H 1", False),
    ],
)
def test_a_word_is_no_tracking_among_those_that_have_digits(
    trackings: list[str], asked: str, is_odd: bool
) -> None:
    alike = Alike("tracking", few=2)
    alike.look(trackings, (1, len(trackings)))
    assert alike.why_odd(asked)[0] == is_odd
    assert bool(alike.spans()) == is_odd
