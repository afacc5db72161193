"""Writing the log: whole groups on disk before they count, and a clear end when that fails."""

import asyncio
import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.errors import LogInUse, LogLost, LogRefused
from bulkstatus.log import LogState, Result, ResultLog, read_log
from bulkstatus.log.reader import Region
from bulkstatus.log.records import SendingRecord, line_of, lines_of
from bulkstatus.log.writer import GROUP_SECONDS, PATIENCE_SECONDS
from tests.log.lines import end_record, log_of, result, row, run_record

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files")

ROWS = [row(n, f"A{n}:8:T{n}") for n in range(1, 41)]


async def begun(path: Path, through: int = len(ROWS)) -> ResultLog:
    log = ResultLog.create(path)
    await begin(log, through)
    return log


async def begin(log: ResultLog, through: int = 1) -> None:
    lines = lines_of(ROWS)

    async def rest() -> AsyncIterator[bytes]:
        yield lines[:1000]
        yield lines[1000:]

    state = LogState()
    assert state.add_rows(ROWS)
    await log.begin(run_record(), rest(), [Region(0, len(lines), 1, len(ROWS))], state)
    log.announce(through)


async def write(log: ResultLog, *numbers: int) -> list[object]:
    """Write results and close the log; return what was told: numbers, and why it was lost."""
    told: list[object] = []

    def written(results: Sequence[Result]) -> None:
        # What is reported must be readable from the file at that moment.
        told.extend(result.n for result in results)
        assert read_log(log.path).state.counts() == {"updated": len(told)}

    log.start(written, told.append)
    for n in numbers:
        log.add(result(ROWS[n - 1]))
    await log.finish()
    log.close()
    return told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dispatch.results.jsonl"


