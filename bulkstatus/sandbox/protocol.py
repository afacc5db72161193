"""What a request to the Order Status API says, or how the API refuses it.

Pure functions over the raw parts of a request, which raise `Refusal` for what is turned down.
"""

import base64
from contextlib import suppress
from enum import Enum
from urllib.parse import unquote_to_bytes

import orjson

from bulkstatus.order import OrderStatus


class Ending(Enum):
    """How a PUT ended; each is counted once."""

    UPDATED = "Updated"
    REFUSED = "Refused"
    UNAUTHORISED = "Wrong or missing credentials"
    LIMITED = "Over the limit"
    FAILED = "Failed on purpose (500)"
    DROPPED = "Dropped on purpose"


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


def check_credentials(authorization: str | None, accepted: tuple[str, str] | None) -> None:
    """Refuse an authorization header, as written or in base64, that has no or a wrong pair.

    `accepted` is the (ref ID, API key); None accepts any pair that is well formed.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    # A colon never stands in base64, and always between the two parts of a pair.
    if ":" not in token:
        try:
            token = base64.b64decode(token.strip(), validate=True).decode()
        except ValueError:
            token = ""
    ref_id, _, key = token.strip().partition(":")
    if scheme.lower() != "basic" or not (ref_id and key):
        raise Refusal("Authentication required", 401, Ending.UNAUTHORISED)
    if accepted not in (None, (ref_id, key)):
        raise Refusal("The RefID or the API key is incorrect", 50000, Ending.UNAUTHORISED)


def read_order_id(raw_path: str) -> str | None:
    """Return the order ID of a path "/order/{id}/status", or None when it is another path.

    `raw_path` is the path as it was sent: a router's own decoding would take "%252F" for "%2F".
    An ID that is not UTF-8 is none.
    """
    parts = raw_path.split("/")
    if len(parts) != 4 or parts[1] != "order" or parts[3] != "status" or not parts[2]:
        return None
    try:
        return unquote_to_bytes(parts[2]).decode()
    except UnicodeError:
        return None


def read_update(content_type: str, body: bytes) -> tuple[OrderStatus, str | None]:
    """Return the (status, tracking) that a PUT's body asks for."""
    asked = None
    if content_type == "application/json":
        with suppress(orjson.JSONDecodeError):
            asked = orjson.loads(body)
    if not isinstance(asked, dict):
        raise Refusal("Invalid JSON: the body is not a JSON object, labelled as one", 100)
    status = asked.get("status")
    # `True` and 8.0 equal members of the enumeration without being status codes.
    if type(status) is not int or status not in _STATUSES:
        raise Refusal("Invalid order status")
    tracking = asked.get("shipping_tracking")
    if tracking is not None and not isinstance(tracking, str):
        raise Refusal("Invalid shipping tracking")
    return _STATUSES[status], tracking


_STATUSES = {int(status): status for status in OrderStatus}
