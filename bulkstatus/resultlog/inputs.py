"""The inputs that a log names: where they are, what to call them, how to go on with them."""

from pathlib import Path

from bulkstatus.resultlog.records import RunRecord
from bulkstatus.wording import command_line


def input_path(run: RunRecord, log_path: Path) -> Path:
    """Return where the input of a log's run is, or was; it must not be standard input."""
    return log_path.parent / run.input


def input_name(run: RunRecord) -> str:
    """Return what to call the input of a run."""
    return "standard input" if run.input == "-" else run.input


def resume_command(run: RunRecord, log_path: Path) -> str:
    """Return the command that goes on with the run that a resume takes by itself.

    It asks for INPUT where that was standard input, or is gone.
    """
    is_there = run.input != "-" and input_path(run, log_path).exists()
    return command_line("bulkstatus", "resume", log_path, *([] if is_there else ["INPUT"]))
