"""Serving pages and answers to this machine alone, as the sandbox and the desk do."""

import logging

from aiohttp import web

from bulkstatus.errors import SettingsRefused

# What aiohttp would tell of requests that are none, with a traceback.
_SILENT = logging.getLogger("bulkstatus.loopback")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


async def listen(app: web.Application, port: int, called: str) -> web.AppRunner:
    """Serve an application on 127.0.0.1, on a free port where `port` is 0, and return its runner.

    `addresses` of that says where; its `cleanup` gives requests a second to end. Raises
    SettingsRefused, with the application `called` so, when the port cannot be had.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, logger=_SILENT)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsRefused(
            f"The {called} cannot listen on port {port}: {error.strerror or error}. Choose another "
            "one with --port."
        ) from error
    return runner
