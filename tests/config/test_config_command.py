"""`bulkstatus config`: what is in force, where it came from, and never the key."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bulkstatus.cli import cli
from bulkstatus.config import config_path
from bulkstatus.errors import SettingsRefused


def config(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["config", *arguments], standalone_mode=False)


@pytest.fixture
def file() -> Path:
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '[profile.default]\nref_id = "R1"\nrate = "5/s"\nquota = "100/h"\n\n'
        '[profile.staging]\nbase_url = "https://staging.example"\ncolumn = {order_id = "Auftrag"}\n'
    )
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
    for output in (result.output, table):
        assert "s3cr3t" not in output
        assert "pw-7d1" not in output
    rows = [line.split() for line in table.splitlines()]
    assert ["rate", "5/s", "profile", "default"] in rows
    assert ["concurrency", "2", "option"] in rows


def test_a_profile_is_shown_by_its_name(file: Path) -> None:
    output = config("--profile", "staging").output
    assert "Profile        staging" in output
    assert "order_id=Auftrag" in output


def test_without_a_file_it_says_where_one_would_be() -> None:
    output = config().output
    assert f"{config_path()} (there is none)" in output
    assert "Profile        (none)" in output


def test_what_cannot_be_used_is_said_after_all_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKSTATUS_API_KEY_FILE", "none")
    result = config()
    assert isinstance(result.exception, SettingsRefused)
    assert "API key file none cannot be read" in str(result.exception)
    assert ["api_key", "-", "cannot", "be", "used"] in map(str.split, result.output.splitlines())
    assert "give_up_after" in result.output


def test_a_profile_of_another_account_than_the_environments_is_shown_and_then_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKSTATUS_REF_ID", "R2")
    result = config("--profile", "default")
    assert isinstance(result.exception, SettingsRefused)
    assert "of the account R1, and BULKSTATUS_REF_ID says R2" in str(result.exception)
    (row,) = (line for line in result.output.splitlines() if line.startswith("ref_id"))
    assert row.split(maxsplit=2)[1:] == [
        "R2", "environment (BULKSTATUS_REF_ID); profile default says R1",
    ]  # fmt: skip
    assert "give_up_after" in result.output
