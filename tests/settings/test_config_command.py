"""`bulkstatus config`: what is in force, where it came from, and never the key."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bulkstatus.cli import cli
from bulkstatus.errors import SettingsRefused
from bulkstatus.pace import Ledger, Place, Quotas, Rate
from bulkstatus.settings.profiles import config_path


def config(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["config", *arguments], standalone_mode=False)


@pytest.fixture
def file() -> Path:
    path = config_path()
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('[profile.default]\nref_id = "R1"\nrate = "5/s"\nquota = "100/h"\n')
    return path


def test_each_setting_is_shown_with_where_it_came_from(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKSTATUS_BASE_URL", "https://environment.example/")
    monkeypatch.setenv("BULKSTATUS_API_KEY", "s3cr3t")
    monkeypatch.setenv("HTTPS_PROXY", "http://anna:pw-7d1@proxy.example:3128")
    result = config("--json", "--concurrency", "2")
    assert result.exception is None
    shown = json.loads(result.output)
    assert (shown["file"], shown["profile"]) == (str(file), "default")
    expected = {
        "ref_id": ("R1", "profile default"),
        "api_key": ("(hidden)", "environment (BULKSTATUS_API_KEY)"),
        "base_url": ("https://environment.example", "environment"),
        "concurrency": (2, "option"),
        "rate": ("5/s", "profile default"),
        "quota": (["100/h"], "profile default"),
        "attempts": (5, "default"),
        "proxy": ("http://proxy.example:3128, with a login", "environment"),
    }
    for name, (value, origin) in expected.items():
        assert shown["settings"][name] == {"value": value, "from": origin}
    table = config("--concurrency", "2").output
    lines = dict(line.split(maxsplit=1) for line in table.splitlines() if line)
    for name, told in shown["settings"].items():
        assert json.loads(lines[name][: -len(told["from"])]) == told["value"]
    for output in (result.output, table):
        assert "s3cr3t" not in output
        assert "pw-7d1" not in output


def test_what_is_used_of_the_quotas_is_shown_with_when_it_comes_free() -> None:
    account = "https://api.example ref-1"
    with closing(Ledger()) as ledger:
        quotas = Quotas([Rate(5, 3600.0)], ledger, account, 30.0)
        for _ in range(2):
            place = quotas.try_take()
            assert isinstance(place, Place)
            quotas.answered(place)
    options = ("--base-url", "https://api.example", "--quota", "1/m", "--quota", "5/h")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BULKSTATUS_REF_ID", "ref-1")
        (minute, hour) = json.loads(config("--json", *options).output)["quotas"]
        told = " ".join(config(*options).output.split())
        patch.setenv("BULKSTATUS_REF_ID", "ref-2")
        others = config(*options).output
        patch.delenv("BULKSTATUS_REF_ID")
        assert json.loads(config("--json", *options).output)["quotas"] == []
    assert [(one["quota"], one["used"]) for one in (minute, hour)] == [("1/m", 2), ("5/h", 2)]
    # The quota is smaller than what is used: both have to come free.
    assert 0 < minute["next_free_in"] == minute["all_free_in"] <= 61
    assert 3000 < hour["next_free_in"] < hour["all_free_in"] <= 3601
    assert "Of the quota of 5/h the account's runs on this machine have used 2." in told
    assert "Nothing is used of the quota of 5/h." in others


def test_without_a_file_it_says_where_one_would_be() -> None:
    assert f"{config_path()} (there is none)" in config().output


def test_what_cannot_be_used_is_said_after_all_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKSTATUS_API_KEY_FILE", "none")
    result = config()
    assert isinstance(result.exception, SettingsRefused)
    assert "none cannot be read" in str(result.exception)
    assert ["api_key", "null", "cannot", "be", "used"] in [
        line.split() for line in result.output.splitlines()
    ]
    assert "give_up_after" in result.output


def test_a_ledger_that_cannot_be_used_is_said_after_all_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BULKSTATUS_STATE_DIR", str(tmp_path / "file"))
    monkeypatch.setenv("BULKSTATUS_REF_ID", "R1")
    result = config()
    assert "BULKSTATUS_STATE_DIR" in str(result.exception)
    assert "give_up_after" in result.output
