"""`bulkstatus config init`: asks for account, key and base URL, and writes them into a profile."""

import os
from pathlib import Path

from bulkstatus.api.access import Credentials
from bulkstatus.cli.question import answer, confirm, is_terminal
from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.keys import keyring, write_key_file, write_keyring
from bulkstatus.settings.profiles import add_profile, config_path, read_profiles
from bulkstatus.settings.table import SETTINGS, VARIABLES
from bulkstatus.settings.values import normal_base_url
from bulkstatus.terminal import say, tell
from bulkstatus.words import command_line, printable

_ABOUT = """\
This adds the profile "{name}" to {path}.

The ref ID names your account at the platform, and the API key goes with it: they are what the \
platform's pages write as REFID:APIKEY. Those pages do not say where the two are found; whoever \
set the account up, or the platform's support, has them. An order's number or reference is not \
a ref ID.
"""

_KEYRING = """\
The key can be kept in the system's keyring, or in a file that only you can read: that is for
runs while nobody is logged in, such as cron's. In the keyring?"""

_UNTRIED = """\
The key was not tried: the API has no call that changes no order. A wrong one stops the first run \
at its first request, and `bulkstatus send FILE --limit 1` sends one order alone."""


def init(name: str) -> None:
    """Ask and write the profile `name`; raise SettingsRefused where that cannot be done."""
    path = config_path()
    if path is None:
        raise SettingsRefused("This user has no home: name a folder in BULKSTATUS_CONFIG_DIR.")
    if name in read_profiles(path):
        raise SettingsRefused(
            f'There is a profile "{printable(name, 40)}" in {path}, and nothing in it was changed. '
            "Edit it there, or give the new one another name:\n"
            "  bulkstatus config init --profile NAME"
        )
    if not is_terminal():
        raise SettingsRefused(
            "`config init` asks questions, and there is no terminal to ask on. Set "
            "BULKSTATUS_REF_ID and BULKSTATUS_API_KEY in the environment, or write into "
            f"{path} (the key into a file of its own, beside it, that only you can read):\n"
            f'  [profile.{name}]\n  ref_id = "12345"\n  api_key_file = "api-key"'
        )
    say(_ABOUT.format(name=printable(name), path=path))
    ref_id = answer("Ref ID", lambda typed: _pair(typed, "key")).ref_id
    key = answer("API key (not shown)", lambda typed: _pair(ref_id, typed), True).api_key
    default = SETTINGS["base_url"].default
    url = answer(f"Base URL [{default}]", lambda typed: normal_base_url(typed or default))
    in_keyring = keyring(1) is not None and confirm(_KEYRING, True)
    kept = _write(path, name, ref_id, key, url, in_keyring)
    tell(f'The profile "{name}" is in {path}, the key {kept}.')
    if name != "default":
        tell(f"Use it with {command_line('--profile', name)} or BULKSTATUS_PROFILE.")
    variables = {"api_key": "BULKSTATUS_API_KEY", **VARIABLES, "profile": ""}.values()
    if winning := [name for name in variables if os.environ.get(name)]:
        tell(f"The environment still wins over it: it has {' and '.join(winning)}.")
    tell(_UNTRIED)


def _write(path: Path, name: str, ref_id: str, key: str, url: str, in_keyring: bool) -> str:
    """Keep the key and add the profile; return where the key is."""
    values = {"ref_id": ref_id, "base_url": url}
    if in_keyring:
        write_keyring(ref_id, key)
        add_profile(path, name, values)
        return f"in the system's keyring (bulkstatus, {ref_id})"
    file = write_key_file(path.parent, key)
    try:
        add_profile(path, name, {**values, "api_key_file": file.name})
    except BaseException:
        file.unlink()
        raise
    readers = "you alone" if os.name == "posix" else "whoever can read that folder"
    return f"in {file}, which can be read by {readers}"


def _pair(ref_id: str, key: str) -> Credentials:
    credentials = Credentials(ref_id, key)
    credentials.check()
    return credentials
