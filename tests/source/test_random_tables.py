"""Random tables in random dialects and encodings are read back exactly; damaged, never wrongly."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from encodings.aliases import aliases
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkstatus.errors import InputRefused, Refused
from bulkstatus.order import SHIPPING, OrderStatus, StatusUpdate
from bulkstatus.source import InputOptions, open_source

Read = Callable[..., list[tuple[int, Any]]]


class Dialect(NamedTuple):
    """How a table is written."""

    delimiter: str
    line_end: str
    encoding: str
    quote_all: bool
    last_end: bool
    sep_line: bool


ids = st.one_of(
    st.integers(1, 10**9).map(str),
    st.from_regex(r"[A-Z]{1,4}-[0-9]{5,8}", fullmatch=True),
    st.from_regex(r"[0-9A-F]{4,16}", fullmatch=True).filter(lambda text: not text.isalpha()),
)
trackings = st.from_regex(r"[A-Z]{1,3}[0-9]{3,10}", fullmatch=True) | st.just("")
# Everything that has to do with dialects, as contents of a cell that nobody reads.
notes = st.text(st.sampled_from(list("ab1 ,;\t|\"\r\n'\\éß=")), max_size=12)
dialects = st.builds(
    Dialect,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
statuses = st.sampled_from(OrderStatus)


@st.composite
def rows(draw: st.DrawFn) -> tuple[StatusUpdate, str]:
    status = draw(statuses)
    tracking = draw(trackings) if status in SHIPPING else ""
    return StatusUpdate(draw(ids), status, tracking or None), draw(notes)


tables = st.lists(rows(), max_size=8)
orders = st.permutations(["order_id", "status", "tracking", "note", "more"])


def write(table: Sequence[tuple[StatusUpdate, str]], dialect: Dialect, order: Sequence[str]) -> str:
    """Return the text of the table, as a careful program would write it."""
    special = {dialect.delimiter, '"', "\r", "\n"}

    def cell(value: str) -> str:
        if dialect.quote_all or special & set(value) or value != value.strip():
            return '"' + value.replace('"', '""') + '"'
        return value

    def line(values: dict[str, str]) -> str:
        return dialect.delimiter.join(cell(values[column]) for column in order)

    lines = [line({column: column for column in order})]
    for update, note in table:
        values = {
            "order_id": update.order_id,
            "status": str(int(update.status)),
            "tracking": update.tracking or "",
            "note": note,
            "more": note[::-1],
        }
        lines.append(line(values))
    if dialect.sep_line:
        lines.insert(0, f"sep={dialect.delimiter}")
    return dialect.line_end.join(lines) + (dialect.line_end if dialect.last_end else "")


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    folder = tmp_path_factory.mktemp("tables")

    async def read_all(path: Path, options: InputOptions, block_size: int) -> list[Any]:
        async with await open_source(str(path), options, block_size=block_size) as source:
            return [
                pair
                async for batch in source.batches()
                for pair in zip(batch.lines, batch.rows, strict=True)
            ]

    def read(data: bytes, name: str, block_size: int, **options: Any) -> list[Any]:
        path = folder / name
        path.write_bytes(data)
        return runner.run(read_all(path, InputOptions(**options), block_size))

    with asyncio.Runner() as runner:
        yield read


@given(table=tables, dialect=dialects, order=orders, block_size=st.sampled_from([5, 16, 61, 1000]))
@settings(max_examples=150, deadline=None)
def test_a_table_is_read_back_exactly(
    read: Read,
    table: Sequence[tuple[StatusUpdate, str]],
    dialect: Dialect,
    order: Sequence[str],
    block_size: int,
) -> None:
    text = write(table, dialect, order)
    # Said, since a note may look like a tracking where that is blank.
    said = {"tracking": "tracking"}
    found = read(text.encode(dialect.encoding), "table.csv", block_size, column=said)

    assert [row for _, row in found] == [update for update, _ in table]
    # Each line number is where an editor shows the ID of its row.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line, row in found:
        assert row.order_id in "\n".join(lines[line - 1 :])
    assert [line for line, _ in found] == sorted({line for line, _ in found})


# What tables are made of. A mark that is no structure, put into an ID, is a part of the ID.
damage = st.sampled_from(
    ["delimiter", "\n", "\r", "\r\n", '"', '""', '"\n', "\0", "\ufeff", "\x1a"]
)


@given(
    table=tables,
    dialect=dialects,
    order=orders,
    place=st.floats(0, 1),
    removed=st.integers(0, 3),
    inserted=st.none() | damage,
    block_size=st.sampled_from([5, 16, 61, 1000]),
)
@settings(max_examples=250, deadline=None)
def test_a_damaged_table_never_yields_a_row_that_is_not_true(
    read: Read,
    table: Sequence[tuple[StatusUpdate, str]],
    dialect: Dialect,
    order: Sequence[str],
    place: float,
    removed: int,
    inserted: str | None,
    block_size: int,
) -> None:
    if dialect.quote_all and inserted not in {'"', '"\n'}:
        # Inside quotation marks everything else is contents, whatever it may be.
        inserted = None
    if dialect.encoding == "cp1252" and inserted == "\ufeff":
        inserted = None
    if inserted == "delimiter":
        inserted = dialect.delimiter
    text = write(table, dialect, order)
    at = round(place * len(text))
    # What is taken out is the table's structure: nobody can see that a digit is missing.
    gone = text[at : at + removed]
    if not set(gone) <= {dialect.delimiter, '"', "\r", "\n"}:
        gone = ""
    text = text[:at] + (inserted or "") + text[at + len(gone) :]
    true = {update for update, _ in table}
    try:
        found = read(text.encode(dialect.encoding), "damaged.csv", block_size)
    except InputRefused:
        return
    assert {row for _, row in found if isinstance(row, StatusUpdate)} <= true


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    table=st.lists(
        st.tuples(rows(), st.dictionaries(st.text(max_size=3), json_values)), max_size=6
    ),
    ascii_only=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]),
    line_end=st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    block_size=st.sampled_from([5, 16, 61, 1000]),
)
@settings(max_examples=100, deadline=None)
def test_json_lines_are_read_back_exactly(
    read: Read,
    table: Sequence[tuple[tuple[StatusUpdate, str], dict[str, Any]]],
    ascii_only: bool,
    separators: tuple[str, str],
    line_end: str,
    block_size: int,
) -> None:
    lines = []
    for (update, note), others in table:
        reserved = {"id", "order_id", "status", "tracking", "shipping_tracking"}
        # Text and numbers could be an order's or a parcel's, and their keys say so.
        members = {f"x{key}": value for key, value in others.items() if key not in reserved}
        members = {key: [value] for key, value in members.items()}
        members |= {"order_id": update.order_id, "status": update.status, "note": [note]}
        members["tracking"] = update.tracking
        line = json.dumps(members, ensure_ascii=ascii_only, separators=separators)
        lines.append(line.encode("utf-8", "replace").decode())
    data = "".join(line + line_end for line in lines).encode()
    if not data:
        return
    found = read(data, "table.jsonl", block_size)
    assert [row for _, row in found] == [update for (update, _), _ in table]


encodings = st.sampled_from(sorted({"utf-16", *aliases.values()}))


@given(
    data=st.binary(max_size=200),
    block_size=st.sampled_from([5, 16, 61, 1000]),
    encoding=st.none() | encodings,
)
@example(data=b"\xef\xbb\xbf", block_size=1, encoding=None)
@example(data=b"\xff\xfe", block_size=1, encoding=None)
@example(data=b"\xff\xfe\x00", block_size=1, encoding=None)
@example(data=b"sep=", block_size=1, encoding=None)
@example(data=b'"', block_size=1, encoding=None)
@example(data=b"order_id\r", block_size=3, encoding=None)
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x.jsonl"])
def test_any_bytes_are_read_or_refused(
    read: Read, name: str, data: bytes, block_size: int, encoding: str | None
) -> None:
    for start in (b"", b"order_id\n"):
        with suppress(Refused):
            read(
                start + data,
                name,
                block_size,
                encoding=encoding,
                status=OrderStatus.CANCELLED,
            )
