"""What was measured, and on which machine."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.needs import program
from bulkstatus import __version__

_PACKAGES = ("aiohttp", "uvloop", "orjson", "aiofiles", "aiolimiter", "yarl", "click")
_PEERS = ("requests", "httpx", "zyte-api")


def describe() -> dict[str, str]:
    """Return the machine and the versions, by name."""
    found = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_memory_gibibytes():.0f} GiB",
        "system": platform.platform(),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "bulkstatus": __version__,
    }
    for name in (*_PACKAGES, *_PEERS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    for name, option in (("nginx", "-v"), ("curl", "--version")):
        if path := program(name):
            found[name] = _first_line(path, option)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gibibytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _first_line(program: str, option: str) -> str:
    said = subprocess.run([program, option], capture_output=True, text=True, check=False)
    words = (said.stdout or said.stderr).split("\n")[0].removeprefix("nginx version: ").split()
    return " ".join(words[:2]).removeprefix("nginx/").removeprefix("curl ")
