"""What a refusal says of the columns in question, and what its command names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import bulkstatus
from bulkstatus.order import OrderStatus
from bulkstatus.source import InputOptions, InQuestion, open_source

Columns = Mapping[str, Sequence[str]]

ORDERS = [str(46140201 + n) for n in range(6)]
CODES = [f"H{n}YA1" for n in range(6)]
LETTERS = [f"XKBD{letter}RTOQ" for letter in "ABCDEF"]

#: Columns beside the order ID and a status of 8: what the command of the refusal names as tracking.
LIKELIEST: dict[str, tuple[Columns, str]] = {
    "a number of its own": ({"Waybill": [f"H{n}YA1" for n in range(6)]}, "Waybill"),
    # A footer is no reason to pass a column over.
    "above a total": (
        {"Kunde": [*"abcdef", ""], "Colli": [*(f"H{n}YA1" for n in range(6)), "6"]},
        "Colli",
    ),
    "of the shipped ones alone": ({"Waybill": ["H1YA1", "", "", "", "", ""]}, "Waybill"),
    "one for two parcels": ({"Waybill": [f"H{n // 2}YA1" for n in range(6)]}, ""),
    "what orders share": ({"SKU": ["MUG-1", "CUP-2"] * 3}, ""),
    "what orders share, and one": (
        {"SKU": ["MUG-1"] * 6, "Colli": [f"H{n}YA1" for n in range(6)]},
        "Colli",
    ),
    # Nobody can tell which one, and another's ID is none.
    "two numbers": (
        {"Colli": [f"H{n}YA1" for n in range(6)], "Label": [f"L{n}XB1" for n in range(6)]},
        "HEADER",
    ),
    "a number beside that of the order's items": (
        {"SKU": [f"MUG-{n}" for n in range(6)], "order-item-id": [f"5544{n}21" for n in range(6)]},
        "HEADER",
    ),
    "an ID of the order's items": ({"order-item-id": [f"5544{n}21" for n in range(6)]}, "HEADER"),
}


def write(path: Path, columns: Columns) -> None:
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    path.write_text("".join(f"{';'.join(row)}\n" for row in rows), encoding="utf-8")


async def asked(path: Path, columns: Columns) -> InQuestion:
    write(path, columns)
    with pytest.raises(InQuestion) as question:
        await open_source(str(path), InputOptions())
    return question.value


@pytest.mark.parametrize(("others", "tracking"), LIKELIEST.values(), ids=LIKELIEST)
async def test_the_command_names_what_tells_the_orders_apart(
    tmp_path: Path, others: Columns, tracking: str
) -> None:
    count = len(next(iter(others.values())))
    orders, statuses = [*ORDERS, "Total"][:count], ["8", "8", "8", "8", "8", "8", ""][:count]
    question = await asked(
        tmp_path / "x.csv",
        {
            "Customer": ["Ann"] * 6 + [""] * (count - 6),
            "Order ID": orders,
            "Status": statuses,
            **others,
        },
    )
    assert question.options[-2:] == ["--column", f"tracking={tracking}"]


# What a file has beside a parcel's weight, all of it in question, and the columns that the command
# names for the order ID and the tracking.
TOLD: dict[str, tuple[Columns, str, str]] = {
    "codes of letters beside": (
        {"Réf. commande": LETTERS, "N° de suivi": CODES},
        "HEADER",
        "HEADER",
    ),
    "an ID beside a number": (
        {"Name": [f"#{n}" for n in ORDERS], "Id": ORDERS},
        "HEADER",
        "HEADER",
    ),
    "an ID beside letters": ({"id": ORDERS, "Référence": LETTERS}, "HEADER", "HEADER"),
    "a numéro beside its référence": ({"N° colis": CODES, "Référence": ORDERS}, "HEADER", "HEADER"),
    "an ID alone": ({"Id": ORDERS, "Name": ["Ann"] * 6}, "Id", ""),
    "a reference": ({"Reference": ORDERS, "Waybill": CODES}, "Reference", "Waybill"),
    "a parcel's ID": ({"Reference": ORDERS, "Track ID": CODES}, "Reference", "Track ID"),
}


@pytest.mark.parametrize(("columns", "order_id", "tracking"), TOLD.values(), ids=TOLD)
async def test_the_command_names_no_column_by_its_looks_where_another_looks_so(
    tmp_path: Path, columns: Columns, order_id: str, tracking: str
) -> None:
    question = await asked(tmp_path / "x.csv", columns | {"kg": ["1.5"] * 6})
    named = [word for word in question.options if "=" in word]
    assert sorted(named) == [f"order_id={order_id}", f"tracking={tracking}"]


async def test_a_status_for_all_rows_says_that_no_column_has_it(tmp_path: Path) -> None:
    """A column that could hold the status is in question beside --status as well."""
    columns = {"Order ID": ORDERS, "Tracking": CODES, "Parcel status": ["printed"] * 6}
    told = str(await asked(tmp_path / "x.csv", columns))
    assert "--column status= with --status gives all rows one" in told
    options = InputOptions(column={"status": ""}, status=OrderStatus(8))
    async with await open_source(str(tmp_path / "x.csv"), options) as source:
        assert "status" not in source.columns


async def test_words_for_a_status_are_told_with_the_columns(tmp_path: Path) -> None:
    columns = {
        "Order ID": ORDERS,
        "Status": ["Shipped"] * 5 + ["Dispached"],
        "Colli": [f"H{order}" for order in ORDERS],
    }
    question = await asked(tmp_path / "x.csv", columns)
    assert question.options == ["--column", "tracking=Colli", "--word", "Shipped=CODE"]
    assert '"Shipped"' in str(question)


async def test_a_wide_file_is_told_in_few_lines(tmp_path: Path) -> None:
    wide: dict[str, Sequence[str]] = {
        f"Attribute {n}": [f"x{n}{row}" for row in range(6)] for n in range(200)
    }
    question = await asked(tmp_path / "x.csv", wide | {"Order Ref No": ORDERS})
    told = str(question)
    assert '"Order Ref No": 46140201, 46140202, 46140203\n' in told
    assert '"Attribute 0": x00' in told
    assert "and 161 more columns\n" in told
    assert len(told.splitlines()) < 50
    assert max(map(len, told.splitlines())) < 500


async def test_a_column_without_a_name_is_pointed_out(tmp_path: Path) -> None:
    question = await asked(
        tmp_path / "x.csv", {"Order ID": ORDERS, "Status": ["8"] * 6, "": [f"H{n}" for n in ORDERS]}
    )
    assert question.options == ["--column", "tracking="]
    assert "give it one in the header" in str(question)


async def test_a_blank_column_is_not_the_order_ids(tmp_path: Path) -> None:
    rest: dict[str, Sequence[str]] = {
        "Status": ["8"] * 6,
        "Tracking": [f"H{order}" for order in ORDERS],
    }
    for columns in (
        {"Order No": [""] * 6, "Order ID": ORDERS} | rest,
        {"Order ID": ORDERS, "Order No": [""] * 6} | rest,
    ):
        path = tmp_path / "x.csv"
        write(path, columns)
        async with await open_source(str(path), InputOptions()) as source:
            assert source.columns["order_id"] == "Order ID"


async def test_the_plain_id_of_an_object_is_the_less_likely_one(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": 7, "order_id": 46140201, "status": 32}\n')
    with pytest.raises(InQuestion) as question:
        await open_source(str(path), InputOptions())
    assert question.value.options == ["--column", "order_id=order_id"]
    path.write_text('{"id": null, "order_id": 46140201, "status": 32}\n')
    async with await open_source(str(path), InputOptions()) as source:
        assert source.columns["order_id"] == "order_id"


async def test_a_key_that_could_be_the_tracking_is_in_question_wherever_it_comes_up(
    tmp_path: Path,
) -> None:
    """Nor is a shipped order without one where an object of its own may hold it."""
    path = tmp_path / "x.jsonl"
    first = '{"order_id": "46140201", "status": 512%s}\n'
    late = '{"order_id": "46140299", "status": 8, "awb": "JD1001GB"}\n'
    for awb in ("", ', "awb": ""', ', "awb": null'):
        path.write_text(first % awb * 150 + late)
        [problem] = (await bulkstatus.check(path)).problems
        assert problem.line == 151
        assert '"awb" could be it. Say which with --column' in problem.reason
    for inner in ('{"tracking": "JD1001GB"}', '[{"number": 46140299001}]'):
        path.write_text(f'{{"order_id": 46140201, "status": 8, "shipment": {inner}}}\n')
        with pytest.raises(InQuestion, match="shipment") as question:
            await open_source(str(path), InputOptions())
        assert list(question.value.fields) == ["tracking"]
        # What is in braces or brackets is no tracking as it stands.
        assert question.value.options == ["--column", "tracking=HEADER"]
    path.write_text('{"order_id": 46140201, "status": 8, "tags": ["gift"], "lines": []}\n')
    assert (await bulkstatus.check(path)).refused == 0


async def test_what_a_column_says_in_words_of_its_own_is_shown_by_its_few_values(
    tmp_path: Path,
) -> None:
    """Which of these make a row void nobody can tell but who reads them, or says so."""
    path = tmp_path / "x.csv"
    rest = {"Status": ["8"] * 6, "Tracking": [f"H{order}" for order in ORDERS], "Name": "abcdef"}
    write(path, {"Order ID": ORDERS, "Storniert": ["Nein"] * 5 + ["Ja"], **rest})
    plan = await bulkstatus.check(path)
    assert (plan.values, plan.refused) == ({"Storniert": {"Nein": 5, "Ja": 1}}, 0)
    plan = await bulkstatus.check(path, column={"void": "Storniert"})
    assert plan.refused == 1
