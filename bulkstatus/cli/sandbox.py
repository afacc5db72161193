"""`bulkstatus sandbox`."""

from pathlib import Path

import click

from bulkstatus.cli.numbers import WholeNumber


@click.command("sandbox", short_help="Run a local stand-in of the API.")
@click.option("--port", type=WholeNumber(0, 65535), default=8080, show_default=True)
@click.option(
    "--orders",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The order IDs that it knows, one a line; without it any order is accepted.",
)
@click.option("--latency", default="0ms", metavar="TIME", help="Wait before each answer: 50ms.")
@click.option("--limit", metavar="N/s", help="Answer more requests than this with the API's limit.")
@click.option("--fail", default="0%", metavar="SHARE", help="Answer this share with HTTP 500: 2%.")
@click.option("--drop", default="0%", metavar="SHARE", help="Drop this share unanswered: 1%.")
@click.option("--seed", type=int, help="Make the same faults again.")
def command(
    port: int,
    orders: Path | None,
    latency: str,
    limit: str | None,
    fail: str,
    drop: str,
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
    from bulkstatus.pace import parse_rate
    from bulkstatus.sandbox import Faults, Sandbox, parse_duration, parse_share
    from bulkstatus.signals import interrupting

    try:
        rate = parse_rate(limit) if limit else None
        faults = Faults(
            latency=parse_duration(latency),
            limit=(rate.count, rate.seconds) if rate else None,
            fail=parse_share(fail),
            drop=parse_share(drop),
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
