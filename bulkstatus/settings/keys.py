"""Where the account's API key comes from, and where it is kept.

It is looked for in the environment, in a file that only its owner can read, and in the system
keyring, in that order. What is found nowhere is asked for by whoever has a terminal.
"""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bulkstatus.api.access import Credentials
from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.table import Settings
from bulkstatus.words import command_line, printable

#: The name under which the system keyring keeps our keys; the user name there is the ref ID.
KEYRING_SERVICE = "bulkstatus"

# Longer than any key: a file that goes on is not one.
_LONGEST_KEY = 4096


def find_key(
    settings: Settings, environ: Mapping[str, str] = os.environ
) -> tuple[Credentials, str] | None:
    """Return the credentials of the account of `settings`, and where their key was found.

    None where there is none to be found. Raises SettingsRefused when a file or the keyring that
    should have the key cannot be used.
    """
    ref_id = settings.ref_id or ""
    key, origin = environ.get("BULKSTATUS_API_KEY"), "environment (BULKSTATUS_API_KEY)"
    if not key and (path := settings.api_key_file):
        key, origin = read_key_file(path), f"file {path} ({settings.origins['api_key_file']})"
    elif not key and ref_id:
        key, origin = read_keyring(ref_id), "system keyring"
    return (Credentials(ref_id, key), origin) if key else None


def credentials_for(
    settings: Settings,
    api_key: str | None = None,
    environ: Mapping[str, str] = os.environ,
    ask: Callable[[str], str] | None = None,
) -> Credentials:
    """Return the credentials of the account of `settings`, with the key that is given or found.

    One that is found nowhere is what `ask` returns for the ref ID. Raises SettingsRefused when
    something is missing or not text, too.
    """
    if not isinstance(api_key, str | None):
        raise SettingsRefused("api_key must be text.")
    if settings.ref_id and not api_key:
        if found := find_key(settings, environ):
            return found[0]
        api_key = ask and ask(settings.ref_id)
    if settings.ref_id and api_key:
        return Credentials(settings.ref_id, api_key)
    missing = "BULKSTATUS_API_KEY" if settings.ref_id else "BULKSTATUS_REF_ID and its key"
    raise SettingsRefused(
        f"The credentials are incomplete. Nothing was sent. Set {missing} in the environment, or "
        "use a profile that has them (--profile). `bulkstatus config` shows where it looks."
    )


def read_key_file(path: Path) -> str:
    """Return the key that a file holds.

    Raises SettingsRefused when it cannot be read, is not one line of text, or (where the system
    has such permissions) can be read by others than its owner.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LONGEST_KEY + 1)
    except OSError as error:
        raise SettingsRefused(
            f"The API key file {path} cannot be read: {error.strerror}."
        ) from None
    # Windows keeps permissions elsewhere: a file in the user's own folders is the user's alone.
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise SettingsRefused(
            f"The API key file {path} can be read or changed by other users of this machine. "
            f"Close it to them first:  {command_line('chmod', 600, path)}"
        )
    try:
        key = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        key = ""
    if not key or len(content) > _LONGEST_KEY or "\n" in key:
        raise SettingsRefused(
            f"The API key file {path} must hold the key and nothing else, as one line of text "
            "(UTF-8)."
        )
    return key


def keyring(least: float = 0.1) -> Any:
    """Return the system's keyring, None where there is none of such a priority.

    One that keeps keys safe has 1 or more. The extra `bulkstatus[keyring]` may not be installed.
    """
    try:
        from keyring import get_keyring

        there = get_keyring()
        return there if there.priority >= least else None
    except Exception:  # the extra is not installed, or a backend does not load
        return None


def read_keyring(ref_id: str) -> str | None:
    """Return the key that the system keyring has for an account, None where there is neither.

    Raises SettingsRefused when the keyring is there and does not answer.
    """
    there = keyring()
    with _told("asked for"):
        key: str | None = there and there.get_password(KEYRING_SERVICE, ref_id)
        return key


def write_keyring(ref_id: str, key: str) -> None:
    """Keep the key of an account in the system keyring; raise SettingsRefused where it will not."""
    with _told("given"):
        keyring().set_password(KEYRING_SERVICE, ref_id, key)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise SettingsRefused for whatever a keyring raises in the body."""
    try:
        yield
    except Exception as error:  # each backend raises what its system's library does
        reason = printable(" ".join(str(error).split()), 200) or type(error).__name__
        raise SettingsRefused(
            f"The system keyring could not be {what} the API key ({reason}). Unlock it, or "
            "give the key in BULKSTATUS_API_KEY or in a file (BULKSTATUS_API_KEY_FILE)."
        ) from None


def write_key_file(folder: Path, key: str) -> Path:
    """Write a key into a new file in `folder`, and return it.

    Only its owner can read it, on Windows whoever can read the folder. Raises SettingsRefused
    when it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It is created exclusively: nobody else's, nor a link to another place.
        with tempfile.NamedTemporaryFile(prefix="api-key-", dir=folder, delete=False) as file:
            file.write(f"{key}\n".encode())
    except OSError as error:
        raise SettingsRefused(
            f"The API key cannot be kept in {folder}: {error.strerror}."
        ) from None
    return Path(file.name)
