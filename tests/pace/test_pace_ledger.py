"""The ledger's file: where it is, who may read it, and what is said when it cannot be used."""

import sqlite3
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from bulkstatus.errors import SettingsRefused, Stopped
from bulkstatus.pace import Ledger, Place, Quotas, Rate
from bulkstatus.pace.ledger import default_path

HOUR = Rate(100_000, 3600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(path, patience=0.05)
    yield ledger
    ledger.close()


def test_it_is_in_the_directory_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKSTATUS_STATE_DIR", str(tmp_path / "here"))
    assert Ledger().path == tmp_path / "here" / "ledger.sqlite3"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG is for Linux")
def test_it_is_in_the_users_state_directory_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BULKSTATUS_STATE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "bulkstatus" / "ledger.sqlite3"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the directory to its user")
def test_it_is_readable_by_its_owner_alone(path: Path, ledger: Ledger) -> None:
    path.parent.mkdir()
    path.touch(0o666)
    path.chmod(0o666)
    quotas = Quotas([HOUR], ledger, "a", 30.0)
    quotas.try_take()
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert len(modes) == 3, "the ledger and SQLite's two side files"
    assert set(modes.values()) == {0o600}


def test_it_does_not_name_the_account(path: Path, ledger: Ledger) -> None:
    quotas = Quotas([HOUR], ledger, "https://api.example anna", 30.0)
    quotas.try_take()
    ledger.close()
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"anna" not in written
    assert b"example" not in written


def test_it_counts_on_where_it_was_left(path: Path, ledger: Ledger) -> None:
    quotas = Quotas([HOUR], ledger, "a", 30.0)
    for _ in range(3):
        place = quotas.try_take()
        assert isinstance(place, Place)
        quotas.answered(place)
    quotas.try_take()
    ledger.close()
    again = Ledger(path)
    assert Quotas([HOUR], again, "a", 30.0).used() == [(HOUR, 4)]
    again.close()


def refused(ledger: Ledger) -> str:
    with pytest.raises(SettingsRefused) as caught:
        Quotas([HOUR], ledger, "a", 30.0)
    sentence = str(caught.value)
    assert str(ledger.path) in sentence
    assert "--quota none" in sentence
    return sentence


def test_a_file_that_is_no_ledger_is_refused(path: Path, ledger: Ledger) -> None:
    path.parent.mkdir()
    path.write_bytes(b"order_id,status\n" * 1000)
    assert "is damaged" in refused(ledger)
    assert path.read_bytes() == b"order_id,status\n" * 1000


def test_a_ledger_whose_pages_are_damaged_is_refused(path: Path, ledger: Ledger) -> None:
    Quotas([HOUR], ledger, "a", 30.0).try_take()
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    assert "is damaged" in refused(ledger)


def test_a_ledger_of_a_newer_version_is_refused(path: Path, ledger: Ledger) -> None:
    ledger.open()
    ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    assert "newer version" in refused(ledger)


def test_a_ledger_that_is_a_directory_is_refused(path: Path, ledger: Ledger) -> None:
    path.mkdir(parents=True)
    assert "cannot be used" in refused(ledger)


def test_a_state_directory_that_is_a_file_is_refused(path: Path, ledger: Ledger) -> None:
    path.parent.write_text("")
    assert "BULKSTATUS_STATE_DIR" in refused(ledger)


def test_a_ledger_that_stays_locked_is_refused(path: Path, ledger: Ledger) -> None:
    ledger.open()
    ledger.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "locked by another program for more than 0.05 seconds" in refused(ledger)
    Quotas([HOUR], ledger, "a", 30.0)


def test_runs_that_start_at_once_can_all_create_it(tmp_path: Path) -> None:
    together = Barrier(4)

    def create_each(directory: Path) -> None:
        for number in range(150):
            ledger = Ledger(directory / f"{number}.sqlite3")
            together.wait(30)
            ledger.open()
            ledger.close()

    with ThreadPoolExecutor(together.parties) as runs:
        for run in [runs.submit(create_each, tmp_path) for _ in range(together.parties)]:
            run.result()


def test_a_ledger_that_is_locked_in_mid_run_stops_it_and_counts_nothing(
    path: Path, ledger: Ledger
) -> None:
    quotas = Quotas([HOUR], ledger, "a", 30.0)
    place = quotas.try_take()
    assert isinstance(place, Place)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for step in (
            quotas.try_take,
            quotas.used,
            lambda: quotas.answered(place),
            lambda: quotas.give_back(place),
        ):
            with pytest.raises(Stopped, match="locked by another program"):
                step()
    assert quotas.used() == [(HOUR, 1)]


def test_a_full_disk_stops_the_run_and_what_was_counted_stays_so(ledger: Ledger) -> None:
    quotas = Quotas([HOUR], ledger, "a", 30.0)
    # SQLite's own limit on the size of a file fails as a full disk does.
    ledger._connection.execute("PRAGMA max_page_count = 8")
    taken = 0

    def fill() -> None:
        nonlocal taken
        while True:
            quotas.try_take()
            taken += 1

    with pytest.raises(Stopped, match=r"the disk is full\. Free some space"):
        fill()
    assert quotas.used() == [(HOUR, taken)]
    ledger._connection.execute("PRAGMA max_page_count = 10000")
    assert isinstance(quotas.try_take(), Place)


def test_a_step_that_fails_half_way_has_not_happened(ledger: Ledger) -> None:
    ledger.open()

    def half() -> None:
        with ledger.transaction():
            ledger.add_in_flight(1, 5.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with ledger.transaction():
        assert ledger.in_flight_after(1, 0.0) == []
