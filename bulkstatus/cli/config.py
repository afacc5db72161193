"""`bulkstatus config`."""

from typing import Any

import click

from bulkstatus.cli.options import setting_options


@click.command("config")
@setting_options
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
    from bulkstatus.cli.in_force import show_config

    show_config(options, as_json)
