"""The functions of the library for scripts: they return when the work is done.

    import bulkstatus.sync
    ended = bulkstatus.sync.send("dispatch.csv")

Each takes what the function of the same name in `bulkstatus` takes, and runs it in an event loop
of its own. Ctrl-C during a run is like losing the process: `resume` goes on from the log.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from bulkstatus import library

__all__ = ["check", "report", "resume", "send"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _in_own_loop(function: Callable[_P, Coroutine[Any, Any, _T]]) -> Callable[_P, _T]:
    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(function(*args, **kwargs))
        name = function.__name__
        raise RuntimeError(
            f"bulkstatus.sync.{name} is for programs without an event loop, and one is running "
            f"here (an async function, a notebook). Write there:  await bulkstatus.{name}(...)"
        )

    return call


send = _in_own_loop(library.send)
resume = _in_own_loop(library.resume)
check = _in_own_loop(library.check)
report = _in_own_loop(library.report)
