"""`bulkstatus statuses`."""

import click


@click.command("statuses")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
def command(as_json: bool) -> None:
    """List the nine status codes.

    \b
    Example:
      bulkstatus statuses
    """
    from bulkstatus.order import OrderStatus

    if as_json:
        import orjson

        rows = [
            {"code": status, "name": status.label, "description": status.description}
            for status in OrderStatus
        ]
        click.echo(orjson.dumps(rows).decode())
        return
    width = max(len(status.label) for status in OrderStatus)
    for status in OrderStatus:
        click.echo(f"{status:3d}  {status.label:{width}}  {status.description}")
