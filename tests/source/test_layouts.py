"""Layouts: what is kept of the answers for a file, and for which other files it holds."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

import bulkstatus
from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import OrderStatus
from bulkstatus.source import InputOptions, InQuestion, Source, open_source
from bulkstatus.source.layouts import Layouts

D = OrderStatus.DISPATCHED
DAY = "Order ID,Courier,Waybill Number\n46140201,DHL,H1001X\n46140202,UPS,H1002X\n"
MAPPED = {"tracking": "Waybill Number"}


async def opened(folder: Path, text: str, name: str = "day.csv", **options: object) -> Source:
    """Return a file opened by its name, with the layouts that are kept in `folder`."""
    (folder / name).write_text(text, "utf-8")
    layouts = Layouts(folder / "settings" / "layouts.json")
    async with await open_source(
        str(folder / name),
        InputOptions(layouts=layouts, **options),  # type: ignore[arg-type]
    ) as source:
        return source


async def kept(folder: Path, text: str, name: str = "day.csv", **options: object) -> str | None:
    """Keep the answers of a file, and return the layout's name."""
    source = await opened(folder, text, name, **{"save_layout": "", **options})
    source.keep_layout()
    return source.saved


def with_column(name: str, *cells: str) -> str:
    rows = zip(DAY.splitlines(), (name, *cells), strict=True)
    return "".join(f"{row},{cell}\n" for row, cell in rows)


#: The next day's file, and whether it goes through by itself, or what is in question.
NEXT = {
    "the same columns": (DAY, None),
    "in another order": ("Waybill Number,Order ID\nH1003X,46140203\n", None),
    "in capitals": (DAY.replace("Order ID", "ORDER ID"), None),
    "with a weight": (with_column("Weight", "1.2", "250"), None),
    "with a service": (with_column("Service", "Next Day 24", "Next Day 24"), None),
    "with a code of services": (with_column("Service", "ND24X", "ND24X"), None),
    "with a day": (with_column("Booked", "28/11/2026", "29/11/2026"), None),
    "with a postcode": (with_column("Postcode", "ZX1 2AB", "ZX1 2AC"), None),
    "with a void column": (with_column("Voided", "N", "N"), None),
    "with a tracking": (with_column("Tracking Number", "T1", "T2"), "tracking"),
    "with one yet blank": (with_column("Tracking Number", "", ""), "tracking"),
    "with another one": (with_column("Barcode", "JD0001", "JD0002"), "tracking"),
    "with a second one of short numbers": (with_column("Waybill Number 2", "12", "13"), "tracking"),
    "with a number": (with_column("Label", "00123456", "00123457"), "tracking"),
    "with a reference": (with_column("Client Reference", "C-1", "C-2"), "order_id"),
    # It says itself what its rows are, and the layout's status is not taken for granted.
    "with a status": (with_column("Status", "8", "8"), "status"),
    "without the tracking": ("Order ID,Courier\n46140201,DHL\n", "tracking"),
}


@pytest.mark.parametrize(("text", "field"), NEXT.values(), ids=NEXT)
async def test_it_holds_for_a_file_with_its_columns_and_none_that_could_be_meant(
    tmp_path: Path, text: str, field: str | None
) -> None:
    assert await kept(tmp_path, DAY, column=MAPPED, status=D) == "day"
    if field is None:
        source = await opened(tmp_path, text, "2026-11-29.csv")
        assert (source.saved, source.options.status) == ("day", D)
        assert source.columns["tracking"] == "Waybill Number"
        return
    with pytest.raises(InQuestion) as question:
        await opened(tmp_path, text, "2026-11-29.csv", status=D)
    assert field in question.value.fields
    added = text.splitlines()[0].rpartition(",")[2]
    assert f'"{added}"' in str(question.value)


async def test_an_added_tracking_is_asked_about_where_there_was_none(tmp_path: Path) -> None:
    text = "Order ID,Status,Courier\n46140201,8,DHL\n"
    await kept(tmp_path, text, column={"tracking": ""})
    assert (await opened(tmp_path, text.replace("46140201", "46140202"))).saved == "day"
    for name in ("Tracking Number", "AWB"):
        added = text.replace("Courier", f"Courier,{name}").replace("DHL", "DHL,H1001X")
        with pytest.raises(InQuestion, match=f'"{name}"'):
            await opened(tmp_path, added)


