"""The desk: the whole job in a browser on this machine. It decides nothing by itself.

`serve` keeps it open, `door` says which requests are answered, `server` answers them, and `pages`
makes what is seen. `folder` is what lies in the folder, and `work` what is asked and the run that
goes on.
"""

import threading
import webbrowser
from contextlib import closing
from pathlib import Path

from bulkstatus.desk.door import Door
from bulkstatus.desk.server import Desk
from bulkstatus.loopback import listen
from bulkstatus.signals import interrupting
from bulkstatus.terminal import tell


async def serve(folder: Path, port: int, opens: bool) -> int:
    """Keep the desk of a folder open until it is closed, and return the exit status.

    Where it is open already, lead to that one. `opens` says that the browser is opened on this
    machine. Raises SettingsRefused when the port cannot be had.
    """
    desk, status = Desk(folder), 0

    def interrupt(exit_status: int) -> None:
        nonlocal status
        if desk.work.is_busy:
            status = exit_status
            if desk.closing.is_set():
                desk.work.stop()
        desk.closing.set()

    with closing(Door(folder)) as door, interrupting(interrupt):
        if door.is_ours:
            runner = await listen(desk.make_app(door), port, "desk")
            door.open(runner.addresses[0][1])
        how = "; Ctrl-C closes it" if door.is_ours else " already"
        tell([f"The desk of {folder} is open{how}. Its address:", door.address()])
        if opens:
            # Others can read a command line: there stands the private file, not the address.
            page = door.path.as_uri()
            threading.Thread(target=webbrowser.open, args=[page], daemon=True).start()
        if door.is_ours:
            await desk.closing.wait()
            await desk.work.finish()
            await runner.cleanup()
    return status
