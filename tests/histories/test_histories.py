"""Random histories: killed, interrupted, edited, mended, withdrawn, and true after every step."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.histories.fast_loop import SPEED, run_fast
from tests.histories.history import History
from tests.histories.server import Server

# No history takes a minute; one that does stands still.
LONGEST = 60 * SPEED


async def live(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with Server(chance) as server:
        history = History(folder, chance, server)
        try:
            async with asyncio.timeout(LONGEST):
                await history.live(orders=chance.choice([5, 12, 30]), steps=chance.randint(2, 9))
        except BaseException as error:
            error.add_note(f"The history of seed {seed}:\n" + "\n".join(history.steps))
            raise


# A run that is killed here is a task that is cancelled, perhaps while it closes a file.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("seed", range(30))
def test_the_log_the_api_and_the_report_agree_after_every_step(tmp_path: Path, seed: int) -> None:
    run_fast(live(tmp_path, seed))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1500))
def test_many_histories(tmp_path: Path, seed: int) -> None:
    run_fast(live(tmp_path, seed))
