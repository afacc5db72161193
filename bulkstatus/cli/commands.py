"""The commands: `send`, `resume`, `check`, and those that are looked up or piped."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from bulkstatus.cli.options import PORT, given_settings, option, options_of
from bulkstatus.settings.table import Setting

# How many problems `check` shows.
_SHOWN = 20

_sending_options = options_of("input", "layout", "sending", "trust", "profile", "run")


@click.command("send")
@click.argument("path", metavar="INPUT", type=click.Path())
@click.option(
    "--log",
    "log_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Where the result log goes.  [default: dispatch.results.jsonl beside dispatch.csv]",
)
@click.option(
    "--resume",
    "go_on",
    is_flag=True,
    help="Go on with the log of INPUT where there is one; for jobs that are started by a program.",
)
@_sending_options
def send(path: str, log_path: Path | None, go_on: bool, **options: Any) -> int:
    """Check the file, ask, send every row and log what became of it.

    INPUT is a table as CSV, TSV or Excel (.xlsx), JSON Lines, or a .txt with one order ID a line,
    any of them also as .gz; - reads standard input.

    The account comes from BULKSTATUS_REF_ID and BULKSTATUS_API_KEY in the environment or from a
    profile (see `bulkstatus config`), and is asked for on a terminal where it is missing; the
    API's address from --base-url, BULKSTATUS_BASE_URL or the profile.

    What the logs in the log's folder have updated in the last 30 days (--look-back) is not sent
    again, and what contradicts it is refused.

    With --resume nothing is sent twice: it starts where there is no log, goes on where one has
    rows to be sent or failed, and sends INPUT after that where it is another one by then.

    \b
    Examples:
      bulkstatus send dispatch.csv
      bulkstatus send recalled.txt --status cancelled --limit 5
      bulkstatus send samples/dispatch.csv --sandbox
    """
    from bulkstatus import job
    from bulkstatus.cli.execute import execute, with_account
    from bulkstatus.settings.sources import settings_for

    given = given_settings(options)
    settings, for_log = settings_for(given), partial(settings_for, given)
    if not (settings.sandbox or options["dry_run"]):
        # Now: what the logs beside this one have done counts where it was for the same account.
        settings = with_account(settings)
    return execute(
        lambda terms: (
            job.send_or_resume(path, settings, for_log, log_path, terms)
            if go_on
            else job.send(path, settings, log_path, terms)
        ),
        options,
    )


@click.command("resume")
@click.argument("log_or_file", metavar="LOG|FILE", type=click.Path(path_type=Path))
@click.argument("path", metavar="[FILE]", type=click.Path(), required=False)
@click.option(
    "--changed-input",
    is_flag=True,
    help="With --yes: FILE brings new rows, leaves rows out, or has refused ones again, and that "
    "is meant.",
)
@click.option(
    "--retry-rejected", is_flag=True, help="Send again also the rows that the API refused."
)
@click.option(
    "--withdraw",
    is_flag=True,
    help="Send nothing, and give up all rows that are still open: the list was wrong.",
)
@_sending_options
def resume(
    log_or_file: Path,
    path: str | None,
    changed_input: bool,
    retry_rejected: bool,
    withdraw: bool,
    **options: Any,
) -> int:
    """Go on with what is not done yet.

    LOG is the result log of an earlier run: its rows that were never sent or failed are sent, and
    those that the API refused with --retry-rejected or where you say so. The file that it was made
    from is not needed any more.

    With FILE, or with FILE alone for the newest log of that file, the rows are as FILE has them
    now. Those that are updated stay so; refused, failed and invalid rows that FILE has no more
    are withdrawn; rows never sent that it does not have stay to be sent.

    Its settings are the log's, whatever defaults are named below; an option that is given again
    wins. Base URL, CA file, auth scheme and account are never the log's: they come from where
    `send` has them, and a log of another base URL or account is refused.

    \b
    Examples:
      bulkstatus resume dispatch.results.jsonl
      bulkstatus resume dispatch.results.jsonl dispatch.to-mend.xlsx
      bulkstatus resume wrong.results.jsonl --withdraw
    """
    from bulkstatus import job
    from bulkstatus.cli.execute import execute
    from bulkstatus.settings.sources import settings_for

    if withdraw and (path is not None or retry_rejected):
        raise click.UsageError("--withdraw goes with a LOG alone.")
    for_log = partial(settings_for, given_settings(options))
    log_path, path = job.log_and_file(log_or_file, path, for_log())
    return execute(
        lambda terms: job.resume(
            log_path, path, for_log, terms, withdraw=withdraw, retry_rejected=retry_rejected
        ),
        options,
        changed_input,
    )


@click.command("check", short_help="Check the whole file; send nothing.")
@click.argument("path", metavar="INPUT", type=click.Path())
@options_of("input", "layout", "profile")
@click.option(
    "--problems",
    "problems_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="List every row that cannot be sent in a file for Excel.",
)
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
def check(path: str, problems_path: Path | None, as_json: bool, **options: Any) -> int:
    """Check the whole file and say what is wrong with it; send nothing.

    INPUT is as with `bulkstatus send`. Exit status 0 when every row can be sent, else 2.

    \b
    Examples:
      bulkstatus check dispatch.csv
      bulkstatus check dispatch.csv --problems problems.csv
    """
    from bulkstatus import job
    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.cli.output import print_json, write_problems
    from bulkstatus.cli.question import Asking, is_terminal
    from bulkstatus.job.refusals import how_to_list_all
    from bulkstatus.job.wording import file_sections, problem_lines
    from bulkstatus.settings.sources import settings_for
    from bulkstatus.terminal import tell
    from bulkstatus.words import counted, laid_beside

    settings = settings_for(given_settings(options))
    keep = _SHOWN if problems_path is None and not as_json else None
    asks = Asking() if is_terminal() else None
    source, plan = run_in_loop(job.check(path, settings, keep, asks))
    settings = settings.answered(source.options, source.saved)
    if problems_path is not None:
        write_problems(plan.problems, problems_path, path)
    exit_status = 2 if plan.refused else 0
    if as_json:
        from bulkstatus.cli.as_json import check_record

        print_json(check_record(source, plan, exit_status))
        return exit_status
    tell(laid_beside(file_sections(source, plan, settings, "Good")))
    if not plan.refused:
        tell("\nNothing speaks against sending this file.")
        return exit_status
    tell(["", *problem_lines(plan.problems[:_SHOWN], plan.refused)])
    rows = f"{plan.refused:,} of {counted(plan.rows, 'row')}"
    tell(f"\n{rows} cannot be sent. Correct them and check the file again.")
    if problems_path is not None:
        tell(f"All of them are listed in {problems_path}.")
    elif plan.refused > _SHOWN:
        tell(how_to_list_all(path, settings))
    return exit_status


@click.command("desk", short_help="All of it in the browser.")
@click.argument(
    "folder",
    metavar="[FOLDER]",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
)
@option(Setting("port", PORT, 0, "Its port, by default a free one."))
@click.option("--no-browser", is_flag=True, help="Open nothing; say the address alone.")
def desk(folder: Path, port: int, no_browser: bool) -> int:
    """Do the whole job in the browser, with the files of FOLDER, by default this one.

    The page is for this machine and this user alone. A run goes on when the page is closed, and is
    there when it is opened again; Ctrl-C, or Quit on the page, stops it as it stops `send`.

    \b
    Examples:
      bulkstatus desk
      bulkstatus desk ~/dispatch --no-browser
    """
    from bulkstatus.cli.execute import run_in_loop
    from bulkstatus.desk import serve

    return run_in_loop(serve(folder.resolve(), port, not no_browser))


@click.command("statuses")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
def statuses(as_json: bool) -> None:
    """List the nine status codes.

    \b
    Example:
      bulkstatus statuses
    """
    from bulkstatus.order import OrderStatus

    rows = [(int(status), status.label, status.description) for status in OrderStatus]
    if as_json:
        from bulkstatus.cli.output import print_json

        print_json([dict(zip(("code", "name", "description"), row, strict=True)) for row in rows])
    else:
        width = max(len(label) for _, label, _ in rows)
        click.echo("\n".join(f"{code:3}  {label:{width}}  {text}" for code, label, text in rows))


@click.command("schema", short_help="Print the JSON Schema of the log, or of what --json prints.")
@click.argument(
    "of",
    metavar="[log|report|check|send]",
    type=click.Choice(["log", "report", "check", "send"]),
    default="log",
)
def schema(of: str) -> None:
    """Print the JSON Schema of the result log's records, or of what a command prints with --json.

    It is of draft 2020-12. Each line of a log follows that of the log; `resume` prints what `send`
    does.

    \b
    Examples:
      bulkstatus schema > result-log.schema.json
      bulkstatus schema report > report.schema.json
    """
    import json

    from bulkstatus.cli import as_json
    from bulkstatus.log import records

    found = records.schema() if of == "log" else as_json.schema(of)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    With it the shell completes commands, options, statuses and files. The line for
    PowerShell belongs into the file that $PROFILE names there.

    \b
    Examples:
      bulkstatus completion bash >> ~/.bashrc
      bulkstatus completion zsh >> ~/.zshrc
      bulkstatus completion fish > ~/.config/fish/completions/bulkstatus.fish
      bulkstatus completion powershell | Out-String | Invoke-Expression
    """
    from click.shell_completion import get_completion_class

    from bulkstatus.cli import cli

    found = get_completion_class(shell)
    if found is None:  # PowerShell came with click 8.5
        raise click.UsageError(
            f"The installed click knows no {shell}. Upgrade it:  pip install --upgrade click"
        )
    click.echo(found(cli, {}, "bulkstatus", "_BULKSTATUS_COMPLETE").source())
