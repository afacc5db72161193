"""Where the API key is looked for, in which order, and what is refused."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from bulkstatus.config import Settings, find_account, no_credentials, settings_from
from bulkstatus.config.keys import read_key_file
from bulkstatus.errors import SettingsRefused


class MemoryKeyring(KeyringBackend):
    """A keyring that holds one key, or raises."""

    priority = 1.0  # type: ignore[assignment] - as keyring's own documentation does it

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        if self.error is not None:
            raise self.error
        return "key of the keyring" if (service, username) == ("bulkstatus", "R1") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError  # bulkstatus reads keys alone

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError  # bulkstatus reads keys alone


@pytest.fixture(autouse=True)
def _keyring() -> Iterator[None]:
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(NoKeyring())


def key_file(path: Path, text: str = "key of the file\n", mode: int = 0o600) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def settings(folder: Path, environ: dict[str, str], profile: str = "") -> Settings:
    (folder / "config.toml").write_text(f"[profile.default]\n{profile}", "utf-8")
    return settings_from({}, environ={**environ, "BULKSTATUS_CONFIG_DIR": str(folder)})


def test_sources_are_asked_in_their_order(tmp_path: Path) -> None:
    keyring.set_keyring(MemoryKeyring())
    key_file(tmp_path / "of-profile", "key of the profile's file")
    environ = {
        "BULKSTATUS_REF_ID": "R1",
        "BULKSTATUS_API_KEY": "key of the environment",
        "BULKSTATUS_API_KEY_FILE": str(key_file(tmp_path / "of-environment")),
    }
    profile = 'api_key_file = "of-profile"'

    def found() -> tuple[str, str]:
        key = find_account(settings(tmp_path, environ, profile), environ).api_key
        assert key is not None
        return key.value, key.origin

    assert found() == ("key of the environment", "environment (BULKSTATUS_API_KEY)")
    del environ["BULKSTATUS_API_KEY"]
    path = tmp_path / "of-environment"
    assert found() == ("key of the file", f"file {path} (BULKSTATUS_API_KEY_FILE)")
    del environ["BULKSTATUS_API_KEY_FILE"]
    path = tmp_path / "of-profile"
    assert found() == ("key of the profile's file", f"file {path} (profile default)")
    profile = ""
    assert found() == ("key of the keyring", "system keyring")


def test_a_profiles_key_file_is_never_used_for_another_account(tmp_path: Path) -> None:
    key_file(tmp_path / "key")
    profile = 'ref_id = "R9"\napi_key_file = "key"'
    environ = {"BULKSTATUS_REF_ID": "R2"}
    assert find_account(settings(tmp_path, environ, profile), environ) == ("R2", None)
    ref_id, key = find_account(settings(tmp_path, {}, profile), {})
    assert ref_id == "R9"
    assert key is not None


def test_the_keyring_is_asked_for_the_accounts_own_key(tmp_path: Path) -> None:
    keyring.set_keyring(MemoryKeyring())
    assert find_account(settings(tmp_path, {}, 'ref_id = "R2"'), {}) == ("R2", None)
    assert find_account(settings(tmp_path, {}), {}) == (None, None)


def test_no_keyring_on_the_machine_is_no_error(tmp_path: Path) -> None:
    assert find_account(settings(tmp_path, {}, 'ref_id = "R1"'), {}).api_key is None


def test_a_keyring_that_is_not_installed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert find_account(settings(tmp_path, {}, 'ref_id = "R1"'), {}).api_key is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyringLocked("the collection\nis locked"), "the collection is locked"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_a_keyring_that_fails_is_a_sentence(tmp_path: Path, error: Exception, reason: str) -> None:
    keyring.set_keyring(MemoryKeyring(error))
    with pytest.raises(SettingsRefused, match=rf"keyring could not be asked.*\({reason}\)"):
        find_account(settings(tmp_path, {}, 'ref_id = "R1"'), {})


@pytest.mark.parametrize("text", ["the-key", "the-key\n", "\ufeffthe-key\r\n", "  the-key  \n\n"])
def test_a_key_file_gives_its_one_line(tmp_path: Path, text: str) -> None:
    assert read_key_file(key_file(tmp_path / "key", text)) == "the-key"


@pytest.mark.parametrize("text", ["", " \n", "a\nb\n", "x" * 5000])
def test_a_key_file_that_is_not_one_line_is_refused_unquoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsRefused, match="the key and nothing else"):
        read_key_file(key_file(tmp_path / "key", text))


def test_a_key_file_that_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = key_file(tmp_path / "key")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsRefused, match="the key and nothing else"):
        read_key_file(path)
    with pytest.raises(SettingsRefused, match="cannot be read"):
        read_key_file(tmp_path / "none")
    with pytest.raises(SettingsRefused, match="cannot be read"):
        read_key_file(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="the mode of a file says who reads it on POSIX only")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666, 0o601])
def test_a_key_file_that_others_can_reach_is_refused_with_the_remedy(
    tmp_path: Path, mode: int
) -> None:
    path = key_file(tmp_path / "key", mode=mode)
    with pytest.raises(SettingsRefused, match=f"chmod 600 {path}"):
        read_key_file(path)


@pytest.mark.parametrize(
    ("ref_id", "said"),
    [(None, "no credentials"), ("R1", "no API key for the account R1")],
)
def test_what_is_missing_is_named_with_where_to_put_it(ref_id: str | None, said: str) -> None:
    error = str(no_credentials(ref_id))
    assert said in error
    assert "BULKSTATUS_API_KEY" in error
    assert "--profile" in error


def test_a_key_is_not_in_the_text_of_what_holds_it(tmp_path: Path) -> None:
    environ = {"BULKSTATUS_REF_ID": "R1", "BULKSTATUS_API_KEY": "s3cr3t"}
    assert "s3cr3t" not in repr(find_account(settings(tmp_path, environ), environ))
