"""Stopping in good order when the system or the user asks for it."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

#: The signals that stop a run, and the exit status that each gives. SIGBREAK is Ctrl-Break on
#: Windows, which has no SIGTERM that arrives.
STOPPING = {
    getattr(signal, name): status
    for name, status in (("SIGINT", 130), ("SIGTERM", 143), ("SIGBREAK", 130))
    if hasattr(signal, name)
}


@contextmanager
def ending_undisturbed() -> Iterator[Callable[[], None]]:
    """Give a function that has stopping signals ignored from its call on, to the block's end.

    Once the work is done, a signal could only make it look undone.
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
    """Call `interrupt` with an exit status, in the running event loop, on each stopping signal."""
    loop = asyncio.get_running_loop()
    before = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(interrupt, STOPPING[signal.Signals(number)])

    for number, status in STOPPING.items():
        before[number] = signal.getsignal(number)
        try:
            loop.add_signal_handler(number, interrupt, status)
        except NotImplementedError:  # Windows
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(NotImplementedError):  # Windows
                loop.remove_signal_handler(number)
            signal.signal(number, handler)
