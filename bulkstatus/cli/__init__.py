"""The program: finds the command that was typed, and turns errors into exit statuses.

A command imports nothing heavy before it runs, so that `--help` and `--version` answer at once.
"""

import errno
import importlib
import os
import sys

import click

from bulkstatus import __version__

# In the order in which `--help` lists them, with the module of each.
_COMMANDS = {
    "send": "commands",
    "resume": "commands",
    "check": "commands",
    "report": "report",
    "desk": "commands",
    "sandbox": "sandbox",
    "statuses": "commands",
    "config": "config",
    "schema": "commands",
    "completion": "commands",
}


class _Commands(click.Group):
    """Loads a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"bulkstatus.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Set the status of many orders at once through an Order Status API.

    Exit status: 0 every row is updated; 1 some rows are rejected, failed or invalid; 2 refused,
    nothing was sent; 3 stopped before the end, resume later; 4 stopped, and something has to be
    put right first; 130, 143 and 129 interrupted, resume later.
    """


def main() -> None:
    """Run the program: parse the command line, and turn errors into sentences and exit statuses."""
    _open_standard_streams()
    status = _run()
    # What has been done is done, whether or not the last of it can be printed.
    from bulkstatus.terminal import said

    with said():
        pass
    sys.exit(status)


def desk() -> None:
    """Run `bulkstatus desk` with the arguments given: a program for a start without a console."""
    sys.argv[1:1] = ["desk"]
    main()


def _run() -> int:
    from bulkstatus.errors import FAULT, BulkstatusError

    try:
        status: int = cli.main(prog_name="bulkstatus", standalone_mode=False)
        return status
    except (click.exceptions.Abort, click.ClickException, BulkstatusError) as error:
        from bulkstatus.cli.output import show_refusal

        return show_refusal(error, as_json="--json" in sys.argv)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone. Nothing more can be said to them.
        return 0
    except Exception as error:
        from traceback import print_exc

        from bulkstatus.terminal import said, say

        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            say("The disk is full, so the output could not be written.")
            return 2
        # Python's own exit status for this would be 1, which says that the run finished.
        with said():
            print_exc()
        say(FAULT)
        return 3


def _open_standard_streams() -> None:
    """Fill the place of a closed standard stream, lest a log or a connection take it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
