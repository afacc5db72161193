"""`bulkstatus desk`: the desk of a folder from its opening to its end."""

import asyncio
import threading
import webbrowser
from pathlib import Path

from bulkstatus.desk.door import Door, Mat
from bulkstatus.desk.server import Desk
from bulkstatus.loopback import listen
from bulkstatus.signals import interrupting
from bulkstatus.terminal import tell


async def serve(folder: Path, port: int, opens: bool) -> int:
    """Keep the desk of a folder open until it is closed, and return the exit status.

    Where it is open already, lead to that one. `opens` says that the browser is opened on this
    machine. Raises SettingsRefused when the port cannot be had.
    """
    mat = Mat(folder)
    try:
        if mat.is_ours:
            return await _serve(folder, port, opens, mat)
        _lead(mat, f"The desk of {folder} is open already. Its address:", opens)
        return 0
    finally:
        mat.close()


async def _serve(folder: Path, port: int, opens: bool, mat: Mat) -> int:
    desk, door, status = Desk(folder), Door(mat), 0

    def interrupt(exit_status: int) -> None:
        nonlocal status
        if desk.work.is_busy:
            status = exit_status
            if desk.closing.is_set():
                desk.work.stop()
        desk.closing.set()

    watching = asyncio.create_task(desk.work.watch())
    try:
        with interrupting(interrupt):
            runner = await listen(desk.make_app(door), port, "desk")
            door.open(runner.addresses[0][1])
            _lead(mat, f"The desk of {folder} is open; Ctrl-C closes it. Its address:", opens)
            await desk.closing.wait()
            await desk.work.finish()
            await runner.cleanup()
    finally:
        watching.cancel()
    return status


def _lead(mat: Mat, said: str, opens: bool) -> None:
    """Say where the desk is, and send the browser there."""
    tell([said, mat.address()])
    if opens:
        # Others can read a command line: there stands the private file, not the address.
        page = mat.path.as_uri()
        threading.Thread(target=webbrowser.open, args=[page], daemon=True).start()
