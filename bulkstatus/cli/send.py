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

    INPUT is a table as CSV, TSV or Excel (.xlsx), JSON Lines, or a .txt with one order ID a line,
    any of them also as .gz; - reads standard input.

    The account comes from BULKSTATUS_REF_ID and BULKSTATUS_API_KEY in the environment or from a
    profile (see `bulkstatus config`), and is asked for on a terminal where it is missing; the
    API's address from --base-url, BULKSTATUS_BASE_URL or the profile.

    \b
    Examples:
      bulkstatus send dispatch.csv
      bulkstatus send recalled.txt --status cancelled --limit 5
      bulkstatus send samples/dispatch.csv --sandbox
    """
    from bulkstatus.cli.execute import execute, settings_of
    from bulkstatus.sending import send

    settings = settings_of(options)
    return execute(lambda terms: send(path, settings, log_path, terms), options)
