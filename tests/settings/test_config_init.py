"""`bulkstatus config init`: a profile is added, the key kept, and nothing else touched."""

import os
import stat
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.keys import read_key_file, write_key_file
from bulkstatus.settings.profiles import add_profile, config_path
from tests import program
from tests.terminal import Terminal

VALUES = {"ref_id": 'R"1\\', "base_url": "https://api.example"}

# What stands in a file before a profile is added to it.
FILES = [
    b"",
    b'# ours\n[profile.default]\nrate = "5/s" # slow\n',
    b'# ours\r\n[profile.default]\r\nrate = "5/s"',
    b'\xef\xbb\xbf[profile.default.column]\norder_id = "Auftrag"\n\n\n',
    b'profile.default.rate = "5/s"\n',
]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("before", FILES)
@pytest.mark.parametrize("name", ["shop-2", 'a."shöp"'])
def test_a_profile_is_added_and_all_that_was_there_stays(
    tmp_path: Path, before: bytes, name: str
) -> None:
    path = tmp_path / "new" / "config.toml"
    if before:
        path.parent.mkdir()
        path.write_bytes(before)
    add_profile(path, name, VALUES)
    after = path.read_bytes()
    assert after.startswith(before)
    profiles = tomllib.loads(after.decode("utf-8-sig"))["profile"]
    assert profiles.pop(name) == VALUES
    assert profiles == tomllib.loads(before.decode("utf-8-sig")).get("profile", {})


