"""The settings of a run: which there are, their defaults, and what their values mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bulkstatus.config.address import check_base_url
from bulkstatus.config.profile import Profile
from bulkstatus.credentials import AUTH_SCHEMES
from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus, parse_status, unknown_status
from bulkstatus.pace.rate import Rate, parse_quota, parse_rate
from bulkstatus.source.options import InputOptions

#: The vendor's own host (the API's page).
DEFAULT_BASE_URL = "https://api-sl-2-2.custom-gateway.net"

# The limits that the vendor documents for an account, and its hosts, on which they hold.
_VENDOR_DOMAINS = (".custom-gateway.net", ".kornitx.net")
_VENDOR_QUOTAS = ["1000/h", "10000/d"]

#: The settings that a run is started with and that `resume` goes on with, with their defaults.
DEFAULTS: dict[str, Any] = {
    "profile": None,
    "base_url": DEFAULT_BASE_URL,
    "auth_scheme": "plain",
    "ca_file": None,
    "rate": "10/s",
    "quota": None,
    "concurrency": 16,
    "attempts": 5,
    "timeout": 30.0,
    "give_up_after": "15m",
    "skip_invalid": False,
    "on_conflict": "refuse",
    "format": None,
    "status": None,
    "column": {},
    "no_header": False,
    "encoding": None,
    "sheet": None,
    "require_tracking": False,
    "sandbox": False,
}


@dataclass(frozen=True)
class Settings:
    """The settings in force, parsed; times are in seconds.

    `values` holds them as they were given, for the log, and `origins` says where each came from.
    `profile` and `ref_id` are what the account's credentials are looked up by.
    """

    base_url: str
    auth_scheme: str
    ca_file: Path | None
    rate: Rate | None
    quotas: tuple[Rate, ...]
    concurrency: int
    attempts: int
    timeout: float
    give_up_after: float
    skip_invalid: bool
    last_wins: bool
    input: InputOptions
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    profile: Profile | None = None
    ref_id: str | None = None


def resolve(*layers: tuple[str, Mapping[str, Any]]) -> Settings:
    """Return the settings from layers of (name, values), the first that has a value winning.

    A value of None is none. Raises SettingsRefused for a value that cannot be used.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in DEFAULTS:
        for origin, layer in (*layers, ("default", DEFAULTS)):
            if layer.get(name) is not None or origin == "default":
                values[name], origins[name] = layer.get(name), origin
                break
    base_url = check_base_url(values["base_url"])
    if values["quota"] is None:
        on_vendor = (urlsplit(base_url).hostname or "").endswith(_VENDOR_DOMAINS)
        values["quota"] = _VENDOR_QUOTAS if on_vendor and not values["sandbox"] else []
    values["base_url"] = base_url
    if values["ca_file"] is not None:
        # The log may be resumed from another folder.
        values["ca_file"] = str(Path(values["ca_file"]).absolute())
    return Settings(
        base_url=base_url,
        auth_scheme=_one_of("auth-scheme", values["auth_scheme"], AUTH_SCHEMES),
        ca_file=Path(values["ca_file"]) if values["ca_file"] else None,
        rate=parse_rate(str(values["rate"])),
        quotas=tuple(quota for text in values["quota"] if (quota := parse_quota(str(text)))),
        concurrency=_at_least_one("concurrency", values["concurrency"]),
        attempts=_at_least_one("attempts", values["attempts"]),
        timeout=parse_seconds("timeout", str(values["timeout"])),
        give_up_after=parse_seconds("give-up-after", str(values["give_up_after"])),
        skip_invalid=bool(values["skip_invalid"]),
        last_wins=_one_of("on-conflict", values["on_conflict"], ("refuse", "last")) == "last",
        input=InputOptions(
            format=values["format"],
            default_status=_status(values["status"]),
            columns=values["column"],
            no_header=bool(values["no_header"]),
            encoding=values["encoding"],
            require_tracking=bool(values["require_tracking"]),
            sheet=values["sheet"],
        ),
        values=values,
        origins=origins,
    )


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_seconds(option: str, text: str) -> float:
    """Return the seconds that "90", "90s", "15m" or "2h" stand for; raise SettingsRefused."""
    text = text.strip().lower()
    number = text.rstrip("smh")
    try:
        seconds = float(number) * _UNITS[text[len(number) :]]
    except (ValueError, KeyError):
        seconds = 0.0
    if not 0 < seconds <= 1e6:
        raise SettingsRefused(
            f'--{option} "{text}" is not a time. Write it like 30 (seconds), 90s, 15m or 2h.'
        )
    return seconds


def _status(text: str | None) -> OrderStatus | None:
    if text is None:
        return None
    status = parse_status(str(text))
    if status is None:
        raise SettingsRefused(f"--status: {unknown_status(str(text))}")
    return status


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingsRefused(f'--{option} is one of {", ".join(allowed)}, not "{value}".')
    return value


def _at_least_one(option: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000:
        raise SettingsRefused(f"--{option} is a whole number from 1 to 10000, not {value!r}.")
    return value
