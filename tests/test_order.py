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
    normalise,
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


def test_an_order_moves_forward_from_supplier_to_shipper_to_dispatched() -> None:
    assert [int(status) for status in SEQUENCE] == [512, 513, 515, 516, 8, 64]
    assert {int(status) for status in SHIPPING} == {515, 516, 8, 64}


@pytest.mark.parametrize("status", OrderStatus)
def test_a_status_is_known_by_its_code_and_its_name(status: OrderStatus) -> None:
    label = status.label
    spellings = [f"{status:d}", label, label.upper(), label.lower(), label.replace(" ", "_")]
    spellings += [
        label.replace(" ", "-"),
        label.replace(" ", ""),
        f" {label}\t",
        f"\u00a0{status:d}",
    ]
    assert {parse_status(spelling) for spelling in spellings} == {status}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("canceled", 128),
        ("cancel", 128),
        ("Dispatch", 8),
        ("dispatched retailer notified", 64),
        ("RECEIVED BY SHIPPER", 516),
        *[
            (text, None)
            for text in ("", "9", "08", "8.0", "-8", "+8", "8 8", "٨", "⁸", "Dispatched!", "true")
        ],
    ],
)
def test_other_spellings_of_a_status(text: str, status: int | None) -> None:
    assert parse_status(text) == status


@pytest.mark.parametrize(
    ("text", "hint"), [("Dispached", "Dispatched (8)"), ("on-hld", "On Hold (256)")]
)
def test_a_mistyped_status_names_the_nearest(text: str, hint: str) -> None:
    assert hint in unknown_status(text)


def test_a_status_like_none_of_the_nine_says_where_they_are_listed() -> None:
    assert "bulkstatus statuses" in unknown_status("shipped by boat")


@pytest.mark.parametrize(
    "name", ["Order No", "order_no", "ORDER-NO", "order\u00a0no", " Orderno\t"]
)
def test_names_are_compared_without_case_blanks_and_dashes(name: str) -> None:
    assert normalise(name) == "orderno"


def test_the_body_is_the_api_pages_json() -> None:
    assert StatusUpdate("1", D).body() == b'{"status":8}'
    assert orjson.loads(StatusUpdate("1", D, 'A"\\\n').body()) == {
        "status": 8,
        "shipping_tracking": 'A"\\\n',
    }


@pytest.mark.parametrize(
    ("cells", "settings", "update"),
    [
        (("46140204", "8", "H1"), {}, StatusUpdate("46140204", D, "H1")),
        ((" 46140204\u00a0", " 8 ", "\tH1\r\n"), {}, StatusUpdate("46140204", D, "H1")),
        (("1", "cancelled", "  "), {}, StatusUpdate("1", C)),
        (("1", "", ""), {"default_status": C}, StatusUpdate("1", C)),
        (("1", "Cancelled", ""), {"default_status": C}, StatusUpdate("1", C)),
        (("1", "8", "H1"), {"require_tracking": True}, StatusUpdate("1", D, "H1")),
        (("1", "128", ""), {"require_tracking": True}, StatusUpdate("1", C)),
        *[
            ((order_id, "8", ""), {}, StatusUpdate(order_id, D))
            for order_id in (
                "3165671600-PSTEST4",
                "8679131463FC8D18",
                "a/b",
                "../x",
                "...",
                "%2e%2e",
                "a?b#c",
                "ÅÄÖ",
                "two words",
                "1,2",
                "😀",
                "007",
            )
        ],
        *[
            (("1", str(code), "H1"), {}, StatusUpdate("1", OrderStatus(code), "H1"))
            for code in (8, 64, 515, 516)
        ],
        (("1", "8", 'H"1'), {}, StatusUpdate("1", D, 'H"1')),
        (("1", "8", "two lines\nof it"), {}, StatusUpdate("1", D, "two lines\nof it")),
    ],
)
def test_a_valid_row(
    cells: tuple[str, str, str], settings: dict[str, Any], update: StatusUpdate
) -> None:
    assert parse_update(*cells, **settings) == update


@pytest.mark.parametrize(
    ("cells", "settings", "field", "piece"),
    [
        (("", "8", ""), {}, "order_id", "empty"),
        ((" \u00a0\t", "8", ""), {}, "order_id", "empty"),
        ((".", "8", ""), {}, "order_id", "not an order ID"),
        (("..", "8", ""), {}, "order_id", "not an order ID"),
        *[
            ((f"46{char}14", "8", ""), {}, "order_id", "control")
            for char in "\x00\x07\t\n\r\x1b\x7f\x85\u200b\u202e\u2028\ufeff"
        ],
        (('46"14', "8", ""), {}, "order_id", "quotation mark"),
        (("46\ufffd14", "8", ""), {}, "order_id", "lost"),
        (("4.61402E+07", "8", ""), {}, "order_id", "scientific"),
        (("#REF!", "8", ""), {}, "order_id", "formula"),
        (("1", "", ""), {}, "status", "--status"),
        (("1", "9", ""), {}, "status", "nine"),
        (("1", "8.0", ""), {}, "status", "nine"),
        (("1", "8", ""), {"default_status": C}, "status", "--status says"),
        (("1", "9", ""), {"default_status": C}, "status", "nine"),
        *[
            (("1", str(code), "H1"), {}, "tracking", "shipping status")
            for code in (32, 128, 256, 512, 513)
        ],
        (("1", "8", "12-May"), {}, "tracking", "date"),
        (("1", "8", "4,6E+12"), {}, "tracking", "scientific"),
        (("1", "8", "#N/A"), {}, "tracking", "formula"),
        (("1", "8", "H\ufffd1"), {}, "tracking", "lost"),
        *[
            (("1", "8", f"H{char}1"), {}, "tracking", "control")
            for char in "\x00\x07\x1b\x7f\x85\u200b\u202e\u2028\ufeff"
        ],
        (("1", "8", " "), {"require_tracking": True}, "tracking", "--require-tracking"),
        (("1", "515", ""), {"require_tracking": True}, "tracking", "--require-tracking"),
    ],
)
def test_an_invalid_row_names_its_field_and_the_reason(
    cells: tuple[str, str, str], settings: dict[str, Any], field: str, piece: str
) -> None:
    row = parse_update(*cells, **settings)
    assert isinstance(row, InvalidRow)
    assert row.field == field
    assert piece in row.reason
    assert row.value == dict(zip(("order_id", "status", "tracking"), cells, strict=True))[
        field
    ].strip(" \t\r\n\u00a0")


def test_an_invalid_row_keeps_what_could_be_read() -> None:
    assert parse_update("", "8", "H1")[:3] == ("", D, "H1")
    assert parse_update("1", "9", "H1")[:3] == ("1", None, "H1")
    assert parse_update("1", "128", "H1")[:3] == ("1", C, "H1")


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
    found = parse_plain(["1", "ORD-100001", "A3"], ["8", "Cancelled", ""], ["H1", "", "7"], D)
    assert found is None  # "Cancelled" is another status than the default.
    found = parse_plain(["1", "ORD-100001", "A3"], ["8", "Cancelled", "64"], ["H1", "", "7"])
    assert found == [
        StatusUpdate("1", D, "H1"),
        StatusUpdate("ORD-100001", C),
        StatusUpdate("A3", OrderStatus.DISPATCHED_RETAILER_NOTIFIED, "7"),
    ]
