"""Writing the log: whole groups on disk before they count, and a clear end when that fails."""

import asyncio
import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from bulkstatus.errors import LogRefused
from bulkstatus.result import Outcome, Result
from bulkstatus.resultlog import ResultLog, read_log
from bulkstatus.resultlog.writer import PATIENCE_SECONDS
from bulkstatus.wording import command_line
from tests.run.world import run_record


def result(line: int) -> Result:
    return Result(line, str(46140200 + line), 8, None, Outcome.UPDATED, 0.0)


class Harness:
    """A log that is written to, and what it reported."""

    def __init__(self, path: Path) -> None:
        self.log = ResultLog.create(path, run_record())
        self.written: list[int] = []
        self.lost = 0

    async def write(self, *lines: int) -> None:
        self.log.start(self._on_written, self._on_lost)
        for line in lines:
            self.log.add(result(line))
        await self.log.finish()

    def _on_written(self, results: Sequence[Result]) -> None:
        # What is reported must be readable from the file at that moment.
        updated = read_log(self.log.path).state.counts().get(Outcome.UPDATED, 0)
        self.written += [result.line for result in results]
        assert updated == len(self.written)

    def _on_lost(self) -> None:
        self.lost += 1


async def test_results_are_reported_once_they_are_in_the_file(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "log.jsonl")
    await harness.write(2, 3, 4)
    harness.log.close()
    assert harness.written == [2, 3, 4]


async def test_the_group_is_synced_before_it_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness(tmp_path / "log.jsonl")
    events: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("fsync"), fsync(fd))[1])
    harness.log.start(lambda results: events.append("written"), lambda: None)
    harness.log.add(result(2))
    await harness.log.finish()
    harness.log.close()
    assert events == ["fsync", "written"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_the_log_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "log.jsonl")
    harness.log.close()
    assert stat.S_IMODE(harness.log.path.stat().st_mode) == 0o600


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "day's log.jsonl"
    path.write_text("mine")
    with pytest.raises(LogRefused) as refusal:
        ResultLog.create(path, run_record())
    assert path.read_text() == "mine"
    command = command_line("bulkstatus", "resume", path)
    assert f"  {command}" in str(refusal.value).splitlines()


def test_a_second_run_on_the_same_log_is_refused(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "log.jsonl")
    code = (
        "import sys; from pathlib import Path; from bulkstatus.resultlog import ResultLog\n"
        "ResultLog.open(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(harness.log.path)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Another run is using" in second.stderr
    harness.log.close()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("part", [0, 10])
async def test_a_full_disk_stops_in_good_order_and_leaves_no_part_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    harness = Harness(tmp_path / "log.jsonl")
    before = harness.log.path.read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if part and len(data) > part:
            write(descriptor, bytes(data[:part]))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    await harness.write(2)
    monkeypatch.undo()
    harness.log.close()
    assert harness.written == []
    assert harness.lost == 1
    assert "No space left on device" in str(harness.log.lost)
    assert "bulkstatus resume" in str(harness.log.lost)
    assert harness.log.path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps open files from being deleted")
@pytest.mark.parametrize("replaced", [False, True])
async def test_a_log_that_is_deleted_or_replaced_is_rescued(tmp_path: Path, replaced: bool) -> None:
    harness = Harness(tmp_path / "log.jsonl")
    harness.log.start(lambda results: None, harness._on_lost)
    harness.log.path.unlink()
    if replaced:
        harness.log.path.write_text("another file")
    harness.log.add(result(2))
    await harness.log.finish()
    harness.log.close()
    assert harness.lost == 1
    assert "deleted or replaced" in str(harness.log.lost)
    rescued = tmp_path / ("log.rescued-1.jsonl" if replaced else "log.jsonl")
    assert rescued.name in str(harness.log.lost)
    assert read_log(rescued).state.counts() == {"updated": 1}
    if replaced:
        assert harness.log.path.read_text() == "another file"


async def test_no_row_leaves_while_the_disk_is_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness(tmp_path / "log.jsonl")
    stuck = asyncio.Event()
    loop = asyncio.get_running_loop()
    release = threading.Event()
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        loop.call_soon_threadsafe(stuck.set)
        release.wait(10)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    harness.log.start(lambda results: None, lambda: None)
    harness.log.add(result(2))
    await stuck.wait()
    await asyncio.sleep(PATIENCE_SECONDS * 2)
    assert not harness.log.ready.is_set()
    release.set()
    await harness.log.finish()
    assert harness.log.ready.is_set()
    harness.log.close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs POSIX, and not root")
def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LogRefused, match="--log"):
        ResultLog.create(tmp_path / "log.jsonl", run_record())


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogRefused, match="--log"):
        ResultLog.create(tmp_path / "none" / "log.jsonl", run_record())


def test_a_header_that_cannot_be_written_leaves_no_log_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LogRefused, match="No space left"):
        ResultLog.create(tmp_path / "log.jsonl", run_record())
    assert list(tmp_path.iterdir()) == []
