"""Who may come in: one browser of this user, with a token that is used up by it.

The token is in the address, which stands in a private file: a page that leads to the desk. The
file is locked while the desk is open, and so says to a second start where the first one is.
"""

import hashlib
import os
import re
import secrets
from functools import partial
from hmac import compare_digest
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from bulkstatus.desk.pages import page
from bulkstatus.errors import LogInUse, SettingsRefused
from bulkstatus.log.writer import try_lock
from bulkstatus.pace.ledger import default_path
from bulkstatus.words import utf8

_PAGE = """<!DOCTYPE html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>bulkstatus</title>
<meta http-equiv="refresh" content="0; url={address}"><a href="{address}">To the desk</a>
"""


_turned_away = partial(page, "message.html", 403, title="Not here", desk=None, rehearses=False)


class Door:
    """Lets in whoever has the cookie, and gives it once for each token; nobody before `open`.

    `path` is the private page that leads to the desk of a folder, and `is_ours` says that we hold
    its lock. Raises SettingsRefused where this user has no place for it.
    """

    def __init__(self, folder: Path) -> None:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        self.path = default_path().with_name(f"desk-{name}.html")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SettingsRefused(
                f"The desk cannot keep its address in {self.path}: {error.strerror}. Name a folder "
                "for it in BULKSTATUS_STATE_DIR."
            ) from None
        self._file = os.fdopen(descriptor, "r+", encoding="utf-8")
        self.is_ours = try_lock(descriptor)
        self._host = self._cookie = self._token = ""
        self._session = secrets.token_urlsafe(32)

    def address(self) -> str:
        """Return where the page leads. Raises LogInUse where the desk is not open."""
        self._file.seek(0)
        found = re.search(r'href="([^"]+)"', self._file.read())
        if found is None:
            raise LogInUse("The desk of this folder is just opening or closing. Start it again.")
        return found[1]

    def open(self, port: int) -> None:
        """Let in the browser that comes to 127.0.0.1 at this port with the token of now."""
        self._host = f"127.0.0.1:{port}"
        self._cookie = f"desk-{port}"  # cookies are one for all ports
        self._token = secrets.token_urlsafe(32)
        self._lead(_PAGE.format(address=f"http://{self._host}/?token={self._token}"))

    def close(self) -> None:
        """Let go of the page, and let it lead nowhere."""
        if self.is_ours:
            self._lead("")
        self._file.close()

    def _lead(self, page: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(page)
        self._file.flush()

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only what comes from a page of the desk, or brings the token."""
        if request.headers.getall("Host", []) != [self._host]:
            return _turned_away(sentences=["This is not the address of the desk."])
        cookie, token = request.cookies.get(self._cookie, ""), request.query.get("token", "")
        is_known = _is_same(cookie, self._session)
        if token and (request.method, request.path) == ("GET", "/"):
            response = web.HTTPSeeOther("/")
            if _is_same(token, self._token):
                self.open(int(self._host.rpartition(":")[2]))
                # Strict would not come along on the way from the private page to here.
                response.set_cookie(self._cookie, self._session, httponly=True, samesite="Lax")
                raise response
            if is_known:
                raise response
        if not is_known:
            used = "This address has been used, or is none of the desk's."
            return _turned_away(sentences=[used, "Start the desk again: that opens it here."])
        is_read, origins = request.method in {"GET", "HEAD"}, request.headers.getall("Origin", [])
        if not is_read and origins != [f"http://{self._host}"]:
            return _turned_away(sentences=["This was asked by a page that is none of the desk's."])
        return await handler(request)


def _is_same(given: str, secret: str) -> bool:
    return compare_digest(utf8(given).encode(), secret.encode())
