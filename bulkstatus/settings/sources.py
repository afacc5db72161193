"""The sources of settings in their order: option, result log, environment, profile, default."""

import os
from collections.abc import Mapping
from typing import Any

from bulkstatus.errors import LogRefused, SettingsRefused
from bulkstatus.settings.profiles import config_path, read_profile
from bulkstatus.settings.table import (
    LOGGED,
    SETTINGS,
    VARIABLES,
    Settings,
    default_quotas,
    names_of,
)
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

    Raises LogRefused for a log's value that no run has written, and SettingsRefused for a value
    that cannot be used, for a profile that is not there, and for one that was named and is of
    another account than the environment's.
    """
    of_environment = {name: environ.get(there) or None for name, there in VARIABLES.items()}
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
        called = setting.option if origins[name] == "option" else name
        values[name], used[name] = (None, None) if value is None else setting.read(value, called)
    if values["quota"] is None:
        quotas = default_quotas(used["base_url"], used["sandbox"])
        values["quota"], used["quota"] = SETTINGS["quota"].read(quotas)
    return Settings(**used, values=values, origins=origins)


def logged_settings(logged: object, log_name: object = "the result log") -> dict[str, Any]:
    """Return what counts of a log's settings; raise LogRefused for what no run has written.

    A name that is none may be a later version's, as any field of a record may that is not known.
    """
    known, kept = {}, names_of(*LOGGED)
    try:
        if not isinstance(logged, Mapping):
            raise SettingsRefused("they are no object.")
        for name, value in logged.items():
            if value is not None and name in kept:
                known[name], _ = SETTINGS[name].read(value, name)
    except SettingsRefused as error:
        raise LogRefused(
            f"The settings in {printable(str(log_name))} cannot be used: {error} Nothing was sent; "
            "this is not how a run wrote them. Put the log back from a copy."
        ) from None
    return known
