"""The sources of settings in their order: option, result log, environment, profile, default."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bulkstatus.config.address import check_base_url
from bulkstatus.config.profile import Profile, config_path, read_profile
from bulkstatus.config.values import Settings, resolve
from bulkstatus.errors import SettingsRefused
from bulkstatus.resultlog import RunRecord


def settings_from(
    given: Mapping[str, Any],
    logged: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    given_name: str = "option",
    on_mismatch: Callable[[SettingsRefused], None] | None = None,
) -> Settings:
    """Return the settings in force.

    `given` are those that were typed, called `given_name`, and `logged` those of the log that a
    resumed run goes on with, `base_url` and `ref_id` among them. Raises SettingsRefused for a
    value that cannot be used, for a profile that is not there, and for one that was named and is
    of another account than the environment's, unless `on_mismatch` takes that error.
    """
    layers = [(given_name, given)]
    if logged is not None:
        layers.append(("result log", logged))
    layers.append(("environment", environment_settings(environ)))
    origin, name = next(
        ((origin, layer["profile"]) for origin, layer in layers if layer.get("profile")),
        ("default", None),
    )
    # A log may be resumed on another machine, whose user has other profiles.
    profile = read_profile(config_path(environ), name, optional=origin == "result log")
    if profile is not None:
        _check(profile)
        if logged is not None and origin == given_name:
            _check_same_place(profile, given, logged)
        layers.append((f"profile {profile.name}", {**profile.settings, "profile": profile.name}))
    settings = resolve(*layers)
    of_environment = environ.get("BULKSTATUS_REF_ID")
    ref_id, ref_id_origin = _ref_id(
        given_name, given.get("ref_id"), of_environment, profile, (logged or {}).get("ref_id")
    )
    if profile is not None and origin in {given_name, "environment"} and not given.get("ref_id"):
        mismatch = _account_mismatch(profile, of_environment)
        if mismatch is not None:
            if on_mismatch is None:
                raise mismatch
            on_mismatch(mismatch)
            ref_id_origin += f"; profile {profile.name} says {profile.ref_id}"
    return replace(
        settings,
        profile=profile,
        ref_id=ref_id,
        origins={**settings.origins, "ref_id": ref_id_origin},
    )


def logged_settings(run: RunRecord) -> dict[str, Any]:
    """Return the settings that a log's run was started with, its base URL and ref ID included."""
    ref_id = None if run.settings.get("sandbox") else run.ref_id
    return {**run.settings, "base_url": run.base_url, "ref_id": ref_id}


def environment_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment gives."""
    return {
        "base_url": environ.get("BULKSTATUS_BASE_URL") or None,
        "profile": environ.get("BULKSTATUS_PROFILE") or None,
    }


def passed_over_base_url(settings: Settings, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the base URL that the environment or the profile asks for, where the log's won."""
    if settings.origins.get("base_url") != "result log":
        return None
    of_profile = settings.profile.settings.get("base_url") if settings.profile else None
    asked = str(environment_settings(environ)["base_url"] or of_profile or "").strip().rstrip("/")
    return asked if asked and asked != settings.base_url else None


def _check(profile: Profile) -> None:
    """Raise SettingsRefused, naming file and key, for a value of the profile that has no use."""
    for key, value in profile.settings.items():
        try:
            resolve(("profile", {key: value}))
        except SettingsRefused as error:
            raise SettingsRefused(
                f"{profile.path}, profile {profile.name}, {key}: {error}"
            ) from None


def _check_same_place(
    profile: Profile, given: Mapping[str, Any], logged: Mapping[str, Any]
) -> None:
    """Raise SettingsRefused when a profile was typed that leads elsewhere than the log.

    The log's base URL would win, and get the key of the profile.
    """
    base_url = profile.settings.get("base_url")
    if base_url is None or given.get("base_url") or logged.get("sandbox"):
        return
    if check_base_url(base_url) != logged["base_url"]:
        raise SettingsRefused(
            f"The log was made for {logged['base_url']}, and the profile {profile.name} is of "
            f"{base_url}. Nothing was sent; use another profile, or send the rest to that one with "
            f"--base-url {base_url}"
        )


def _ref_id(
    given_name: str,
    given: str | None,
    environment: str | None,
    profile: Profile | None,
    logged: str | None,
) -> tuple[str | None, str]:
    """Return the ref ID and where it comes from."""
    if given:
        return given, given_name
    if environment:
        return environment, "environment (BULKSTATUS_REF_ID)"
    if profile is not None and profile.ref_id:
        return profile.ref_id, f"profile {profile.name}"
    return (logged, "result log") if logged else (None, "default")


def _account_mismatch(profile: Profile, environment: str | None) -> SettingsRefused | None:
    """Return the refusal where a profile that somebody named is not of the environment's account.

    One of the two is a slip, and the wrong one would send to the wrong account.
    """
    if not environment or profile.ref_id in {None, environment}:
        return None
    return SettingsRefused(
        f"The profile {profile.name} is of the account {profile.ref_id}, and BULKSTATUS_REF_ID "
        f"says {environment}. Nothing was sent; name the profile of that account with --profile, "
        "or take BULKSTATUS_REF_ID and BULKSTATUS_API_KEY out of the environment."
    )
