"""The log's record of a run, and the log's name."""

import getpass
import os
import platform
import time
import uuid
from pathlib import Path

from bulkstatus import __version__
from bulkstatus.errors import Refused
from bulkstatus.result import timestamp
from bulkstatus.resultlog import RunRecord
from bulkstatus.sending.terms import Proposal


def default_log_path(path: str, sandbox: bool) -> Path:
    """Return where the log of an input goes: `dispatch.results.jsonl` beside `dispatch.csv`."""
    if path == "-":
        raise Refused("The input is standard input, so the log needs a name: give it with --log.")
    return beside(path, f"{'.sandbox' if sandbox else ''}.results.jsonl")


def beside(path: str, ending: str) -> Path:
    """Return the path of a file that belongs to an input: its name with another ending."""
    source = Path(path)
    name = source.name
    for suffix in (".gz", Path(name.removesuffix(".gz")).suffix):
        name = name.removesuffix(suffix) or name
    return source.with_name(f"{name}{ending}")


def run_record(proposal: Proposal, path: str, rows: int) -> RunRecord:
    """Return the record of a run over the `rows` rows of the input at `path`."""
    values = proposal.settings.values
    return RunRecord(
        run_id=uuid.uuid4().hex,
        started_at=timestamp(time.time()),
        version=__version__,
        input=recorded_path(path, proposal.log_path),
        input_sha256=proposal.source.sha256,
        rows=rows,
        base_url=proposal.base_url,
        ref_id=proposal.ref_id,
        user=_user(),
        host=platform.node(),
        settings={name: value for name, value in values.items() if name != "base_url"},
    )


def recorded_path(path: str, log_path: Path) -> str:
    """Return an input's path as a log records it: relative to the log's folder, or "-"."""
    if path == "-":
        return path
    try:
        relative = Path(os.path.relpath(path, log_path.parent)).as_posix()
    except ValueError:  # on another drive of Windows
        relative = str(Path(path).resolve())
    # The odd bytes of a file's name have no place in JSON; a resume must then name the input.
    return relative.encode("utf-8", "backslashreplace").decode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
