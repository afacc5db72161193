"""What is run for every change, and for a release: as README has it, with as few rights as do."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.test_readme import README

ROOT = Path(__file__).parent.parent
WORKFLOWS = {path.name: path.read_text("utf-8") for path in (ROOT / ".github").rglob("*.yml")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_do_little_and_names_the_version_of_what_it_uses(name: str) -> None:
    text = WORKFLOWS[name]
    assert "\npermissions:\n  contents: read\n" in text
    granted = re.findall(r"^ +permissions:\n +(.*)\n", text, re.MULTILINE)
    assert granted == (["id-token: write"] if name == "release.yml" else [])
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert not re.search(r"secrets\.|password|pull_request_target", text)
    for used in re.findall(r"uses: (\S+)", text):
        assert (ROOT / used).is_file() or re.search(r"@(v\d+|release/v1)$", used), used


def test_the_tests_run_as_the_readme_has_them_on_every_python_that_is_named() -> None:
    text = WORKFLOWS["tests.yml"]
    (command,) = re.findall(r"<!-- test -->\n```\n(.*)\n", README)
    _, install, tests = command.split(" && ")
    for words in (install, tests):
        tool, _, rest = words.removeprefix(".venv/bin/").replace("'", '"').partition(" ")
        assert f"- run: python -m {tool} {rest}\n" in text
    named = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if ":: 3." in one]
    (matrix,) = re.findall(r"python: \[(.*)\]", text)
    assert matrix == ", ".join(f'"{version}"' for version in named)
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert "- run: .ci/run\n" in text
    assert os.name == "nt" or os.access(ROOT / ".ci/run", os.X_OK)


def test_every_workflow_is_yaml_whose_jobs_have_steps_or_call_another() -> None:
    yaml = pytest.importorskip("yaml")
    for text in WORKFLOWS.values():
        for job in yaml.safe_load(text)["jobs"].values():
            assert "uses" in job or all({"run", "uses"} & step.keys() for step in job["steps"])
