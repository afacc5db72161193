"""The settings file: where it is, what a profile may hold, and what is refused of it."""

import json
import re
from pathlib import Path

import platformdirs
import pytest

from bulkstatus.errors import SettingsRefused
from bulkstatus.pace import Ledger
from bulkstatus.settings.profiles import config_path, read_profile
from bulkstatus.settings.sources import resolve
from bulkstatus.settings.table import IN_PROFILE, names_of
from tests.settings.test_sources import VALUES


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_file_is_where_the_environment_says_or_in_the_users_configuration_directory() -> None:
    assert config_path({"BULKSTATUS_CONFIG_DIR": "/somewhere"}) == Path("/somewhere/config.toml")
    path = config_path({})
    assert path is not None
    assert (path.parent.name, path.name) == ("bulkstatus", "config.toml")
    assert path.is_absolute()


def test_a_user_without_a_home_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    for answer in (unknown, lambda *_, **__: Path("~/.config/bulkstatus")):
        monkeypatch.setattr(platformdirs, "user_config_path", answer)
        assert config_path({}) is None
    assert read_profile(None, None) is None
    with pytest.raises(SettingsRefused, match="BULKSTATUS_CONFIG_DIR"):
        read_profile(None, "shop")
    monkeypatch.setattr(platformdirs, "user_state_path", unknown)
    monkeypatch.delenv("BULKSTATUS_STATE_DIR")
    with pytest.raises(SettingsRefused, match="BULKSTATUS_STATE_DIR"):
        Ledger()
    monkeypatch.setattr(Path, "expanduser", unknown)
    with pytest.raises(SettingsRefused, match="only where there is a home"):
        resolve(("option", {"ca_file": "~/own.pem"}))


def test_a_profile_holds_every_setting_but_those_about_one_run(tmp_path: Path) -> None:
    kept = {name: value for name, value, *_ in VALUES if name in names_of(*IN_PROFILE)}
    # JSON is TOML but for the colons of an object.
    lines = [f"{name} = {json.dumps(value).replace(': ', ' = ')}" for name, value in kept.items()]
    paths = ['ca_file = "~/own.pem"', 'api_key_file = "keys/staging"']
    lines = [line for line in lines if not line.startswith(("ca_file", "api_key_file"))]
    text = "\n".join(["\ufeff[profile.staging]", *lines, *paths])
    assert read_profile(written(tmp_path, text), "staging") == {
        **kept,
        "ca_file": str(Path("~/own.pem").expanduser()),
        "api_key_file": str(tmp_path / "keys/staging"),
        "profile": "staging",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'[profile.default]\nbase-url = "x"', "profile default: no profile holds"),
        (b'[profile.default]\nbase_ulr = "x"', "Did you mean base_url?"),
        (b"[profile.default]\nsandbox = true", 'no profile holds "sandbox"'),
        (b'[profile.default]\nprofile = "x"', "for one run: give it as --profile"),
        (b"[profile.default]\nlimit = 5", "for one run: give it as --limit"),
        (b"[profile.default]\nmax-failures = 5", "for one run: give it as --max-failures"),
        (b'[profile.default]\napi_key = "s3cr3t"', "the API key does not belong in this file"),
        (b'[profile.default]\nkey = "s3cr3t"', "the API key does not belong in this file"),
        (b'[profile.default]\npassword = "s3cr3t"', "the API key does not belong in this file"),
        (b"[profile.default]\nrate = 10", "profile default: rate must be a whole number per"),
        (b'rate = "1/s"', '"rate" stands outside a profile'),
        (b'[profiles.default]\nrate = "1/s"', '"profiles" stands outside a profile'),
        (b"profile = 1", '"profile" stands outside a profile'),
        (b"[profile]\ndefault = 1", '"default" stands outside a profile'),
        (b'[profile.default]\nca_file = "C:\\Users\\anna"', "a Windows path in single ones"),
        (b"[profile.default", "is not TOML"),
        (b"[profile.default]\nattempts = " + b"9" * 5000, "is not TOML"),
        (b"[profile.default]\nquota = " + b"[" * 100_000, "is not TOML"),
        ('[profile.default]\nrate = "1/s"'.encode("utf-16"), "is not TOML in UTF-8"),
        (None, "cannot be read"),
    ],
    ids=range(20),
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, text: bytes | None, said: str
) -> None:
    path = tmp_path / "config.toml"
    if text is None:
        path.mkdir()
    else:
        path.write_bytes(text)
    with pytest.raises(SettingsRefused) as refusal:
        read_profile(path, None)
    assert said in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert "s3cr3t" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profile.stagin]", "Did you mean stagin?"),
        ("[profile.a]\n[profile.b]", "There are: a, b."),
        ("", "There are: none."),
    ],
)
def test_an_unknown_profile_is_refused_with_what_there_is(
    tmp_path: Path, text: str, said: str
) -> None:
    path = written(tmp_path, text)
    assert read_profile(path, None) is None
    with pytest.raises(SettingsRefused, match=re.escape(said)):
        read_profile(path, "staging")
