"""The sources of settings in their order: option, result log, environment, profile, default.

The user's file of named profiles is such as

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
from pathlib import Path
from typing import Any

from bulkstatus.errors import LogRefused, SettingsRefused
from bulkstatus.settings.table import (
    IN_PROFILE,
    LOGGED,
    SETTINGS,
    Settings,
    default_quotas,
    names_of,
)
from bulkstatus.settings.values import FILE, did_you_mean
from bulkstatus.words import printable


def settings_for(
    given: Mapping[str, Any],
    logged: object = None,
    log_name: object = "the result log",
    *,
    given_name: str = "option",
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings in force.

    `given` are those that were typed, called `given_name`; it may hold a `ref_id` too. `logged`
    is the `settings` object of the log, called `log_name`, that a resumed run goes on with: never
    an authority, it says neither where to send to, nor whom to trust, nor whose account is used.

    Raises TypeError for a name in `given` that is none, LogRefused for a log's object that no run
    has written, and SettingsRefused for a value that cannot be used, for a profile that is not
    there, and for one that was named and is of another account than the environment's.
    """
    for name in given.keys() - SETTINGS:
        raise TypeError(_no_setting(name))
    of_environment = {
        name: environ.get(f"BULKSTATUS_{name.upper()}") or None
        for name in ("base_url", "profile", "ref_id", "api_key_file")
    }
    layers: list[tuple[str, Mapping[str, Any]]] = [(given_name, given)]
    if logged is not None:
        layers.append(("result log", logged_settings(logged, log_name)))
    layers.append(("environment", of_environment))
    named = given.get("profile") or of_environment["profile"]
    profile = read_profile(config_path(environ), named and SETTINGS["profile"].read(named)[1])
    if profile is not None:
        theirs, ours = profile.get("ref_id"), given.get("ref_id") or of_environment["ref_id"]
        if theirs and ours and theirs != ours:
            # One of the two is a slip, and the wrong one would send to the wrong account.
            if named and not given.get("ref_id"):
                raise SettingsRefused(
                    f"The profile {named} is of the account {theirs}, and BULKSTATUS_REF_ID says "
                    f"{ours}. Nothing was sent; name the profile of that account with --profile, "
                    "or take BULKSTATUS_REF_ID and BULKSTATUS_API_KEY out of the environment."
                )
            # The profile's key is not the key of another account.
            profile.pop("api_key_file", None)
        layers.append((f"profile {profile['profile']}", profile))
    return resolve(*layers)


def resolve(*layers: tuple[str, Mapping[str, Any]]) -> Settings:
    """Return the settings from layers of (name, values), the first that has a value winning.

    A value of None is none. Raises SettingsRefused for a value that cannot be used.
    """
    values: dict[str, Any] = {}
    used: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        found = ((where, there[name]) for where, there in layers if there.get(name) is not None)
        origins[name], value = next(found, ("default", setting.default))
        values[name], used[name] = (None, None) if value is None else setting.read(value)
    if values["quota"] is None:
        quotas = default_quotas(used["base_url"], used["sandbox"])
        values["quota"], used["quota"] = SETTINGS["quota"].read(quotas)
    return Settings(**used, values=values, origins=origins)


def logged_settings(logged: object, log_name: object = "the result log") -> dict[str, Any]:
    """Return what counts of a log's settings; raise LogRefused for what no run has written."""
    known, kept = {}, names_of(*LOGGED)
    try:
        if not isinstance(logged, Mapping):
            raise SettingsRefused("they are no object.")
        for name, value in logged.items():
            if name not in SETTINGS:
                raise SettingsRefused(_no_setting(name))
            if value is not None and name in kept:
                known[name], _ = SETTINGS[name].read(value)
    except SettingsRefused as error:
        raise LogRefused(
            f"The settings in {printable(str(log_name))} cannot be used: {error} Nothing was sent; "
            "this is not how a run wrote them. Put the log back from a copy."
        ) from None
    return known


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
    profiles = {} if path is None else _read(path)
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


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the profiles of the file at `path` as TOML has them, none when there is no file."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsRefused(
            f"The settings file {path} cannot be read: {error.strerror}."
        ) from None
    except (ValueError, RecursionError) as error:  # also for numbers and nesting beyond limits
        raise SettingsRefused(
            f"The settings file {path} is not TOML in UTF-8: {printable(str(error), 200)}. Text "
            "stands in quotes there, a Windows path in single ones."
        ) from None
    profiles = document.get("profile", {})
    tables = profiles if isinstance(profiles, dict) else {"profile": profiles}
    loose = [key for key in document if key != "profile"]
    for key in (*loose, *(name for name, table in tables.items() if not isinstance(table, dict))):
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
        raise SettingsRefused(
            f'no profile holds "{printable(key, 40)}". {did_you_mean(key, known)}'
        )
    kept, _ = SETTINGS[key].read(value)
    return str(folder / Path(kept).expanduser()) if SETTINGS[key].kind is FILE else kept


def _no_setting(name: str) -> str:
    return f'there is no setting "{printable(name, 40)}". {did_you_mean(name, SETTINGS)}'
