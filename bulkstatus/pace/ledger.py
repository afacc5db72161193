"""`Ledger`: one small file that remembers every request that a quota counts."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bulkstatus.errors import LedgerLost, SettingsRefused
from bulkstatus.pace.rate import LONGEST_WINDOW

SCHEMA = 1

#: For how long a request is remembered, in seconds: its longest window, and as long again for a
#: clock that was ahead for a while.
KEPT = 2 * LONGEST_WINDOW

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

# `in_flight` holds the requests whose answer is not known, with the latest moment at which each
# can arrive; a run that was killed leaves its own here, and they age like the others.
# `answered` holds the rest, numbered per account without gaps and with moments that never go
# down, so that how many there are since a moment is a difference of two numbers, not a count.
_TABLES = (
    """CREATE TABLE in_flight (
        id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL, latest REAL NOT NULL
    )""",
    "CREATE INDEX in_flight_latest ON in_flight (account, latest)",
    """CREATE TABLE answered (
        account INTEGER NOT NULL, at REAL NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (account, at, number)
    ) WITHOUT ROWID""",
    f"PRAGMA user_version = {SCHEMA}",
)


def default_path() -> Path:
    """Return where the ledger is: in BULKSTATUS_STATE_DIR, or the user's state directory.

    Raises SettingsRefused where the user, who may be a bare number in a container, has none.
    """
    if directory := os.environ.get("BULKSTATUS_STATE_DIR"):
        return Path(directory) / "ledger.sqlite3"
    from platformdirs import user_state_path

    with suppress(RuntimeError):
        path = user_state_path("bulkstatus", appauthor=False)
        # An older platformdirs leaves the ~ of an unknown home in its place.
        if path.is_absolute():
            return path / "ledger.sqlite3"
    raise SettingsRefused(
        "Where to count the requests of the quota is not known, since this user has no home. Name "
        "a folder that stays in BULKSTATUS_STATE_DIR."
    )


class Ledger:
    """The requests of the last two days, of all accounts and runs of this user.

    `path` is a file, or ":memory:" for a ledger of this process alone. Nothing is read or
    written, nor is the file created, before the first `transaction`; all of them run in one
    thread. `patience` is how long to wait for another run that holds the file, in seconds.
    """

    def __init__(self, path: Path | str | None = None, patience: float = 10.0) -> None:
        self.path = path if path is not None else default_path()
        self._patience = patience
        self._opened: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file; the next transaction opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the body, on the file's tables, as one step that no other run can come between.

        Raises LedgerLost, with a sentence, when the file cannot be read or written; the step has
        not happened then.
        """
        try:
            connection = self._opened = self._opened or self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite rolls some failures back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            raise LedgerLost(self._sentence(error)) from error

    def _connect(self) -> sqlite3.Connection:
        if self.path != ":memory:":
            path = Path(self.path)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its two side files the permissions of the main one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
        deadline = time.monotonic() + self._patience
        while True:
            connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)
            try:
                self._prepare(connection)
            except BaseException as error:
                connection.close()
                # While another run creates the file, repairs it after a crash or is the last to
                # close it, SQLite says "busy" at once instead of waiting.
                if _code(error) not in _BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        if version == 0:
            connection.execute("PRAGMA journal_mode = WAL")
        # A committed request survives the death of the process at any moment, since it is with
        # the operating system by then. A power cut can take back the commits since the last
        # checkpoint that the system had not yet written by itself (some 30 s of requests), but
        # cannot damage the file. FULL would save those too, at an fsync, so several
        # milliseconds of a standing event loop, twice per request.
        connection.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection) == 0:  # nobody was faster
                for statement in _TABLES:
                    connection.execute(statement)
            connection.execute("COMMIT")
            version = _version(connection)
        if version != SCHEMA:
            raise sqlite3.DatabaseError("it is from a newer version of bulkstatus")

    def _sentence(self, error: Exception) -> str:
        code = _code(error)
        advice = (
            "See that you may read and write it and its directory and that the disk is not full, "
            "or name another directory in BULKSTATUS_STATE_DIR"
        )
        if code in _BUSY:
            advice = (
                f"Another program has locked it for more than {self._patience:g} seconds: wait for "
                "that run or end it, and try again"
            )
        elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            advice = "Delete it, which forgets the requests of the last day, and try again"
        return (
            f"The ledger {self.path}, which counts the requests for --quota, cannot be used "
            f"({error}). {advice}; --quota none goes without."
        )


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _code(error: BaseException) -> int:
    """Return SQLite's primary code of an error, 0 where it is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
