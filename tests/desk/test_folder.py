"""The folder: each file and log with its state in words and its one next step."""

import hashlib
import os
from pathlib import Path

import pytest

from bulkstatus.desk.folder import Entry, Folder
from bulkstatus.log.writer import try_lock
from tests.log.lines import log_with

CONTENT = b"Order Number,Status\nA,8\nB,8\nC,8\n"


def entries(folder: Path) -> tuple[dict[str, Entry], dict[str, Entry], dict[str, Entry]]:
    one, two, three = Folder(folder).entries()
    return ({e.name: e for e in one}, {e.name: e for e in two}, {e.name: e for e in three})


def log(
    folder: Path,
    *words: str,
    name: str = "today.results.jsonl",
    content: bytes = CONTENT,
    day: int = 27,
) -> Path:
    rows = [f"{order}:8 {word}" for order, word in zip("ABC", words, strict=True)]
    digest = hashlib.sha256(content).hexdigest()
    run = {"input": "today.csv", "input_sha256": digest, "started_at": f"2026-11-{day}T17:31:02Z"}
    return log_with(folder / name, rows, **run)


@pytest.mark.parametrize(
    ("words", "is_same", "state", "step", "is_unfinished"),
    [
        ("updated updated updated", True, "finished", "See what came of it", False),
        ("updated duplicate withdrawn", True, "finished", "See what came of it", False),
        ("updated rejected invalid", True, "2 to mend", "See which, and mend them", True),
        ("updated failed updated", True, "1 failed", "See which, and mend them", True),
        ("updated to_send to_send", True, "1 of 3 sent", "Go on with it", True),
        ("updated to_send? rejected", True, "1 of 3 sent", "Go on with it", True),
        ("updated updated updated", False, "not sent", "Check it", False),
        ("updated rejected updated", False, "not sent", "Check it", True),
        ("updated to_send to_send", False, "not sent", "Check it", True),
    ],
)
def test_a_file_is_what_its_newest_log_says_of_its_content(
    folder: Path, words: str, is_same: bool, state: str, step: str, is_unfinished: bool
) -> None:
    (folder / "today.csv").write_bytes(CONTENT if is_same else CONTENT + b"D,8\n")
    log(folder, *words.split())
    unfinished, today, others = entries(folder)
    shown = unfinished if is_same and is_unfinished else today
    assert (shown["today.csv"].state, shown["today.csv"].step) == (state, step)
    assert ("today.csv" in unfinished) is is_unfinished
    assert not others


@pytest.mark.parametrize("first", [b"before", CONTENT])
def test_the_newest_log_of_its_content_counts(folder: Path, first: bytes) -> None:
    (folder / "today.csv").write_bytes(CONTENT)
    second = b"since" if first == CONTENT else CONTENT
    log(folder, "updated", "updated", "updated", content=first)
    log(
        folder,
        "updated",
        "rejected",
        "updated",
        content=second,
        name="today-2.results.jsonl",
        day=28,
    )
    os.utime(folder / "today.csv", (0, 0))
    unfinished, today, others = entries(folder)
    assert [entry.page for entry in unfinished.values()] == ["/log?log=today-2.results.jsonl"]
    # What a restored older file is told as is what sending it again would be refused for.
    old = [entry.page for entry in others.values()]
    assert old == (["/log?log=today.results.jsonl"] if first == CONTENT else [])
    assert not today


def test_a_run_somewhere_else_is_told_with_who_and_where(folder: Path) -> None:
    (folder / "today.csv").write_bytes(CONTENT)
    path = log(folder, "updated", "to_send?", "to_send")
    with path.open("r+b") as file:
        assert try_lock(file.fileno())
        unfinished, _, _ = entries(folder)
    assert unfinished["today.csv"].state == "running on DESK-3 by anna"
    assert unfinished["today.csv"].step == "See how far it is"
    assert entries(folder)[0]["today.csv"].state == "1 of 3 sent"  # it is not kept


@pytest.mark.parametrize("stem", ["today.sandbox", "today"])
def test_a_rehearsal_makes_no_file_look_sent(folder: Path, stem: str) -> None:
    (folder / "today.csv").write_bytes(CONTENT)
    path = log(folder, "updated", "updated", "rejected", name=f"{stem}.results.jsonl")
    path.write_text(path.read_text().replace('"settings":{}', '"settings":{"sandbox":true}'))
    (folder / f"{stem}.to-mend.xlsx").write_bytes(b"x")
    unfinished, today, _ = entries(folder)
    assert not unfinished
    assert today["today.csv"].state == "not sent"
    assert [*today] == ["today.csv"]


def test_a_workbook_to_mend_belongs_to_its_log(folder: Path) -> None:
    path = log(folder, "updated", "updated", "rejected")
    for name in ("today.to-mend.xlsx", "today.to-mend-2.csv", "other.to-mend.xlsx"):
        (folder / name).write_bytes(name.encode())
    unfinished, today, _ = entries(folder)
    assert ([*unfinished], [*today]) == (["today.csv"], ["other.to-mend.xlsx"])
    mended = Folder(folder).to_mend(path)
    assert sorted(mended) == ["today.to-mend-2.csv", "today.to-mend.xlsx"]


def test_what_is_no_input_is_not_listed_and_a_broken_log_is_told(folder: Path) -> None:
    for name in ("a.csv", "b.XLSX", "c.txt.gz", "d.pdf", ".e.csv", "f.problems.csv", "~$b.xlsx"):
        (folder / name).write_bytes(b"x")
    (folder / "g.csv").mkdir()
    (folder / "h.results.jsonl").write_bytes(b"nothing of ours\n")
    unfinished, today, _ = entries(folder)
    assert [(name, entry.state) for name, entry in unfinished.items()] == [
        ("h.results.jsonl", "cannot be read")
    ]
    assert sorted(today) == ["a.csv", "b.XLSX", "c.txt.gz"]
