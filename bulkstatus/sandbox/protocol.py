"""What a request to the Order Status API says, or how the API refuses it.

Pure functions over the raw parts of a request, which raise `Refusal` for what is turned down.
"""

import base64
import binascii
from urllib.parse import unquote_to_bytes

import orjson

from bulkstatus.order import OrderStatus
from bulkstatus.sandbox.history import Ending

INVALID_JSON = 100
UNAUTHORISED = 401
WRONG_CREDENTIALS = 50000


class Refusal(Exception):
    """What the API turns down: the `message` and `code` of its error object.

    `ending` is what the PUT is counted as.
    """

    def __init__(self, message: str, code: int = 0, ending: Ending = Ending.REFUSED) -> None:
        super().__init__(message)
        self.ending = ending
        self.body = error_body(message, code)


def error_body(message: str, code: int = 0) -> bytes:
    """Return the API's error object."""
    return orjson.dumps({"error": {"message": message, "code": code}})


def read_pair(authorization: str | None) -> tuple[str, str]:
    """Return the (ref ID, API key) of an authorization header, as written or in base64."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() == "basic":
        # A colon never stands in base64, and always between the two parts of a pair.
        pair = token if ":" in token else _from_base64(token)
        ref_id, _, key = pair.partition(":")
        if ref_id and key:
            return ref_id, key
    raise Refusal("Authentication required", UNAUTHORISED, Ending.UNAUTHORISED)


def _from_base64(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def read_order_id(raw_path: str) -> str | None:
    """Return the order ID of a path "/order/{id}/status", or None when it is another path.

    `raw_path` is the path as it was sent: a router's own decoding would take "%252F" for "%2F".
    An ID that is not UTF-8 is none.
    """
    parts = raw_path.split("/")
    if len(parts) != 4 or parts[1] != "order" or parts[3] != "status" or not parts[2]:
        return None
    encoded = parts[2]
    if "%" not in encoded and encoded.isascii():
        return encoded
    try:
        return unquote_to_bytes(encoded).decode()
    except UnicodeError:
        return None


def read_update(content_type: str, body: bytes) -> tuple[OrderStatus, str | None]:
    """Return the (status, tracking) that a PUT's body asks for."""
    if content_type != "application/json":
        raise Refusal("Invalid JSON: the content-type is not application/json", INVALID_JSON)
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal("Invalid JSON", INVALID_JSON) from None
    if not isinstance(asked, dict):
        raise Refusal("Invalid JSON: an object is expected", INVALID_JSON)
    status = asked.get("status")
    # `True` and 8.0 equal members of the enumeration without being status codes.
    if type(status) is not int or status not in _STATUSES:
        raise Refusal("Invalid order status")
    tracking = asked.get("shipping_tracking")
    if tracking is not None and not isinstance(tracking, str):
        raise Refusal("Invalid shipping tracking")
    return _STATUSES[status], tracking


_STATUSES = {int(status): status for status in OrderStatus}
