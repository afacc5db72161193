"""The log's record of a run, and the log's name."""

import getpass
import os
import platform
import time
import uuid
from dataclasses import replace
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
    source = Path(path)
    name = source.name
    for suffix in (".gz", Path(name.removesuffix(".gz")).suffix):
        name = name.removesuffix(suffix) or name
    return source.with_name(f"{name}{'.sandbox' if sandbox else ''}.results.jsonl")


def run_record(proposal: Proposal, path: str, rows: int) -> RunRecord:
    """Return the record of a run over the `rows` rows of the input at `path`."""
    values = proposal.settings.values
    return RunRecord(
        run_id=uuid.uuid4().hex,
        started_at=timestamp(time.time()),
        version=__version__,
        input=_relative(path, proposal.log_path),
        input_sha256=proposal.source.sha256,
        rows=rows,
        base_url=proposal.base_url,
        ref_id=proposal.ref_id,
        user=_user(),
        host=platform.node(),
        settings={name: value for name, value in values.items() if name != "base_url"},
    )


def _relative(path: str, log_path: Path) -> str:
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


def input_path(run: RunRecord, log_path: Path) -> Path:
    """Return where the input of a log's run is, or was."""
    return log_path.parent / run.input


# What the settings of a log say of its input, and nothing of another file.
_FILE_SETTINGS = frozenset({"format", "encoding", "sheet", "no_header"})


def without_file_settings(run: RunRecord, log_path: Path, path: str | None) -> RunRecord:
    """Return the run's record without what describes its input, when `path` is another file."""
    if path is None or path == "-":
        return run
    if Path(path).resolve() == input_path(run, log_path).resolve():
        return run
    kept = {name: value for name, value in run.settings.items() if name not in _FILE_SETTINGS}
    return replace(run, settings=kept)
