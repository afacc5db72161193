"""What the tests of the API client send, and one way to send it."""

from typing import Any

from raw_server import RawServer

from bulkstatus.api.access import Credentials
from bulkstatus.api.answer import Answer
from bulkstatus.api.client import OrderStatusApi
from bulkstatus.order import OrderStatus, StatusUpdate

CREDENTIALS = Credentials("REFID", "APIKEY-0123456789")
DISPATCHED = StatusUpdate("46140204", OrderStatus.DISPATCHED)


async def put(
    server: RawServer | str,
    update: StatusUpdate = DISPATCHED,
    credentials: Credentials = CREDENTIALS,
    **options: Any,
) -> Answer:
    """Send one update to a server (or a base URL), in a session of its own."""
    base_url = server if isinstance(server, str) else server.base_url
    options = {"timeout": 20.0} | options
    async with OrderStatusApi(base_url, credentials, **options) as api:
        return await api.put(update)
