"""`bulkstatus config`: what is in force and where it comes from, and `config init`."""

from typing import Any

import click

from bulkstatus.cli.options import given_settings, options_of
from bulkstatus.settings.table import Settings


@click.command("config")
@click.argument("init", metavar="[init]", type=click.Choice(["init"]), required=False)
@options_of("input", "sending", "trust", "profile")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def config(init: str | None, as_json: bool, **options: Any) -> None:
    """Show the settings in force and where each comes from.

    The API key itself is never shown. An option wins over the environment, the environment over
    the profile, the profile over the default. `config init` asks for account and key and writes
    them into a profile of the settings file, which holds such as:

    \b
      [profile.default]
      ref_id = "12345"
      api_key_file = "api-key"
      rate = "5/s"

    \b
    Examples:
      bulkstatus config
      bulkstatus config --profile staging --json
      bulkstatus config init --profile staging
    """
    import orjson

    from bulkstatus.cli.output import print_json
    from bulkstatus.errors import BulkstatusError, LedgerLost, SettingsRefused
    from bulkstatus.settings.profiles import config_path
    from bulkstatus.settings.sources import settings_for
    from bulkstatus.terminal import tell
    from bulkstatus.words import printable

    if init:
        from bulkstatus.cli.init import init as ask_and_write

        given = [name for name, value in options.items() if value is not None]
        if as_json or given not in ([], ["profile"]):
            raise click.UsageError("`config init` takes --profile alone, and asks for the rest.")
        ask_and_write(options["profile"] or "default")
        return
    settings = settings_for(given_settings(options))
    entries = {name: (value, settings.origins[name]) for name, value in settings.values.items()}
    refusal: BulkstatusError | None = None
    for name, find in (("api_key", _api_key), ("proxy", _proxy)):
        try:
            entries[name] = find(settings)
        except SettingsRefused as error:
            entries[name], refusal = (None, "cannot be used"), error
    used: list[dict[str, Any]] = []
    try:
        used = _used(settings)
    except (SettingsRefused, LedgerLost) as error:
        refusal = error
    path = config_path()
    if as_json:
        told = {name: {"value": value, "from": origin} for name, (value, origin) in entries.items()}
        file = path and str(path)
        print_json({"file": file, "profile": settings.profile, "settings": told, "quotas": used})
    else:
        # Values stand as they would in the file.
        texts = {name: orjson.dumps(value).decode() for name, (value, _) in entries.items()}
        width = min(60, max(map(len, texts.values())))
        lines = [f"{name:16}  {texts[name]:{width}}  {entries[name][1]}" for name in entries]
        is_none = "" if path and path.exists() else " (there is none)"
        tell(map(printable, (f"Settings file     {path or ''}{is_none}", "", *lines)))
        tell(["", *(_told(**one) for one in used)] if used else [])
    if refusal is not None:
        raise refusal


def _api_key(settings: Settings) -> tuple[str | None, str]:
    from bulkstatus.settings.keys import find_key

    found = find_key(settings)
    return ("(hidden)", found[1]) if found else (None, "asked for")


def _proxy(settings: Settings) -> tuple[str | None, str]:
    from bulkstatus.api.access import find_proxy

    proxy = find_proxy(settings.base_url)
    return (proxy.shown, proxy.origin) if proxy else (None, "default")


def _used(settings: Settings) -> list[dict[str, Any]]:
    """Return what all runs of the account on this machine have used of each quota.

    `next_free_in` and `all_free_in` are seconds, None where nothing is used.
    """
    from bulkstatus.job.connection import quotas_of

    if settings.ref_id is None:
        return []
    with quotas_of(settings, (settings.base_url, settings.ref_id)) as quotas:
        places = quotas.coming_free() if quotas else []
    return [
        {
            "quota": str(quota),
            "used": len(held),
            # Where the quota was larger before, more than the first have to come free.
            "next_free_in": held[max(0, len(held) - quota.count)] if held else None,
            "all_free_in": held[-1] if held else None,
        }
        for quota, held in places
    ]


def _told(quota: str, used: int, next_free_in: float, all_free_in: float) -> str:
    import time

    from bulkstatus.words import clock_time

    if not used:
        return f"Nothing is used of the quota of {quota}."
    now = time.time()
    first, last = (clock_time(now + seconds, now) for seconds in (next_free_in, all_free_in))
    return (
        f"Of the quota of {quota} the account's runs on this machine have used {used:,}. "
        f"The next of them comes free at {first}, the last at {last}."
    )
