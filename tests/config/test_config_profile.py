"""The settings file: what a profile may hold, and the sentence for each thing that it may not."""

from pathlib import Path

import pytest

from bulkstatus.config import config_path, read_profile
from bulkstatus.errors import SettingsRefused


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_file_is_where_the_environment_says() -> None:
    path = config_path({"BULKSTATUS_CONFIG_DIR": "/somewhere"})
    assert path == Path("/somewhere/config.toml")


def test_the_file_is_in_the_users_configuration_directory_otherwise() -> None:
    path = config_path({})
    assert path.name == "config.toml"
    assert path.parent.name == "bulkstatus"
    assert path.is_absolute()


def test_a_profile_gives_its_settings_and_paths_beside_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [profile.staging]
        base_url = "https://staging.example.com"
        ref_id = "67890"
        api_key_file = "keys/staging"
        ca_file = '~/authorities.pem'
        rate = "5/s"
        quota = "1000/h"
        concurrency = 4
        attempts = 3
        timeout = 12.5
        give_up_after = "2h"
        auth_scheme = "base64"
        column = { order_id = "Auftrag", status = "" }
        encoding = "cp1252"
        sheet = "Heute"
        require_tracking = true
        """,
    )
    profile = read_profile(path, "staging")
    assert profile is not None
    assert profile.ref_id == "67890"
    assert profile.api_key_file == tmp_path / "keys/staging"
    assert profile.settings == {
        "base_url": "https://staging.example.com",
        "ca_file": str(Path("~/authorities.pem").expanduser()),
        "rate": "5/s",
        "quota": ["1000/h"],
        "concurrency": 4,
        "attempts": 3,
        "timeout": 12.5,
        "give_up_after": "2h",
        "auth_scheme": "base64",
        "column": {"order_id": "Auftrag", "status": ""},
        "encoding": "cp1252",
        "sheet": "Heute",
        "require_tracking": True,
    }


def test_the_default_profile_is_used_when_none_is_named_and_needs_not_exist(tmp_path: Path) -> None:
    assert read_profile(tmp_path / "config.toml", None) is None
    path = written(tmp_path, '[profile.other]\nrate = "1/s"\n')
    assert read_profile(path, None) is None
    path = written(tmp_path, '[profile.default]\nrate = "1/s"\n')
    profile = read_profile(path, None)
    assert profile is not None
    assert (profile.name, profile.settings) == ("default", {"rate": "1/s"})


def test_a_byte_order_mark_of_a_windows_editor_is_no_fault(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeff[profile.default]\nrate = "1/s"\n')
    assert read_profile(path, None) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[profile.default]\nbase_ulr = "x"', 'no setting "base_ulr". Did you mean base_url?'),
        ('[profile.default]\nbase-url = "x"', "Did you mean base_url?"),
        ("[profile.default]\nzzz = 1", 'no setting "zzz". There are: base_url, ref_id'),
        ("[profile.default]\nstatus = 8", 'no setting "status"'),
        ("[profile.default]\nskip_invalid = true", 'no setting "skip_invalid"'),
        ("[profile.default]\nref_id = 12345", "ref_id must be text in quotes"),
        ("[profile.default]\nrate = 10", "rate must be text in quotes"),
        ('[profile.default]\nconcurrency = "8"', "concurrency must be a whole number"),
        ("[profile.default]\nconcurrency = true", "concurrency must be a whole number"),
        ("[profile.default]\ntimeout = true", "timeout must be a time"),
        ("[profile.default]\nquota = [1000]", "quota must be text in quotes, or a list"),
        ('[profile.default]\nrequire_tracking = "yes"', "require_tracking must be true or false"),
        ('[profile.default]\nca_file = ""', "ca_file is empty"),
        ('[profile.default]\ncolumn = { trackng = "x" }', "Did you mean tracking?"),
        ("[profile.default]\ncolumn = { order_id = 1 }", "column.order_id must be a header"),
        ('[profile.default]\ncolumn = { order_id = "" }', "column.order_id must be a header"),
        ('rate = "1/s"', '"rate" stands outside a profile'),
        ('[profiles.default]\nrate = "1/s"', '"profiles" stands outside a profile'),
        ("profile = 1", "profile is not a table"),
        ("[profile]\ndefault = 1", "profile default: it is not a table"),
        ('[profile.default]\nca_file = "C:\\Users\\anna"', "a Windows path in single ones"),
        ("[profile.default", "is not TOML"),
    ],
)
def test_what_a_profile_may_not_hold_is_refused_by_file_and_key(
    tmp_path: Path, text: str, said: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsRefused) as refusal:
        read_profile(path, None)
    assert said in str(refusal.value)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("key", ["api_key", "key", "password"])
def test_the_key_never_stands_in_the_file_and_is_not_quoted(tmp_path: Path, key: str) -> None:
    path = written(tmp_path, f'[profile.default]\n{key} = "s3cr3t"')
    with pytest.raises(SettingsRefused, match="does not belong in this file") as refusal:
        read_profile(path, None)
    assert "s3cr3t" not in str(refusal.value)


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes('[profile.default]\nrate = "1/s"'.encode("utf-16"))
    with pytest.raises(SettingsRefused, match="not UTF-8"):
        read_profile(path, None)


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(SettingsRefused, match="cannot be read"):
        read_profile(tmp_path / "config.toml", None)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("[profile.staging]", "stagin", "Did you mean staging?"),
        ("[profile.a]\n[profile.b]", "staging", "There are: a, b."),
        ("", "staging", "has none"),
        (None, "staging", "does not exist"),
    ],
)
def test_an_unknown_profile_is_refused_with_what_there_is(
    tmp_path: Path, text: str | None, name: str, said: str
) -> None:
    path = tmp_path / "config.toml" if text is None else written(tmp_path, text)
    with pytest.raises(SettingsRefused) as refusal:
        read_profile(path, name)
    assert said in str(refusal.value)
    assert read_profile(path, name, optional=True) is None
