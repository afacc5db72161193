"""What is said yes to is what is sent, one run at a time, and every stop leaves a log to go on."""

import asyncio
import io
import json
import os
import re
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import openpyxl
import pytest
from yarl import URL

from bulkstatus.desk import work
from bulkstatus.desk.pages import said
from tests.desk.conftest import Visitor, dispatches
from tests.program import end_of, final_states, run, start

WISH = {"file": "dispatch.csv"}
LOG = "dispatch.results.jsonl"
HEAD = b"Order Number,Status,Tracking Number\n"


def outcomes(folder: Path, log: str = LOG) -> list[str]:
    """Return the outcomes of the rows of a log, in the order of the file."""
    states = final_states(folder / log).values()
    return [state["outcome"] for state in sorted(states, key=lambda state: state["n"])]


def changes() -> dict[str, Any]:
    """Return what may change between the question and the yes."""
    return {
        "a row more": lambda folder, patch: dispatches(folder / "dispatch.csv", 4),
        "another order": lambda folder, patch: dispatches(folder / "dispatch.csv", first=5),
        "another account": lambda folder, patch: patch.setenv("BULKSTATUS_REF_ID", "other"),
        "another address": lambda folder, patch: patch.setenv(
            "BULKSTATUS_BASE_URL", "http://127.0.0.1:9"
        ),
    }


@pytest.mark.parametrize("change", [*changes()])
async def test_a_yes_holds_for_what_was_asked_alone(
    desk: Visitor, folder: Path, api: Any, monkeypatch: Any, change: str
) -> None:
    sandbox = await api()
    dispatches(folder / "dispatch.csv")
    yes = (await desk.get("/send", **WISH)).yes
    changes()[change](folder, monkeypatch)
    page = await desk.said_yes(**WISH, **yes)
    assert "have changed since you were asked" in page.text
    assert page.yes != yes
    assert not sandbox.counts
    assert not list(folder.glob("*.jsonl"))
    for other in ({"mark": ""}, {"ref_id": "nobody"}, {"skip_invalid": "1"}, {"status": "8"}):
        assert "have changed" in (await desk.said_yes(**(WISH | page.yes | other))).text
    assert not sandbox.counts


async def test_cancellations_need_their_exact_number(desk: Visitor, folder: Path, api: Any) -> None:
    sandbox = await api()
    (folder / "recalled.txt").write_text("46150011\n46150028\n")
    wish = {"file": "recalled.txt", "status": "128"}
    yes = (await desk.get("/send", **wish)).yes
    for number in ("", "1", "20", "2.0", "yes", "٢"):
        page = await desk.said_yes(**wish, **yes, number=number)
        assert f'You typed "{number}", and 2 is needed.' in page.text
    assert not sandbox.counts
    await desk.post("/run", **wish, **yes, number=" 2 ")
    assert "2 in the file: all cancelled." in (await desk.over()).text
    assert len(sandbox.received) == 2


async def test_a_second_tab_sees_the_run_and_starts_no_other(
    desk: Visitor, folder: Path, api: Any
) -> None:
    sandbox = await api(latency=0.2)
    dispatches(folder / "dispatch.csv", 4)
    dispatches(folder / "more.csv", first=9)
    more = {"file": "more.csv", **(await desk.get("/send", file="more.csv")).yes}
    assert "Sending dispatch.csv" in (await desk.yes(**WISH)).text
    assert (await desk.post("/run", **more)).status == 409
    assert "mark" not in (await desk.get("/send", file="more.csv")).fields
    assert "4 rows" in (await desk.get("/run")).text
    assert "4 in the file: all went out." in (await desk.over()).text
    assert len(sandbox.received) == 4


async def test_a_yes_that_comes_twice_counts_once(desk: Visitor, folder: Path, api: Any) -> None:
    sandbox = await api(latency=0.1)
    dispatches(folder / "dispatch.csv")
    yes = (await desk.get("/send", **WISH)).yes
    both = [desk.post("/run", **WISH, **yes) for _ in range(2)]
    assert ["Sending" in page.text for page in await asyncio.gather(*both)] == [True, True]
    await desk.over()
    # And also where it comes from the page to which the browser goes back.
    assert "3 in the file: all went out." in (await desk.post("/run", **WISH, **yes)).text
    assert sandbox.counts.total() == 3
    assert [path.name for path in folder.glob("*.jsonl")] == [LOG]