async def test_options_win_over_it(tmp_path: Path) -> None:
    await kept(tmp_path, DAY, column=MAPPED, status=D)
    source = await opened(tmp_path, DAY, column={"tracking": "Courier"})
    assert source.columns == {"order_id": "Order ID", "tracking": "Courier"}
    source = await opened(tmp_path, DAY, status=OrderStatus.ON_HOLD)
    assert source.options.status is OrderStatus.ON_HOLD
    assert source.columns["tracking"] == "Waybill Number"


async def test_it_holds_where_what_a_new_column_could_be_is_said(tmp_path: Path) -> None:
    await kept(tmp_path, DAY, column=MAPPED, status=D)
    text = with_column("Tracking Number", "T1", "T2")
    for name in ("Waybill Number", "Tracking Number"):
        source = await opened(tmp_path, text, column={"tracking": name})
        assert (source.saved, source.options.status) == ("day", D)
        assert source.columns["tracking"] == name


class Answers:
    """Somebody who answers, and what was asked."""

    def __init__(self, columns: dict[str, str], words: dict[str, OrderStatus]) -> None:
        self.columns, self.words = columns, words
        self.asked: list[object] = []

    def answer(self, doubt: InQuestion, options: InputOptions) -> InputOptions:
        self.asked.append(sorted(doubt.fields) or list(doubt.words))
        if doubt.fields:
            return replace(options, column={**options.column, **self.columns})
        return replace(options, word={**options.word, **self.words})

    def keep(self) -> bool:
        self.asked.append("keep")
        return True


async def test_what_is_in_question_is_asked_once_and_kept(tmp_path: Path) -> None:
    text = "Order ID,Status,Waybill\n46140201,Shipped,H1001X\n46140202,Packed,\n"
    answers = Answers({"tracking": "Waybill"}, {"Shipped": D})
    source = await opened(tmp_path, text, asks=answers)
    # Packed means none of them.
    assert answers.asked == [["tracking"], ["Shipped", "Packed"], "keep"]
    source.keep_layout()
    answers.asked.clear()
    source = await opened(tmp_path, text.replace("Packed", "On Hold"), asks=answers)
    assert (source.saved, answers.asked) == ("day", [])
    # An added column that could be it is asked about alone, and kept with the rest.
    added = "Order ID,Status,Waybill,Label\n46140201,Shipped,H1001X,L1001Y\n"
    (await opened(tmp_path, added, asks=answers)).keep_layout()
    assert answers.asked == [["tracking"], "keep"]
    source = await opened(tmp_path, added)
    assert (source.columns["tracking"], source.options.word) == ("Waybill", {"Shipped": D})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
async def test_a_pipe_is_not_asked_about_for_it_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.csv")
    writing = threading.Thread(target=(tmp_path / "x.csv").write_text, args=[DAY])
    writing.start()
    answers = Answers(MAPPED, {})
    with pytest.raises(InQuestion):
        await open_source(str(tmp_path / "x.csv"), InputOptions(format="csv", asks=answers))
    writing.join()
    assert answers.asked == []


async def test_what_is_not_kept(tmp_path: Path) -> None:
    await kept(tmp_path, DAY, column=MAPPED, status=OrderStatus.CANCELLED)
    with pytest.raises(InQuestion) as question:
        await opened(tmp_path, DAY)
    assert list(question.value.fields) == ["status"]
    await kept(tmp_path, "Order ID\n46140201\n", column={"tracking": ""}, status=D)
    with pytest.raises(InQuestion) as question:
        await opened(tmp_path, "Order ID\n46140201\n")
    assert list(question.value.fields) == ["status"]
    with pytest.raises(SettingsRefused, match="no header"):
        await opened(tmp_path, "1,8,H1\n", no_header=True, save_layout="")
    with pytest.raises(SettingsRefused, match="--save-layout"):
        await opened(tmp_path, '{"order_id":1,"status":8}\n', "day.jsonl", save_layout="")


