"""Workbooks: each cell as Excel shows it, or an invalid row."""

import gzip
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from bulkstatus.errors import InputRefused, Refused
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.source import InputOptions, open_source

Save = Callable[..., Path]
HEADER = ["Order No", "Status", "Tracking", "Date"]
D = OrderStatus.DISPATCHED


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(**sheets: Sequence[Sequence[Any]]) -> Path:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.active)
        for title, rows in sheets.items():
            sheet = workbook.create_sheet(title)
            for number, row in enumerate(rows, 1):
                for place, value in enumerate(row, 1):
                    cell = sheet.cell(number, place)
                    cell.value, *number_format = value if isinstance(value, tuple) else (value,)
                    if number_format:
                        cell.number_format = number_format[0]
        workbook.save(tmp_path / "orders.xlsx")
        return tmp_path / "orders.xlsx"

    return save


async def read(path: Path, **settings: Any) -> list[tuple[int, Any]]:
    async with await open_source(str(path), InputOptions(**settings)) as source:
        return [
            pair
            async for batch in source.batches()
            for pair in zip(batch.lines, batch.rows, strict=True)
        ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("46140204", "46140204"),
        ("0046", "0046"),
        (46140204, "46140204"),
        (46140204.0, "46140204"),
        (999999999999999, "999999999999999"),
        ((46140204, "0"), "46140204"),
        ((46140204, "#,##0"), "46140204"),
        ((46140204, "0.00"), "46140204"),
        ((46140204, "0.00E+00"), "46140204"),
        ((46140204, "@"), "46140204"),
        ((4614, "00000000"), "00004614"),
        (" ORD;1 ", "ORD;1"),
    ],
)
async def test_an_order_id_comes_out_as_excel_shows_it(save: Save, value: Any, shown: str) -> None:
    path = save(Orders=[HEADER, [value, 8, value, date(2026, 11, 23)]])
    assert await read(path) == [(2, StatusUpdate(shown, D, shown))]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("value", "piece"),
    [
        (date(2026, 11, 23), "date"),
        (time(17, 30), "date or a time"),
        ((45000, "dd/mm/yyyy"), "date"),
        (True, "true or false"),
        ("#N/A", "error"),
        ("#REF!", "error"),
        ("=A1", "formula"),
        (1234567890123456, "15 digits"),
        (4.6140204e20, "15 digits"),
        (8.5, "fraction"),
        (-8, "negative"),
        ((8, '"ORD-"0'), "format"),
        ((8, "00-000"), "format"),
    ],
)
async def test_what_is_no_text_and_no_whole_number_is_invalid(
    save: Save, place: int, value: Any, piece: str
) -> None:
    row: list[Any] = [46140204, 8, "H1"]
    row[place] = value
    [(line, invalid)] = await read(save(Orders=[HEADER, row]))
    assert line == 2
    assert invalid.field == ("order_id", "status", "tracking")[place]
    assert type(invalid.order_id) is str  # as the log writes it
    assert piece in invalid.reason


async def test_lines_are_the_rows_of_the_sheet(save: Save) -> None:
    path = save(Orders=[[], HEADER, [1, 8], [], [None, None, None], [2, 8, None, None]])
    assert await read(path) == [(3, StatusUpdate("1", D)), (6, StatusUpdate("2", D))]


async def test_a_sheet_of_which_nothing_is_left_but_the_header_has_no_rows(save: Save) -> None:
    assert await read(save(Orders=[HEADER])) == []


async def test_the_only_sheet_with_a_header_is_read(save: Save) -> None:
    path = save(Notes=[["hello"]], Orders=[HEADER, [1, 8]], Empty=[])
    assert await read(path) == [(2, StatusUpdate("1", D))]


async def test_of_several_sheets_one_must_be_named(save: Save) -> None:
    path = save(Monday=[HEADER, [1, 8]], Tuesday=[HEADER, [2, 8]])
    with pytest.raises(InputRefused, match=r'"Monday", "Tuesday".*--sheet'):
        await read(path)
    assert await read(path, sheet="Tuesday") == [(2, StatusUpdate("2", D))]
    with pytest.raises(InputRefused, match='"Monday", "Tuesday"'):
        await read(path, sheet="Tueday")


async def test_the_table_rules_hold_for_sheets(save: Save) -> None:
    rows = [HEADER, [1, 8, None, "x"], ["Total", None, 1], HEADER, [], ["sku", "qty"], [5, 8, 3]]
    found = await read(save(Orders=rows))
    assert [line for line, row in found if isinstance(row, StatusUpdate)] == [2]
    assert [line for line, _ in found] == [2, 3, 4, 6, 7]
    [(_, wide), (line, row)] = await read(save(Orders=[HEADER, [1, 8, *"abc"], [2, 8]]))
    assert "5 cells" in wide.reason
    assert (line, row) == (3, StatusUpdate("2", D))


