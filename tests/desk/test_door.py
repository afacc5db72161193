"""Nobody comes in but one browser of this user, and nothing that is sent is more than text."""

import asyncio
import os
import re
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bulkstatus.desk.server import Desk
from bulkstatus.sandbox.protocol import error_body
from tests.desk.conftest import Page, Visitor, address_in, dispatches
from tests.program import environment, run

_GETS = ("/", "/send", "/run", "/log", "/table", "/page", "/order", "/none")
_POSTS = ("/run", "/stop", "/drop", "/mend", "/quit")
_REQUESTS = [("GET", path) for path in _GETS] + [("POST", path) for path in _POSTS]


def test_these_are_all_the_addresses_there_are(folder: Path) -> None:
    class Open:
        async def admit(self) -> None: ...

    router = Desk(folder).make_app(Open()).router  # type: ignore[arg-type]
    routes = {
        (route.method, route.resource.canonical)
        for route in router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert routes == set(_REQUESTS) - {("GET", "/none")}


def _strangers(base: URL) -> dict[str, dict[str, Any]]:
    """Return what is wrong with a request, and how it is made so."""
    return {
        "no cookie": {"headers": {"Cookie": ""}},
        "another cookie": {"headers": {"Cookie": f"desk-{base.port}=guessed"}},
        "the name of this machine": {"headers": {"Host": f"localhost:{base.port}"}},
        "a name that leads here": {"headers": {"Host": "attacker.example"}},
        "another port": {"headers": {"Host": "127.0.0.1:1"}},
        "a cookie that is no text": {"headers": {"Cookie": f"desk-{base.port}=\udcff"}},
    }


@pytest.mark.parametrize("wrong", [*_strangers(URL("http://x:1"))])
async def test_a_stranger_sees_and_changes_nothing(
    desk: Visitor, folder: Path, api: Any, wrong: str
) -> None:
    sandbox = await api()
    dispatches(folder / "dispatch.csv")
    yes = (await desk.get("/send", file="dispatch.csv")).yes
    wish = {"file": "dispatch.csv", **yes}
    before = sorted(folder.iterdir())
    for method, path in _REQUESTS:
        more: dict[str, Any] = {"data": wish} if method == "POST" else {"params": wish}
        more["headers"] = {
            "Origin": str(desk.base.origin()),
            "Cookie": _cookie(desk),
            **_strangers(desk.base)[wrong]["headers"],
        }
        async with aiohttp.request(
            method, f"{desk.base.origin()}{path}", allow_redirects=False, **more
        ) as answer:
            text = await answer.text()
        assert answer.status == 403, (method, path)
        assert "dispatch" not in text
        assert "Set-Cookie" not in answer.headers
    assert sorted(folder.iterdir()) == before
    assert not sandbox.counts
    assert (await desk.get("/")).status == 200  # it was not closed


def _cookie(desk: Visitor) -> str:
    return "; ".join(f"{c.key}={c.value}" for c in desk.session.cookie_jar)


@pytest.mark.parametrize(
    "origin", ["http://attacker.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", ""]
)
async def test_a_page_from_elsewhere_changes_nothing(
    desk: Visitor, folder: Path, api: Any, origin: str
) -> None:
    sandbox = await api()
    dispatches(folder / "dispatch.csv")
    yes = (await desk.get("/send", file="dispatch.csv")).yes
    for path in _POSTS:
        data = {"file": "dispatch.csv", **yes}
        assert (await desk.ask("POST", path, data=data, headers={"Origin": origin})).status == 403
    assert [path.name for path in folder.iterdir()] == ["dispatch.csv"]
    assert not sandbox.counts
    assert (await desk.get("/")).status == 200


_PART = b'--X\r\nContent-Disposition: form-data; name="file"\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", _PART),
        ("multipart/form-data; boundary=X", b"file=up.csv"),
        ("multipart/form-data; boundary=X", _PART + b"\r\n1,8"),
        ("multipart/form-data; boundary=X", _PART + b"no header\r\n\r\n1,8\r\n--X--\r\n"),
        (
            "multipart/form-data; boundary=X",
            _PART + b"Content-Transfer-Encoding: none\r\n\r\n1,8\r\n--X--\r\n",
        ),
        ("application/x-www-form-urlencoded", b"file=\xff"),
        ("application/x-www-form-urlencoded; charset=none", b"file=up.csv"),
    ],
)
async def test_what_is_no_form_is_no_fault_of_ours(
    desk: Visitor, folder: Path, capfd: Any, kind: str, body: bytes
) -> None:
    for path in ("/run", "/drop", "/mend"):
        page = await desk.ask("POST", path, data=body, headers={"Content-Type": kind})
        assert (page.status, "no form" in page.text) == (409, True)
    assert not list(folder.iterdir())
    assert "Traceback" not in capfd.readouterr().err


