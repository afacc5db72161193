"""Random tables with lines that are no orders: none of these is sent, and every plain table is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkstatus.job.check import Checked, check_source
from bulkstatus.job.known import Known
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import LogContents, State
from bulkstatus.order import OrderStatus
from bulkstatus.settings.sources import settings_for
from bulkstatus.source import InputOptions, open_source

HEADER = ["Order No", "Qty", "Remark", "Tracking"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines") / "orders.csv"


def sent(path: Path, lines: Sequence[Sequence[str]]) -> tuple[list[str], Checked]:
    """Return the order IDs that would be sent of a table, and what the check found."""
    cells = ((f'"{cell}"' if {"\n", ","} & set(cell) else cell for cell in line) for line in lines)
    path.write_text("".join(f"{','.join(line)}\n" for line in cells), encoding="utf-8")

    async def check() -> tuple[list[str], Checked]:
        options = InputOptions(status=OrderStatus.DISPATCHED)
        async with await open_source(str(path), options) as source, WorkList() as work:
            checked = await check_source(
                source, work, Known(LogContents(Path(path)), settings_for({"look_back": 0}))
            )
            spans = checked.state.spans(State.TO_SEND)
            return [row.order_id async for row in work.rows(spans)], checked

    return asyncio.run(check())


@st.composite
def ids(draw: st.DrawFn, least: int) -> list[str]:
    """Return IDs of one shape, as a shop or a courier makes them, in rising order or not."""
    count = draw(st.integers(least, 60))
    first = draw(st.sampled_from([1, 98, 1001, 46140200, 99_999_990, 10**11]))
    form = draw(
        st.sampled_from(["{}", "A{}", "ORD-{}", "{}-PSTEST4", "#{}", "2026/{:06}", "{:x}a1"])
    )
    step = draw(st.sampled_from([1, 7, 1009]))
    made = [form.format(first + step * place) for place in range(count)]
    return draw(st.permutations(made)) if draw(st.booleans()) else made


trackings = st.just("") | st.from_regex(r"[A-Z]{1,2}[0-9]{6,22}", fullmatch=True)


@st.composite
def orders(draw: st.DrawFn, least: int) -> list[list[str]]:
    return [
        [
            order_id,
            draw(st.sampled_from(["1", "2", ""])),
            draw(st.sampled_from(["", "urgent"])),
            tracking,
        ]
        for order_id in draw(ids(least))
        for tracking in [draw(trackings)]
    ]


words = st.sampled_from(
    ["Total", "Totale", "Summe", "Razem", "Итого", "合計", "المجموع", "Yhteensä", "Anna", "TOTAL"]
)
# A total with its numbers elsewhere, or beside it; a signature; a remark in a sentence.
footers = st.one_of(
    words.map(lambda word: [word, "", "", ""]),
    st.tuples(words, st.sampled_from(["60", "1.234,50", ""])).map(
        lambda two: [two[0], two[1], "", ""]
    ),
    words.map(lambda word: [f"{word}: 60", "", "", ""]),
    st.tuples(words, words).map(lambda two: [" ".join(two), "", "", two[1]]),
    words.map(lambda word: [f"({word})", "60", "", ""]),
    words.map(lambda word: [word]),
    st.just(["", "60", "", ""]),
)
above = st.sampled_from(
    [
        [
            "Platform unique order ID.",
            "How many items.",
            "As typed by the buyer.",
            "The parcel's number.",
        ],
        ["Number", "Pieces", "Text", "Barcode"],
        ["(required)", "(optional)", "(optional)", "(required)"],
    ]
)


@given(table=orders(1))
@settings(max_examples=100, deadline=None)
def test_every_plain_table_is_sent(path: Path, table: list[list[str]]) -> None:
    found, checked = sent(path, [HEADER, *table])
    assert checked.plan.problems == []
    assert found == [order_id for order_id, *_ in table]


@given(
    table=orders(12),
    top=st.lists(above, max_size=1),
    bottom=st.lists(footers, min_size=1, max_size=3),
    gap=st.lists(st.just(["", "", "", ""]), max_size=1),
)
@settings(max_examples=150, deadline=None)
def test_no_line_is_sent_that_is_no_order(
    path: Path,
    table: list[list[str]],
    top: list[list[str]],
    bottom: list[list[str]],
    gap: list[list[str]],
) -> None:
    found, checked = sent(path, [HEADER, *top, *table, *gap, *bottom])
    assert set(found) <= {order_id for order_id, *_ in table}
    # Of the orders at most the one above a line that could be a piece of it is set aside.
    assert len(found) >= len(table) - 1
    first = 2 + len(top)
    lines = {problem.line for problem in checked.plan.problems}
    assert lines - {first + len(table) - 1} <= {*range(2, first), *range(first + len(table), 100)}


@given(data=st.data(), digits=st.integers(6, 12), count=st.integers(8, 60))
@settings(max_examples=60, deadline=None)
def test_no_count_is_sent_below_long_numbers(
    path: Path, data: st.DataObject, digits: int, count: int
) -> None:
    first = data.draw(st.integers(10 ** (digits - 1), 10**digits - 100))
    odd = str(data.draw(st.integers(1, 10 ** (digits // 2) - 1)))
    table = [[str(first + place), "1", "", ""] for place in range(count)]
    found, checked = sent(path, [HEADER, *table, [odd, str(count), "", ""]])
    assert found == [order_id for order_id, *_ in table]
    assert [problem.line for problem in checked.plan.problems] == [count + 2]
