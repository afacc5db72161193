"""The whole day of somebody at the dispatch desk, in a real browser."""

import base64
from pathlib import Path
from typing import Any

import openpyxl
from browser import Browser, Tab, needs_browser

from tests.desk.conftest import Visitor, address_in, dispatches
from tests.program import final_states, run

LOG = "dispatch.results.jsonl"
COURIER = "Shipment Ref,Order Ref,External Order ID,Customer,State,Consignment\n"


async def shows(tab: Tab, *words: str) -> None:
    text = await tab.text()
    assert not [each for each in words if each not in text], text


async def take_in(tab: Tab, path: Path) -> None:
    await tab.press("Folder")
    await tab.choose("#file", path)
    await tab.press("Take it in")


@needs_browser
async def test_the_whole_day(desk: Visitor, folder: Path, tmp_path: Path, api: Any) -> None:
    sandbox = await api(rate="20/s", refuse=3)
    browser = await Browser.open(tmp_path / "browser")
    try:
        tab = await browser.tab()
        await tab.go(address_in(desk.mat))
        await shows(tab, "LIVE", "Account acme at 127.0.0.1", "There is none yet.")

        # The courier's file leaves in question which column is which, and what its words mean.
        sent = tmp_path / "dispatch.csv"
        good = COURIER + "".join(
            f"SR{n:05},{46140200 + n},EX77{n:04},Farley {n},Shipped,H0{n:05}YA\n" for n in range(60)
        )
        bad = good.replace("46140207,", "4.61402E+07,").replace("46140209", "46140\u200b209")
        sent.write_text(bad, "utf-8")
        await take_in(tab, sent)
        await shows(tab, '"Order Ref" and "External Order ID" could be the order ID', "Farley 3")
        await tab.fill("select[name='is.Order Ref']", "order_id")
        await tab.press("Understand it so")
        await shows(tab, "known to hold the status")
        await tab.fill("select[name='is.State']", "status")
        await tab.press("Understand it so")
        await shows(tab, "The status “Shipped” means")
        await tab.fill("select[name='word.Shipped']", "8")
        await tab.run("document.querySelector('[name=save_layout]').click()")
        await tab.press("Understand it so")

        # Two rows are bad, and mended in the file.
        await shows(tab, "2 rows of 60 cannot be sent", "Farley 7", "Farley 9", "4.61402E+07")
        assert not await tab.run("document.querySelector('.yes')")
        (folder / "dispatch.csv").write_text(good, "utf-8")
        await tab.press("Look again")
        await shows(tab, "60 Dispatched (8)", sandbox.base_url, "Send these 60 updates?")

        await tab.press("Rehearse it in the sandbox")
        await tab.until("location.pathname == '/log'")
        await shows(tab, "REHEARSAL", "60 in the file: 57 went out, 3 did not.", "Farley 0")
        assert not sandbox.counts
        await tab.press("Now send it in earnest")
        await shows(tab, "LIVE", "Send these 60 updates?", '"dispatch"')  # as it was kept

        # Three are refused, and the run is stopped in the middle, and gone on with.
        await tab.press("Yes")
        await shows(tab, "Sending dispatch.csv")
        other = await browser.tab()
        await other.go(str(desk.base.origin()))
        await other.press("The run that goes on")
        for each in (tab, other):
            await each.until("document.querySelector('progress').value > 0")
        await other.press("Stop")
        await tab.until("location.pathname == '/log'")
        await other.until("location.pathname == '/log'")
        await shows(tab, "The run was interrupted", "still to be sent")
        await tab.press("Folder")
        await shows(tab, "of 60 sent")
        await tab.press("Go on with it")
        await tab.press("Send what is left")
        await tab.press("Yes")
        await tab.until("location.pathname == '/log'")
        await shows(tab, "60 in the file: 57 went out, 3 did not.", "Farley 2", "Order not found")

        # The workbook is mended and sent.
        await tab.press("Write the rows to mend")
        await shows(tab, "dispatch.to-mend.xlsx: 3 rows.")
        path = folder / "dispatch.to-mend.xlsx"
        workbook = openpyxl.load_workbook(path)
        for number, (cell,) in enumerate(workbook.active["B2:B4"]):
            cell.value = str(46149000 + number)
        workbook.save(path)
        await tab.press("dispatch.to-mend.xlsx is mended")
        await shows(tab, "3 rows new or mended", "3 rows withdrawn")
        assert "reason:" not in await tab.text()  # it is no column of theirs
        await tab.press("Yes")
        await tab.until("location.pathname == '/log'")
        await shows(tab, "63 in all: 60 went out, 3 withdrawn.")
        await tab.back()
        await shows(tab, "Nothing is to be done")  # and not what was asked before
        await tab.back()
        await shows(tab, "63 in all: 60 went out, 3 withdrawn.")
        await tab.fill("#id", "46140200")
        await tab.press("Find")
        await shows(tab, "Rejected by the API: Order not found", "Withdrawn")
        await tab.go(f"{desk.base.origin()}/page?log={LOG}")
        await shows(tab, "Result of dispatch.csv", "60 went out")
        printed = await tab.call("Page.printToPDF")
        assert base64.b64decode(printed["data"]).startswith(b"%PDF")
        states = {(key[0], state["outcome"]) for key, state in final_states(folder / LOG).items()}
        assert {order for order, outcome in states if outcome == "updated"} == {
            *(str(46140203 + n) for n in range(57)),
            *("46149000", "46149001", "46149002"),
        }
        assert tab.console + other.console == []
    finally:
        await browser.close()


@needs_browser
async def test_a_cancellation_a_second_start_and_the_end(
    desk: Visitor, folder: Path, tmp_path: Path, api: Any
) -> None:
    sandbox = await api()
    browser = await Browser.open(tmp_path / "browser")
    try:
        second = await run("desk", str(folder), "--no-browser")
        tab = await browser.tab()
        await tab.go(second.out.split("\n")[1])
        (tmp_path / "recalled.txt").write_text("46150011\n46150028\n")
        await take_in(tab, tmp_path / "recalled.txt")
        await shows(tab, "Give one status for all of them")
        await tab.fill("#status", "128")
        await tab.press("Understand it so")
        await shows(tab, "This cancels 2 orders.")
        await tab.press("Cancel them", stays=True)
        await tab.fill("#number", "20")
        await tab.press("Cancel them")
        await tab.until("""document.body.innerText.includes('You typed "20", and 2 is needed.')""")
        assert not sandbox.counts
        await tab.fill("#number", "2")
        await tab.press("Cancel them")
        await tab.until("location.pathname == '/log'")
        await shows(tab, "2 in the file: all cancelled.")
        hostile = dispatches(tmp_path / "<img src=x onerror=alert(1)>.csv", 2)
        hostile.write_text(hostile.read_text().replace("Farley", "<script>alert(1)</script>"))
        await take_in(tab, hostile)
        await shows(tab, "<img src=x onerror=alert(1)>.csv", "Send these 2 updates?")
        assert tab.console == []
        await tab.press("Quit")
        await shows(tab, "The desk is closed")
    finally:
        await browser.close()
