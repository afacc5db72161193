"""`bulkstatus resume`."""

from pathlib import Path
from typing import Any

import click

from bulkstatus.cli.options import sending_options


@click.command("resume")
@click.argument("log_path", metavar="LOG", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("path", metavar="[INPUT]", type=click.Path(), required=False)
@click.option(
    "--changed-input",
    is_flag=True,
    help="With --yes: the input is not the one that the log goes on with (it is another file, or "
    "was changed since), or it brings back rows that were withdrawn, and that is meant.",
)
@sending_options
def command(log_path: Path, path: str | None, changed_input: bool, **options: Any) -> int:
    """Go on with what is not updated yet.

    LOG is the result log of an earlier run. INPUT is by default the last run's file, or where that
    run finished and the file that the log was made for is not, that one; it may have been mended
    since. Its settings are the log's, whatever defaults are named below; an option that is given
    again wins.

    The account comes from BULKSTATUS_REF_ID and BULKSTATUS_API_KEY in the environment or from a
    profile, and is asked for on a terminal where it is missing; it must be the log's. The log's
    base URL is used, whatever BULKSTATUS_BASE_URL says, unless --base-url is given.

    \b
    Examples:
      bulkstatus resume dispatch.results.jsonl
      bulkstatus resume dispatch.results.jsonl mended.csv
    """
    from bulkstatus.cli.execute import execute, settings_of
    from bulkstatus.sending import resume

    return execute(
        lambda terms: resume(log_path, path, lambda run: settings_of(options, run), terms),
        options,
        changed_input,
    )