@pytest.mark.parametrize("stops", [1, 2])
async def test_a_stopped_run_is_gone_on_with(
    desk: Visitor, folder: Path, api: Any, stops: int
) -> None:
    sandbox = await api(latency=0.3)
    dispatches(folder / "dispatch.csv", 40)
    await desk.yes(**WISH)
    while not sandbox.counts:
        await asyncio.sleep(0.01)
    for words in ("Stop now", "Stop now")[:stops]:
        assert words in (await desk.post("/stop")).text
    page = await desk.over()
    assert "The run was interrupted" in page.text
    assert "still to be sent" in page.text
    assert ("may have arrived" in page.text) is (stops == 2)
    assert len(re.findall('class="(?:main|step)"', page.body)) == 1  # the one next step
    if stops == 2:
        with (folder / LOG).open("ab") as log:
            log.write(b'{"type":"res')  # as a crash leaves it: what is asked is still what is done
    await desk.yes(log=LOG)
    assert "40 in the file: all went out." in (await desk.over()).text
    assert outcomes(folder) == ["updated"] * 40


@pytest.mark.parametrize("how", ["quit", "SIGTERM", "SIGINT", "SIGKILL"])
async def test_ending_the_program_leaves_a_log_that_resume_finishes(
    folder: Path, tmp_path: Path, api: Any, how: str
) -> None:
    if how != "quit" and os.name == "nt":
        pytest.skip("Windows has no such signals")
    sandbox = await api(latency=0.05)
    dispatches(folder / "dispatch.csv", 200)
    base = {"base_url": sandbox.base_url}
    process = await start("desk", str(folder), "--no-browser", **base)
    assert process.stdout is not None
    await process.stdout.readline()
    address = URL((await process.stdout.readline()).decode().strip())
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(address):
            visitor = Visitor(address, session, tmp_path)
        await visitor.yes(**WISH)
        while len(sandbox.received) < 12:
            await asyncio.sleep(0.01)
        if how == "quit":
            assert "The run stops" in (await visitor.post("/quit")).text
        else:
            process.send_signal(getattr(signal, how))
        ended = await end_of(process)
    status = {"quit": 0, "SIGTERM": 143, "SIGINT": 130, "SIGKILL": -9}[how]
    assert ended.status == status, ended.err
    left = json.loads((await run("report", str(folder / LOG), "--json")).out)
    assert left["to_send"] > 0
    assert left["state"] == ("broken off" if how == "SIGKILL" else "interrupted")
    ended = await run("resume", str(folder / LOG), "--yes", **base)
    assert ended.status == 0, ended.err
    assert outcomes(folder) == ["updated"] * 200
    if how != "SIGKILL":
        assert sandbox.counts.total() == 200


async def test_after_the_machine_slept_it_asks(
    desk: Visitor, folder: Path, api: Any, monkeypatch: Any
) -> None:
    await api(latency=0.3)
    dispatches(folder / "dispatch.csv", 200)
    await desk.yes(**WISH)
    slept = 0.0

    def now() -> float:
        return server_time.time() + slept

    server_time = work.time
    monkeypatch.setattr(work, "time", SimpleNamespace(time=now))
    await asyncio.sleep(0.1)
    slept = work.SLEPT + 1
    page = await desk.over()
    assert "The machine slept" in page.text
    assert "Send what is left" in page.text


async def test_a_key_that_was_typed_is_asked_for_again_once_it_was_wrong(
    desk: Visitor, folder: Path, api: Any, monkeypatch: Any
) -> None:
    sandbox = await api("right")
    for name in ("BULKSTATUS_REF_ID", "BULKSTATUS_API_KEY"):
        monkeypatch.delenv(name)
    dispatches(folder / "dispatch.csv")
    assert "Account not given yet" in (await desk.get("/")).text
    wish: dict[str, str] = WISH
    for ref_id, key in (("acme", "wrong"), ("acne", "right"), ("acme", "right")):
        asked = await desk.get("/send", **wish)
        assert (asked.yes["ref_id"], asked.fields["key"]) == ("", "")
        await desk.said_yes(**wish, mark=asked.fields["mark"], ref_id=ref_id, key=key)
        page = await desk.over()
        wish = {"log": LOG}
    assert "Account acme at 127.0.0.1" in page.text
    assert "3 in the file: all went out." in page.text
    assert len(sandbox.received) == 3


