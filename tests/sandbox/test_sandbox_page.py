import json
import re
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from bulkstatus.order import OrderStatus
from bulkstatus.sandbox import Faults, Sandbox
from bulkstatus.sandbox.history import RECENT, History, Received
from bulkstatus.sandbox.page import Page

BASE_URL = "http://127.0.0.1:1"


class Parsed(HTMLParser):
    """The page as a browser without script reads it: texts by id, table rows, tags, links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.by_id: dict[str, str] = {}
        self.rows: list[list[str]] = []
        self._id: str | None = None
        self._in_body = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self._id = dict(attrs).get("id")
        if tag == "tbody":
            self._in_body = True
        elif self._in_body and tag == "tr":
            self.rows.append([])
        elif self._in_body and tag == "td":
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._id = None
        if tag == "tbody":
            self._in_body = False

    def handle_data(self, data: str) -> None:
        if self._id:
            self.by_id[self._id] = self.by_id.get(self._id, "") + data
        if self._in_body and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def page_of(history: History) -> str:
    text = Page().show(history, BASE_URL).text
    assert text is not None
    return text


def feed_of(history: History, since: int = 0) -> dict:
    return json.loads(Page().feed(history, since).body)


def history_of(*puts: tuple[str, Received]) -> History:
    history = History()
    for order_id, put in puts:
        history.add(order_id, put, 0.0)
    return history


DISPATCHED = Received(OrderStatus.DISPATCHED, "H023YA1")
CANCELLED = Received(OrderStatus.CANCELLED, None)


def test_the_page_shows_the_changes_newest_first_without_script() -> None:
    rows = Parsed(page_of(history_of(("1", DISPATCHED), ("1", CANCELLED)))).rows
    assert [row[1:] for row in rows] == [
        ["1", "Cancelled (128)", "none", "2"],
        ["1", "Dispatched (8)", "H023YA1", "1"],
    ]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", row[0]) for row in rows)


def test_page_and_feed_show_the_same() -> None:
    history = history_of(("1", DISPATCHED), ("2", CANCELLED))
    parsed, feed = Parsed(page_of(history)), feed_of(history)
    assert parsed.rows == feed["changes"]
    assert {name: parsed.by_id[name] for name in feed["figures"]} == feed["figures"]


def test_every_status_and_every_ending_has_its_figure() -> None:
    text = page_of(history_of(("1", DISPATCHED)))
    for status in OrderStatus:
        assert f"{status.label} ({status:d})" in text
        assert f'id="status_{status:d}">{int(status == OrderStatus.DISPATCHED)}<' in text


async def test_the_figures_tell_how_the_requests_ended(client) -> None:
    async with Sandbox(faults=Faults(fail=1.0)) as sandbox:
        await client.put(sandbox.base_url, "1")
        await client.put(sandbox.base_url, "1", b"{")
        await client.put(sandbox.base_url, "1", authorization="")
        _, text = await client.get(sandbox.base_url + "/")
    figures = Parsed(text).by_id
    names = ("requests", "updated", "refused", "unauthorised", "limited", "failed", "dropped")
    assert [figures[name] for name in names] == ["3", "0", "1", "1", "0", "1", "0"]


@pytest.mark.parametrize(("since", "orders"), [(0, ["3", "2", "1"]), (2, ["3"]), (3, []), (9, [])])
def test_the_feed_gives_what_is_new(since: int, orders: list[str]) -> None:
    history = history_of(*((order, DISPATCHED) for order in "123"))
    feed = feed_of(history, since)
    assert [cells[1] for cells in feed["changes"]] == orders
    assert feed["seen"] == 3


def test_page_and_feed_are_bounded() -> None:
    history = history_of(*((str(order), DISPATCHED) for order in range(2 * RECENT)))
    assert len(Parsed(page_of(history)).rows) == RECENT
    assert len(feed_of(history)["changes"]) == RECENT
    assert feed_of(history)["figures"]["orders"] == "1,000"


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></tbody></table><h1>x",
    "&lt;b&gt;",
    "$nonce ${run}",
    "'",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_client_sends_is_shown_as_text_and_adds_no_tag(hostile: str) -> None:
    put = Received(OrderStatus.DISPATCHED, hostile)
    plain = Parsed(page_of(history_of(("1", DISPATCHED))))
    parsed = Parsed(page_of(history_of((hostile, put))))
    assert parsed.rows[0][1:4] == [hostile, "Dispatched (8)", hostile]
    assert parsed.tags == plain.tags
    assert {name for name, _ in parsed.attributes} == {name for name, _ in plain.attributes}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("\u202eab", r"\u202eab"), ("\x1b[2J", r"\x1b[2J"), ("x" * 500, "x" * 119 + "…")],
)
def test_what_would_hide_or_flood_is_shown_as_an_escape_or_cut(sent: str, shown: str) -> None:
    history = history_of((sent, Received(OrderStatus.DISPATCHED, sent)))
    assert Parsed(page_of(history)).rows[0][1:4:2] == [shown, shown]
    assert feed_of(history)["changes"][0][1:4:2] == [shown, shown]


def test_the_page_reaches_for_nothing_outside_itself() -> None:
    response = Page().show(History(), BASE_URL)
    assert response.text is not None
    links = {
        value
        for name, value in Parsed(response.text).attributes
        if name in {"href", "src", "action", "srcset", "data"}
    }
    assert links == {"data:,", "/"}
    assert set(re.findall(r"https?://[^\s<\"]+", response.text)) == {BASE_URL}
    assert "url(" not in response.text
    assert "@import" not in response.text
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_page_s_script_and_style_carry_the_nonce_of_its_policy_and_each_page_another() -> None:
    page = Page()
    nonces = set()
    for _ in range(2):
        response = page.show(History(), BASE_URL)
        assert response.text is not None
        used = set(re.findall(r'nonce="([^"]+)"', response.text))
        allowed = set(re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"]))
        assert len(used) == 1
        assert used == allowed
        nonces |= used
    assert len(nonces) == 2


def test_the_script_sets_text_alone() -> None:
    text = page_of(History())
    for dangerous in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert dangerous not in text


async def test_neither_page_nor_feed_nor_sandbox_holds_the_key(client) -> None:
    key = "MARKED-KEY-58d1"
    async with Sandbox() as sandbox:
        for order, segment in enumerate((key[:3], quote("é"), "1")):
            await client.put(
                sandbox.base_url, segment, b"{" if order else b'{"status": 8}',
                authorization=f"basic R1:{key}",
            )  # fmt: skip
        seen = [
            (await client.get(sandbox.base_url + path))[1]
            for path in ("/", "/orders?since=0", "/order/1/status")
        ]
        kept = repr(vars(sandbox)) + repr(vars(sandbox.history))
    assert key not in "".join(seen) + kept


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "", "9" * 20, "²", "٣"])
async def test_a_feed_asked_for_nonsense_says_so(client, since: str) -> None:
    async with Sandbox() as sandbox:
        status, text = await client.get(f"{sandbox.base_url}/orders?since={quote(since)}")
    assert status == 400
    assert text.startswith("since ")


async def test_the_feed_names_the_sandbox_so_that_a_page_sees_a_new_one(client) -> None:
    runs = set()
    for _ in range(2):
        async with Sandbox() as sandbox:
            _, page = await client.get(sandbox.base_url + "/")
            _, feed = await client.get(sandbox.base_url + "/orders")
        run = json.loads(feed)["run"]
        assert f'data-run="{run}"' in page
        runs.add(run)
    assert len(runs) == 2