async def test_one_file_has_one_layout_and_one_name_too(tmp_path: Path) -> None:
    assert await kept(tmp_path, DAY, column=MAPPED, status=D) == "day"
    # Another answer for the same columns takes the place of the first.
    assert await kept(tmp_path, DAY, column={"tracking": ""}, status=D) == "day"
    assert "tracking" not in (await opened(tmp_path, DAY)).columns
    other = "Order ID,Label\n46140201,H1\n"
    assert await kept(tmp_path, other, column={"tracking": "Label"}, status=D) == "day 2"
    assert await kept(tmp_path, other, save_layout="labels", status=D) == "labels"
    assert (await opened(tmp_path, other)).saved == "labels"
    assert await kept(tmp_path, DAY, save_layout="labels", column=MAPPED) == "labels"
    saved = Layouts(tmp_path / "settings" / "layouts.json").saved
    assert [layout.name for layout in saved] == ["labels"]


async def test_layouts_that_say_different_things_hold_for_nothing(tmp_path: Path) -> None:
    await kept(tmp_path, DAY, save_layout="a", column=MAPPED, status=D)
    swapped = "Order ID,Waybill Number,Weight\n46140201,H1001X,1.5\n"
    await kept(tmp_path, swapped, save_layout="b", column={"tracking": ""}, status=D)
    with pytest.raises(InQuestion, match='"a" and "b" hold for it'):
        await opened(tmp_path, with_column("Weight", "1.2", "250"))


async def test_a_file_of_layouts_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "layouts.json").write_text('[{"name": 1}]')
    with pytest.raises(SettingsRefused, match=r"layouts\.json cannot be read"):
        await opened(tmp_path, DAY)
    with pytest.raises(SettingsRefused, match="BULKSTATUS_CONFIG_DIR"):
        Layouts(None).keep(["a"], {}, InputOptions(save_layout=""), "a.csv")
    (tmp_path / "a-file").write_text("")
    path = tmp_path / "a-file" / "layouts.json"
    with pytest.raises(SettingsRefused, match="cannot be kept"):
        Layouts(path).keep(["a"], {}, InputOptions(save_layout=""), "a.csv")


async def test_of_several_sheets_it_names_the_one(tmp_path: Path) -> None:
    def workbook(name: str, *titles: str) -> str:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for number, title in enumerate(titles):
            sheet = book.create_sheet(title)
            for line in DAY.splitlines():
                sheet.append([cell.replace("461", f"46{number}") for cell in line.split(",")])
        book.save(tmp_path / name)
        return str(tmp_path / name)

    layouts = Layouts(tmp_path / "layouts.json")
    options = InputOptions(status=D, column=MAPPED, sheet="New", save_layout="x")
    path = workbook("a.xlsx", "Old", "New")
    async with await open_source(path, replace(options, layouts=layouts)) as source:
        source.keep_layout()
    by_itself = InputOptions(layouts=Layouts(tmp_path / "layouts.json"))
    async with await open_source(workbook("b.xlsx", "New", "Old"), by_itself) as source:
        assert (source.sheet, source.saved) == ("New", "x")
        [batch] = [batch async for batch in source.batches()]
    assert batch.rows == [("46040201", D, "H1001X"), ("46040202", D, "H1002X")]
    # It is only of the columns that another sheet has, where that is the only one.
    async with await open_source(workbook("c.xlsx", "Nov 29"), by_itself) as source:
        assert source.saved == "x"
    with pytest.raises(InputRefused, match="--sheet"):
        await open_source(workbook("d.xlsx", "One", "Two"), by_itself)


@pytest.mark.parametrize(("wrong", "is_kept"), [(0, True), (2, True), (3, False)])
async def test_answers_are_kept_unless_most_rows_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int, is_kept: bool
) -> None:
    """A file is mended, and is not to be asked about again."""
    monkeypatch.setenv("BULKSTATUS_CONFIG_DIR", str(tmp_path))
    rows = [f"{n},9,H{n}AB" for n in range(101, 101 + wrong)]
    good = [f"{n},8,H{n}AB" for n in range(201, 205 - wrong)]
    (tmp_path / "day.csv").write_text("\n".join(["Order No,Status,Waybill", *good, *rows, ""]))
    columns = {"tracking": "Waybill"}
    plan = await bulkstatus.check(tmp_path / "day.csv", column=columns, save_layout="")
    assert (plan.rows, plan.refused) == (4, wrong)
    assert (tmp_path / "layouts.json").exists() == is_kept
