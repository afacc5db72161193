"""Opening an input of any kind, and reading it once."""

import asyncio
import gzip
import hashlib
import io
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.errors import InputRefused
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.source import InputOptions, Source, open_source

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


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
async def test_says_what_it_is(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / ("dispatch.csv" if compress is bytes else "dispatch.csv.gz")
    data = compress(TABLE.encode())
    path.write_bytes(data)
    async with await open_source(str(path), InputOptions(), block_size=1000) as source:
        batches = [batch async for batch in source.batches()]
    assert [row for batch in batches for row in batch.rows] == ROWS
    assert [line for batch in batches for line in batch.lines] == list(range(2, 2002))
    cells = [cells for batch in batches for cells in batch.cells]
    assert [",".join(each) for each in cells] == TABLE.splitlines()[1:]
    assert (source.name, source.path, source.encoding) == (path.name, path, "utf-8")
    assert source.sha256 == hashlib.sha256(data).hexdigest()
    assert list(source.notes) == []
    assert source.header == ("order_id", "status", "tracking")
    assert dict(source.columns) == {name: name for name in source.header}


@pytest.mark.parametrize(
    ("text", "settings", "header", "columns"),
    [
        (
            "Shipment; Order No ;Consignment\n1;46140201;H1\n",
            {"status": OrderStatus.DISPATCHED},
            ("Shipment", "Order No", "Consignment"),
            {"order_id": "Order No", "tracking": "Consignment"},
        ),
        (
            "46140201,8,H1\n",
            {"no_header": True},
            (),
            {"order_id": "first column", "status": "second column", "tracking": "third column"},
        ),
        (
            '{"id":"1","status":8}\n{"orderNo":"1","status":8}\n',
            {"format": "jsonl"},
            (),
            {"order_id": "id or orderNo", "status": "status"},
        ),
    ],
)
async def test_columns_are_named_as_they_stand_in_the_file(
    tmp_path: Path, text: str, settings: Any, header: Any, columns: Any
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    async with await open_source(str(path), InputOptions(**settings)) as source:
        assert source.header == header
        assert source.columns == columns


async def test_a_row_comes_with_all_of_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"order_id":7,"status":8,"n":null,"more":[1,"x"]}\n\n[1]\n{"order_id":"8"}\n')
    async with await open_source(str(path), InputOptions()) as source:
        [batch] = [batch async for batch in source.batches()]
    assert list(batch.lines) == [1, 3, 4]
    assert [list(cells) for cells in batch.cells] == [["7", "8", "", '[1,"x"]'], [], ["8"]]

    path = tmp_path / "x.csv"
    path.write_text('order_id,status,name\n1,32,"a\nb"\n,,\n2,32\n')
    async with await open_source(str(path), InputOptions()) as source:
        [batch] = [batch async for batch in source.batches()]
    assert list(batch.lines) == [2, 5]
    assert [list(cells) for cells in batch.cells] == [["1", "32", "a\nb"], ["2", "32"]]


async def test_the_rows_cannot_be_read_twice(table: Path) -> None:
    async with await open_source(str(table), InputOptions()) as source:
        await rows_of(source)
        with pytest.raises(RuntimeError, match="once"):
            await rows_of(source)


# In the program's own event loop: with asyncio's a Ctrl-C that comes just before it begins to wait
# is heard only when something else wakes it.
READ = """
import sys
from bulkstatus.cli.execute import run_in_loop
from bulkstatus.source import InputOptions, open_source
async def main():
    async with await open_source(sys.argv[1], InputOptions(format=sys.argv[2] or None)) as source:
        async for batch in source.batches():
            for line, row in zip(batch.lines, batch.rows):
                print(line, *row)
        print(source.name, source.path, source.sha256)
run_in_loop(main())
"""


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"order_id,status,tracking\n46140201,8,\n", 2),
        (b'{"order_id":"46140201","status":8}\n', 1),
        (b"\xef\xbb\xbforder_id;status;tracking\r\n46140201;8;\r\n", 2),
    ],
    ids=["csv", "jsonl", "csv with a mark"],
)
def test_standard_input_is_read_by_what_it_holds(
    data: bytes, line: int, compress: Callable[[bytes], bytes]
) -> None:
    data = compress(data)
    done = subprocess.run(
        [sys.executable, "-c", READ, "-", ""], input=data, capture_output=True, check=True
    )
    assert done.stdout.decode().splitlines() == [
        f"{line} 46140201 8 None",
        f"standard input None {hashlib.sha256(data).hexdigest()}",
    ]


async def test_standard_input_may_come_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self.data = io.BytesIO(gzip.compress(TABLE.encode()))

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.data.readinto(buffer[:1])

    with io.TextIOWrapper(io.BufferedReader(Slow())) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        async with await open_source("-", InputOptions()) as source:
            assert await rows_of(source) == ROWS
        assert not stdin.closed


async def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(InputRefused, match="keyboard"):
        await open_source("-", InputOptions())


needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


@needs_fifo
async def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(TABLE,))
    writer.start()
    async with await open_source(str(path), InputOptions(format="csv")) as source:
        assert await rows_of(source) == ROWS
        assert source.path is None
    writer.join()


@needs_fifo
@pytest.mark.parametrize("start", [b"o", TABLE.encode() * 10], ids=["opening", "reading"])
@pytest.mark.parametrize("as_stdin", [True, False])
def test_ctrl_c_ends_the_wait_for_a_pipe(tmp_path: Path, as_stdin: bool, start: bytes) -> None:
    import fcntl
    import termios

    path = tmp_path / "pipe"
    os.mkfifo(path)
    # Open for both, so that nothing here waits and what was not taken out can be seen.
    with path.open("r+b", buffering=0) as pipe, path.open("rb") as stdin:
        process = subprocess.Popen(
            [sys.executable, "-c", READ, "-" if as_stdin else str(path), "csv"],
            stdin=stdin if as_stdin else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        pipe.write(start)
        while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]:
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert errors.rstrip().endswith(b"KeyboardInterrupt")


