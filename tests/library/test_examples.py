"""The examples of the docstrings give what they say."""

import doctest
from pathlib import Path
from types import ModuleType

import pytest

from bulkstatus import client, library


@pytest.mark.parametrize("module", [library, client])
def test_every_example_gives_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "order_id,status,tracking\n1001,8,T1\n1002,Dispatched,\n1003,On Hold,\n"
    Path("dispatch.csv").write_text(rows)
    Path("mistakes.csv").write_text(rows.replace("Dispatched", "Dispached"))
    found = 0
    for example in doctest.DocTestFinder(exclude_empty=True).find(module):
        found += bool(example.examples)
        for path in tmp_path.glob("*.jsonl"):
            path.unlink()
        assert doctest.DocTestRunner().run(example).failed == 0, example.name
    assert found == (4 if module is library else 1)
