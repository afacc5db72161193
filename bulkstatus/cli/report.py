"""`bulkstatus report`."""

from pathlib import Path

import click

_FILE = click.Path(path_type=Path)


@click.command("report", short_help="Say what happened, from the log alone.")
@click.argument("log_path", metavar="LOG", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
@click.option(
    "--failures",
    type=_FILE,
    metavar="FILE.csv",
    help="Write the rows to mend, in the columns of the input, with the reason; to be fed back "
    "with `bulkstatus resume LOG FILE.csv`. A file that is there already is never replaced.",
)
@click.option(
    "--rows",
    type=_FILE,
    metavar="FILE.csv",
    help="Write the state of every row. Replaces an earlier such file and nothing else.",
)
@click.option(
    "--html",
    type=_FILE,
    metavar="FILE.html",
    help="Write one page with pictures, which needs no network. Replaces an earlier such page and "
    "nothing else.",
)
def command(
    log_path: Path, as_json: bool, failures: Path | None, rows: Path | None, html: Path | None
) -> None:
    """Say what happened, from the result log alone, also while a run is writing it. The rows that
    are still pending are named by the input, where it is still the file that it was.

    Exit status 0 when the log could be read, whatever it says; `state` and `done` in the JSON
    say how things stand.

    \b
    Examples:
      bulkstatus report dispatch.results.jsonl
      bulkstatus report dispatch.results.jsonl --failures mend.csv
      bulkstatus report dispatch.results.jsonl --html dispatch.html
    """
    from bulkstatus.cli.reporting import report

    report(log_path, as_json, failures, rows, html)
