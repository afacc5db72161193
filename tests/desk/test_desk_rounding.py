import pytest

from bulkstatus.rounding import RoundedColumn


@pytest.mark.parametrize(
    ("values", "example"),
    [
        ([], None),
        (["46140204", None, ""], None),
        (["123456789012345", "123456789012340"], None),
        (["1234567890123450000"], "1234567890123450000"),
        (["46140204", "1234567890123450000", None], "1234567890123450000"),
        (["1234567890123450000", "1234567890123450001"], None),
        (["1234567890123450001", "1234567890123450000"], None),
        (["H1234567890123450000"], None),
        # One number in ten ends in a zero.
        (["1234567890123450"], None),
        (["1234567890123450", "2234567890123450"], None),
        (["1234567890123450", "2234567890123450", "3234567890123450"], "1234567890123450"),
    ],
)
def test_a_column_looks_cut_off_when_all_its_long_numbers_end_in_zeros(
    values: list[str | None], example: str | None
) -> None:
    column = RoundedColumn()
    column.look(values)
    assert column.example == example


def test_a_column_may_be_looked_at_in_portions() -> None:
    column = RoundedColumn()
    for value in ("1234567890123450", "2234567890123450", "3234567890123450"):
        assert column.example is None
        column.look([value])
    assert column.example == "1234567890123450"
    column.look(["3234567890123451"])
    assert column.example is None
    column.look(["1234567890123450000"])
    assert column.example is None
