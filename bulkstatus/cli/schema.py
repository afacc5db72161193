"""`bulkstatus schema`."""

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the result log's records.

    It is of draft 2020-12, and each line of a log follows it.

    \b
    Example:
      bulkstatus schema > result-log.schema.json
    """
    import json

    from bulkstatus.schema import log_schema

    click.echo(json.dumps(log_schema(), indent=2, ensure_ascii=False))
