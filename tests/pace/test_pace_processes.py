"""One ledger, several processes, some of them killed."""

import os
import subprocess
import sys
from pathlib import Path

import bulkstatus
from bulkstatus.pace import Ledger, Quotas, Rate

QUOTA = Rate(400, 3600.0)

TAKE_UNTIL_FULL = """
import sys
from pathlib import Path
from bulkstatus.pace import Ledger, Quotas, Rate

print("ready", flush=True)
sys.stdin.readline()
quotas = Quotas([Rate(400, 3600.0)], Ledger(Path(sys.argv[1])), "a", 30.0)
number = 0
while not isinstance(place := quotas.try_take(), float):
    number += 1
    print("taken", flush=True)
    if number % 2:
        quotas.answered(place)
"""


def start(ledger: Path) -> "subprocess.Popen[str]":
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


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def used(path: Path) -> int:
    ledger = Ledger(path)
    try:
        return Quotas([QUOTA], ledger, "a", 30.0).used()[0][1]
    finally:
        ledger.close()


def test_processes_that_start_at_once_share_one_quota_to_the_last_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    processes = [start(path) for _ in range(4)]
    for process in processes:
        go(process)
    taken = [process.communicate()[0].count("taken") for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert sum(taken) == QUOTA.count
    assert used(path) == QUOTA.count


def test_what_a_killed_process_took_is_counted_over_any_number_of_restarts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    told = 0
    for life in range(1, 4):
        process = start(path)
        go(process)
        assert process.stdout is not None
        for _ in range(20 * life):
            assert process.stdout.readline() == "taken\n"
            told += 1
        process.kill()
        told += process.stdout.read().count("taken")
        process.communicate()
        # Each life can have taken one place of which it did not live to tell.
        assert told <= used(path) <= told + life
    before = used(path)
    last = start(path)
    go(last)
    assert last.communicate()[0].count("taken") == QUOTA.count - before
    assert used(path) == QUOTA.count