@pytest.mark.parametrize(
    ("rows", "settings", "piece"),
    [
        ([["Report"], HEADER, [1, 8]], {}, "Report"),
        ([["Ref", "Status"], [1, 8]], {}, "order ID"),
        ([["order_id"], [1]], {}, "--status"),
        ([HEADER, [1, 8]], {"no_header": True}, "--no-header"),
        ([HEADER, [1, 8]], {"encoding": "utf-8"}, "--encoding"),
        ([[]], {}, "which sheet"),
    ],
)
async def test_a_sheet_that_is_no_table_is_refused(
    save: Save, rows: Sequence[Sequence[Any]], settings: dict[str, Any], piece: str
) -> None:
    path = save(Orders=rows)
    with pytest.raises(Refused, match=piece):
        await read(path, **settings)


async def test_a_sheet_without_a_header_can_be_read(save: Save) -> None:
    assert await read(save(Orders=[[1, 8, "H1"]]), no_header=True) == [
        (1, StatusUpdate("1", D, "H1"))
    ]


async def test_hidden_rows_are_refused(save: Save) -> None:
    path = save(Orders=[HEADER, [1, 8], [2, 8]])
    workbook = openpyxl.load_workbook(path)
    workbook.active.row_dimensions[2].hidden = True
    workbook.save(path)
    with pytest.raises(InputRefused, match="hidden"):
        await read(path)


async def test_a_hidden_sheet_is_read_only_where_it_is_named(save: Save) -> None:
    path = save(Orders=[HEADER, [1, 8]], Old=[HEADER, [2, 8]])
    workbook = openpyxl.load_workbook(path)
    workbook["Old"].sheet_state = "hidden"
    workbook.save(path)
    assert await read(path) == [(2, StatusUpdate("1", D))]
    assert await read(path, sheet="Old") == [(2, StatusUpdate("2", D))]


async def test_a_damaged_workbook_is_refused(save: Save) -> None:
    path = save(Orders=[HEADER, [1, 8]])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputRefused, match="damaged"):
        await read(path)


async def test_the_sheet_that_is_read_is_named(save: Save) -> None:
    path = save(Notes=[["hello"]], Orders=[HEADER, [1, 8]])
    async with await open_source(str(path), InputOptions()) as source:
        assert source.header == tuple(HEADER)
        assert source.columns["order_id"] == "Order No"
        assert '"Orders"' in source.notes[0]
        [batch] = [batch async for batch in source.batches()]
        assert batch.cells == [["1", "8", "", ""]]
        assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_of_several_sheets_with_rows_one_must_be_named(save: Save) -> None:
    path = save(Notes=[["hello"], ["world"]], Orders=[HEADER, [1, 8]])
    with pytest.raises(InputRefused, match=r'"Notes", "Orders".*--sheet'):
        await read(path)
    assert await read(path, sheet="Orders") == [(2, StatusUpdate("1", D))]


@pytest.mark.parametrize(
    ("cells", "is_doubt"),
    [("C2:C3", True), ("C3:C4", True), ("B2:C2", False), ("D2:D4", False), ("C4:C5", False)],
)
async def test_a_cell_merged_over_rows_is_refused_where_it_counts(
    save: Save, cells: str, is_doubt: bool
) -> None:
    rows = [[f"4614020{n}", 8, "" if n in {3, 4} else f"H{n}", f"note {n}"] for n in (2, 3, 4)]
    path = save(Orders=[HEADER, *rows])
    workbook = openpyxl.load_workbook(path)
    workbook.active.merge_cells(cells)
    workbook.save(path)
    if is_doubt:
        with pytest.raises(InputRefused, match=cells):
            await read(path)
    else:
        assert len(await read(path)) == 3


async def test_hidden_rows_that_are_blank_are_nothing(save: Save) -> None:
    path = save(Orders=[HEADER, [1, 8], [" "], [2, 8]])
    workbook = openpyxl.load_workbook(path)
    workbook.active.row_dimensions[3].hidden = True
    workbook.save(path)
    assert [line for line, _ in await read(path)] == [2, 4]


# The parts of a workbook, and what stands in them.
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/"
SHEET, STYLES, TEXTS = "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/sharedStrings.xml"