async def test_a_rehearsal_refuses_three_once_and_counts_for_nothing(
    desk: Visitor, folder: Path, api: Any
) -> None:
    sandbox = await api()
    dispatches(folder / "dispatch.csv", 8)
    shown = await desk.post("/run", **WISH, sandbox="1")
    assert "REHEARSAL" in shown.text
    shown = await desk.over()
    assert "8 in the file: 5 went out, 3 did not." in shown.text
    assert "REHEARSAL" in shown.text
    assert "LIVE" not in shown.text
    log, book = "dispatch.sandbox.results.jsonl", "dispatch.sandbox.to-mend.xlsx"
    assert book in (await desk.post("/mend", log=log)).text
    # It goes back into the rehearsal's log, also from where it was mended.
    assert "LIVE" not in (await desk.drop(book, (folder / book).read_bytes())).text
    await desk.yes(file=book, log=log)
    assert "8 in the file: all went out." in (await desk.over()).text
    assert "dispatch.csv not sent" in (await desk.get("/")).text
    assert not sandbox.counts
    # It is one by what its first line says, whatever it is called.
    shutil.copy(folder / log, folder / "mine.results.jsonl")
    for fields in ({}, {"withdraw": "1"}, {"file": book}, {"retry_rejected": "1"}):
        shown = await desk.get("/send", log="mine.results.jsonl", **fields)
        assert ("REHEARSAL" in shown.text, "LIVE" in shown.text) == (True, False)
    await desk.yes(**WISH)
    assert "8 in the file: all went out." in (await desk.over()).text


async def test_rows_with_a_mistake_may_be_left(desk: Visitor, folder: Path, api: Any) -> None:
    await api()
    path = dispatches(folder / "dispatch.csv", 4)
    path.write_text(path.read_text().replace("46140201,Dispatched", "4.61E+07,Gone"))
    page = await desk.get("/send", **WISH)
    assert "mark" not in page.fields
    assert any("skip_invalid=1" in link for link in page.links)
    await desk.yes(**WISH, skip_invalid="1")
    assert "4 in the file: 3 went out, 1 did not." in (await desk.over()).text


async def test_what_the_api_refused_is_mended_sent_again_or_given_up(
    desk: Visitor, folder: Path, api: Any
) -> None:
    await api(refuse=3)
    dispatches(folder / "dispatch.csv", 5)
    await desk.yes(**WISH)
    page = await desk.over()
    assert "5 in the file: 2 went out, 3 did not." in page.text
    said = (await desk.post("/mend", log=LOG)).text
    book = "dispatch.to-mend.xlsx"
    assert f"{book}: 3 rows." in said
    workbook = openpyxl.load_workbook(folder / book)
    workbook.active["A2"].value = "46149999"
    workbook.active.delete_rows(3)
    workbook.save(folder / book)
    assert "withdrawn" in (await desk.get("/send", file=book, log=LOG)).text
    assert any(f"file={book}" in link for link in (await desk.get("/log", log=LOG)).links)
    await desk.yes(file=book, log=LOG)
    page = await desk.over()
    assert "6 in all: 3 went out, 1 did not, 2 withdrawn." in page.text
    again = await desk.get("/send", log=LOG, retry_rejected="1")
    assert "1 row that the API refused, sent again as they were" in again.text
    asked = await desk.get("/send", log=LOG, withdraw="1")
    assert "1 row withdrawn: nothing is sent for them any more" in asked.text
    assert "with their file" not in asked.text
    await desk.yes(log=LOG, withdraw="1")
    page = await desk.over()
    assert "6 in all: 3 went out, 3 withdrawn." in page.text
    (after_all,) = (link for link in page.links if link.startswith("/send?"))
    assert "3 rows new or mended" in (await desk.ask("GET", after_all)).text


