"""The settings as arguments of the library: their static types, by the names of the table."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from bulkstatus.order import OrderStatus


class InputSettings(TypedDict, total=False):
    """How to read an input: the options of `bulkstatus check`, by the same names.

    `column` maps "order_id", "status", "tracking" or "void" to the header that holds it, and
    `word` words of the file's own to the status that they mean.
    """

    format: str
    status: "OrderStatus | int | str"
    column: Mapping[str, str]
    word: "Mapping[str, OrderStatus | int | str]"
    save_layout: str
    no_header: bool
    encoding: str
    sheet: str
    require_tracking: bool
    odd_ids: bool
    on_conflict: str
    profile: str


class ConnectionSettings(TypedDict, total=False):
    """How the API is reached and how fast: options of `bulkstatus send`, by the same names.

    `rate` is like "10/s", `quota` like "1000/h" or several of those; `timeout` and
    `give_up_after` are in seconds, or like "15m".
    """

    auth_scheme: str
    ca_file: str | os.PathLike[str]
    rate: str
    quota: str | Sequence[str]
    concurrency: int
    attempts: int
    timeout: float | str
    give_up_after: float | str


class SendSettings(InputSettings, ConnectionSettings, total=False):
    """The settings of a run: the options of `bulkstatus send`, by the same names.

    With `sandbox` everything goes to a stand-in of the API inside this process, and no
    credentials are needed.
    """

    base_url: str
    skip_invalid: bool
    sandbox: bool
    look_back: float | str
    send_again: bool
    shard: str
