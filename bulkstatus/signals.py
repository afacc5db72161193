"""Stopping in good order when the system or the user asks for it."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: The signals that stop a run, and the exit status that each gives. SIGBREAK is Ctrl-Break on
#: Windows, which has no SIGTERM that arrives.
STOPPING: dict[int, int] = {
    getattr(signal, name): status
    for name, status in (("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGBREAK", 130))
    if hasattr(signal, name)
}


@contextmanager
def ending_undisturbed() -> Iterator[Callable[[], None]]:
    """Give a function that has stopping signals ignored from its call on, to the block's end.

    Once the work is done, a signal could only make it look undone. After it all is as before.
    """
    before = {number: signal.getsignal(number) for number in STOPPING}

    def ignore() -> None:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)

    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupting(interrupt: Callable[[int], None]) -> Iterator[None]:
    """Call `interrupt` with an exit status, in the running event loop, on each stopping signal.

    A program that was started with one of them ignored is not stopped by it: `nohup` does that
    with SIGHUP, and a shell script with SIGINT for what it starts in the background.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(interrupt, STOPPING[number])

    with ending_undisturbed():
        for number in STOPPING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, on_signal)
        yield
