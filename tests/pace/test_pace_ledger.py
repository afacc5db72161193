"""The ledger's file: where it is, who may read it, who shares it, and when it cannot be used."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

import bulkstatus
from bulkstatus.errors import LedgerLost, SettingsRefused
from bulkstatus.pace import Ledger, Place, Quotas, Rate

HOUR = Rate(100_000, 3600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(path, patience=0.05)
    yield ledger
    ledger.close()


def quotas_of(ledger: Ledger, rate: Rate = HOUR) -> Quotas:
    return Quotas([rate], ledger, "https://api.example anna", 30.0)


def take(quotas: Quotas) -> Place:
    place = quotas.try_take()
    assert isinstance(place, Place)
    return place


def held(quotas: Quotas) -> int:
    """Return how many places of the one quota are held."""
    ((_, seconds),) = quotas.coming_free()
    return len(seconds)


def test_it_is_where_the_environment_says_or_in_the_users_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKSTATUS_STATE_DIR", str(tmp_path / "here"))
    assert Ledger().path == tmp_path / "here" / "ledger.sqlite3"
    if sys.platform.startswith("linux"):
        monkeypatch.delenv("BULKSTATUS_STATE_DIR")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert Ledger().path == tmp_path / "bulkstatus" / "ledger.sqlite3"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the directory to its user")
@pytest.mark.parametrize("before", [None, 0o666], ids=["new", "readable by all"])
def test_it_is_readable_by_its_owner_alone(path: Path, ledger: Ledger, before: int | None) -> None:
    if before is not None:
        path.parent.mkdir()
        path.touch()
        path.chmod(before)
    take(quotas_of(ledger))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert len(modes) == 3, "the ledger and SQLite's two side files"
    assert set(modes.values()) == {0o600}


def test_it_counts_on_where_it_was_left_and_does_not_name_the_account(
    path: Path, ledger: Ledger
) -> None:
    quotas = quotas_of(ledger)
    for _ in range(3):
        quotas.answered(take(quotas))
    take(quotas)
    ledger.close()
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"anna" not in written
    assert b"example" not in written
    assert held(quotas_of(ledger)) == 4


def no_ledger(path: Path) -> None:
    path.write_bytes(b"order_id,status\n" * 1000)


def damaged_pages(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))


def newer_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_directory(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("")


@pytest.mark.parametrize(
    ("spoil", "piece"),
    [
        (no_ledger, "Delete it"),
        (damaged_pages, "Delete it"),
        (newer_version, "newer version"),
        (directory, "BULKSTATUS_STATE_DIR"),
        (no_directory, "BULKSTATUS_STATE_DIR"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name_and_left_alone(
    path: Path, ledger: Ledger, spoil: Callable[[Path], None], piece: str
) -> None:
    take(quotas_of(ledger))
    ledger.close()
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(SettingsRefused) as refused:
        quotas_of(ledger)
    for word in (str(path), piece, "--quota none"):
        assert word in str(refused.value)
    assert not before or path.read_bytes() == before


def test_a_ledger_that_stays_locked_is_refused_and_in_mid_run_stops_it_and_counts_nothing(
    path: Path, ledger: Ledger
) -> None:
    quotas = quotas_of(ledger)
    place = take(quotas)
    late = Ledger(path, patience=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SettingsRefused, match=r"more than 0\.05 seconds"):
            quotas_of(late)
        for step in (
            quotas.try_take,
            quotas.coming_free,
            lambda: quotas.answered(place),
        ):
            with pytest.raises(LedgerLost, match="has locked it"):
                step()
    assert held(quotas) == held(quotas_of(late)) == 1
    late.close()


def test_a_full_disk_stops_the_run_and_what_was_counted_stays_so(ledger: Ledger) -> None:
    quotas = quotas_of(ledger)
    # SQLite's own limit on the size of a file fails as a full disk does.
    assert ledger._opened is not None
    ledger._opened.execute("PRAGMA max_page_count = 8")
    taken = 0

    def fill() -> None:
        nonlocal taken
        while True:
            quotas.try_take()
            taken += 1

    with pytest.raises(LedgerLost, match="full"):
        fill()
    assert held(quotas) == taken
    ledger._opened.execute("PRAGMA max_page_count = 10000")
    take(quotas)


def test_a_step_that_fails_half_way_has_not_happened(ledger: Ledger) -> None:
    def half() -> None:
        with ledger.transaction() as tables:
            tables.execute("INSERT INTO answered VALUES (1, 5.0, 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with ledger.transaction() as tables:
        assert tables.execute("SELECT * FROM answered").fetchall() == []


def test_runs_that_start_at_once_can_all_create_it(tmp_path: Path) -> None:
    together = Barrier(4)

    def create_each() -> None:
        for number in range(150):
            ledger = Ledger(tmp_path / f"{number}.sqlite3")
            together.wait(30)
            with ledger.transaction():
                pass
            ledger.close()

    with ThreadPoolExecutor(together.parties) as runs:
        for run in [runs.submit(create_each) for _ in range(together.parties)]:
            run.result()


SHARED = Rate(400, 3600.0)
TAKE_UNTIL_FULL = """
import sys
from pathlib import Path
from bulkstatus.pace import Ledger, Quotas, Rate

print("ready", flush=True)
sys.stdin.readline()
quotas = Quotas([Rate(400, 3600.0)], Ledger(Path(sys.argv[1])), "https://api.example anna", 30.0)
number = 0
while not isinstance(place := quotas.try_take(), float):
    number += 1
    print("taken", flush=True)
    if number % 2:
        quotas.answered(place)
"""


def start(ledger: Path) -> "subprocess.Popen[str]":
    """Start a process that takes places until there are none, once it is sent a line."""
    environment = {**os.environ, "PYTHONPATH": str(Path(bulkstatus.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_UNTIL_FULL, str(ledger)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_share_one_quota_to_the_last_place_and_what_a_killed_one_took_counts(
    path: Path, ledger: Ledger
) -> None:
    killed = start(path)
    assert killed.stdin is not None
    assert killed.stdout is not None
    killed.stdin.write("\n")
    killed.stdin.flush()
    told = 0
    while told < 40:
        told += killed.stdout.readline() == "taken\n"
    killed.kill()
    told += killed.stdout.read().count("taken")
    killed.communicate()
    before = held(quotas_of(ledger, SHARED))
    # It can have taken one place of which it did not live to tell.
    assert told <= before <= told + 1
    processes = [start(path) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    taken = [process.communicate()[0].count("taken") for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert sum(taken) == SHARED.count - before
    assert held(quotas_of(ledger, SHARED)) == SHARED.count
