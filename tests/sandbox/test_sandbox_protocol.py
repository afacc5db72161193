import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.order import OrderStatus
from bulkstatus.sandbox.protocol import Refusal, read_order_id, read_pair, read_update


def encoded(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("basic R1:K1", ("R1", "K1")),
        ("Basic R1:K1", ("R1", "K1")),
        ("basic  R1:K1 ", ("R1", "K1")),
        ("basic R1:K:1", ("R1", "K:1")),
        (f"basic {encoded('R1:K1')}", ("R1", "K1")),
        (f"Basic {encoded('R1:K:1')}", ("R1", "K:1")),
        (f"Basic {encoded('Ré:Kü')}", ("Ré", "Kü")),
    ],
)
def test_credentials_are_read_as_written_and_as_base64(header: str, pair: tuple[str, str]) -> None:
    assert read_pair(header) == pair


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "basic",
        "basic ",
        "basic :K",
        "basic R:",
        "basic RK",
        "bearer R:K",
        "R:K",
        f"basic {encoded('RK')}",
        f"basic {encoded(':K')}",
        "basic /w==",
        "basic R1K1*",
    ],
)
def test_without_a_well_formed_pair_authentication_is_required(header: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        read_pair(header)
    assert json.loads(refused.value.body) == {
        "error": {"message": "Authentication required", "code": 401}
    }


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_an_order_id_comes_out_of_the_path_as_it_went_in(order_id: str) -> None:
    assert read_order_id(f"/order/{quote(order_id, safe='')}/status") == order_id


@pytest.mark.parametrize(
    ("path", "order_id"),
    [
        ("/order/46140204/status", "46140204"),
        ("/order/a%2Fb/status", "a/b"),
        ("/order/a%252Fb/status", "a%2Fb"),
        ("/order/a%25252Fb/status", "a%252Fb"),
        ("/order/../status", ".."),
        ("/order/%2e%2E/status", ".."),
        ("/order/status/status", "status"),
        ("/order/order/status", "order"),
        ("/order/a+b/status", "a+b"),
        ("/order/100%/status", "100%"),
        ("/order/%FF/status", None),
        ("/order//status", None),
        ("/order/a/b/status", None),
        ("/order/a/status/", None),
        ("/order/a", None),
        ("/v2/order/a/status", None),
        ("//order/a/status", None),
        ("/Order/a/status", None),
    ],
)
def test_an_order_id_is_exactly_one_segment_decoded_once(path: str, order_id: str | None) -> None:
    assert read_order_id(path) == order_id


@pytest.mark.parametrize("status", list(OrderStatus))
def test_each_of_the_nine_statuses_is_taken_with_and_without_tracking(status: OrderStatus) -> None:
    bare = json.dumps({"status": status}).encode()
    tracked = json.dumps({"status": status, "shipping_tracking": "H 1"}).encode()
    assert read_update("application/json", bare) == (status, None)
    assert read_update("application/json", tracked) == (status, "H 1")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"", 100, "Invalid JSON"),
        (b"{", 100, "Invalid JSON"),
        (b"{'status': 8}", 100, "Invalid JSON"),
        (b'{"status": NaN}', 100, "Invalid JSON"),
        (b'{"status": 8, "shipping_tracking": "\xff"}', 100, "Invalid JSON"),
        (b"[" * 5000, 100, "Invalid JSON"),
        (b"8", 100, "Invalid JSON: an object is expected"),
        (b'[{"status": 8}]', 100, "Invalid JSON: an object is expected"),
        (b"{}", 0, "Invalid order status"),
        (b'{"status": 7}', 0, "Invalid order status"),
        (b'{"status": "8"}', 0, "Invalid order status"),
        (b'{"status": 8.0}', 0, "Invalid order status"),
        (b'{"status": true}', 0, "Invalid order status"),
        (b'{"status": null}', 0, "Invalid order status"),
        (b'{"status": [8]}', 0, "Invalid order status"),
        (b'{"status": 8, "shipping_tracking": 1}', 0, "Invalid shipping tracking"),
    ],
)
def test_a_wrong_body_is_refused_with_the_api_s_code(body: bytes, code: int, message: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_update("application/json", body)
    assert json.loads(refused.value.body) == {"error": {"message": message, "code": code}}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_labelled_json_is_refused(content_type: str) -> None:
    with pytest.raises(Refusal, match="content-type"):
        read_update(content_type, b'{"status": 8}')
