"""Opening an input, reading it again, and noticing that it has changed."""

import asyncio
import gzip
import hashlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.errors import InputChanged, InputRefused, SettingsRefused
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.source import Batch, InputOptions, Source, open_source
from bulkstatus.source import spool as spool_module

TABLE = "order_id,status,tracking\n" + "".join(
    f"{46140000 + i},8,H{i}\n" if i % 9 else f"{46140000 + i},8,\n" for i in range(1, 2001)
)
ROWS = [
    StatusUpdate(str(46140000 + i), OrderStatus.DISPATCHED, f"H{i}" if i % 9 else None)
    for i in range(1, 2001)
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "dispatch.csv"
    path.write_text(TABLE, newline="")
    return path


async def rows_of(source: Source) -> list[Any]:
    return [row async for batch in source.batches() for row in batch.rows]


async def read_into(found: list[Any], source: Source) -> None:
    async for batch in source.batches():
        found.extend(batch.rows)


async def test_says_what_it_is(table: Path) -> None:
    async with await open_source(str(table), InputOptions()) as source:
        assert source.name == "dispatch.csv"
        assert source.path == table
        assert source.sha256 == hashlib.sha256(TABLE.encode()).hexdigest()
        assert source.encoding == "utf-8"
        assert list(source.notes) == []
        assert list(source.header) == ["order_id", "status", "tracking"]
        assert dict(source.columns) == {
            "order_id": "order_id",
            "status": "status",
            "tracking": "tracking",
        }


async def test_columns_are_named_as_they_stand_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Shipment; Order No ;Consignment\n1;46140201;H1\n")
    options = InputOptions(default_status=OrderStatus.DISPATCHED)
    async with await open_source(str(path), options) as source:
        assert dict(source.columns) == {"order_id": "Order No", "tracking": "Consignment"}
        assert list(source.header) == ["Shipment", "Order No ", "Consignment"]


async def test_columns_without_a_header_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("46140201,8,H1\n")
    async with await open_source(str(path), InputOptions(no_header=True)) as source:
        assert list(source.columns.values()) == ["first column", "second column", "third column"]
        assert list(source.header) == []


async def test_is_read_from_the_start_each_time(table: Path) -> None:
    async with await open_source(str(table), InputOptions(), block_size=1000) as source:
        assert await rows_of(source) == ROWS
        async with aclosing(source.batches()) as batches:
            assert isinstance(await anext(batches), Batch)
        assert await rows_of(source) == ROWS


async def test_lines_count_the_header_as_the_first(table: Path) -> None:
    async with await open_source(str(table), InputOptions(), block_size=1000) as source:
        lines = [line async for batch in source.batches() for line in batch.lines]
    assert lines == list(range(2, 2002))


def overwrite(path: Path, at: int, data: bytes) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def replace_with_a_copy(path: Path) -> None:
    copy = path.with_suffix(".new")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


@pytest.mark.parametrize(
    "change",
    # Those that keep the size set the times back too: only the contents can tell.
    [
        lambda path: overwrite(path, 20_000, b"9"),
        lambda path: overwrite(path, len(TABLE) - 3, b"9"),
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_bytes(path.read_bytes() + b"1,128,\n"),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
    ids=["a digit", "a digit at the end", "cut", "longer", "emptied", "gone"],
)
async def test_a_change_is_noticed_before_a_changed_row_is_yielded(
    table: Path, change: Callable[[Path], None]
) -> None:
    async with await open_source(str(table), InputOptions(), block_size=1000) as source:
        change(table)
        found: list[Any] = []
        with pytest.raises(InputChanged, match=r"dispatch\.csv"):
            await read_into(found, source)
        assert found == ROWS[: len(found)]
        assert source.has_changed()


async def test_what_was_added_after_a_full_block_is_noticed(table: Path) -> None:
    async with await open_source(str(table), InputOptions(), block_size=len(TABLE)) as source:
        append(table, b"1,128,\n")
        found: list[Any] = []
        with pytest.raises(InputChanged):
            await read_into(found, source)
        assert found == []


async def test_a_file_that_was_only_touched_has_not_changed(table: Path) -> None:
    async with await open_source(str(table), InputOptions()) as source:
        assert not source.has_changed()
        touch(table)
        assert not source.has_changed()
        replace_with_a_copy(table)
        assert not source.has_changed()
        assert await rows_of(source) == ROWS


async def test_a_compressed_file_is_spooled_and_watched(tmp_path: Path) -> None:
    path = tmp_path / "dispatch.csv.gz"
    data = gzip.compress(TABLE.encode())
    path.write_bytes(data)
    async with await open_source(str(path), InputOptions()) as source:
        spooled = source._given.data
        assert source.name == "dispatch.csv.gz"
        assert source.path == path
        assert source.sha256 == hashlib.sha256(data).hexdigest()
        assert spooled.exists()
        if os.name == "posix":
            assert spooled.stat().st_mode & 0o777 == 0o600
        assert await rows_of(source) == ROWS
        path.write_bytes(gzip.compress(TABLE.encode() + b"1,128,\n"))
        assert source.has_changed()
    assert not spooled.exists()


async def test_nothing_is_left_behind_when_a_spooled_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(spool_module.tempfile, "tempdir", str(folder))
    whole = gzip.compress(TABLE.encode())
    for name, data in {
        "empty.csv.gz": gzip.compress(b""),
        "cut.csv.gz": whole[:-20],
        "other.csv.gz": gzip.compress(b"a,b\n"),
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputRefused):
            await open_source(str(tmp_path / name), InputOptions())
    assert list(folder.iterdir()) == []


READ_STDIN = """
import asyncio, sys
from bulkstatus.source import InputOptions, open_source
async def main():
    async with await open_source("-", InputOptions()) as source:
        print(source.name, source.path, source.sha256, source.has_changed())
        async for batch in source.batches():
            for line, row in zip(batch.lines, batch.rows):
                print(line, *row)
asyncio.run(main())
"""


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"order_id,status\n46140201,8\n", 2),
        (b'{"order_id":"46140201","status":8}\n', 1),
        (b"\xef\xbb\xbforder_id;status\r\n46140201;8\r\n", 2),
    ],
    ids=["csv", "jsonl", "csv with a mark"],
)
def test_standard_input_is_read_by_what_it_holds(
    data: bytes, line: int, compress: Callable[[bytes], bytes]
) -> None:
    data = compress(data)
    done = subprocess.run(
        [sys.executable, "-c", READ_STDIN], input=data, capture_output=True, check=True
    )
    first, *rows = done.stdout.decode().splitlines()
    assert first == f"standard input None {hashlib.sha256(data).hexdigest()} False"
    assert rows == [f"{line} 46140201 8 None"]


