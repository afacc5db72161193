"""The user's file of named profiles: where it is, what it holds, and how one is added.

It is such as

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

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.table import IN_PROFILE, OF_ONE_RUN, SETTINGS, names_of
from bulkstatus.settings.values import FILE, did_you_mean
from bulkstatus.words import printable


def config_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return where the file is: in BULKSTATUS_CONFIG_DIR, or the user's configuration directory.

    None where the user, who may be a bare number in a container, has none.
    """
    if directory := environ.get("BULKSTATUS_CONFIG_DIR"):
        return Path(directory) / "config.toml"
    from platformdirs import user_config_path

    try:
        path = user_config_path("bulkstatus", appauthor=False)
    except RuntimeError:
        return None
    # An older platformdirs leaves the ~ of an unknown home in its place.
    return path / "config.toml" if path.is_absolute() else None


def read_profile(path: Path | None, name: str | None) -> dict[str, Any] | None:
    """Return what a profile of the file at `path` holds, and its name as `profile`.

    By default it is the one called "default", or None when there is none. Raises SettingsRefused
    when the file cannot be used, or has no profile of that name, or that holds something that has
    no use, whether or not it would count.
    """
    profiles = {} if path is None else read_profiles(path)
    wanted = name or "default"
    shown = printable(wanted, 40)
    if path is None or wanted not in profiles:
        if name is None:
            return None
        place = path or "BULKSTATUS_CONFIG_DIR, which has to be set where there is no home"
        raise SettingsRefused(
            f'There is no profile "{shown}" in {place}. {did_you_mean(name, profiles)}'
        )
    try:
        values = {key: _value(path.parent, key, value) for key, value in profiles[wanted].items()}
    except SettingsRefused as error:
        raise SettingsRefused(f"{path}, profile {shown}: {error}") from None
    return {**values, "profile": wanted}


def read_profiles(path: Path) -> dict[str, dict[str, Any]]:
    """Return the profiles of the file at `path` as TOML has them, none when there is no file.

    Raises SettingsRefused when it cannot be used.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsRefused(
            f"The settings file {path} cannot be read: {error.strerror}."
        ) from None
    return _profiles(path, content)


def _profiles(path: Path, content: bytes) -> dict[str, dict[str, Any]]:
    import tomllib

    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also for numbers and nesting beyond limits
        raise SettingsRefused(
            f"The settings file {path} is not TOML in UTF-8: {printable(str(error), 200)}. Text "
            "stands in quotes there, a Windows path in single ones."
        ) from None
    profiles = document.pop("profile", {})
    tables = profiles if isinstance(profiles, dict) else {"profile": profiles}
    loose = [name for name, table in tables.items() if not isinstance(table, dict)]
    for key in (*document, *loose):
        raise SettingsRefused(
            f'{path}: "{printable(key, 40)}" stands outside a profile. Put the settings under a '
            "line [profile.default]."
        )
    return tables


def _value(folder: Path, key: str, value: object) -> Any:
    """Return a value as the other sources of settings have it; paths are relative to `folder`."""
    if key in {"api_key", "key", "password"}:
        raise SettingsRefused(
            f"the API key does not belong in this file ({key}). Take it out, and keep it "
            "in a file of its own that only you can read (api_key_file), in the system keyring, "
            "or in BULKSTATUS_API_KEY."
        )
    known = names_of(*IN_PROFILE)
    if key not in known:
        of_run = {**SETTINGS, **OF_ONE_RUN}.get(key.replace("-", "_"))
        hint = did_you_mean(key, known)
        if of_run is not None and of_run.name not in known:
            hint = f"It is for one run: give it as {of_run.option} to the command."
        raise SettingsRefused(f'no profile holds "{printable(key, 40)}". {hint}')
    kept, _ = SETTINGS[key].read(value, key)
    return str(folder / Path(kept).expanduser()) if SETTINGS[key].kind is FILE else kept


def add_profile(path: Path, name: str, values: Mapping[str, str]) -> None:
    """Add a new profile to the end of the file at `path`, and leave the rest of it as it is.

    Raises SettingsRefused where that cannot be done.
    """
    # A text in TOML's quotation marks is written as in JSON's.
    key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
    lines = [f"[profile.{key}]", *(f"{key} = {json.dumps(text)}" for key, text in values.items())]
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
        gap = "\n" * (2 - before.endswith(b"\n")) if before else ""
        added = f"{gap}{chr(10).join(lines)}\n".encode()
        with suppress(SettingsRefused):
            if _profiles(path, before + added).get(name) == values:
                with path.open("ab") as file:
                    file.write(added)
                return
    except OSError as error:
        raise SettingsRefused(
            f"The settings file {path} cannot be written: {error.strerror}."
        ) from None
    raise SettingsRefused(
        f"The profile cannot be added to {path} as that is written: put it there by hand. Nothing "
        "in it was changed."
    )
