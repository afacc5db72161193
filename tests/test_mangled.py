"""Identifiers that a spreadsheet or an export has damaged are recognised, whole ones are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.mangled import _ANY, WHOLE, RoundedColumn, how_mangled

# What the reason names, and texts that were damaged so, parted by bars.
DAMAGED = {
    "scientific": "4.61402E+07|4,61402E+07|4.6e7|1E+15|1e-05|-4.6E+07",
    "decimal fraction": "46140204.0|46140204,00|-1.0",
    "thousands": "46,140,204|46.140.204|46'140'204|46\u00a0140\u00a0204|46\u202f140",
    "date": "12-May|12-may-26|12. Mai|May-26|Dec 2026|1 mrt 2026|23/11/2026|11/23/26"
    "|23.11.2026 17:30|23-11-2026|2026-11-23|2026-11-23 00:00:00|2026-11-23T17:31:02Z|17:30"
    "|05:30:00 pm",
    "formula": "#N/A|#n/a|#REF!|#VALUE!|#DIV/0!|#NAME?|#NUM!|#NULL!|#SPILL!|#NV|#BEZUG!|#WERT!"
    "|#GETTING_DATA|########",
    "missing value": "nan|NaN|NULL|(null)|<NA>|None|n/a|undefined|TRUE|\\N|-|--|\u2013|inf|FALSCH",
    "apostrophe": '\'46140204|\u201c46140204\u201d|`x`|"H1"|"H1|H1"',
}
SOUND = (
    "46140204|3165671600-PSTEST4|8679131463FC8D18|1E5|12E5|ORD-1001|ORD-2026-0001|#1001|1.2|1001.2"
    "|2026/11/00045|1,2|12-34-5678|99/99/2026|MAR-1001|MAY|JD0002123456789|0012345|\u00c5-1|nanny"
    "|1Z 999 AA1 01 2345 6784|NULL-1|A-B|1-1|../x?y#z"
)


@pytest.mark.parametrize(
    ("text", "word"), [(text, word) for word, texts in DAMAGED.items() for text in texts.split("|")]
)
def test_damage_is_named(text: str, word: str) -> None:
    assert word in (how_mangled(text) or "")


@pytest.mark.parametrize("text", SOUND.split("|"))
def test_a_sound_identifier_is_left_alone(text: str) -> None:
    assert how_mangled(text) is None


@given(st.from_regex(WHOLE, fullmatch=True))
def test_what_is_whole_beyond_doubt_fits_no_form_of_damage(text: str) -> None:
    assert _ANY.fullmatch(text) is None
    assert text.isascii()


@pytest.mark.parametrize(
    ("values", "example"),
    [
        ([], None),
        (["46140204", None, ""], None),
        (["123456789012345", "123456789012340"], None),
        (["46140204", "1234567890123450000", None], "1234567890123450000"),
        (["1234567890123450000", "1234567890123450001"], None),
        (["1234567890123450001", "1234567890123450000"], None),
        (["H1234567890123450000"], None),
        # One number in ten ends in a zero.
        (["1234567890123450", "2234567890123450"], None),
        (["1234567890123450", "2234567890123450", "3234567890123450"], "1234567890123450"),
    ],
)
def test_a_column_looks_cut_off_when_all_its_long_numbers_end_in_zeros(
    values: list[str | None], example: str | None
) -> None:
    at_once, in_portions = RoundedColumn(), RoundedColumn()
    at_once.look(values)
    for value in values:
        in_portions.look([value])
    assert at_once.example == in_portions.example == example