async def test_a_token_lets_in_one_browser_and_then_there_is_another(desk: Visitor) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
        for address in (desk.base, desk.base.with_query(token=""), desk.base.with_query("token")):
            async with other.get(address) as used:
                assert used.status == 403
                assert "Set-Cookie" not in used.headers
        async with other.get(address_in(desk.mat), allow_redirects=False) as fresh:
            assert (fresh.status, fresh.headers["Location"]) == (303, "/")
            cookie = fresh.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        async with other.get(desk.base.origin()) as answer:
            assert answer.status == 200
    assert (await desk.get("/", token="used")).status == 200  # whoever is in stays so


async def test_the_way_in_is_private_and_ends_with_the_desk(desk: Visitor, folder: Path) -> None:
    if os.name == "posix":
        assert stat.S_IMODE(desk.mat.stat().st_mode) == 0o600
    second = await run("desk", str(folder), "--no-browser")
    assert second.status == 0, second.err
    said, address, rest = second.out.split("\n")
    assert address == address_in(desk.mat)
    assert "open already" in said
    assert not rest
    await desk.post("/quit")
    with suppress(aiohttp.ClientError):
        while True:
            await desk.get("/")
    assert address_in(desk.mat) == ""


async def test_the_browser_is_led_by_a_file_that_a_command_line_names(
    folder: Path, tmp_path: Path
) -> None:
    led = tmp_path / "led"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {led}.new; mv {led}.new {led}; kill $PPID\n')
    browser.chmod(0o700)
    state = tmp_path / "state"
    ended = await run("desk", str(folder), BROWSER=str(browser), BULKSTATUS_STATE_DIR=str(state))
    (mat,) = state.glob("desk-*.html")
    assert led.read_text().strip() == mat.as_uri()
    assert "token" not in led.read_text()
    assert ended.status == 0
    assert ended.out.split("\n")[1].startswith("http://127.0.0.1:")


