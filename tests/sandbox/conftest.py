from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

HEADERS = {"authorization": "basic R1:K1", "content-type": "application/json"}


class Client:
    """What a careful client does: one PUT, its path exactly as given."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def put(
        self,
        base_url: str,
        segment: str,
        body: bytes = b'{"status": 8}',
        **headers: str,
    ) -> tuple[int, Any]:
        url = URL(f"{base_url}/order/{segment}/status", encoded=True)
        async with self._session.put(url, data=body, headers=HEADERS | headers) as answer:
            return answer.status, await answer.json()

    async def get(self, url: str) -> tuple[int, str]:
        async with self._session.get(URL(url, encoded=True)) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session)
