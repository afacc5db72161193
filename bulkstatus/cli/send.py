"""`bulkstatus send`."""

from pathlib import Path
from typing import Any

import click

from bulkstatus.cli.options import sending_options


@click.command("send")
@click.argument("path", metavar="INPUT", type=click.Path())
@click.option(
    "--log",
    "log_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Where the result log goes.  [default: dispatch.results.jsonl beside dispatch.csv]",
)
@sending_options
def command(path: str, log_path: Path | None, **options: Any) -> int:
    """Check the file, ask, send every row and log what became of it.

    INPUT is a CSV, TSV, JSONL or text file; - reads standard input.

    \b
    Examples:
      bulkstatus send dispatch.csv
      bulkstatus send recalled.txt --status cancelled --limit 5
      bulkstatus send samples/dispatch.csv --sandbox
    """
    from bulkstatus.cli.execute import execute, settings_of, terms_from
    from bulkstatus.sending import send

    settings = settings_of(options)
    return execute(lambda: send(path, settings, log_path, terms_from(options)), options)
