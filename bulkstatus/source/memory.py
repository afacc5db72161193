"""`kept`: the rows that a program gives, as a private file of JSON Lines for as long as needed.

So they are judged by the very rules of a file's rows, and the line is the item's position.
"""

import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from bulkstatus.errors import InputRefused
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.source.options import FIELDS

#: A row as a program gives it: an order ID, a status and, where there is one, a tracking number.
#: A status of None takes the one that is given for all rows.
Item = (
    StatusUpdate
    | tuple[str | int, OrderStatus | int | str | None]
    | tuple[str | int, OrderStatus | int | str | None, str | None]
)
Rows = Iterable[Item] | AsyncIterable[Item]

#: The settings by which the file is read, whatever a profile says of other files.
SETTINGS = {"format": "jsonl", "encoding": "utf-8", "column": {}, "no_header": False}

# It stands in the log as the input's name.
_NAME = "rows-from-memory.jsonl"


@asynccontextmanager
async def kept(rows: Rows) -> AsyncIterator[str]:
    """Yield the path of a file that holds the rows.

    Raises InputRefused for an item that is no row, and where there is none.
    """
    with tempfile.TemporaryDirectory(prefix="bulkstatus-", ignore_cleanup_errors=True) as folder:
        path, position = Path(folder, _NAME), 0
        with path.open("wb") as file:  # noqa: ASYNC230 - as fast as the rows come
            async for item in _one_by_one(rows):
                position += 1
                file.write(_line_of(item, position))
        if not position:
            raise InputRefused("There is not one row among those given. Nothing was sent.")
        yield str(path)


async def _one_by_one(rows: Rows) -> AsyncIterator[object]:
    if isinstance(rows, AsyncIterable):
        async for item in rows:
            yield item
    else:
        for item in rows:
            yield item


def _line_of(item: object, position: int) -> bytes:
    if not isinstance(item, tuple | list) or not 2 <= len(item) <= len(FIELDS):
        size = f" of {len(item)}" if isinstance(item, tuple | list) else ""
        raise InputRefused(
            f"Row {position} must be a StatusUpdate or (order ID, status, tracking), and is a "
            f"{type(item).__name__}{size}. Nothing was sent."
        )
    try:
        return orjson.dumps(dict(zip(FIELDS, item, strict=False))) + b"\n"
    except TypeError as error:
        raise InputRefused(
            f"Row {position} holds what is neither text nor a number ({error}). Nothing was sent; "
            "give the order ID and the tracking as text."
        ) from None
