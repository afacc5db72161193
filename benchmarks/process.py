"""Whole processes, timed from outside: wall time, CPU time and peak memory."""

import os
import resource
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

#: Credentials for a server that asks for none.
REF_ID, API_KEY = "REF", "KEY"

# Python's own switches that change its speed, and the settings of bulkstatus.
_SLOWING = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONDEVMODE", "PYTHONASYNCIODEBUG")
_SETTINGS = "BULKSTATUS_"

# The unit of a process's peak memory.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


class Failed(Exception):
    """A process ended otherwise than it should have."""


class Ended(NamedTuple):
    """A process that has ended; times in seconds, `started` since the epoch, `peak` in bytes."""

    started: float
    seconds: float
    cpu_seconds: float
    peak: int


def run(command: Sequence[str], folder: Path, *, expected: int = 0) -> Ended:
    """Run a command in `folder` and return what it took, its children included.

    Raises Failed, with the end of what it said, when its exit status is not `expected`.
    """
    said = folder / "output.txt"
    with said.open("wb") as output:
        started, clock = time.time(), time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - clock
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expected:
        text = said.read_text("utf-8", "replace")[-2000:].strip()
        raise Failed(f"{' '.join(command[:4])} … ended with {process.returncode}: {text}")
    peak = usage.ru_maxrss * _PEAK_UNIT
    return Ended(started, seconds, usage.ru_utime + usage.ru_stime, peak)


def peak_mebibytes(ended: Ended) -> float:
    """Return a process's peak memory in MiB.

    Raises Failed where it cannot be told from that of this process: a child begins as a copy of
    its parent, and the system counts that into its peak.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    if ended.peak <= own:
        raise Failed(f"the benchmark's own memory, {own >> 20} MiB, hides that of what it measures")
    return ended.peak / 2**20


def bulkstatus(*arguments: str | Path) -> list[str]:
    """Return the command that runs bulkstatus as its users do."""
    script = Path(sysconfig.get_path("scripts"), "bulkstatus")
    begin = [str(script)] if script.exists() else [sys.executable, "-m", "bulkstatus"]
    return [*begin, *map(str, arguments)]


def send(path: Path, base_url: str, *options: str) -> list[str]:
    """Return the command that sends a file without a question; options say how fast."""
    return bulkstatus("send", path, "--base-url", base_url, "--yes", "--quiet", *options)


def forget_logs(folder: Path) -> None:
    """Delete the logs of a folder: what they have updated would not be sent again."""
    for log in folder.glob("*.results.jsonl"):
        log.unlink()


def send_anew(source: Path, base_url: str, *options: str) -> Ended:
    """Send a file as if for the first time, and return what that took."""
    forget_logs(source.parent)
    return run(send(source, base_url, *options), source.parent)


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process: nobody's settings but those of the benchmark."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _SLOWING and not name.startswith(_SETTINGS)
    }
    return kept | {
        f"{_SETTINGS}REF_ID": REF_ID,
        f"{_SETTINGS}API_KEY": API_KEY,
        "XDG_CONFIG_HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
    }
