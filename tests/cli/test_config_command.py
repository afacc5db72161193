"""`bulkstatus config`: what is in force, where it came from, and never the key."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from bulkstatus.pace import Ledger, Place, Quotas, Rate
from bulkstatus.settings.profiles import config_path
from tests.cli.conftest import Program


def test_each_setting_is_shown_with_where_it_came_from(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config_path()
    file.parent.mkdir(parents=True)
    file.write_text('[profile.default]\nref_id = "R1"\nrate = "5/s"\nquota = "100/h"\n')
    monkeypatch.delenv("BULKSTATUS_REF_ID")
    monkeypatch.setenv("BULKSTATUS_BASE_URL", "https://environment.example/")
    monkeypatch.setenv("HTTPS_PROXY", "http://anna:pw-7d1@proxy.example:3128")
    shown, table = program("config", "--json", "--concurrency", "2"), program("config")
    told = json.loads(shown.out)
    assert (told["file"], told["profile"]) == (str(file), "default")
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
        assert told["settings"][name] == {"value": value, "from": origin}
    assert not [key for key in ("secret-key", "pw-7d1") if key in shown.out + table.out]


def test_what_is_used_of_the_quotas_is_shown_with_when_it_comes_free(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Ledger()) as ledger:
        quotas = Quotas([Rate(5, 3600.0)], ledger, "https://api.example acme", 30.0)
        for _ in range(2):
            place = quotas.try_take()
            assert isinstance(place, Place)
            quotas.answered(place)
    config = ("config", "--base-url", "https://api.example", "--quota", "1/m", "--quota", "5/h")
    (minute, hour) = json.loads(program(*config, "--json").out)["quotas"]
    assert [(one["quota"], one["used"]) for one in (minute, hour)] == [("1/m", 2), ("5/h", 2)]
    # The quota is smaller than what is used: both have to come free.
    assert 0 < minute["next_free_in"] == minute["all_free_in"] <= 61
    assert 3000 < hour["next_free_in"] < hour["all_free_in"] <= 3601
    assert "account's runs on this machine have used 2." in program(*config).out
    monkeypatch.setenv("BULKSTATUS_REF_ID", "another")
    assert {one["used"] for one in json.loads(program(*config, "--json").out)["quotas"]} == {0}
    monkeypatch.delenv("BULKSTATUS_REF_ID")
    assert json.loads(program(*config, "--json").out)["quotas"] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("BULKSTATUS_API_KEY_FILE", "cannot be read"), ("BULKSTATUS_STATE_DIR", "_STATE_DIR")],
)
def test_what_cannot_be_used_is_said_after_all_the_rest(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "file" / "none"))
    monkeypatch.delenv("BULKSTATUS_API_KEY")
    done = program("config")
    assert (done.status, said in done.err) == (2, True)
    assert "give_up_after" in done.out
    assert ("cannot be used" in done.out) == ("KEY" in name)
