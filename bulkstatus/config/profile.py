"""The user's file of named profiles, such as

    [profile.default]
    ref_id = "12345"
    api_key_file = "api-key"
    rate = "5/s"

    [profile.staging]
    base_url = "https://staging.example.com"
    ref_id = "67890"

A profile stands for itself: it takes nothing from another one. Paths in it are relative to the
file's own folder. The API key never stands in it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bulkstatus.errors import SettingsRefused
from bulkstatus.text import printable

#: The profile that is used when none is named.
DEFAULT_PROFILE = "default"

# The keys of a profile: the types that TOML may give them, and how a message calls those. What
# changes which rows are sent (status, skip_invalid, …) is typed each time, not kept in a file.
_TEXT: tuple[tuple[type, ...], str] = ((str,), "text in quotes")
_NUMBER: tuple[tuple[type, ...], str] = ((int,), "a whole number")
_TIME: tuple[tuple[type, ...], str] = ((int, float, str), 'a time, such as 30 or "15m"')
_KEYS: dict[str, tuple[tuple[type, ...], str]] = {
    "base_url": _TEXT,
    "ref_id": _TEXT,
    "api_key_file": _TEXT,
    "auth_scheme": _TEXT,
    "ca_file": _TEXT,
    "rate": _TEXT,
    "quota": ((str, list), 'text in quotes, or a list such as ["1000/h", "10000/d"]'),
    "concurrency": _NUMBER,
    "attempts": _NUMBER,
    "timeout": _TIME,
    "give_up_after": _TIME,
    "column": ((dict,), 'a table such as { order_id = "Their Header" }'),
    "encoding": _TEXT,
    "sheet": _TEXT,
    "require_tracking": ((bool,), "true or false"),
}
_PATHS = ("ca_file", "api_key_file")
_COLUMNS = ("order_id", "status", "tracking")


@dataclass(frozen=True)
class Profile:
    """A profile of the file at `path`; `settings` holds the keys that are settings of a run."""

    name: str
    path: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    ref_id: str | None = None
    api_key_file: Path | None = None


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the file is: in BULKSTATUS_CONFIG_DIR, or the user's configuration directory."""
    if directory := environ.get("BULKSTATUS_CONFIG_DIR"):
        return Path(directory) / "config.toml"
    from platformdirs import user_config_path

    return user_config_path("bulkstatus", appauthor=False) / "config.toml"


def profile_names(path: Path) -> list[str]:
    """Return the names of the profiles in the file at `path`, none when there is no file."""
    return list(_read(path))


def read_profile(path: Path, name: str | None, optional: bool = False) -> Profile | None:
    """Return a profile of the file at `path`, by default the one called "default" if there is one.

    Raises SettingsRefused when the file cannot be used, or has no profile of that name; with
    `optional` the latter is None.
    """
    profiles = _read(path)
    wanted = name or DEFAULT_PROFILE
    if wanted not in profiles:
        if name is None or optional:
            return None
        raise SettingsRefused(_no_profile(path, name, profiles))
    table = profiles[wanted]
    where = f"{path}, profile {wanted}"
    if not isinstance(table, dict):
        raise SettingsRefused(f"{where}: it is not a table. Write [profile.{wanted}] above it.")
    for key, value in table.items():
        _check(where, key, value)
    values = {
        key: str(path.parent / Path(value).expanduser()) if key in _PATHS else value
        for key, value in table.items()
    }
    ref_id, api_key_file = values.pop("ref_id", None), values.pop("api_key_file", None)
    if isinstance(values.get("quota"), str):
        values["quota"] = [values["quota"]]
    return Profile(wanted, path, values, ref_id, Path(api_key_file) if api_key_file else None)


def _read(path: Path) -> dict[str, Any]:
    """Return the profiles of the file at `path` as TOML has them."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsRefused(
            f"The settings file {path} cannot be read: {error.strerror}."
        ) from None
    except UnicodeDecodeError:
        raise SettingsRefused(
            f"The settings file {path} is not UTF-8. Save it again with that encoding."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsRefused(
            f"The settings file {path} is not TOML: {printable(str(error), 200)}. Text stands in "
            "quotes there, a Windows path in single ones."
        ) from None
    for key in document:
        if key != "profile":
            raise SettingsRefused(
                f'{path}: "{printable(key, 40)}" stands outside a profile. Put the settings under '
                f"a line [profile.{DEFAULT_PROFILE}]."
            )
    profiles = document.get("profile", {})
    if not isinstance(profiles, dict):
        raise SettingsRefused(f"{path}: profile is not a table. Write [profile.{DEFAULT_PROFILE}].")
    return profiles


def _check(where: str, key: str, value: object) -> None:
    """Raise SettingsRefused unless `key` may stand in a profile and `value` is of its type."""
    if key in {"api_key", "key", "password"}:
        raise SettingsRefused(
            f"{where}: the API key does not belong in this file ({key}). Take it out, and keep it "
            "in a file of its own that only you can read (api_key_file), in the system keyring, "
            "or in BULKSTATUS_API_KEY."
        )
    if key not in _KEYS:
        raise SettingsRefused(
            f'{where}: there is no setting "{printable(key, 40)}". {_nearest(key, _KEYS)}'
        )
    types, called = _KEYS[key]
    # In Python true and false are whole numbers, in TOML they are not.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise SettingsRefused(f"{where}: {key} must be {called}.")
    if value == "":
        raise SettingsRefused(f"{where}: {key} is empty. Fill it in or take the line out.")
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise SettingsRefused(f"{where}: {key} must be {called}.")
    if isinstance(value, dict):
        for column, header in value.items():
            if column not in _COLUMNS:
                raise SettingsRefused(
                    f'{where}: column has no "{printable(column, 40)}". '
                    + _nearest(column, _COLUMNS)
                )
            if not isinstance(header, str) or (column == "order_id" and not header):
                raise SettingsRefused(f"{where}: column.{column} must be a header in quotes.")


def _nearest(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    close = get_close_matches(name.replace("-", "_").lower(), known, n=1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."


def _no_profile(path: Path, name: str, profiles: Mapping[str, Any]) -> str:
    shown = printable(name, 40)
    if not path.exists():
        return f'There is no profile "{shown}": the settings file {path} does not exist.'
    if not profiles:
        return f'There is no profile "{shown}": {path} has none.'
    return f'{path} has no profile "{shown}". {_nearest(name, profiles)}'
