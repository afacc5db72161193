from pathlib import Path

import pytest
from report_logs import Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "today.results.jsonl")