async def test_a_file_that_was_sent_before_may_go_on_as_it_was_or_as_it_is(
    desk: Visitor, folder: Path, api: Any
) -> None:
    await api(latency=0.3)
    dispatches(folder / "dispatch.csv", 40)
    await desk.yes(**WISH)
    await desk.post("/stop")
    await desk.over()
    dispatches(folder / "dispatch.csv", 41)
    refused = await desk.get("/send", **WISH)
    assert "still to be sent" in refused.text
    assert "mark" not in refused.fields
    assert f"/log?log={LOG}" in refused.links
    page, asked = await desk.get("/log", log=LOG), {}
    for link in page.links:
        if link.startswith("/send?") and "withdraw" not in link:
            asked["file=" in link] = (await desk.ask("GET", link)).text
    assert "new or mended" not in asked[False]
    assert "1 row new or mended" in asked[True]


async def test_a_fault_of_the_desk_is_a_sentence(
    desk: Visitor, folder: Path, monkeypatch: Any, capfd: Any
) -> None:
    monkeypatch.setattr("bulkstatus.desk.server.Wish", None)
    page = await desk.get("/send", **WISH)
    assert "This is a fault of bulkstatus itself." in page.text
    assert "Traceback" not in page.body
    assert "Traceback" in capfd.readouterr().err


async def test_the_report_tables_and_one_order(desk: Visitor, folder: Path, api: Any) -> None:
    await api(refuse=1)
    dispatches(folder / "dispatch.csv")
    await desk.yes(**WISH)
    await desk.over()
    touched = await desk.get("/table", log=LOG, kind="touched")
    assert touched.headers["Content-Disposition"] == "attachment"
    assert touched.body.split() == ["\ufefforder_id,touched", "46140201,yes", "46140202,yes"]
    untouched = await desk.get("/table", log=LOG, kind="untouched")
    assert untouched.body.split()[1:] == ["46140200,no"]
    assert "<!-- bulkstatus report -->" in (await desk.get("/page", log=LOG)).body
    (folder / "broken.results.jsonl").write_bytes(b"nothing of ours\n")
    found = (await desk.get("/order", id=" 46140200 ")).text
    assert "not touched" in found
    assert "broken.results.jsonl" in found
    (folder / "broken.results.jsonl").unlink()
    assert "None of the logs" in (await desk.get("/order", id="4614020")).text
    await desk.yes(log=LOG, withdraw="1")
    page = await desk.over()
    assert "3 in the file: 2 went out, 1 withdrawn." in page.text
    assert re.findall("withdraw the rest", page.text) == []


