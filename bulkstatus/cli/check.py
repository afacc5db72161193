"""`bulkstatus check`."""

from pathlib import Path
from typing import Any

import click

from bulkstatus.cli.options import input_options


@click.command("check", short_help="Check the whole file; send nothing.")
@click.argument("path", metavar="INPUT", type=click.Path())
@input_options
@click.option(
    "--problems",
    "problems_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="List every row that cannot be sent in a file for Excel.",
)
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
def command(path: str, problems_path: Path | None, as_json: bool, **options: Any) -> int:
    """Check the whole file and say what is wrong with it; send nothing.

    INPUT is as with `bulkstatus send`. Exit status 0 when every row can be sent, else 2.

    \b
    Examples:
      bulkstatus check dispatch.csv
      bulkstatus check dispatch.csv --problems problems.csv
    """
    from bulkstatus.cli.checking import check

    return check(path, as_json, problems_path, options)
