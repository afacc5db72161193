"""Where the API key is looked for, in which order, and what is refused."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.keys import credentials_for, find_key, read_key_file
from bulkstatus.settings.sources import resolve
from bulkstatus.settings.table import Settings


class MemoryKeyring(NoKeyring):
    """A keyring that holds one key, or raises."""

    priority = 1  # type: ignore[assignment] - as in keyring's own backends

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        if self.error is not None:
            raise self.error
        return "key of the keyring" if (service, username) == ("bulkstatus", "R1") else None


@pytest.fixture(autouse=True)
def _keyring() -> Iterator[None]:
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(NoKeyring())


def key_file(path: Path, text: str = "key of the file\n", mode: int = 0o600) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def settings(ref_id: str | None = "R1", path: Path | None = None) -> Settings:
    return resolve(("profile shop", {"ref_id": ref_id, "api_key_file": path}))


def test_sources_are_asked_in_their_order(tmp_path: Path) -> None:
    keyring.set_keyring(MemoryKeyring())
    path = key_file(tmp_path / "key")
    of_environment = {"BULKSTATUS_API_KEY": "key of the environment"}
    for environ, there, expected in (
        (of_environment, path, ("key of the environment", "environment (BULKSTATUS_API_KEY)")),
        ({}, path, ("key of the file", f"file {path} (profile shop)")),
        ({}, None, ("key of the keyring", "system keyring")),
    ):
        found = find_key(settings("R1", there), environ)
        assert found is not None
        assert (found[0].api_key, found[1]) == expected
        assert expected[0] not in repr(found)
    # The keyring is asked for the account's own key.
    assert find_key(settings("R2"), {}) is None
    assert find_key(settings(None), {}) is None


@pytest.mark.parametrize("installed", [True, False])
def test_no_keyring_is_no_error(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "keyring", None)
    assert find_key(settings(), {}) is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyringLocked("the collection\nis locked"), "the collection is locked"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_a_keyring_that_fails_is_a_sentence(error: Exception, reason: str) -> None:
    keyring.set_keyring(MemoryKeyring(error))
    with pytest.raises(SettingsRefused, match=rf"keyring could not be asked.*\({reason}\)"):
        find_key(settings(), {})


@pytest.mark.parametrize("text", ["the-key", "the-key\n", "\ufeffthe-key\r\n", "  the-key  \n\n"])
def test_a_key_file_gives_its_one_line(tmp_path: Path, text: str) -> None:
    assert read_key_file(key_file(tmp_path / "key", text)) == "the-key"


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"s3cr3t\nb\n", b"x" * 5000, b"\xff\xfe\x00", None]
)
def test_a_key_file_that_is_not_one_line_of_text_is_refused_unquoted(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path if content is None else key_file(tmp_path / "key")
    if content is not None:
        path.write_bytes(content)
    said = "cannot be read" if content is None else "the key and nothing else"
    with pytest.raises(SettingsRefused, match=said) as refusal:
        read_key_file(path)
    assert "s3cr3t" not in str(refusal.value)


@pytest.mark.skipif(os.name != "posix", reason="the mode of a file says who reads it on POSIX only")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666, 0o601])
def test_a_key_file_that_others_can_reach_is_refused_with_the_remedy(
    tmp_path: Path, mode: int
) -> None:
    path = key_file(tmp_path / "key", mode=mode)
    with pytest.raises(SettingsRefused, match=f"chmod 600 {path}"):
        read_key_file(path)


@pytest.mark.parametrize(
    ("ref_id", "given", "said"),
    [
        ("R1", None, "Set BULKSTATUS_API_KEY in"),
        (None, None, "Set BULKSTATUS_REF_ID and"),
        (None, "K1", "Set BULKSTATUS_REF_ID and"),
        ("R1", b"s3cr3t", "^api_key must be text.$"),
    ],
)
def test_what_is_missing_is_named(ref_id: str | None, given: Any, said: str) -> None:
    assert credentials_for(settings("R1"), "K1") == ("R1", "K1")
    with pytest.raises(SettingsRefused, match=said):
        credentials_for(settings(ref_id), given)