# Each: a file that is refused as it is, and what the page offers to have it understood.
REFUSED: dict[str, tuple[bytes, dict[str, str]]] = {
    "no header": (b"46149901,8,H1YA\n46149902,8,H2YA\n", {"no_header": "1"}),
    "several trackings": (HEAD + b"1,8,H1\n1,8,H2\n", {"on_conflict": "last"}),
    "an ID much shorter": (
        HEAD + b"".join(b"461402%02d,8,H%04dYA\n" % (n, n) for n in range(30)) + b"12,8,H9\n",
        {"odd_ids": "1"},
    ),
    "UTF-16 without its mark": (HEAD.decode().encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "no tracking": (b"Order Number,Status\n1,8\n2,8\n", {"asked": "tracking"}),
    "void rows": (HEAD[:-1] + b",Void\n1,8,H1,Y\n", {"is.": "void"}),
    "no status": (b"1\n2\n", {"status": "64", "format": "txt"}),
}


@pytest.mark.parametrize("what", [*REFUSED])
async def test_all_ways_to_understand_a_file_are_offered(
    desk: Visitor, folder: Path, api: Any, what: str
) -> None:
    await api()
    content, understood = REFUSED[what]
    if what.startswith("UTF-16"):
        content += "1,8,H1\n".encode("utf-16-le")
    (folder / "day.csv").write_bytes(content)
    refused = await desk.get("/send", file="day.csv")
    assert "mark" not in refused.fields
    assert understood.keys() <= refused.fields.keys() | refused.choices
    assert "mark" in (await desk.get("/send", file="day.csv", **understood)).fields


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Gone. To go on:\n  bulkstatus resume a.results.jsonl", "Gone."),
        ("Gone. To go on:  bulkstatus resume 'a. b.results.jsonl'", "Gone."),
        ("  bulkstatus resume a.results.jsonl", ""),
        (
            "Gone, a.csv. `bulkstatus resume a.csv` goes on, `bulkstatus report a.csv` shows it.",
            "Gone, a.csv.",
        ),
        (
            "All are refusals. If so, Ctrl-C stops the run. `--max-failures 20` does",
            "All are refusals. If so, Stop stops the run.",
        ),
        ("The API said: no `status`. It is open.", "The API said: no `status`. It is open."),
        ("As before, from the log: --status cancelled, --rate 5/s.", ""),
        ("None of the nine (`bulkstatus statuses` lists them).", "None of the nine."),
        ("add --no-header; else", "add “No header”; else"),
        ('with --word "Gone=CODE"', "with “What a word of the file's own means as a status”"),
        ("add --column void=", "add “No column says that a row is void”"),
        ("for every row (--profile)", "for every row (profile)"),
        ("Stopped: a.csv, line 2: Ctrl-C again stops", "Stopped: a.csv, line 2: Stop now stops"),
    ],
)
def test_what_is_said_names_what_stands_on_the_page(told: str, shown: str) -> None:
    assert said(told) == shown


async def test_names_of_files_and_columns_come_back_as_they_are(
    desk: Visitor, folder: Path, api: Any
) -> None:
    await api()
    name, header = "a\u202eb.csv", 'Order\u200d Ref\u00ad "x"'
    quoted = header.replace('"', '""')
    rows = "".join(f"4614{n:04},EX{n:05},8,H{n:05}YA\n" for n in range(3))
    (folder / name).write_text(f'"{quoted}",External Order ID,Status,Consignment\n{rows}')
    asked = await desk.get("/send", file=name)
    assert asked.fields["file"] == name
    assert "\u202e" not in asked.text
    assert f"is.{header}" in asked.choices
    wish = {"file": name, f"is.{header}": "order_id"}
    assert "Send these 3 updates?" in (await desk.get("/send", **wish)).text


async def test_a_folder_or_a_file_that_goes_away_is_a_sentence(
    desk: Visitor, folder: Path, api: Any, monkeypatch: Any
) -> None:
    sandbox = await api(latency=0.1)
    monkeypatch.setenv("HOME", str(folder.parent))
    dispatches(folder / "dispatch.csv", 200)
    await desk.yes(**WISH)
    while not sandbox.counts:
        await asyncio.sleep(0.01)
    shutil.rmtree(folder)
    assert "was deleted or replaced, so sending stopped" in (await desk.over()).text
    for path in ("/", "/send?file=dispatch.csv", f"/log?log={LOG}"):
        assert "cannot be read: No such file" in (await desk.get(path)).text
    assert (await desk.post("/drop")).status == 409


async def test_a_log_that_a_terminal_is_using_is_told_and_left_alone(
    desk: Visitor, folder: Path, api: Any
) -> None:
    sandbox = await api(latency=0.05)
    path = dispatches(folder / "dispatch.csv", 200)
    options = {"base_url": sandbox.base_url}
    process = await start("send", str(path), "--yes", "--concurrency", "2", **options)
    while not sandbox.counts:
        await asyncio.sleep(0.01)
    assert "running on" in (await desk.get("/")).text
    assert "is using the result log" in (await desk.get("/send", **WISH)).text
    assert "is using the result log" in (await desk.said_yes(log=LOG)).text
    process.terminate()
    await end_of(process)
    assert sandbox.counts.total() < 200


