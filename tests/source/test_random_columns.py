"""Random headers over random cells: what is plain is read, and what is in doubt is asked about."""

import asyncio
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.order import InvalidRow, OrderStatus, StatusUpdate
from bulkstatus.source import InputOptions, InQuestion, open_source
from bulkstatus.source.columns import WORDS

#: A column: its header, and what makes its cells.
Made = tuple[str, st.SearchStrategy[str]]


def own(field: str) -> st.SearchStrategy[str]:
    """Return a field's own words, in the ways in which people write them."""
    words = [word for word, meant in WORDS.items() if meant == field]
    changes = (
        str.upper,
        str.title,
        lambda word: f" {word}.",
        lambda word: f"{word[:5]}_{word[5:]}",
    )
    return st.builds(
        lambda word, change: change(word), st.sampled_from(words), st.sampled_from(changes)
    )


def ids(form: str) -> st.SearchStrategy[str]:
    return st.from_regex(form, fullmatch=True)


def distinct(cells: st.SearchStrategy[str], count: int) -> st.SearchStrategy[list[str]]:
    few = st.lists(cells, min_size=count, max_size=count)
    return (
        few if cells is STATUSES else st.lists(cells, min_size=count, max_size=count, unique=True)
    )


SHIPPED = [OrderStatus.DISPATCHED, OrderStatus.DISPATCHED_RETAILER_NOTIFIED]
STATUSES = st.sampled_from(["512", "On Hold"])
order_ids = ids("461[0-9]{5}")
trackings = ids("H[0-9]{3}YA[0-9]{10}")
names = ids("[A-Z][a-z]{2,8}( [A-Z][a-z]{2,8})?")
#: Headers with cells that no field can be meant by.
PLAIN: dict[str, st.SearchStrategy[str]] = {
    "Customer": names,
    "Order Date": ids("2026-1[0-2]-[0-2][1-9]"),
    "Order Value (RM)": ids("[1-9][0-9]{0,3}\\.[0-9]{2}"),
    "Order Type": st.sampled_from(["web", "shop"]),
    "Postcode": ids("ZX[1-9] [1-9][A-Z]{2}"),
    "Weight kg": ids("[0-9]\\.[0-9]{2}"),
    "Preferred Day": st.sampled_from(["Monday", "Tuesday"]),
    "Paid": st.sampled_from(["yes", "no"]),
    "Client Ref": st.just(""),
    "Tracking URL": ids("https://track\\.example/[0-9]{8}"),
    "Status Date": ids("[0-2][1-9]/11/2026"),
    "Return Address": ids("[1-9]{1,2} High St"),
    "Void Reason": st.just(""),
}
#: Headers with cells that make a field doubtful.
DOUBTED: dict[str, tuple[st.SearchStrategy[str], str]] = {
    "Client Ref": (ids("PO-[0-9]{4}"), "order_id"),
    "SubOrder": (ids("461[0-9]{5}-[12]"), "order_id"),
    "UID": (ids("[0-9]{6}"), "order_id"),
    "resellerOrderNo": (ids("R[0-9]{4}"), "order_id"),
    "Auftrag": (order_ids, "order_id"),
    "Return Tracking": (ids("R[0-9]{8}"), "tracking"),
    "Waybill": (trackings, "tracking"),
    "Previous Status": (STATUSES, "status"),
}


@st.composite
def tables(draw: st.DrawFn, extra: Sequence[Made] = ()) -> tuple[list[StatusUpdate], str]:
    """Return the rows of a table with all three fields and other columns, and its text."""
    count = draw(st.integers(1, 8))
    plain = [
        (name, PLAIN[name]) for name in draw(st.lists(st.sampled_from(list(PLAIN)), unique=True))
    ]
    others = [made for made in plain if made[0] not in dict(extra)]
    some = st.lists(order_ids, min_size=count, max_size=count, unique=True)
    found = [
        StatusUpdate(order_id, draw(st.sampled_from(SHIPPED)), draw(trackings))
        for order_id in draw(some)
    ]
    columns = [
        (draw(own("order_id")), [row.order_id for row in found]),
        (draw(own("status")), [str(row.status) for row in found]),
        (draw(own("tracking")), [str(row.tracking) for row in found]),
        *((name, [draw(cells) for _ in found]) for name, cells in others),
        # An ID is one that tells rows apart.
        *((name, draw(distinct(cells, count))) for name, cells in extra),
    ]
    columns = draw(st.permutations(columns))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([name for name, _ in columns])
    writer.writerows(zip(*(cells for _, cells in columns), strict=True))
    return found, text.getvalue()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columns") / "table.csv"


def read(path: Path, text: str, **columns: str) -> list[StatusUpdate | InvalidRow]:
    path.write_text(text)

    async def rows() -> list[StatusUpdate | InvalidRow]:
        async with await open_source(str(path), InputOptions(column=columns)) as source:
            return [row async for batch in source.batches() for row in batch.rows]

    return asyncio.run(rows())


@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_a_plain_table_is_read(path: Path, table: tuple[list[StatusUpdate], str]) -> None:
    assert read(path, table[1]) == table[0]


@pytest.mark.parametrize("name", DOUBTED)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_column_in_doubt_is_asked_about(path: Path, name: str, data: st.DataObject) -> None:
    cells, field = DOUBTED[name]
    rows, text = data.draw(tables([(name, cells)]))
    with pytest.raises(InQuestion) as question:
        read(path, text)
    assert list(question.value.fields) == [field]
    # The likeliest is the one with the field's own word, and to say so is enough.
    likeliest, *others = question.value.fields[field]
    assert name in {question.value.table[place].header for place in others}
    assert read(path, text, **{field: question.value.table[likeliest].header}) == rows
