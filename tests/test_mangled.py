"""Identifiers that a spreadsheet or an export has damaged are recognised, whole ones are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.mangled import _ANY, WHOLE, how_mangled, why_no_tracking

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
    "is a formula": "=B2|=VLOOKUP(A1,B:C,2)|=00123|=+B2|@SUM(A1)|+SUM(A1:A2)",
    "blank or a line break": "&#xD;1Z|1Z003&nbsp;|_x000D_1Z003|1Z003\\\\r\\\\n|1Z003<br/>|a&#10;",
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


# Texts in a column of trackings: why it is not one, and which ones are.
NO_TRACKING = {
    "stands for none": "0|00|0000000000|-|--|\u2013|?|x|XX|*|.|/|_|- -|x/x",
    "more than one number": "1Z003 / 1Z004|1Z003\n1Z004|1Z003, 1Z004|1Z003;1Z004|1Z003 & 1Z004"
    "|1Z003+1Z004|1Z003 and 1Z004|1Z003 - 1Z004|1Z003 1Z004|1Z003/1Z004|12345678 12345679"
    "|12345678/12345679|1Z003\r\n1Z004\r\n1Z005",
}
TRACKING = (
    "1|H1|ABC|BY HAND|1Z 999 AA1 01 2345 6784|1234 5678 9012|1234567 7654321|AB12 CD34|JD 01 0002"
    "|RR 123 456 785 GB|0001|3165671600-PSTEST4|2026/11/00045|JJD-0002/1|A & B 7"
)


@pytest.mark.parametrize(
    ("text", "word"),
    [(text, word) for word, texts in NO_TRACKING.items() for text in texts.split("|")],
)
def test_what_is_not_one_tracking_number_is_told(text: str, word: str) -> None:
    assert word in (why_no_tracking(text) or "")


@pytest.mark.parametrize("text", TRACKING.split("|"))
def test_one_tracking_number_is_left_alone(text: str) -> None:
    assert why_no_tracking(text) is None


@given(st.from_regex(WHOLE, fullmatch=True))
def test_only_zeros_are_whole_and_no_tracking_number(text: str) -> None:
    assert (why_no_tracking(text) is None) == bool(text.strip("0"))
