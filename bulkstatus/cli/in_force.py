"""What `config` does: find out what is in force and where it comes from, and show it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import click

from bulkstatus.cli.execute import given_settings
from bulkstatus.config import Settings, config_path, find_account, settings_from
from bulkstatus.errors import SettingsRefused
from bulkstatus.proxy import find_proxy
from bulkstatus.text import printable

_HIDDEN = "(hidden)"


class _Entry(NamedTuple):
    """A setting's value as JSON has it, and its origin."""

    value: Any
    origin: str


def show_config(options: Mapping[str, Any], as_json: bool) -> None:
    """Print what is in force; raise SettingsRefused after that if a part of it cannot be used."""
    refusals: list[SettingsRefused] = []
    settings = settings_from(given_settings(options), on_mismatch=refusals.append)
    path = config_path()

    def tried(find: Callable[[Settings], _Entry]) -> _Entry:
        try:
            return find(settings)
        except SettingsRefused as error:
            refusals.append(error)
            return _Entry(None, "cannot be used")

    entries = {
        "ref_id": _Entry(settings.ref_id, settings.origins["ref_id"]),
        "api_key": tried(_api_key),
        **{
            name: _Entry(value, settings.origins[name])
            for name, value in settings.values.items()
            if name not in {"profile", "sandbox"}
        },
        "proxy": tried(_proxy),
    }
    profile = settings.profile.name if settings.profile else None
    if as_json:
        import orjson

        record = {
            "file": str(path),
            "profile": profile,
            "settings": {
                name: {"value": value, "from": origin} for name, (value, origin) in entries.items()
            },
        }
        click.echo(orjson.dumps(record).decode())
    else:
        click.echo(f"Settings file  {path}{'' if path.exists() else ' (there is none)'}")
        click.echo(f"Profile        {profile or '(none)'}\n")
        _show_table(entries)
    if refusals:
        raise refusals[0]


def _api_key(settings: Settings) -> _Entry:
    key = find_account(settings).api_key
    return _Entry(None, "asked for") if key is None else _Entry(_HIDDEN, key.origin)


def _proxy(settings: Settings) -> _Entry:
    proxy = find_proxy(settings.base_url)
    return _Entry(None, "default") if proxy is None else _Entry(proxy.shown, proxy.origin)


def _show_table(entries: Mapping[str, _Entry]) -> None:
    shown = {name: _written(value) for name, (value, _) in entries.items()}
    names = max(map(len, shown))
    values = min(60, max(map(len, shown.values())))
    for name, (_, origin) in entries.items():
        click.echo(f"{name:{names}}  {shown[name]:{values}}  {printable(origin)}")


def _written(value: object) -> str:
    """Return a value as a person writes it."""
    if value is None or value in ({}, []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(printable(str(item)) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{field}={printable(str(header))}" for field, header in value.items())
    return printable(str(value))
