"""`import bulkstatus`: light, whole and typed."""

import ast
import subprocess
import sys
import types
from pathlib import Path

import pytest

import bulkstatus
from bulkstatus.library import ConnectionSettings, InputSettings, RunArguments
from bulkstatus.settings.table import OF_ONE_RUN, SETTINGS


@pytest.mark.parametrize("name", bulkstatus.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(bulkstatus, name)
    assert isinstance(value, types.ModuleType) == (name == "sync")
    assert value.__doc__
    assert name in dir(bulkstatus)


def test_a_type_checker_is_told_the_same_homes() -> None:
    tree = ast.parse(Path(str(bulkstatus.__file__)).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    told = {name.asname: node.module for node in imports for name in node.names if name.asname}
    assert told.pop("sync") == "bulkstatus"
    assert told == {name: f"bulkstatus.{home}" for name, home in bulkstatus._HOMES.items()}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sned'"):
        bulkstatus.sned  # type: ignore[attr-defined] # noqa: B018 - that is the point


def test_the_import_is_light() -> None:
    code = "import sys, bulkstatus; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    ).stdout.split()
    assert [name for name in loaded if name.startswith("bulkstatus.")] == []
    assert {"aiohttp", "asyncio", "click"} & set(loaded) == set()


def test_every_setting_of_the_command_line_is_an_argument_of_send() -> None:
    known = {*SETTINGS, *OF_ONE_RUN, "api_key", "observer"}
    assert set(RunArguments.__annotations__) == known - {"api_key_file", "limit_codes"}
    assert set(InputSettings.__annotations__) <= set(SETTINGS)
    assert set(ConnectionSettings.__annotations__) <= set(SETTINGS)


TYPED = """
from collections.abc import AsyncIterator
from pathlib import Path
import bulkstatus

async def main() -> None:
    ended = await bulkstatus.send("x.csv", rate="5/s", quota=["100/h"], cancellations=3)
    reveal_type(ended.ending.exit_status)
    reveal_type(ended.counts)
    plan = await bulkstatus.check("x.csv", column={"order_id": "Auftrag"})
    reveal_type(plan.due)
    report = await bulkstatus.report("x.jsonl")
    reveal_type(report.rows)
    async with bulkstatus.Client("https://x.example", "R", "K", give_up_after="3m") as client:
        reveal_type(await client.set_status("1", bulkstatus.OrderStatus.DISPATCHED))
    async def items() -> AsyncIterator[bulkstatus.StatusUpdate]:
        yield bulkstatus.StatusUpdate("1", bulkstatus.OrderStatus.ON_HOLD)
    await bulkstatus.send(items(), log="x.jsonl")
    await bulkstatus.send([("1", 8), ("2", "dispatched", None)], log=Path("x.jsonl"))
    reveal_type(bulkstatus.sync.send([(46140204, "cancelled")], log="x.jsonl", cancellations=1))
    await bulkstatus.send("x.csv", rat="5/s")
    bulkstatus.sned
    bulkstatus.sync.send([("1", 8.0)])
"""


def test_a_type_checker_sees_the_arguments_and_the_results(tmp_path: Path) -> None:
    path = tmp_path / "typed.py"
    path.write_text(TYPED)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(path)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    said = [line.partition("typed.py:")[2].partition(" ")[2] for line in done.stdout.splitlines()]
    assert [line for line in said if line.startswith("note: Revealed")] == [
        'note: Revealed type is "int"',
        'note: Revealed type is "dict[bulkstatus.log.records.Outcome, int]"',
        'note: Revealed type is "int"',
        'note: Revealed type is "int"',
        'note: Revealed type is "bulkstatus.log.records.Result"',
        'note: Revealed type is "bulkstatus.job.terms.Ended"',
    ]
    errors = [line for line in said if line.startswith("error:")]
    assert len(errors) == 3
    assert '"rat"' in errors[0]
    assert '"sned"' in errors[1]
    assert '"tuple[str, float]"' in errors[2]
