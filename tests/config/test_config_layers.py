"""Which source of a setting wins: option, result log, environment, profile, default."""

import os
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.config import DEFAULTS, Settings, logged_settings, settings_from
from bulkstatus.config.profile import _KEYS
from bulkstatus.errors import SettingsRefused
from bulkstatus.resultlog import RunRecord

OPTION = {"base_url": "https://option.example"}
LOG = {"base_url": "https://log.example"}
ENVIRONMENT = {"BULKSTATUS_BASE_URL": "https://environment.example"}
PROFILE = '[profile.default]\nbase_url = "https://profile.example"\n'


def environ(folder: Path, text: str = "", **variables: str) -> dict[str, str]:
    (folder / "config.toml").write_text(text, "utf-8")
    return {"BULKSTATUS_CONFIG_DIR": str(folder), **variables}


@pytest.mark.parametrize(
    ("option", "log", "environment", "profile", "winner"),
    [
        (OPTION, LOG, ENVIRONMENT, PROFILE, "option"),
        ({}, LOG, ENVIRONMENT, PROFILE, "result log"),
        ({}, None, ENVIRONMENT, PROFILE, "environment"),
        ({}, None, {}, PROFILE, "profile default"),
        ({}, None, {}, "", "default"),
    ],
)
def test_the_first_source_that_has_a_setting_wins(
    tmp_path: Path,
    option: dict[str, Any],
    log: dict[str, Any] | None,
    environment: dict[str, str],
    profile: str,
    winner: str,
) -> None:
    settings = settings_from(option, log, environ=environ(tmp_path, profile, **environment))
    assert settings.origins["base_url"] == winner
    if winner != "default":
        assert (
            settings.base_url
            == f"https://{winner.split()[-1].replace('default', 'profile')}.example"
        )


def test_a_setting_of_none_leaves_the_next_source_its_say(tmp_path: Path) -> None:
    world = environ(tmp_path, '[profile.default]\nca_file = "own.pem"\n')
    settings = settings_from({"ca_file": None}, {**LOG, "ca_file": None}, environ=world)
    assert settings.ca_file == tmp_path / "own.pem"


@pytest.mark.parametrize(
    ("option", "log", "environment", "used"),
    [
        ("a", "b", "c", "a"),
        (None, "b", "c", "b"),
        (None, None, "c", "c"),
        (None, None, None, "default"),
    ],
)
def test_the_profile_itself_is_chosen_in_that_order(
    tmp_path: Path, option: str | None, log: str | None, environment: str | None, used: str
) -> None:
    world = environ(tmp_path, "".join(f"[profile.{name}]\n" for name in ("a", "b", "c", "default")))
    if environment:
        world["BULKSTATUS_PROFILE"] = environment
    settings = settings_from({"profile": option}, {"profile": log}, environ=world)
    assert settings.profile is not None
    assert settings.profile.name == used
    assert settings.values["profile"] == used


def test_a_profile_that_leads_elsewhere_than_the_log_is_refused_unless_a_base_url_is_typed(
    tmp_path: Path,
) -> None:
    world = environ(tmp_path, '[profile.shop]\nbase_url = "https://profile.example/"\n')
    typed = {"profile": "shop"}
    with pytest.raises(SettingsRefused, match=r"made for https://log\.example, and the"):
        settings_from(typed, LOG, environ=world)
    settings_from(typed, {"base_url": "https://profile.example"}, environ=world)
    settings_from(typed, {**LOG, "sandbox": True}, environ=world)
    settings = settings_from({**typed, **OPTION}, LOG, environ=world)
    assert settings.base_url == "https://option.example"
    # A profile that nobody typed just gives the credentials.
    assert settings_from({}, {**LOG, **typed}, environ=world).base_url == "https://log.example"


