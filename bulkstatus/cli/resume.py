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
    help="With --yes: the input is another file than the log was made from, and that is meant.",
)
@sending_options
def command(log_path: Path, path: str | None, changed_input: bool, **options: Any) -> int:
    """Go on with what is not updated yet.

    LOG is the result log of an earlier run. INPUT is by default the file that it names; it may
    have been mended since. An option that is given again wins over the log's.

    \b
    Examples:
      bulkstatus resume dispatch.results.jsonl
      bulkstatus resume dispatch.results.jsonl mended.csv
    """
    from bulkstatus.cli.execute import execute, settings_of, terms_from
    from bulkstatus.sending import resume

    return execute(
        lambda: resume(
            log_path,
            path,
            lambda run: settings_of(options, run),
            terms_from(options, changed_input),
        ),
        options,
    )