def change(path: Path, changes: dict[str, tuple[str, str]]) -> Path:
    """Replace a piece of each part, of all parts where it is "": as other programs write them."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    for part, (old, new) in changes.items():
        assert not part or old in parts[part]
        for name in [part] if part else parts:
            parts[name] = parts[name].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def share(path: Path) -> Path:
    """Put the text H1 where Excel keeps texts, in a part of its own."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(TEXTS, f'<sst xmlns="{MAIN}"><si><t>H1</t></si></sst>')
    relation = f'<Relationship Id="x" Type="{RELATIONS}/sharedStrings" Target="/{TEXTS}"/>'
    end = "</Relationships>"
    cell = '<c r="C2" t="inlineStr"><is><t>H1</t></is></c>'
    return change(
        path,
        {
            "xl/_rels/workbook.xml.rels": (end, relation + end),
            SHEET: (cell, '<c r="C2" t="s"><v>0</v></c>'),
        },
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"": (MAIN, f"{STRICT}spreadsheetml/main")},
        {"": (RELATIONS, f"{STRICT}officeDocument/relationships")},
        {STYLES: ("<fill><patternFill /></fill>", "<fill/>")},
        {STYLES: ("<fonts", "<fonts><font><b val='perhaps'/></font></fonts><fonts")},
        {SHEET: ('<row r="2"', '<row r="1048570"')},
        {SHEET: ("</sheetData>", "</sheetData><mergeCells><mergeCell ref='A1:B1'/></mergeCells>")},
        {TEXTS: ("H1</t>", "H1</t><rPh sb='0' eb='1'><t>spoken</t></rPh>")},
        {TEXTS: ("<t>H1</t>", "<r><t>H</t></r><r><rPr><b/></rPr><t>1</t></r>")},
        {SHEET: ('<c r="A2" t="n"><v>46140204</v></c>', "<c><v>4.6140204E7</v></c>")},
        {SHEET: ("<v>46140204</v>", "<v>46140204</v><extLst><ext><v>7</v></ext></extLst>")},
        {"xl/workbook.xml": ('state="visible"', "")},
    ],
)
async def test_workbooks_of_other_programs_are_read(
    save: Save, changes: dict[str, tuple[str, str]]
) -> None:
    path = change(share(save(Orders=[HEADER, [46140204, 8, "H1"]])), changes)
    assert [row for _, row in await read(path)] == [StatusUpdate("46140204", D, "H1")]


@pytest.mark.parametrize(
    ("part", "old", "new", "piece"),
    [
        (SHEET, '<row r="2"', '<row r="2000000000"', "damaged"),
        (SHEET, '<row r="2"', '<row r="1"', "damaged"),
        (SHEET, "</sheetData>", "</sheetData><mergeCell ref='A:A'/>", "damaged"),
        (SHEET, "</row>", '<c t="s"><v>-1</v></c></row>', "damaged"),
        (SHEET, '<c r="B2"', '<c r="XFE2"', "damaged"),
        (SHEET, '<c r="D1"', '<c r="XFD1"', "16,384 columns"),
        (SHEET, "<worksheet ", '<!DOCTYPE a [<!ENTITY b "c">]><worksheet ', "damaged"),
        (SHEET, "</sheetData>", f'<row r="1048570"/>{"<row/>" * 9}</sheetData>', "damaged"),
        (SHEET, "</row>", f"{'<c/>' * 20_000}</row>", "damaged"),
        (SHEET, "</row>", f"{'<x>' * 600_000}{'</x>' * 600_000}</row>", "damaged"),
        (SHEET, "<sheetData>", f"{' ' * (1 << 24)}<sheetData>", "unpacks"),
        (TEXTS, "<si>", f"{'<si><t>ab</t></si>' * 1_000_000}<si>", "unpacks"),
        (STYLES, "<xf ", f"{'<xf/>' * 3_000_000}<xf ", "unpacks"),
    ],
)
async def test_a_workbook_made_to_do_harm_is_refused(
    save: Save, part: str, old: str, new: str, piece: str
) -> None:
    path = change(share(save(Orders=[HEADER, [1, 8, "H1"]])), {part: (old, new)})
    assert path.stat().st_size < 100_000
    with pytest.raises(InputRefused, match=piece):
        await read(path)


async def test_a_sheet_that_is_named_a_thousand_times_is_not_read_as_often(save: Save) -> None:
    path = save(Orders=[HEADER, [1, 8, "H1"]])
    change(path, {SHEET: ("<sheetData>", f"{' ' * (1 << 22)}<sheetData>")})
    sheet = '<sheet name="a{}" sheetId="1" r:id="rId1" xmlns:r="r"/>'
    sheets = "".join(map(sheet.format, range(1000)))
    change(path, {"xl/workbook.xml": ("<sheets>", f"<sheets>{sheets}")})
    with pytest.raises(InputRefused, match="unpacks"):
        await read(path)


async def test_a_packed_workbook_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx.gz"
    path.write_bytes(
        gzip.compress(b"PK\x03\x04" + bytes(1 << 20)) + gzip.compress(bytes(1 << 20)) * 150
    )
    with pytest.raises(InputRefused, match="too large"):
        await read(path)


def test_a_csv_needs_no_excel(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("order_id,status,tracking\n1,8,\n")
    program = (
        "import sys, asyncio\n"
        "from bulkstatus.source import InputOptions, open_source\n"
        "asyncio.run(open_source(sys.argv[1], InputOptions()))\n"
        "sys.exit('openpyxl' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
