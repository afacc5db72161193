import base64
import json

import pytest

from bulkstatus.order import OrderStatus
from bulkstatus.sandbox.protocol import Refusal, check_credentials, read_update


def encoded(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("basic R1:K1", ("R1", "K1")),
        ("Basic  R1:K1 ", ("R1", "K1")),
        ("basic R1:K:1", ("R1", "K:1")),
        (f"basic {encoded('R1:K1')}", ("R1", "K1")),
        (f"Basic {encoded('Ré:K:ü')}", ("Ré", "K:ü")),
    ],
)
def test_credentials_are_read_as_written_and_as_base64(header: str, pair: tuple[str, str]) -> None:
    check_credentials(header, pair)
    check_credentials(header, None)
    with pytest.raises(Refusal) as refused:
        check_credentials(header, ("other", pair[1]))
    assert json.loads(refused.value.body)["error"]["code"] == 50000


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "basic", "basic ", "basic :K", "basic R:", "basic RK", "bearer R:K", "R:K"),
        *(f"basic {encoded('RK')}", f"basic {encoded(':K')}", "basic /w=="),
        f"basic *{encoded('R1:K1')}",
    ],
)
def test_without_a_well_formed_pair_authentication_is_required(header: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        check_credentials(header, None)
    error = {"message": "Authentication required", "code": 401}
    assert json.loads(refused.value.body) == {"error": error}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"status": 8}', (8, None)),
        (b'{"status": 128, "shipping_tracking": "H 1"}', (128, "H 1")),
        *((body, 100) for body in (b"", b"{", b"{'status': 8}", b'{"status": NaN}', b"[" * 5000)),
        *((body, 100) for body in (b"8", b'[{"status": 8}]', b'{"status": 8, "x": "\xff"}')),
        *((b'{"status": %b}' % status, 0) for status in (b"7", b'"8"', b"8.0", b"true", b"[8]")),
        (b"{}", 0),
        (b'{"status": 8, "shipping_tracking": 1}', 0),
    ],
)
def test_a_body_is_read_or_refused_with_the_api_s_code(
    body: bytes, wanted: int | tuple[int, str | None]
) -> None:
    for content_type in ("application/json", "text/plain", ""):
        if isinstance(wanted, int) or content_type != "application/json":
            with pytest.raises(Refusal) as refused:
                read_update(content_type, body)
            code = wanted if content_type == "application/json" else 100
            assert json.loads(refused.value.body)["error"]["code"] == code
        else:
            status, tracking = read_update(content_type, body)
            assert (status, tracking) == wanted
            assert isinstance(status, OrderStatus)