@pytest.mark.parametrize(
    "before",
    [FILES[1], FILES[3], b"[profile.x", b"profile = { x = { rate = '5/s' } }\n"],
)
def test_where_none_can_be_added_the_file_stays_as_it_is(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(before)
    with pytest.raises(SettingsRefused, match="put it there by hand"):
        add_profile(path, "default", VALUES)
    assert path.read_bytes() == before


def test_a_key_goes_into_a_new_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    before = os.umask(0)
    try:
        first, second = (write_key_file(folder, key) for key in ("K1", "K2"))
    finally:
        os.umask(before)
    assert (read_key_file(first), read_key_file(second)) == ("K1", "K2")
    if os.name == "posix":
        assert (mode_of(first), mode_of(folder)) == (0o600, 0o700)
    with pytest.raises(SettingsRefused, match="cannot be kept in"):
        write_key_file(first, "K1")


async def test_without_a_terminal_it_is_refused_with_what_to_do() -> None:
    ended = await program.run("config", "init")
    assert (ended.status, ended.out) == (2, "")
    for needed in ("BULKSTATUS_REF_ID", f"{config_path()}", "[profile.default]", "api_key_file"):
        assert needed in ended.err
    for option in ("--json", "--rate=5/s"):
        ended = await program.run("config", "init", option)
        assert (ended.status, "takes --profile alone" in ended.err) == (2, True)
    assert not config_path().parent.exists()


# A keyring that keeps what it is given in a file.
BACKEND = """
import json, os, pathlib
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 1
    path = pathlib.Path(__file__).with_name("keys.json")
    def get_password(self, service, username):
        return json.loads(self.path.read_text()).get(service + username)
    def set_password(self, service, username, password):
        if "LOCKED" in os.environ:
            raise RuntimeError("it is locked")
        self.path.write_text(json.dumps({service + username: password}))
    delete_password = None
"""

Dialogue = Callable[..., tuple[int, str]]


@pytest.fixture
def dialogue(tmp_path: Path) -> Iterator[Dialogue]:
    """Return a function that answers the questions of `config init`: exit status, what was said."""
    terminals = []
    (tmp_path / "backend.py").write_text(BACKEND)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    def run(arguments: str, *turns: tuple[str, str], **environ: str) -> tuple[int, str]:
        words = ["config", "init", *arguments.split()]
        terminals.append(terminal := Terminal(tmp_path, words, {"PYTHONPATH": path, **environ}))
        for question, answer in turns:
            terminal.wait_for(question)
            terminal.type(answer)
        return terminal.end(), " ".join(terminal.lines)

    yield run
    for terminal in terminals:
        terminal.close()


ACCOUNT = (("Ref ID:", "12345\n"), ("API key (not shown):", "K-s3cr3t\n"))


def test_the_key_goes_into_a_file_and_the_profile_is_used_from_then_on(dialogue: Dialogue) -> None:
    path = config_path()
    status, said = dialogue(
        "", *ACCOUNT, ("Base URL [https://api-sl-2-2.custom-gateway.net]:", "\n")
    )
    assert status == 0
    assert "REFID:APIKEY" in said
    assert "The key was not tried" in said
    assert "K-s3cr3t" not in said + path.read_text()
    (profile,) = tomllib.loads(path.read_text())["profile"].values()
    assert profile.pop("base_url") == "https://api-sl-2-2.custom-gateway.net"
    assert read_key_file(path.with_name(profile.pop("api_key_file"))) == "K-s3cr3t"
    assert profile == {"ref_id": "12345"}
    # A second time there is a profile, and nothing is asked.
    status, said = dialogue("")
    assert (status, 'There is a profile "default"' in said) == (2, True)
    before = path.read_text()
    # What is mistyped is asked for again.
    status, said = dialogue(
        "--profile shop",
        ("Ref ID:", "1:2\n"),
        ("no ref ID has.\nRef ID:", "2\n"),
        ("API key (not shown):", "K 2\n"),
        ("from the platform.\nAPI key (not shown):", "K2\n"),
        ("Base URL [", "http://shop.example\n"),
        ("(localhost).\nBase URL [", "https://Shop.example/\n"),
        BULKSTATUS_API_KEY="other",
    )
    assert (status, "wins over it: it has BULKSTATUS_API_KEY" in said) == (0, True)
    assert "--profile shop" in said
    assert path.read_text().startswith(before)
    profile = tomllib.loads(path.read_text())["profile"]["shop"]
    assert (profile["ref_id"], profile["base_url"]) == ("2", "https://shop.example")


@pytest.mark.parametrize("answer", ["\n", "n\n"])
def test_a_keyring_is_offered_where_there_is_one(
    dialogue: Dialogue, tmp_path: Path, answer: str
) -> None:
    turns = (*ACCOUNT, ("Base URL [", "\n"), ("In the keyring? [Y/n]:", answer))
    status, said = dialogue("", *turns, PYTHON_KEYRING_BACKEND="backend.Keyring")
    in_keyring = answer == "\n"
    assert (status, "the system's keyring (bulkstatus, 12345)" in said) == (0, in_keyring)
    assert (tmp_path / "keys.json").exists() == in_keyring
    assert bool(list(config_path().parent.glob("api-key-*"))) != in_keyring


def test_where_it_ends_early_nothing_is_left_behind(dialogue: Dialogue, tmp_path: Path) -> None:
    status, said = dialogue("", *ACCOUNT, ("Base URL [", "\x04"))
    assert (status, "Interrupted" in said) == (130, True)
    turns = (*ACCOUNT, ("Base URL [", "\n"), ("In the keyring? [Y/n]:", "y\n"))
    environ = {"PYTHON_KEYRING_BACKEND": "backend.Keyring", "LOCKED": "1"}
    status, said = dialogue("", *turns, **environ)
    assert (status, "(it is locked)" in said) == (2, True)
    assert not config_path().parent.exists()
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions say nothing there")
def test_a_key_whose_profile_cannot_be_written_is_taken_away_again(dialogue: Dialogue) -> None:
    path = config_path()
    path.parent.mkdir(parents=True)
    path.symlink_to("nowhere/config.toml")
    status, said = dialogue("", *ACCOUNT, ("Base URL [", "\n"))
    assert (status, "cannot be written" in said) == (2, True)
    assert [there.name for there in path.parent.iterdir()] == ["config.toml"]
