"""What a benchmark needs that may not be there, and how to get it. Nothing is installed here."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

# nginx is often where only root's PATH leads.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])

_ECHO_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")


class Need(NamedTuple):
    """Something to be had: `get_it` is what to do where `is_there` returns False."""

    name: str
    is_there: Callable[[], bool]
    get_it: str


def program(name: str) -> str | None:
    """Return the path of a program."""
    return shutil.which(name, path=_PATH)


def echo_module() -> Path | None:
    """Return the path of nginx's echo module."""
    found = (Path(folder, "ngx_http_echo_module.so") for folder in _ECHO_FOLDERS)
    return next((path for path in found if path.exists()), None)


def package(name: str) -> Need:
    """Return the need of a Python package; `name` is the one that pip knows."""
    module = name.replace("-", "_")
    return Need(
        name, lambda: importlib.util.find_spec(module) is not None, f"python -m pip install {name}"
    )


POSIX = Need(
    "a POSIX system",
    lambda: hasattr(os, "wait4"),
    "Linux or macOS (the memory and CPU time of a process are asked of the system)",
)
NGINX = Need(
    "nginx",
    lambda: program("nginx") is not None,
    "apt-get install nginx-light (Debian), brew install nginx (macOS)",
)
ECHO_MODULE = Need(
    "nginx's echo module",
    lambda: echo_module() is not None,
    "apt-get install libnginx-mod-http-echo (Debian)",
)
CURL = Need("curl", lambda: program("curl") is not None, "apt-get install curl")
XARGS = Need("xargs", lambda: program("xargs") is not None, "apt-get install findutils")
