"""`Desk`: a folder with a file `day.csv`, its logs, and the API that it is sent to."""

import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import bulkstatus
from bulkstatus.errors import BulkstatusError, LogInUse
from bulkstatus.job import Ended
from bulkstatus.log import State, read_log
from bulkstatus.log.records import schema, timestamp
from bulkstatus.sandbox import Sandbox
from tests.log.lines import log_with


class Desk:
    def __init__(self, folder: Path, api: Sandbox) -> None:
        self.folder = folder
        self.api = api
        self.write("A:8:T1", "B:8")

    def write(self, *rows: str, name: str = "day.csv") -> Path:
        lines = [",".join((*row.split(":"), "")[:3]) for row in rows]
        path = self.folder / name
        path.write_text("\n".join(["order_id,status,tracking", *lines]) + "\n")
        return path

    def logged(self, *rows: str, name: str = "day", **run: Any) -> Path:
        """Write a log as a run of NAME.csv would have left it, with these rows."""
        file = self.folder / f"{name}.csv"
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
        run = {"input": file.name, "input_sha256": digest, **run}
        run = {"base_url": self.api.base_url, "ref_id": "R1", **run}
        run = {"started_at": timestamp(time.time()), **run}
        return log_with(self.folder / f"{name}.results.jsonl", rows, **run)

    async def send(self, path: str = "day.csv", **options: Any) -> Ended:
        return await bulkstatus.send(path, rate="none", **options)

    async def resume(self, *paths: str, **options: Any) -> Ended:
        return await bulkstatus.resume(*(paths or ("day.results.jsonl",)), **options)

    async def refuses(
        self, call: Awaitable[Ended], error: type[BulkstatusError], *pieces: str
    ) -> BulkstatusError:
        """Return the error of a call that is refused, with these pieces, and leaves no trace."""
        before, sent = self.content(), self.api.counts.total()
        with pytest.raises(error) as caught:
            await call
        assert caught.value.exit_status == (3 if error is LogInUse else 2)
        assert [piece for piece in pieces if piece not in str(caught.value)] == []
        assert (self.content(), self.api.counts.total()) == (before, sent)
        return caught.value

    def content(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    @property
    def logs(self) -> list[str]:
        return sorted(path.name.split(".results")[0] for path in self.folder.glob("*.jsonl"))

    @property
    def states(self) -> list[State]:
        state = read_log(self.folder / "day.results.jsonl").state
        return [state.state(n) for n in range(1, len(state) + 1)]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BULKSTATUS_REF_ID", "R1")
    monkeypatch.setenv("BULKSTATUS_API_KEY", "K1")
    async with Sandbox() as api:
        monkeypatch.setenv("BULKSTATUS_BASE_URL", api.base_url)
        yield Desk(folder, api)


def records(path: Path) -> list[dict[str, Any]]:
    validator = Draft202012Validator(schema())
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for record in found:
        validator.validate(record)
    return found