@needs_fifo
async def test_a_pipe_that_does_not_wait_is_not_taken_for_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.write(writing, b"order_id,status,tracking\n1,8,\n")
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb"):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(InputRefused, match="non-blocking"):
            await open_source("-", InputOptions())


async def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path, piece in ((tmp_path, "folder"), (tmp_path / "no" / "such.csv", "does not exist")):
        with pytest.raises(InputRefused, match=piece):
            await open_source(str(path), InputOptions())


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of any bytes")
async def test_a_name_that_is_no_text_is_shown_as_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xff\x1b.csv"))
    with pytest.raises(InputRefused) as caught:
        await open_source(str(path), InputOptions())
    path.write_text(TABLE)
    async with await open_source(str(path), InputOptions()) as source:
        assert source.name.isprintable()
        assert await rows_of(source) == ROWS
    assert str(caught.value).isprintable()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs permissions to matter")
def test_a_file_without_permission_is_refused(table: Path) -> None:
    table.chmod(0)
    with pytest.raises(InputRefused, match="permission"):
        asyncio.run(open_source(str(table), InputOptions()))


@pytest.mark.parametrize(
    ("name", "start", "more", "piece"),
    [
        ("x.csv", 'order_id,status,tracking\n1,"', "abc, ", "line 2"),
        ("x.jsonl", '{"order_id":1,"status":8}\n{"x":"', "abc, ", "line 2"),
        ("x.csv", "order_id,status,tracking\n1,8,\n", "abc,", "line 3 is longer"),
        ("x.csv", "order_id,status,tracking\n1,8,\n", '"abc",', "line 3 is longer"),
        ("x.csv", "order_id,status,tracking\n1,8,\n2,8,", ',"a\n"', "line 3"),
        ("x.csv", "", "order_id,", "line 1 is longer"),
    ],
)
async def test_what_never_ends_does_not_fill_the_memory(
    tmp_path: Path, name: str, start: str, more: str, piece: str
) -> None:
    path = tmp_path / name
    path.write_text(start + more * 1_000_000)
    with pytest.raises(InputRefused, match=piece):
        async with await open_source(str(path), InputOptions()) as source:
            await rows_of(source)


async def test_rows_over_several_lines_come_in_batches_too(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("order_id,status,note\n" + ('46140201,32,"' + 39 * "\n" + '"\n') * 60_000)
    async with await open_source(str(path), InputOptions()) as source:
        batches = [batch async for batch in source.batches()]
    assert [line for batch in batches for line in batch.lines] == list(range(2, 2_400_002, 40))
    assert max(len(batch.rows) for batch in batches) < 10_000


async def test_a_file_without_line_ends_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("order_id," * 100_000)
    with pytest.raises(InputRefused, match="first line"):
        await open_source(str(path), InputOptions())


async def test_a_guess_at_the_encoding_may_come_late(table: Path) -> None:
    table.write_bytes(TABLE.encode() + "1,8,Å-1\n2,8,ÅÅ\n".encode("cp1252"))
    async with await open_source(str(table), InputOptions(), block_size=1000) as source:
        *rows, single, double = await rows_of(source)
        assert source.encoding == "cp1252"
        assert "Windows-1252" in source.notes[0]
    assert rows == ROWS
    assert single == StatusUpdate("1", OrderStatus.DISPATCHED, "Å-1")
    assert "encoding" in double.reason

    # With UTF-8 before it or behind it, it is no guess: the file is damaged, or two were joined.
    for line, encodings in ((2002, ("cp1252", "utf-8")), (2003, ("utf-8", "cp1252"))):
        joined = [f"{n},8,Å-{n}\n".encode(encoding) for n, encoding in enumerate(encodings)]
        table.write_bytes(TABLE.encode() + b"".join(joined))
        with pytest.raises(InputRefused, match=f"(?i)line {line} .* not utf-8\\."):
            async with await open_source(str(table), InputOptions(), block_size=1000) as source:
                await rows_of(source)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("shift_jis", "山田太郎"),
        ("shift_jis", "さとう"),
        ("gbk", "张伟北京"),
        ("gbk", "李娜"),
        ("big5", "張偉臺北"),
        ("euc_kr", "김철수서울"),
        ("cp850", "Müller"),
    ],
)
@pytest.mark.parametrize("place", ["name", "header"])
async def test_the_encodings_to_try_are_told(
    table: Path, encoding: str, words: str, place: str
) -> None:
    header, cell = ("name", words) if place == "name" else (words, "")
    text = f"order_id,status,{header}\n46140201,32,{cell}\n46140202,32,{cell}\n"
    table.write_bytes(text.encode(encoding))
    try:
        async with await open_source(str(table), InputOptions()) as source:
            assert [row.order_id for row in await rows_of(source)] == ["46140201", "46140202"]
            told = " ".join(source.notes)
    except InputRefused as refused:
        told = str(refused)
    assert f'{encoding} "{words}"' in told
    async with await open_source(str(table), InputOptions(encoding=encoding)) as source:
        assert len(await rows_of(source)) == 2


async def test_western_text_needs_no_other_encoding(table: Path) -> None:
    table.write_bytes("order_id,status,name\n1,32,Müller\n2,32,Søren\n".encode("cp1252"))
    async with await open_source(str(table), InputOptions()) as source:
        assert len(await rows_of(source)) == 2
        assert source.notes[0].endswith("--encoding decides otherwise.")