async def test_a_file_of_a_name_that_is_there_is_asked_about(
    desk: Visitor, folder: Path, tmp_path: Path, api: Any
) -> None:
    await api()
    one, other = (dispatches(tmp_path / f"{n}.csv", n).read_bytes() for n in (1, 2))
    path = folder / "day.csv"
    assert "Send this update?" in (await desk.drop("day.csv", one)).text
    assert path.read_bytes() == one
    assert "Send this update?" in (await desk.drop("day.csv", one)).text
    asked = await desk.drop("day.csv", other)
    assert "is there already" in asked.text
    assert path.read_bytes() == one
    assert (await desk.post("/drop", replaces="other.csv")).status == 409
    await desk.post("/drop", replaces="day.csv")
    assert path.read_bytes() == other
    assert (await desk.post("/drop", replaces="day.csv")).status == 409
    await desk.drop("day.csv", one)  # and nothing is said to that
    assert path.read_bytes() == other
    assert [each.name for each in folder.iterdir()] == ["day.csv"]


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkstatus.desk.server.LARGEST_FILE", 1 << 20)


@pytest.mark.usefixtures("_small")
async def test_a_file_that_is_too_large_is_not_taken(desk: Visitor, folder: Path) -> None:
    assert "more than 1 MB" in (await desk.drop("day.csv", b"1" * (1 << 20 | 1))).text
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("end", [10, 50])  # further on aiohttp leaves a file to Python
async def test_a_file_of_which_only_the_beginning_came_is_not_taken(
    desk: Visitor, folder: Path, capsys: pytest.CaptureFixture[str], end: int
) -> None:
    head = 'Content-Disposition: form-data; name="file"; filename="day.csv"'
    body = f"--X\r\n{head}\r\n\r\nOrder Number,Status\n1,8\n".encode()
    headers = {"Content-Type": "multipart/form-data; boundary=X"}
    page = await desk.ask("POST", "/drop", data=io.BytesIO(body[:end]), headers=headers)
    assert (page.status, "broken off" in page.text) == (409, True), page.text
    assert (capsys.readouterr().err, [*folder.iterdir()]) == ("", [])


async def test_what_a_file_is_said_to_be_is_kept_with_a_yes_alone(
    desk: Visitor, folder: Path, api: Any
) -> None:
    await api()
    layouts = Path(os.environ["BULKSTATUS_CONFIG_DIR"]) / "layouts.json"
    rows = "".join(f"4614{n:04},EX{n:05},Gone,H0{n:05}YA\n" for n in range(3))
    (folder / "day.csv").write_text(f"Order Ref,External Order ID,State,Consignment\n{rows}")
    asked = await desk.get("/send", file="day.csv")
    assert '"Order Ref" and "External Order ID" could be the order ID' in asked.text
    said = {"is.Order Ref": "order_id", "is.State": "status", "word.Gone": "8", "save_layout": "1"}
    assert "Choose one" in (await desk.get("/send", **said, **{"is.Consignment": "status"})).text
    wish = {"file": "day.csv", **said, "asked": "status"}
    asked = await desk.get("/send", **wish)
    assert "Send these 3 updates?" in asked.text
    assert not layouts.exists()
    await desk.said_yes(**wish, **asked.yes)
    assert "3 in the file: all went out." in (await desk.over()).text
    assert layouts.exists()
    rows = rows.replace("4614", "4714")
    (folder / "next.csv").write_text(f"Order Ref,External Order ID,State,Consignment\n{rows}")
    assert "Send these 3 updates?" in (await desk.get("/send", file="next.csv")).text


async def test_a_file_of_rows_that_another_has_sent_is_sent_again_only_when_that_is_meant(
    desk: Visitor, folder: Path, api: Any
) -> None:
    await api()
    table = "order_id,status,tracking\n46140201,8,H1YA\n"
    (folder / "day.csv").write_text(table)
    await desk.said_yes(file="day.csv", **(await desk.get("/send", file="day.csv")).yes)
    await desk.over()
    # With a line more, so that it is another file.
    (folder / "next.csv").write_text(f"{table}46140201,8,H1YA\n")
    asked = await desk.get("/send", file="next.csv")
    assert "have been sent already" in asked.text
    assert "update?" not in asked.text
    assert any("send_again=1" in link for link in asked.links)
    assert "update?" in (await desk.get("/send", file="next.csv", send_again="1")).text
