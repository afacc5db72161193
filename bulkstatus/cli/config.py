"""`bulkstatus config`: what is in force and where it comes from."""

from typing import TYPE_CHECKING, Any

import click

from bulkstatus.cli.options import given_settings, options_of

if TYPE_CHECKING:
    from bulkstatus.settings.table import Settings


@click.command("config")
@options_of("input", "sending", "trust", "profile")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(as_json: bool, **options: Any) -> None:
    """Show the settings in force and where each comes from.

    The API key itself is never shown. An option wins over the environment, the environment over
    the profile, the profile over the default. The settings file holds profiles such as:

    \b
      [profile.default]
      ref_id = "12345"
      api_key_file = "api-key"
      rate = "5/s"

    \b
    Examples:
      bulkstatus config
      bulkstatus config --profile staging --json
    """
    import orjson

    from bulkstatus.cli.output import print_json
    from bulkstatus.errors import SettingsRefused
    from bulkstatus.settings.sources import config_path, settings_for
    from bulkstatus.terminal import tell
    from bulkstatus.words import printable

    settings = settings_for(given_settings(options))
    entries = {name: (value, settings.origins[name]) for name, value in settings.values.items()}
    refusal = None
    for name, find in (("api_key", _api_key), ("proxy", _proxy)):
        try:
            entries[name] = find(settings)
        except SettingsRefused as error:
            entries[name], refusal = (None, "cannot be used"), error
    path = config_path()
    if as_json:
        told = {name: {"value": value, "from": origin} for name, (value, origin) in entries.items()}
        file = None if path is None else str(path)
        print_json({"file": file, "profile": settings.profile, "settings": told})
    else:
        # Values stand as they would in the file.
        texts = {name: orjson.dumps(value).decode() for name, (value, _) in entries.items()}
        width = min(60, max(map(len, texts.values())))
        lines = [f"{name:16}  {texts[name]:{width}}  {entries[name][1]}" for name in entries]
        there_is_one = path is not None and path.exists()
        head = f"Settings file     {path or ''}{'' if there_is_one else ' (there is none)'}"
        tell("\n".join(map(printable, (head, "", *lines))), whole=True)
    if refusal is not None:
        raise refusal


def _api_key(settings: "Settings") -> tuple[str | None, str]:
    from bulkstatus.settings.keys import find_key

    key = find_key(settings)
    return (None, "asked for") if key is None else ("(hidden)", key.origin)


def _proxy(settings: "Settings") -> tuple[str | None, str]:
    from bulkstatus.api.access import find_proxy

    proxy = find_proxy(settings.base_url)
    return (None, "default") if proxy is None else (proxy.shown, proxy.origin)