async def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(InputRefused, match="keyboard"):
        await open_source("-", InputOptions())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
async def test_a_named_pipe_is_read_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(TABLE,))
    writer.start()
    options = InputOptions(format="csv")
    async with await open_source(str(path), options) as source:
        writer.join()
        assert source.path is None
        assert await rows_of(source) == ROWS
        assert await rows_of(source) == ROWS


async def test_a_path_that_is_not_there_names_one_that_is(table: Path) -> None:
    with pytest.raises(InputRefused, match=r"does not exist\. Did you mean .*dispatch\.csv\?"):
        await open_source(str(table.with_name("dispach.csv")), InputOptions())
    with pytest.raises(InputRefused, match=r"does not exist\.$"):
        await open_source(str(table.parent / "no" / "such.csv"), InputOptions())


async def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="folder"):
        await open_source(str(tmp_path), InputOptions())


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs permissions to matter")
def test_a_file_without_permission_is_refused(table: Path) -> None:
    table.chmod(0)
    with pytest.raises(InputRefused, match="permission"):
        asyncio.run(open_source(str(table), InputOptions()))


@pytest.mark.parametrize(
    ("name", "settings", "piece"),
    [
        ("x.csv", {"format": "cvs"}, "Did you mean csv"),
        ("x.csv", {"sheet": "Orders"}, "--sheet"),
        ("x.csv", {"columns": {"order": "x"}}, "names no field"),
        ("x.csv", {"columns": {"order_id": ""}}, "no order ID"),
        ("x.csv", {"columns": {"order_id": "order_id", "status": "order_id"}}, "two fields"),
        ("x.csv", {"columns": {"tracking": "track"}}, "track"),
        ("x.csv", {"no_header": True, "columns": {"tracking": "x"}}, "--no-header"),
        ("x.csv", {"encoding": "utf-9"}, "utf-9"),
        ("x.csv", {"encoding": "hex"}, "hex"),
        ("x.jsonl", {"no_header": True}, "--no-header"),
    ],
)
async def test_an_option_that_does_not_fit_is_refused(
    tmp_path: Path, name: str, settings: dict[str, Any], piece: str
) -> None:
    path = tmp_path / name
    path.write_text('{"order_id":1}\n' if name.endswith("jsonl") else "order_id,status\n1,8\n")
    with pytest.raises(SettingsRefused, match=piece):
        await open_source(str(path), InputOptions(**settings))


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
async def test_a_quotation_mark_or_line_without_end_does_not_fill_the_memory(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    start = 'order_id,status\n1,"' if name == "x.csv" else '{"order_id":1,"status":8}\n{"x":"'
    path.write_text(start + "abc, " * 1_000_000)
    async with await open_source(str(path), InputOptions()) as source:
        with pytest.raises(InputRefused, match="line 2"):
            await rows_of(source)


@pytest.mark.parametrize("cell", ["abc,", '"abc",'])
async def test_a_row_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, cell: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("order_id,status\n1,8\n" + cell * 1_000_000 + "\n2,8\n")
    async with await open_source(str(path), InputOptions()) as source:
        with pytest.raises(InputRefused, match="line 3 is longer"):
            await rows_of(source)


async def test_a_file_without_line_ends_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("order_id," * 100_000)
    with pytest.raises(InputRefused, match="first line"):
        await open_source(str(path), InputOptions())
