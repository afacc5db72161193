from html.parser import HTMLParser

import aiohttp

from bulkstatus.sandbox import Sandbox


class Heads(HTMLParser):
    """The headings of a page's table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.heads: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._inside = tag == "th"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.heads.append(data)
            self._inside = False


async def test_the_page_of_the_sandbox_speaks_as_a_dispatch_clerk_does() -> None:
    sandbox = Sandbox()
    base_url = await sandbox.start()
    try:
        async with aiohttp.ClientSession() as session, session.get(base_url) as answer:
            text = await answer.text()
    finally:
        await sandbox.stop()
    assert Heads(text).heads == ["Time", "Order", "Status", "Tracking", "Times sent"]
    assert "PUT" not in text
