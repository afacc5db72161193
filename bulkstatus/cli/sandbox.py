"""`bulkstatus sandbox`."""

import re
from pathlib import Path

import click

from bulkstatus.cli.options import reading
from bulkstatus.settings.table import Setting
from bulkstatus.settings.values import whole


class _Figure(click.types.FloatParamType):
    """A number with its unit, such as 50ms or 2%; `units` says how many of each make one."""

    def __init__(self, name: str, units: dict[str, float], example: str) -> None:
        self.name = name
        self._units = units
        self._example = example

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the figure in seconds, or as a share of 1."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|%)", str(value).strip().lower(), re.ASCII)
        if match is None or match[2] not in self._units:
            self.fail(f'"{value}" is not a number with its unit, such as {self._example}.')
        return float(match[1]) / self._units[match[2]]


_TIME = _Figure("time", {"ms": 1000.0, "s": 1.0}, "50ms or 0.5s")
_SHARE = _Figure("share", {"%": 100.0}, "2% or 0.5%")


@click.command("sandbox", short_help="Run a local stand-in of the API.")
@click.option(
    "--port",
    type=int,
    callback=reading(Setting("port", whole(0, 65535), 8080, "")),
    default=8080,
    show_default=True,
)
@click.option(
    "--orders",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The order IDs that it knows, one a line; without it any order is accepted.",
)
@click.option("--latency", type=_TIME, default="0ms", help="Wait before each answer: 50ms.")
@click.option("--limit", metavar="N/s", help="Answer more requests than this with the API's limit.")
@click.option("--fail", type=_SHARE, default="0%", help="Answer this share with HTTP 500: 2%.")
@click.option("--drop", type=_SHARE, default="0%", help="Drop this share unanswered: 1%.")
@click.option("--seed", type=int, help="Make the same faults again.")
def command(
    port: int,
    orders: Path | None,
    latency: float,
    limit: str | None,
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
    from bulkstatus.pace.rate import parse_rate
    from bulkstatus.sandbox import Faults, Sandbox
    from bulkstatus.signals import interrupting

    try:
        rate = parse_rate(limit) if limit else None
        faults = Faults(
            latency=latency,
            limit=(rate.count, rate.seconds) if rate else None,
            fail=fail,
            drop=drop,
            seed=seed,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    known = orders.read_text("utf-8-sig").split() if orders else None

    async def serve() -> None:
        stopped = asyncio.Event()
        sandbox = Sandbox(orders=known, faults=faults)
        base_url = await sandbox.start(port=port)
        click.echo(f"The sandbox is at {base_url}; open it in a browser. Ctrl-C stops it.")
        click.echo(f"Send to it with:\n  bulkstatus send INPUT --base-url {base_url}")
        with interrupting(lambda status: stopped.set()):
            await stopped.wait()
        await sandbox.stop()

    run_in_loop(serve())