async def test_a_place_that_cannot_hold_the_address_is_a_sentence(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    state = str(tmp_path / "file" / "state")
    ended = await run("desk", str(folder), "--no-browser", BULKSTATUS_STATE_DIR=state)
    assert (ended.status, "in BULKSTATUS_STATE_DIR." in ended.err) == (2, True)


async def test_it_starts_without_a_console(folder: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.stdin = sys.stdout = sys.stderr = None\n"
        "from bulkstatus.cli import desk; desk()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(folder), "--no-browser"),
        env=environment(BULKSTATUS_STATE_DIR=str(tmp_path)),
    )
    while not (mats := [mat for mat in tmp_path.glob("desk-*.html") if address_in(mat)]):
        await asyncio.sleep(0.02)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        address = URL(address_in(mats[0]))
        async with session.get(address):
            quits = await Visitor(address, session, mats[0]).post("/quit")
    assert "The desk is closed" in quits.text
    assert await process.wait() == 0


@pytest.mark.parametrize(
    "name",
    [
        "../secret.csv",
        "..",
        ".",
        "",
        "/etc/passwd",
        "inner/secret.csv",
        "link.csv",
        "inner",
        "a\0b",
    ],
)
async def test_nothing_but_a_file_of_the_folder_is_ever_used(
    desk: Visitor, folder: Path, api: Any, name: str
) -> None:
    await api()
    (folder / "inner").mkdir()
    secrets = [folder.parent / "secret.csv", folder / "inner" / "secret.csv"]
    for secret in secrets:
        secret.write_text("Order Number,Status\nSECRET-1,8\n")
    (folder / "link.csv").symlink_to(secrets[0])
    before = sorted(folder.rglob("*"))
    for path in ("/send", "/log", "/table", "/page"):
        for field in ("file", "log"):
            shown = await desk.get(path, **{field: name})
            assert "SECRET" not in shown.body
            assert shown.status in {200, 409}
    assert (await desk.post("/mend", log=name)).status == 409
    for fields in ({"file": name}, {"log": name}, {"file": name, "sandbox": "1"}):
        shown = await desk.said_yes(**fields)
        assert "There is no file" in shown.text
        assert not shown.choices  # what it may mean
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "name",
    [
        *("../up.csv", "/tmp/up.csv", "..\\up.csv", "c:up.csv", ".up.csv", "", "up.exe", "up"),
        *("up.html", "up.results.jsonl", "a\u202ecsv.csv", "x" * 200 + ".csv"),
    ],
)
async def test_what_is_dropped_has_a_plain_name_or_is_not_taken(
    desk: Visitor, folder: Path, tmp_path: Path, name: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    page = await desk.drop(name, b"Order Number,Status\n1,8\n")
    assert page.status == 409, page.text
    assert sorted(tmp_path.rglob("*")) == before


MARKUP = "<img src=x onerror=alert(1)></bdi></td><script>alert(1)</script>\"'{{ 7*7 }}"


async def test_what_files_and_answers_hold_is_text_on_every_page(
    desk: Visitor, folder: Path, api: Any, monkeypatch: Any
) -> None:
    async def pages(hostile: str, order: str) -> list[Page]:
        await api(refuse=1)
        said = error_body(hostile)
        monkeypatch.setattr("bulkstatus.sandbox.protocol.error_body", lambda *given: said)
        # Windows has no such names.
        name = "x.csv" if os.name == "nt" else re.sub('["/]', "", hostile)[:60] + ".csv"
        cell = hostile.replace('"', '""')
        (folder / name).write_text(
            f'Order Number,Status,Tracking Number,"{cell}"\n4711,8,"{cell}","{cell}"\n'
        )
        bad = await desk.get("/send", file=name)
        (folder / name).write_text(
            f'Order Number,Status,Tracking Number,"{cell}"\n{order},8,T1,"{cell}"\n9,8,T2,x\n'
        )
        asked = await desk.get("/send", file=name)
        await desk.yes(file=name)
        log = URL(str((await desk.over()).links[-1])).query.get("log", "")
        shown = [bad, asked, await desk.get("/run"), await desk.get("/"), await desk.get("/none")]
        shown += [await desk.get("/send", file=hostile), await desk.get("/order", id=hostile)]
        shown += [await desk.drop(name, b"x"), await desk.get("/order", id=order)]
        shown += [await desk.get("/page", log=log), await desk.post("/run", file=hostile)]
        return shown

    plain, hostile = await pages('plain "words"', "4711"), await pages(MARKUP, "4712")
    for one, other in zip(plain, hostile, strict=True):
        assert set(one.tags) == set(other.tags)
        assert one.tags.count("script") == other.tags.count("script")
        assert one.names == other.names
    for page in (*plain, *hostile):
        policy = page.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"
    assert sum("onerror" in page.text for page in hostile) > 7


async def test_the_key_is_on_no_page_and_in_no_file(
    desk: Visitor, folder: Path, tmp_path: Path, api: Any, monkeypatch: Any
) -> None:
    await api(refuse=1)
    monkeypatch.delenv("BULKSTATUS_API_KEY")
    dispatches(folder / "dispatch.csv")
    asked = await desk.get("/send", file="dispatch.csv")
    assert (asked.yes["ref_id"], asked.fields["key"]) == ("acme", "")
    key = "MARKED-KEY-58d1"
    wish = {"file": "dispatch.csv", **asked.yes}
    shown = [await desk.said_yes(**wish, key=key + "\n\x01")]
    assert "can be sent in a header" in shown[0].text or "BULKSTATUS_API_KEY" in shown[0].text
    shown += [await desk.said_yes(**wish, key=key), await desk.over(), await desk.get("/")]
    asked = await desk.get("/send", log="dispatch.results.jsonl", retry_rejected="1")
    assert "key" not in asked.fields  # it is asked for once
    shown += [asked, await desk.get("/send", file="dispatch.csv")]
    assert not [page for page in shown if "MARKED" in page.body]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 2
    assert not [path for path in kept if b"MARKED" in path.read_bytes()]
