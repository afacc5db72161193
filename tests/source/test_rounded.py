"""Numbers that a spreadsheet cut off are told from those that end in zeros by chance."""

import pytest

from bulkstatus.source.rounded import Rounded

FIVE = [f"94001118992231971974{n:02}" for n in range(11, 16)]
CUT = "9400111899223190000000"
HONEST = [f"{7**30 * n:019}"[:19] for n in range(1, 10_000)]
ENDING = "1234567890123450000"

CASES: dict[str, tuple[list[str], str, str]] = {
    "one of six": ([*FIVE, CUT], CUT, "refused"),
    "alone": ([CUT], CUT, "refused"),
    "none of it": ([*FIVE, CUT], FIVE[0], ""),
    "of 19 digits, alone": (["1", ENDING], ENDING, "refused"),
    "of 19 digits, one in ten thousand": ([*HONEST, ENDING], ENDING, "told"),
    "of 19 digits, seven in ten thousand": (
        [*HONEST, *(f"{n}23456789012345{'0' * 4}" for n in range(1, 8))],
        "123456789012345" + "0" * 4,
        "refused",
    ),
    "of 18 digits, alone": (["123456789012345000"], "123456789012345000", "told"),
    "of 16 digits, alone": (["1234567890123450"], "1234567890123450", ""),
    "of 16 digits, all of five": (
        [f"{n}234567890123450" for n in range(1, 6)],
        "1234567890123450",
        "refused",
    ),
    "of 16 digits, all the same": (["1234567890123450"] * 50, "1234567890123450", ""),
    "of 16 digits, one in ten": (
        [str(n) for n in range(10**15, 10**15 + 2000)],
        str(10**15 + 990),
        "",
    ),
    "of 15 digits": (["100000000000000"] * 50, "100000000000000", ""),
    "with letters": ([f"H{n}23456789012300000" for n in range(1, 9)], "H123456789012300000", ""),
}


@pytest.mark.parametrize("lot", [10_000, 1])
@pytest.mark.parametrize(("values", "asked", "fate"), CASES.values(), ids=list(CASES))
def test_what_chance_does_not_explain_is_refused(
    values: list[str], asked: str, fate: str, lot: int
) -> None:
    column = Rounded("tracking")
    for start in range(0, len(values), lot):
        column.look(values[start : start + lot], (start + 1, start + lot))
    is_refused, reason = column.why_odd(asked)
    assert (is_refused, bool(reason)) == (fate == "refused", fate != "")
    place = values.index(asked) + 1
    assert not reason or any(first <= place <= last for first, last in column.spans())


def test_the_log_is_counted_as_well() -> None:
    column = Rounded("tracking")
    column.look([ENDING], (1, 1))
    column.look(list(HONEST))
    assert column.why_odd(ENDING)[0] is False
