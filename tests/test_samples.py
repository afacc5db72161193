import csv
import json
import re
import runpy
import struct
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bulkstatus.conflict import Claim, Fate, judge_order
from bulkstatus.order import InvalidRow, OrderStatus, Row, StatusUpdate
from bulkstatus.source import InputOptions, open_source

SAMPLES = Path(__file__).parent.parent / "samples"
PICTURES = SAMPLES / "pictures"
FILES = ["cancellations.txt", "dispatch.csv", "dispatch.jsonl", "mistakes.csv"]


async def rows_of(name: str, options: InputOptions | None = None) -> list[tuple[int, Row]]:
    async with await open_source(str(SAMPLES / name), options or InputOptions()) as source:
        return [
            located
            async for batch in source.batches()
            for located in zip(batch.lines, batch.rows, strict=True)
        ]


def fates_of(rows: list[tuple[int, Row]]) -> dict[int, Fate]:
    """Return what is to become of each valid row, by line."""
    orders = defaultdict(list)
    for line, row in rows:
        if isinstance(row, StatusUpdate):
            orders[row.order_id].append(Claim(line, line, row))
    return {
        line: decision.fate
        for located in orders.values()
        for line, decision in judge_order(located).items()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    runpy.run_path(str(SAMPLES / "make_samples.py"))["main"](folder)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_the_script_makes_the_very_bytes_that_are_kept(made: Path, name: str) -> None:
    assert (made / name).read_bytes() == (SAMPLES / name).read_bytes()


def test_the_script_makes_these_files_and_no_others(made: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == FILES


async def test_csv_and_jsonl_of_the_day_are_the_same_updates_in_the_same_order() -> None:
    from_csv = [row for _, row in await rows_of("dispatch.csv")]
    from_jsonl = [row for _, row in await rows_of("dispatch.jsonl")]
    assert from_csv == from_jsonl
    assert 300 <= len(from_csv) <= 400


async def test_every_row_of_the_dispatch_file_can_be_sent() -> None:
    rows = await rows_of("dispatch.csv")
    assert not [row for _, row in rows if isinstance(row, InvalidRow)]
    fates = fates_of(rows)
    assert len(fates) == len(rows)
    assert set(fates.values()) == {Fate.SEND}


async def test_some_orders_of_the_dispatch_file_go_through_a_sequence() -> None:
    statuses = defaultdict(list)
    for _, row in await rows_of("dispatch.csv"):
        statuses[row.order_id].append(int(row.status or 0))
    courses = {tuple(course) for course in statuses.values()}
    assert {(515, 516, 8), (8, 64), (256,), (32,), (8,)} <= courses


async def test_the_cancellations_are_bare_ids_of_other_orders() -> None:
    options = InputOptions(status=OrderStatus.CANCELLED)
    rows = [row for _, row in await rows_of("cancellations.txt", options)]
    text = (SAMPLES / "cancellations.txt").read_text(encoding="utf-8")
    assert rows == [StatusUpdate(order, OrderStatus.CANCELLED) for order in text.split()]
    dispatched = {row.order_id for _, row in await rows_of("dispatch.csv")}
    assert not dispatched & {row.order_id for row in rows}
    assert len(set(rows)) == len(rows)


async def test_each_mistake_is_found_and_nothing_else_is() -> None:
    with (SAMPLES / "mistakes.csv").open(encoding="utf-8", newline="") as file:
        notes = {line: cells[0] for line, cells in enumerate(csv.reader(file), 1) if line > 1}
    rows = await rows_of("mistakes.csv")
    fates = fates_of(rows)
    found = {line: fates.get(line, "invalid") for line, _ in rows}
    conflicts = ("backwards", "dispatched, and", "cancelled, and", "one tracking", "another track")
    expected: dict[int, Fate | str] = {}
    for line, note in notes.items():
        if note.startswith("nothing"):
            repeated = note != "nothing" and note == notes[line - 1]
            expected[line] = Fate.DUPLICATE if repeated else Fate.SEND
        else:
            expected[line] = Fate.CONFLICT if note.startswith(conflicts) else "invalid"
    assert found == expected


def words_of(svg: str) -> str:
    """Return what a picture shows as text."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return " ".join(" ".join(text.text or "" for text in texts).split())


def test_the_picture_of_the_live_view_shows_what_the_view_says_today_and_loads_nothing() -> None:
    kept = (PICTURES / "live-view.svg").read_text(encoding="utf-8")
    drawn = runpy.run_path(str(SAMPLES / "make_pictures.py"))["live_view"]()
    assert words_of(kept) == words_of(drawn)
    assert "going on at 17:42" in words_of(kept)
    # It loads nothing.
    assert "http" not in kept.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"url\((?!#)|href|@import|@font-face|<image|<script", kept)


def test_the_picture_of_the_report_is_a_png_of_pixels_alone() -> None:
    data = (PICTURES / "report.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(data) < 200_000
    chunks, place = set(), 8
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        chunks.add(kind)
        place += 12 + size
    # None that holds text: no URL, and no name of whoever made it.
    assert chunks == {b"IHDR", b"IDAT", b"IEND"}


def test_the_run_in_the_picture_names_nobody(tmp_path: Path) -> None:
    log = tmp_path / "dispatch.results.jsonl"
    log.write_text('{"type":"run","user":"me","host":"mine"}\n{"type":"end"}\n', encoding="utf-8")
    runpy.run_path(str(SAMPLES / "make_pictures.py"))["make_neutral"](log)
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert records == [{"type": "run", "user": "anna", "host": "DESK-3"}, {"type": "end"}]
