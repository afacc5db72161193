"""The rules of a row: the nine statuses, and what an order ID, a status and a tracking may be."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.order import (
    SEQUENCE,
    SHIPPING,
    InvalidRow,
    OrderStatus,
    StatusUpdate,
    parse_plain,
    parse_status,
    parse_update,
    unknown_status,
)

CODES = {
    8: "Dispatched",
    32: "QC Query",
    64: "Dispatched (Retailer Notified)",
    128: "Cancelled",
    256: "On Hold",
    512: "Sent to Supplier",
    513: "Received by Supplier",
    515: "Sent to Shipper",
    516: "Received by Shipper",
}
D, C = OrderStatus.DISPATCHED, OrderStatus.CANCELLED


def test_the_nine_codes_and_their_names_are_the_api_pages() -> None:
    assert {int(status): status.label for status in OrderStatus} == CODES
    assert all(status.description.endswith(".") for status in OrderStatus)
    assert [int(status) for status in SEQUENCE] == [512, 513, 515, 516, 8, 64]
    assert {int(status) for status in SHIPPING} == {515, 516, 8, 64}


def test_a_status_is_known_by_its_code_and_its_name_however_it_is_written() -> None:
    for code, label in CODES.items():
        for text in (f"\u00a0{code}", f" {label}\t", label.upper(), label.lower()):
            assert parse_status(text) == code
        for sign in ("_", "-", "", "\u00a0"):
            assert parse_status(label.replace(" ", sign)) == code
    for text in ("canceled", "cancel"):
        assert parse_status(text) is C
    assert parse_status("Dispatch") is parse_status("despatched") is D
    assert parse_status("dispatched retailer notified") == 64


@pytest.mark.parametrize("text", ["", "9", "08", "8.0", "-8", "8 8", "٨", "⁸", "Dispatched!"])
def test_what_is_no_status(text: str) -> None:
    assert parse_status(text) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Dispached", "Dispatched (8)"),
        ("ON-HLD", "On Hold (256)"),
        ("shipped by boat", "bulkstatus statuses"),
    ],
)
def test_an_unknown_status_names_the_nearest_or_where_all_are_listed(text: str, hint: str) -> None:
    assert hint in unknown_status(text)


def test_the_body_is_the_api_pages_json() -> None:
    assert StatusUpdate("1", D).body() == b'{"status":8}'
    assert orjson.loads(StatusUpdate("1", D, 'A"\\\n').body()) == {
        "status": 8,
        "shipping_tracking": 'A"\\\n',
    }


SOUND_IDS = "3165671600-PSTEST4|a/b|../x|...|%2e%2e|a?b#c|ÅÄÖ|two words|1,2|😀|007"
LATE = {"default_status": C}
STRICT = {"require_tracking": True}


@pytest.mark.parametrize(
    ("cells", "settings", "update"),
    [
        (("46140204", "8", "H1"), {}, ("46140204", D, "H1")),
        ((" 46140204\u00a0", " 8 ", "\tH1\r\n"), {}, ("46140204", D, "H1")),
        (("1", "cancelled", "  "), {}, ("1", C, None)),
        (("1", " ", ""), LATE, ("1", C, None)),
        (("1", "Cancelled", ""), LATE, ("1", C, None)),
        (("1", "8", "H1"), STRICT, ("1", D, "H1")),
        (("1", "128", ""), STRICT, ("1", C, None)),
        *[((text, "8", ""), {}, (text, D, None)) for text in SOUND_IDS.split("|")],
        *[(("1", str(code), "H1"), {}, ("1", code, "H1")) for code in (8, 64, 515, 516)],
    ],
)
def test_a_valid_row(
    cells: tuple[str, str, str], settings: dict[str, Any], update: tuple[str, int, str | None]
) -> None:
    row = parse_update(*cells, **settings)
    assert isinstance(row, StatusUpdate)
    assert row == update


INVISIBLE = "\x00\x07\x1b\x7f\x85\u200b\u202e\u2028\ufeff"


@pytest.mark.parametrize(
    ("cells", "settings", "field", "piece"),
    [
        ((" \u00a0\t", "8", "H1"), {}, "order_id", "empty"),
        ((".", "8", ""), {}, "order_id", "not an order ID"),
        (("..", "8", ""), {}, "order_id", "not an order ID"),
        *[((f"46{char}14", "8", ""), {}, "order_id", "control") for char in INVISIBLE + "\t\n\r"],
        (('46"14', "8", ""), {}, "order_id", "quotation mark"),
        (("46\ufffd14", "8", ""), {}, "order_id", "lost"),
        (("4.61402E+07", "8", ""), {}, "order_id", "scientific"),
        (("1", "", "H1"), {}, "status", "--status"),
        (("1", "9", "H1"), {}, "status", "nine"),
        (("1", "8", ""), LATE, "status", "--status says"),
        (("1", "9", ""), LATE, "status", "nine"),
        *[(("1", code, "H1"), {}, "tracking", "shipping status") for code in ("32", "128", "513")],
        (("1", "8", "4,6E+12"), {}, "tracking", "scientific"),
        (("1", "8", "H\ufffd1"), {}, "tracking", "lost"),
        *[(("1", "8", f"H{char}1"), {}, "tracking", "control") for char in INVISIBLE + "\n"],
        (("1", "8", 'H"1'), {}, "tracking", "quotation mark"),
        (("1", "515", " "), STRICT, "tracking", "--require-tracking"),
    ],
)
def test_an_invalid_row_names_its_field_and_the_reason_and_keeps_what_could_be_read(
    cells: tuple[str, str, str], settings: dict[str, Any], field: str, piece: str
) -> None:
    row = parse_update(*cells, **settings)
    assert isinstance(row, InvalidRow)
    order_id, status, tracking = texts = [cell.strip(" \t\r\n\u00a0") for cell in cells]
    assert row[:3] == (order_id, parse_status(status), tracking or None)
    assert row.field == field
    assert row.value == texts[("order_id", "status", "tracking").index(field)]
    assert piece in row.reason


cells = st.sampled_from(
    ["1", "A1", "ORD-100001", "-", "12-May", "", " x1", "nan", "é1", "ABC", "1.0"]
)


@given(
    rows=st.lists(
        st.tuples(cells, st.sampled_from(["8", "128", "", "Cancelled", "516", "x"]), cells),
        min_size=1,
        max_size=4,
    ),
    default=st.sampled_from([None, D, C]),
    require=st.booleans(),
)
def test_parsing_all_at_once_gives_what_parsing_each_gives_or_nothing(
    rows: list[tuple[str, str, str]], default: OrderStatus | None, require: bool
) -> None:
    order_ids, statuses, trackings = zip(*rows, strict=True)
    found = parse_plain(order_ids, statuses, trackings, default, require)
    if found is not None:
        assert found == [parse_update(*row, default, require) for row in rows]
        assert all(isinstance(row, StatusUpdate) for row in found)


def test_plain_rows_are_parsed_all_at_once() -> None:
    columns = ["1", "ORD-100001", "A3"], ["8", "Cancelled", "64"], ["H1", "", "7"]
    assert parse_plain(*columns) == [("1", 8, "H1"), ("ORD-100001", 128, None), ("A3", 64, "7")]
    # "Cancelled" is another status than the default.
    assert parse_plain(*columns, D) is None
