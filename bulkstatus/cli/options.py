"""The options that several commands share."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bulkstatus.cli.numbers import WholeNumber

_F = TypeVar("_F", bound=Callable[..., Any])


def _complete_status(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from bulkstatus.order import OrderStatus, normalise

    wanted = normalise(incomplete)
    # Names as a shell takes them without quotes.
    names = {status: "-".join(re.findall("[a-z]+", status.label.lower())) for status in OrderStatus}
    return [
        CompletionItem(value, help=status.label)
        for status, name in names.items()
        for value in (str(int(status)), name)
        if normalise(value).startswith(wanted)
    ]


def _complete_profile(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from bulkstatus.config import config_path, profile_names
    from bulkstatus.errors import BulkstatusError

    try:
        names = profile_names(config_path())
    except BulkstatusError:
        return []
    return [name for name in names if name.startswith(incomplete)]


_PROFILE = click.option(
    "--profile",
    metavar="NAME",
    shell_complete=_complete_profile,
    help='The profile of the settings file to use; also BULKSTATUS_PROFILE.  [default: "default", '
    "where there is one]",
)

# An option that is not given is None, so that the log, the environment or the default can decide.
_INPUT = (
    click.option(
        "--format",
        type=click.Choice(["csv", "tsv", "txt", "jsonl", "xlsx"]),
        help="How to read the input file; by default its extension says.",
    ),
    click.option(
        "--status",
        metavar="STATUS",
        shell_complete=_complete_status,
        help="Status of the rows that have none: a code or a name, such as 128 or cancelled.",
    ),
    click.option(
        "--column",
        multiple=True,
        metavar="FIELD=HEADER",
        help="The header of order_id, status or tracking, where it is not found by itself; "
        "`--column status=` says that the file has none. May be repeated.",
    ),
    click.option(
        "--no-header",
        is_flag=True,
        default=None,
        help="The file has no header: its columns are order id, status, tracking.",
    ),
    click.option("--encoding", metavar="NAME", help="The file's encoding, where it is not found."),
    click.option("--sheet", metavar="NAME", help="The sheet of a spreadsheet file to read."),
    click.option(
        "--require-tracking",
        is_flag=True,
        default=None,
        help="Refuse rows with a shipping status and no tracking number.",
    ),
    click.option(
        "--on-conflict",
        type=click.Choice(["refuse", "last"]),
        help="What to do with different tracking numbers for one order and status: refuse the "
        "file (default), or let the last row count.",
    ),
)

_SENDING = (
    click.option(
        "--base-url",
        metavar="URL",
        help="Where the API is; also BULKSTATUS_BASE_URL.  [default: the vendor's own]",
    ),
    click.option(
        "--rate",
        metavar="N/s",
        help="At most so many requests per second (s), minute (m) or hour (h); none lifts it.  "
        "[default: 10/s]",
    ),
    click.option(
        "--quota",
        multiple=True,
        metavar="N/h",
        help="At most so many requests in any minute (m), hour (h) or day (d), over all runs of "
        "the account on this machine; may be repeated; none lifts it.  [default: 1000/h and "
        "10000/d on the vendor's hosts, elsewhere none]",
    ),
    click.option(
        "--concurrency",
        type=int,
        metavar="N",
        help="Requests under way at once.  [default: 16]",
    ),
    click.option("--attempts", type=int, metavar="N", help="Tries for one row.  [default: 5]"),
    click.option(
        "--timeout",
        metavar="SECONDS",
        help="How long one request may take.  [default: 30]",
    ),
    click.option(
        "--give-up-after",
        metavar="TIME",
        help="How long to wait for an API that cannot be reached, such as 90s, 15m or 2h.  "
        "[default: 15m]",
    ),
    click.option(
        "--skip-invalid",
        is_flag=True,
        default=None,
        help="Send the valid rows of a file that holds others; log those as invalid.",
    ),
    click.option(
        "--auth-scheme",
        type=click.Choice(["plain", "base64"]),
        help="How the credentials are written in the header.  [default: plain]",
    ),
    click.option(
        "--ca-file",
        type=click.Path(),
        metavar="FILE",
        help="A PEM file of certificate authorities to trust besides the usual ones.",
    ),
)

# What holds for this run alone: no log remembers it.
_THIS_RUN = (
    click.option(
        "--sandbox",
        is_flag=True,
        default=None,
        help="Rehearse: send to a stand-in of the API inside this program. Needs no credentials.",
    ),
    click.option(
        "--limit",
        type=WholeNumber(1),
        metavar="N",
        help="Send the first N due rows, then stop.",
    ),
    click.option(
        "--max-failures",
        type=WholeNumber(1),
        metavar="N",
        help="Stop after N rows were rejected or failed.",
    ),
    click.option("--dry-run", is_flag=True, help="Show what would be sent, and stop."),
    click.option("--yes", is_flag=True, help="Do not ask before sending."),
    click.option(
        "--cancellations",
        type=WholeNumber(0),
        metavar="N",
        help="With --yes: exactly how many orders this run cancels.",
    ),
    click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object."),
    click.option("--quiet", is_flag=True, help="Say nothing but errors."),
)


def input_options(function: _F) -> _F:
    """Add the options that say how to read INPUT."""
    return _add(function, (*_INPUT, _PROFILE))


def setting_options(function: _F) -> _F:
    """Add the options that are settings, those of INPUT included."""
    return _add(function, (*_INPUT, *_SENDING, _PROFILE))


def sending_options(function: _F) -> _F:
    """Add the options of `send` and `resume`, those of INPUT included."""
    return _add(function, (*_INPUT, *_SENDING, _PROFILE, *_THIS_RUN))


def _add(function: _F, options: tuple[Callable[[_F], _F], ...]) -> _F:
    for option in reversed(options):
        function = option(function)
    return function


_FIELDS = ("order_id", "status", "tracking")


def split_columns(pairs: tuple[str, ...]) -> dict[str, str] | None:
    """Return `--column` as field → header, or None when it was not given."""
    columns = {}
    for pair in pairs:
        name, equals, header = pair.partition("=")
        name = name.strip().lower().replace("-", "_")
        if not equals or name not in _FIELDS:
            from difflib import get_close_matches

            close = get_close_matches(name, _FIELDS, n=1) if equals else []
            raise click.BadParameter(
                f'"{pair}" is not of the form order_id=HEADER, status=HEADER or tracking=HEADER.'
                + (f' Did you mean {close[0]}="{header}"?' if close else ""),
                param_hint="--column",
            )
        if name == "order_id" and not header:
            raise click.BadParameter("order_id needs a header.", param_hint="--column")
        columns[name] = header
    return columns or None
