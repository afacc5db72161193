"""`bulkstatus sandbox`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkstatus.cli.options import PORT, option
from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.table import Setting
from bulkstatus.settings.values import RATE, TIMES, Kind, figure

if TYPE_CHECKING:
    from bulkstatus.pace.rate import Rate

_LATENCY = Kind((str,), "a time such as 50ms or 0.5s", figure(TIMES, "", 0.0, 3600.0), "TIME")

_SHARE = Kind((str,), "a share such as 2% or 0.5%", figure({"%": 0.01}, "", 0.0, 1.0), "SHARE")


@click.command("sandbox", short_help="Run a local stand-in of the API.")
@option(Setting("port", PORT, 8080, "Its port."))
@click.option(
    "--orders",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The order IDs that it knows, one a line; without it any order is accepted.",
)
@option(Setting("latency", _LATENCY, "0ms", "Wait before each answer: 50ms."))
@option(Setting("limit", RATE, None, "Answer more requests than this with the API's limit."))
@option(Setting("fail", _SHARE, "0%", "Answer this share with HTTP 500: 2%."))
@option(Setting("drop", _SHARE, "0%", "Drop this share unanswered: 1%."))
@click.option("--seed", type=int, help="Make the same faults again.")
def sandbox(
    port: int,
    orders: Path | None,
    latency: float,
    limit: "Rate | None",
    fail: float,
    drop: float,
    seed: int | None,
) -> None:
    """Run a local stand-in of the API until Ctrl-C; its page shows what it receives.

    It accepts any ref ID and key.

    \b
    Example:
      bulkstatus sandbox --latency 50ms --fail 2%
    """
    import asyncio

    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.sandbox import Faults, Sandbox
    from bulkstatus.signals import interrupting

    most = (limit.count, limit.seconds) if limit else None
    try:
        known = orders.read_text("utf-8-sig").split() if orders else None
    except (OSError, UnicodeError):
        raise SettingsRefused(
            f"--orders {orders} cannot be read as text in UTF-8. Name a file with one ID a line."
        ) from None
    try:
        faults = Faults(latency=latency, limit=most, fail=fail, drop=drop, seed=seed)
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    async def serve() -> None:
        stopped = asyncio.Event()
        api = Sandbox(orders=known, faults=faults)
        base_url = await api.start(port=port)
        click.echo(f"The sandbox is at {base_url}; open it in a browser. Ctrl-C stops it.")
        click.echo(f"Send to it with:\n  bulkstatus send INPUT --base-url {base_url}")
        with interrupting(lambda status: stopped.set()):
            await stopped.wait()
        await api.stop()

    run_in_loop(serve())
