"""The commands, one file each.

A command's file imports nothing heavy before the command runs, so that `--help` and `--version`
answer at once.
"""

import importlib
import os
import sys

import click

from bulkstatus import __version__

# In the order in which `--help` lists them.
_COMMANDS = (
    "send",
    "resume",
    "check",
    "report",
    "sandbox",
    "statuses",
    "config",
    "schema",
    "completion",
)


class _Commands(click.Group):
    """Finds each command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"bulkstatus.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(name, _COMMANDS, n=1)
            meant = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(_COMMANDS)}."
            ctx.fail(f'There is no command "{name}". {meant}')
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Set the status of many orders at once through an Order Status API.

    Exit status: 0 every row is updated; 1 some rows are rejected, failed or invalid; 2 refused,
    nothing was sent; 3 stopped before the end, resume later; 130 and 143 interrupted, resume
    later.
    """


def main() -> None:
    """Run the program: parse the command line, and turn errors into sentences and exit statuses."""
    from bulkstatus.errors import BulkstatusError

    _open_standard_streams()
    try:
        status = cli.main(prog_name="bulkstatus", standalone_mode=False)
    except (click.exceptions.Abort, click.ClickException, BulkstatusError) as error:
        from bulkstatus.cli.refusal import show_refusal

        status = show_refusal(error, as_json="--json" in sys.argv)
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # Whoever read the output has gone. Nothing more can be said to them.
        sys.stderr.close()
        status = 0
    except Exception:
        # Python's own exit status for this would be 1, which says that the run finished.
        from traceback import print_exc

        print_exc()
        click.echo(
            "This is a fault of bulkstatus itself. What it sent until then is in the result log, "
            "if there is one; `bulkstatus resume` goes on from there.",
            err=True,
        )
        status = 3
    sys.exit(status)


def _open_standard_streams() -> None:
    """Fill the place of a closed standard stream, lest a log or a connection take it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
