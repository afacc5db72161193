"""Identifiers that a spreadsheet or an export has damaged are recognised, whole ones are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.mangled import _ANY, WHOLE, how_mangled

DAMAGED = {
    "scientific": ["4.61402E+07", "4,61402E+07", "4.6e7", "1E+15", "1e-05", "-4.6E+07"],
    "decimal fraction": ["46140204.0", "46140204,00", "8.0", "-1.0"],
    "thousands": ["46,140,204", "46.140.204", "46'140'204", "46\u00a0140\u00a0204", "46\u202f140"],
    "date": [
        "12-May",
        "12-may-26",
        "12. Mai",
        "May-26",
        "Dec 2026",
        "1 mrt 2026",
        "23/11/2026",
        "11/23/26",
        "23.11.2026 17:30",
        "23-11-2026",
        "2026-11-23",
        "2026-11-23 00:00:00",
        "2026-11-23T17:31:02Z",
        "17:30",
        "05:30:00 pm",
    ],
    "formula": [
        "#N/A",
        "#n/a",
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "#NAME?",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#NV",
        "#BEZUG!",
        "#WERT!",
        "#GETTING_DATA",
        "########",
    ],
    "missing value": [
        "nan",
        "NaN",
        "NULL",
        "(null)",
        "<NA>",
        "None",
        "n/a",
        "undefined",
        "TRUE",
        "\\N",
        "-",
        "--",
        "\u2013",
        "inf",
        "FALSCH",
    ],
    "apostrophe": ["'46140204", "\u201c46140204\u201d", "`x`", '"H1"', '"H1', 'H1"'],
}
SOUND = [
    "46140204",
    "3165671600-PSTEST4",
    "8679131463FC8D18",
    "1E5",
    "12E5",
    "ORD-1001",
    "ORD-2026-0001",
    "#1001",
    "2026/11/00045",
    "1.2",
    "1001.2",
    "1,2",
    "12-34-5678",
    "99/99/2026",
    "MAR-1001",
    "MAY",
    "JD0002123456789",
    "1Z 999 AA1 01 2345 6784",
    "0012345",
    "Å-1",
    "nanny",
    "NULL-1",
    "A-B",
    "1-1",
    "../x?y#z",
]


@pytest.mark.parametrize(
    ("text", "word"), [(text, word) for word, texts in DAMAGED.items() for text in texts]
)
def test_damage_is_named(text: str, word: str) -> None:
    reason = how_mangled(text)
    assert reason is not None
    assert word in reason


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_identifier_is_left_alone(text: str) -> None:
    assert how_mangled(text) is None


@given(st.from_regex(WHOLE, fullmatch=True))
def test_what_is_whole_beyond_doubt_fits_no_form_of_damage(text: str) -> None:
    assert _ANY.fullmatch(text) is None
    assert text.isascii()
