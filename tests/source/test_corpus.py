"""Every file of the corpus is read as its truth says: these rows, these invalid lines, or refused.

NAME.truth.json beside NAME holds `rows` as [line, order ID, status, tracking], `invalid` as [line,
a piece of the reason], or `refused`, a piece of the message; `options` are the reader's, `notes` a
piece of what the user is told. `odd` are those of the rows that the check of the whole file makes
invalid, as `invalid` has them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.errors import Refused
from bulkstatus.job.check import check_source
from bulkstatus.job.known import Known
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import LogContents
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.settings.sources import settings_for
from bulkstatus.source import InputOptions, open_source

CORPUS = Path(__file__).parents[1] / "corpus"
SUFFIX = ".truth.json"
NAMES = sorted(path.name.removesuffix(SUFFIX) for path in CORPUS.glob(f"*{SUFFIX}"))


def _truth(name: str) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((CORPUS / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
    return truth


def _options(truth: dict[str, Any]) -> InputOptions:
    settings = dict(truth.get("options", {}))
    if "status" in settings:
        settings["status"] = OrderStatus(settings["status"])
    if "word" in settings:
        settings["word"] = {word: OrderStatus(s) for word, s in settings["word"].items()}
    return InputOptions(**settings)


def test_every_file_of_the_corpus_has_its_truth() -> None:
    files = {path.name for path in CORPUS.iterdir() if not path.name.endswith(SUFFIX)}
    assert files == set(NAMES)


@pytest.mark.parametrize("block_size", [1 << 17, 7, 1])
@pytest.mark.parametrize("name", NAMES)
async def test_is_read_as_its_truth_says(name: str, block_size: int) -> None:
    truth = _truth(name)
    path = CORPUS / name
    if path.stat().st_size > 2000:
        block_size *= 1000
    options = _options(truth)

    if "refused" in truth:
        with pytest.raises(Refused) as caught:
            await _read(path, options, block_size)
        message = str(caught.value)
        assert truth["refused"] in message
        assert message.endswith((".", "?"))
        return

    rows, invalid, notes = await _read(path, options, block_size)
    assert rows == truth["rows"]
    assert [line for line, _ in invalid] == [line for line, _ in truth["invalid"]]
    for (line, reason), (_, piece) in zip(invalid, truth["invalid"], strict=True):
        assert piece in reason, line
    assert truth.get("notes", "") in notes
    assert bool(notes) == ("notes" in truth)


ODD = [name for name in NAMES if "odd" in _truth(name)]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("block_size", [1 << 17, 7])
async def test_the_whole_file_tells_which_rows_are_odd(name: str, block_size: int) -> None:
    truth = _truth(name)
    options = _options(truth)
    path = str(CORPUS / name)
    async with (
        await open_source(path, options, block_size=block_size) as source,
        WorkList() as work,
    ):
        known = Known(LogContents(Path(path)), settings_for({"look_back": 0}))
        problems = (await check_source(source, work, known)).plan.problems
    expected = sorted([*truth["invalid"], *truth["odd"]])
    assert [problem.line for problem in problems] == [line for line, _ in expected]
    for problem, (_, piece) in zip(problems, expected, strict=True):
        assert piece in problem.reason


async def _read(
    path: Path, options: InputOptions, block_size: int
) -> tuple[list[list[object]], list[tuple[int, str]], str]:
    rows: list[list[object]] = []
    invalid: list[tuple[int, str]] = []
    async with await open_source(str(path), options, block_size=block_size) as source:
        async for batch in source.batches():
            for line, row in zip(batch.lines, batch.rows, strict=True):
                if isinstance(row, StatusUpdate):
                    rows.append([line, row.order_id, int(row.status), row.tracking])
                else:
                    invalid.append((line, row.reason))
        return rows, invalid, " ".join(source.notes)
