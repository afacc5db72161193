"""`Ledger`: one small file that remembers every request that a quota counts."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path

from bulkstatus.errors import BulkstatusError, SettingsRefused, Stopped
from bulkstatus.pace.rate import LONGEST_WINDOW

SCHEMA = 1

#: For how long a request is remembered, in seconds: its longest window, and as long again for a
#: clock that was ahead for a while.
KEPT = 2 * LONGEST_WINDOW

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
    """Return where the ledger is: in BULKSTATUS_STATE_DIR, or the user's state directory."""
    if directory := os.environ.get("BULKSTATUS_STATE_DIR"):
        return Path(directory) / "ledger.sqlite3"
    from platformdirs import user_state_path

    return user_state_path("bulkstatus", appauthor=False) / "ledger.sqlite3"


def account_number(account: str) -> int:
    """Return the number that stands for an account, so that the ledger need not name it."""
    return int.from_bytes(blake2b(account.encode(), digest_size=8).digest(), signed=True)


class Ledger:
    """The requests of the last two days, of all accounts and runs of this user.

    `path` is a file, or ":memory:" for a ledger of this process alone. Nothing is read or
    written before `open`. Everything else runs inside `transaction`, in the thread that opened
    it. `patience` is how long to wait for another run that holds the file, in seconds.
    """

    def __init__(self, path: Path | str | None = None, patience: float = 10.0) -> None:
        self.path = path if path is not None else default_path()
        self._patience = patience
        self._opened: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file and create it, readable by its owner alone, if it is not there.

        Raises SettingsRefused when that cannot be.
        """
        if self._opened is None:
            with self._explained(SettingsRefused):
                self._opened = self._connect()

    def close(self) -> None:
        """Let go of the file; `open` opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

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
                if not _is_busy(error) or time.monotonic() > deadline:
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
            raise SettingsRefused(
                f"The ledger {self.path}, which counts the requests for --quota, was written by "
                "another, newer version of bulkstatus. Use that version, or go without a quota "
                "with --quota none."
            )

    @contextmanager
    def transaction(self, otherwise: type[BulkstatusError] = Stopped) -> Iterator[None]:
        """Run the body as one step that no other run can come between.

        Raises `otherwise`, with a sentence, when the file cannot be read or written; the step
        has not happened then.
        """
        connection = self._connection
        with self._explained(otherwise):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # SQLite rolls some failures back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            raise RuntimeError("the ledger is not open")
        return self._opened

    @contextmanager
    def _explained(self, kind: type[BulkstatusError]) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise kind(self._sentence(error)) from error

    def _sentence(self, error: Exception) -> str:
        code = _code(error)
        name = f"The ledger {self.path}, which counts the requests for --quota,"
        if _is_busy(error):
            return (
                f"{name} has been locked by another program for more than {self._patience:g} "
                "seconds. Wait for that run or end it, and try again; --quota none goes without."
            )
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return (
                f"{name} is damaged ({error}). Delete it, which forgets the requests of the last "
                "day, and try again; --quota none goes without."
            )
        if code == sqlite3.SQLITE_FULL:
            return (
                f"{name} cannot be written: the disk is full. Free some space and try again; "
                "--quota none goes without."
            )
        return (
            f"{name} cannot be used ({error}). See that you may read and write it and its "
            "directory, or name another directory in BULKSTATUS_STATE_DIR; --quota none goes "
            "without."
        )

    # --- the steps of a transaction ---

    def add_in_flight(self, account: int, latest: float) -> int:
        """Note a request that arrives at `latest` at the latest; return the number of its row."""
        statement = "INSERT INTO in_flight (account, latest) VALUES (?, ?)"
        with closing(self._connection.execute(statement, (account, latest))) as cursor:
            row = cursor.lastrowid
        assert row is not None
        return row

    def remove_in_flight(self, row: int) -> None:
        """Forget a request; no harm if it is forgotten already."""
        self._connection.execute("DELETE FROM in_flight WHERE id = ?", (row,))

    def in_flight_after(self, account: int, moment: float) -> list[float]:
        """Return the latest arrivals that lie after `moment`, soonest first."""
        statement = "SELECT latest FROM in_flight WHERE account = ? AND latest > ? ORDER BY latest"
        return [latest for (latest,) in self._connection.execute(statement, (account, moment))]

    def add_answered(self, account: int, at: float) -> None:
        """Note an answer at `at`, or at the last one's moment if the clock has gone back since."""
        last_at, last_number = self._last(account)
        self._connection.execute(
            "INSERT INTO answered VALUES (?, ?, ?)", (account, max(at, last_at), last_number + 1)
        )

    def count_answered_after(self, account: int, moment: float) -> int:
        """Return how many answers lie after `moment`."""
        statement = (
            "SELECT number FROM answered WHERE account = ? AND at > ? ORDER BY at, number LIMIT 1"
        )
        first = self._connection.execute(statement, (account, moment)).fetchone()
        return self._last(account)[1] - first[0] + 1 if first else 0

    def answered_after(self, account: int, moment: float, count: int) -> list[float]:
        """Return the first `count` answers after `moment`, soonest first."""
        statement = (
            "SELECT at FROM answered WHERE account = ? AND at > ? ORDER BY at, number LIMIT ?"
        )
        return [at for (at,) in self._connection.execute(statement, (account, moment, count))]

    def latest(self, account: int) -> float:
        """Return the latest moment on record, 0.0 if there is none."""
        statement = "SELECT max(latest) FROM in_flight WHERE account = ?"
        (latest,) = self._connection.execute(statement, (account,)).fetchone()
        return max(latest or 0.0, self._last(account)[0])

    def _last(self, account: int) -> tuple[float, int]:
        statement = (
            "SELECT at, number FROM answered WHERE account = ? "
            "ORDER BY at DESC, number DESC LIMIT 1"
        )
        last: tuple[float, int] | None = self._connection.execute(statement, (account,)).fetchone()
        return last or (0.0, 0)

    def purge(self, now: float, account: int | None = None) -> None:
        """Forget what is too old to count: of one account, which is quick, or of all."""
        if account is None:
            self._connection.execute("DELETE FROM in_flight WHERE latest < ?", (now - KEPT,))
            self._connection.execute("DELETE FROM answered WHERE at < ?", (now - KEPT,))
        else:
            self._connection.execute(
                "DELETE FROM answered WHERE account = ? AND at < ?", (account, now - KEPT)
            )


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _code(error: BaseException) -> int:
    """Return SQLite's primary code of an error, 0 where it is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: BaseException) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