class Calls:
    """What is done to files, in order. A write but for the `spared` next fails after some bytes."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.fail_after: int | None = None
        self.spared = 0
        self._write, self._fsync = os.write, os.fsync
        patch.setattr(os, "write", self._do_write)
        patch.setattr(os, "fsync", self._do_fsync)

    def _do_write(self, descriptor: int, data: bytes) -> int:
        self.names.append("write")
        self.spared -= 1
        if self.fail_after is not None and self.spared < 0:
            self._write(descriptor, bytes(data[: self.fail_after]))
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(descriptor, data)

    def _do_fsync(self, descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        self.names.append("fsync of the folder" if is_folder else "fsync")
        self._fsync(descriptor)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


async def test_what_is_written_is_what_is_read(path: Path) -> None:
    log = await begun(path, 7)
    log.start(lambda results: None, lambda error: None)
    log.add(result(ROWS[2], "failed?"))
    log.sending(40)
    await log.finish()
    assert log.through == 40
    await log.append_end(end_record())
    log.close()
    records = [run_record(), *ROWS, SendingRecord(7), result(ROWS[2], "failed?")]
    expected = [*records, SendingRecord(40), end_record()]
    assert path.read_bytes() == b"".join(map(line_of, expected))
    there = read_log(path)
    assert (log.contents.regions[0].first, log.contents.regions[-1].last) == (1, 40)
    assert there.state.contents == log.contents.state.contents


async def test_a_group_is_one_write_and_synced_before_it_is_told(
    path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A crash costs the results of 200 ms at most: those gathered, and those being written.
    assert GROUP_SECONDS + PATIENCE_SECONDS <= 0.2
    monkeypatch.setattr("bulkstatus.log.writer.GROUP_SECONDS", 600.0)
    log = await begun(path)
    del calls.names[:]
    log.start(lambda results: calls.names.append(f"{len(results)} written"), lambda error: None)
    for n in range(1, 31):
        log.add(result(ROWS[n - 1]))
        await asyncio.sleep(0)
    await log.finish()
    assert calls.names == ["write", "fsync", "30 written"]
    log.close()


async def test_results_are_told_once_they_are_in_the_file(path: Path) -> None:
    assert await write(await begun(path), 2, 3, 4) == [2, 3, 4]


async def test_no_row_may_leave_before_its_sending_is_on_disk(path: Path, calls: Calls) -> None:
    log = await begun(path, 3)
    # Nor is a sending on disk before the beginning that it makes count.
    names = [name for name, _ in groupby(calls.names)]
    assert [name for name in names if "folder" not in name] == ["write", "fsync", "write", "fsync"]
    assert len(names) == 4 + (os.name == "posix")
    assert read_log(path).size == path.stat().st_size
    log.sending(9)
    assert log.through == 3
    log.sending(5)
    log.start(lambda results: None, lambda error: None)
    await log.finish()
    log.close()
    assert log.through == 9
    assert path.read_bytes().endswith(line_of(SendingRecord(3)) + line_of(SendingRecord(9)))


async def test_no_row_leaves_while_the_disk_is_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await begun(path)
    behind, release, fsync = asyncio.Event(), threading.Event(), os.fsync
    clear = log.ready.clear
    monkeypatch.setattr(log.ready, "clear", lambda: (clear(), behind.set()))
    monkeypatch.setattr(os, "fsync", lambda fd: (release.wait(10), fsync(fd)))
    log.start(lambda results: None, lambda error: None)
    log.add(result(ROWS[0]))
    assert log.ready.is_set()
    await asyncio.wait_for(behind.wait(), 30)
    assert not log.ready.is_set()
    release.set()
    await log.finish()
    assert log.ready.is_set()
    log.close()


# When it cannot be written.


@pytest.mark.parametrize("part", [0, 10])
async def test_a_full_disk_stops_the_run_and_leaves_no_part(
    path: Path, calls: Calls, part: int
) -> None:
    log = await begun(path)
    before = path.read_bytes()
    calls.fail_after = part
    assert await write(log, 2) == [log.lost]
    assert isinstance(log.lost, LogLost)
    for words in ("No space left on device", "bulkstatus resume"):
        assert words in str(log.lost)
    assert path.read_bytes() == before


@pytest.mark.parametrize("spared", [2, 3], ids=["in it", "before it counts"])
async def test_a_beginning_that_cannot_be_written_leaves_no_trace(
    path: Path, calls: Calls, spared: int
) -> None:
    for before in (None, b"a log"):
        log = ResultLog.create(path) if before is None else ResultLog.open(path)
        before = before and path.read_bytes()
        calls.fail_after, calls.spared = 20, spared
        with pytest.raises(LogRefused, match=r"No space left.*Nothing was sent"):
            await begin(log)
        log.close()
        assert (path.read_bytes() if path.exists() else None) == before
        calls.fail_after = None
        if before is None:
            (await begun(path)).close()


def _replaced(path: Path) -> None:
    path.unlink()
    path.write_text("another file")


def _folder_gone(path: Path) -> None:
    shutil.rmtree(path.parent)


def _folder_and_home_gone(path: Path) -> None:
    shutil.rmtree(path.parent)
    shutil.rmtree(Path.home())


@posix
@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize(
    ("loss", "places"),
    [
        (Path.unlink, ["day", "home"]),
        (_replaced, ["day", "home"]),
        (_folder_gone, ["home", "elsewhere"]),
        (_folder_and_home_gone, ["elsewhere"]),
    ],
)
async def test_a_log_that_is_deleted_or_replaced_is_rescued(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loss: Callable[[Path], None],
    places: list[str],
    is_full: bool,
) -> None:
    """Where it was, at home, or among temporary files: the first that is there and has room."""
    for name in ("day", "home", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    path = tmp_path / "day" / "dispatch.results.jsonl"
    log = await begun(path)
    before = path.read_bytes()
    loss(path)
    copy = shutil.copyfileobj

    def full(source: Any, target: Any) -> None:
        monkeypatch.setattr(shutil, "copyfileobj", copy)
        raise OSError(errno.ENOSPC, "No space left on device")

    if is_full and places[1:]:
        monkeypatch.setattr(shutil, "copyfileobj", full)
    written, told = await write(log, 2)
    assert (written, type(told), log.lost) == (2, LogLost, None)
    (rescued,) = (p for p in tmp_path.rglob("*.jsonl") if p != path or loss is Path.unlink)
    assert rescued.parent.name == places[is_full and places[1:] != []]
    assert (str(rescued) in str(told), log.path) == (True, rescued)
    # All of it, also what came last, and as private as it was.
    assert rescued.read_bytes() == before + line_of(result(ROWS[1]))
    assert stat.S_IMODE(rescued.stat().st_mode) == 0o600
    assert loss is not _replaced or path.read_text() == "another file"


@posix
async def test_a_run_ends_in_the_copy_of_its_log_which_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "dispatch.results.jsonl"
    log = await begun(path)
    log.start(lambda results: None, lambda error: None)
    _replaced(path)
    await log.finish()  # nothing is waiting, and it is found out all the same
    log.add(result(ROWS[1]))
    await log.finish()
    await log.append_end(end_record())
    with pytest.raises(LogInUse):
        ResultLog.open(log.path)
    log.close()
    (rescued,) = (p for p in tmp_path.glob("*.jsonl") if p != path)
    there = read_log(rescued)
    assert (there.state.counts(), there.runs[-1].end) == ({"updated": 1}, end_record())


async def test_a_log_that_others_write_to_stops_the_run(path: Path) -> None:
    log = await begun(path)
    log.look()
    with path.open("ab") as other:
        other.write(b"more\n")
    for look in (log.look, lambda: log.announce(9)):
        with pytest.raises(LogLost, match="another program") as caught:
            look()
        assert caught.value.exit_status == 4
    log.close()


# Creating, opening, locking.


@posix
async def test_the_log_is_readable_by_its_owner_alone(path: Path) -> None:
    umask = os.umask(0)
    try:
        log = await begun(path)
    finally:
        os.umask(umask)
    log.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
async def test_an_existing_file_is_never_written_over(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(LogRefused, match="not a result log"):
        ResultLog.create(path)
    assert path.read_text() == "mine"
    (await begun(path.with_name("other.results.jsonl"))).close()
    path.unlink()
    path.symlink_to("other.results.jsonl")
    with pytest.raises(FileExistsError):
        ResultLog.create(path)
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(LogRefused):
        ResultLog.create(path)
    assert not path.with_name("nowhere").exists()


async def test_a_log_that_no_run_began_is_taken_away_or_taken_over(path: Path) -> None:
    ResultLog.create(path).close()
    assert not path.exists()
    # What a crash left before the first sending: its rows are none of the new log's.
    log_of(path, run_record("crashed"), row(1, "Z:128"))
    log = ResultLog.create(path)
    await begin(log)
    log.close()
    there = read_log(path)
    assert ([run.record.run_id for run in there.runs], len(there.state)) == (["run"], 40)


async def test_a_second_run_on_the_same_log_is_refused_and_told_who_holds_it(path: Path) -> None:
    log = await begun(path)
    for second in (ResultLog.open, ResultLog.create):
        with pytest.raises(LogInUse, match=r"anna on DESK-3, begun at 2026-11-28") as caught:
            second(path)
        assert caught.value.exit_status == 3
    code = (
        "import sys; from pathlib import Path; from bulkstatus.log import ResultLog\n"
        "ResultLog.open(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(path)]
    other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "LogInUse" in other.stderr
    log.close()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


async def test_a_run_that_has_not_begun_holds_its_log_too(path: Path) -> None:
    log = ResultLog.create(path)
    with pytest.raises(LogInUse):
        ResultLog.create(path)
    log.close()
    # Nothing was read before the lock was had, so nothing of a run under way is cut off.
    running = await begun(path)
    os.write(running._descriptor, b'{"type":"resu')
    before = path.read_bytes()
    with pytest.raises(LogInUse):
        ResultLog.open(path)
    assert path.read_bytes() == before
    running.close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs POSIX, and not root")
async def test_a_folder_or_a_log_that_cannot_be_written_to_is_refused(path: Path) -> None:
    (await begun(path)).close()
    path.chmod(0o400)
    with pytest.raises(LogRefused, match="cannot be opened for writing"):
        ResultLog.open(path)
    path.parent.chmod(0o500)
    with pytest.raises(LogRefused, match="--log"):
        ResultLog.create(path.with_name("new.jsonl"))


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogRefused, match="--log"):
        ResultLog.create(tmp_path / "none" / "log.jsonl")