def test_a_log_from_another_machine_needs_no_profile_of_its_name(tmp_path: Path) -> None:
    settings = settings_from({}, {**LOG, "profile": "theirs"}, environ=environ(tmp_path))
    assert settings.profile is None
    with pytest.raises(SettingsRefused, match="theirs"):
        settings_from({"profile": "theirs"}, LOG, environ=environ(tmp_path))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('rate = "ten"', 'rate: --rate "ten" is not a rate'),
        ('base_url = "http://example.com"', "base_url: The base URL"),
        ('auth_scheme = "digest"', "auth_scheme: --auth-scheme is one of plain, base64"),
        ("concurrency = 0", "concurrency: --concurrency is a whole number from 1"),
        ("timeout = -3", "timeout: --timeout"),
        ('quota = ["1/s"]', "quota: --quota"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_file_profile_and_key_even_when_it_does_not_count(
    tmp_path: Path, line: str, said: str
) -> None:
    world = environ(tmp_path, f"[profile.default]\n{line}\n")
    option = {"rate": "1/s", "base_url": "https://x.example", "concurrency": 1, "timeout": "1"}
    with pytest.raises(SettingsRefused) as refusal:
        settings_from(option, environ=world)
    assert f"{tmp_path / 'config.toml'}, profile default, {said}" in str(refusal.value)


@pytest.mark.parametrize(
    ("profile", "environment", "logged", "ref_id", "origin"),
    [
        ("P", "E", "L", "E", "environment (BULKSTATUS_REF_ID)"),
        ("P", None, "L", "P", "profile default"),
        (None, None, "L", "L", "result log"),
        (None, None, None, None, "default"),
    ],
)
def test_the_ref_id_comes_from_the_environment_the_profile_or_at_last_the_log(
    tmp_path: Path,
    profile: str | None,
    environment: str | None,
    logged: str | None,
    ref_id: str | None,
    origin: str,
) -> None:
    world = environ(tmp_path, f'[profile.default]\nref_id = "{profile}"\n' if profile else "")
    if environment:
        world["BULKSTATUS_REF_ID"] = environment
    settings = settings_from({}, {"ref_id": logged}, environ=world)
    assert (settings.ref_id, settings.origins["ref_id"]) == (ref_id, origin)


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_named_profile_of_another_account_than_the_environments_is_refused(
    tmp_path: Path, how: str
) -> None:
    world = environ(tmp_path, '[profile.shop]\nref_id = "P"\n', BULKSTATUS_REF_ID="E")
    given = {"profile": "shop"} if how == "option" else {}
    if how == "environment":
        world["BULKSTATUS_PROFILE"] = "shop"
    with pytest.raises(SettingsRefused, match="account P, and BULKSTATUS_REF_ID says E"):
        settings_from(given, environ=world)


def test_a_sandbox_rehearsal_gives_no_ref_id_and_no_quota_to_wait_for(tmp_path: Path) -> None:
    run = RunRecord("r", "t", "v", "i", "s", 1, "http://127.0.0.1:1", "sandbox", "u", "h",
                    settings={"sandbox": True})  # fmt: skip
    settings = settings_from({}, logged_settings(run), environ=environ(tmp_path))
    assert settings.ref_id is None
    assert settings_from({"sandbox": True}, environ=environ(tmp_path)).quotas == ()
    assert len(settings_from({}, environ=environ(tmp_path)).quotas) == 2


def test_a_relative_ca_file_is_logged_so_that_it_is_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_from({"ca_file": "own.pem"}, environ=environ(tmp_path))
    assert settings.values["ca_file"] == os.path.join(os.getcwd(), "own.pem")  # noqa: PTH118, PTH109


def test_every_key_of_a_profile_is_a_setting_or_says_whose_account_it_is() -> None:
    assert set(_KEYS) - {"ref_id", "api_key_file"} <= set(DEFAULTS)


def test_no_key_is_ever_among_the_settings(tmp_path: Path) -> None:
    world = environ(tmp_path, BULKSTATUS_API_KEY="s3cr3t")
    settings: Settings = settings_from({}, environ=world)
    assert "s3cr3t" not in repr(settings)
