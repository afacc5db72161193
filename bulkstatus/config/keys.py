"""Where the account's ref ID and API key come from.

The key is looked for in the environment, in a file that only its owner can read, and in the
system keyring, in that order. What is found nowhere is asked for by whoever has a terminal.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bulkstatus.config.values import Settings
from bulkstatus.errors import SettingsRefused
from bulkstatus.text import printable

#: The name under which the system keyring keeps our keys; the user name there is the ref ID.
KEYRING_SERVICE = "bulkstatus"

# Longer than any key: a file that goes on is not one.
_LONGEST_KEY = 4096


@dataclass(frozen=True)
class ApiKey:
    """A key, and where it was found."""

    value: str = field(repr=False)
    origin: str


class Account(NamedTuple):
    """What is known of the account without asking; what is missing is None."""

    ref_id: str | None
    api_key: ApiKey | None


def find_account(settings: Settings, environ: Mapping[str, str] = os.environ) -> Account:
    """Return the ref ID and the key for `settings`, as far as they are to be found.

    Raises SettingsRefused when a file or the keyring that should have the key cannot be used.
    """
    return Account(settings.ref_id, _find_key(settings, environ))


def no_credentials(ref_id: str | None) -> SettingsRefused:
    """Return the error to raise where something is missing and there is nobody to ask."""
    if ref_id:
        missing = f"There is no API key for the account {ref_id}."
        advice = "Set BULKSTATUS_API_KEY in the environment"
    else:
        missing = "There are no credentials."
        advice = "Set BULKSTATUS_REF_ID and BULKSTATUS_API_KEY in the environment"
    return SettingsRefused(
        f"{missing} Nothing was sent. {advice}, or use a profile that has them (--profile); "
        "`bulkstatus config` shows where it looks."
    )


def _find_key(settings: Settings, environ: Mapping[str, str]) -> ApiKey | None:
    if key := environ.get("BULKSTATUS_API_KEY"):
        return ApiKey(key, "environment (BULKSTATUS_API_KEY)")
    if name := environ.get("BULKSTATUS_API_KEY_FILE"):
        path = Path(name).expanduser()
        return ApiKey(read_key_file(path), f"file {path} (BULKSTATUS_API_KEY_FILE)")
    profile = settings.profile
    # Another account's ref ID may have won over the profile's; the profile's key is not its key.
    if (
        profile is not None
        and profile.api_key_file is not None
        and profile.ref_id in {None, settings.ref_id}
    ):
        key = read_key_file(profile.api_key_file)
        return ApiKey(key, f"file {profile.api_key_file} (profile {profile.name})")
    if settings.ref_id and (key := read_keyring(settings.ref_id)):
        return ApiKey(key, "system keyring")
    return None


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
            f"Close it to them first:  chmod 600 {path}"
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


def read_keyring(ref_id: str) -> str | None:
    """Return the key that the system keyring has for an account, or None.

    None also where there is no keyring, or the extra `bulkstatus[keyring]` is not installed.
    Raises SettingsRefused when the keyring is there and does not answer.
    """
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return None
    try:
        return keyring.get_password(KEYRING_SERVICE, ref_id)
    except NoKeyringError:
        return None
    except Exception as error:  # each backend raises what its system's library does
        reason = printable(" ".join(str(error).split()), 200) or type(error).__name__
        raise SettingsRefused(
            f"The system keyring could not be asked for the API key ({reason}). Unlock it, or "
            "give the key in BULKSTATUS_API_KEY or in a file (BULKSTATUS_API_KEY_FILE)."
        ) from None
