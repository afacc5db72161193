"""The options that several commands share: those of the settings' table, and those of one run."""

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.table import OF_ONE_RUN, SETTINGS, Group, Setting, names_of
from bulkstatus.settings.values import FILE, FLAG, HEADERS, NAME, QUOTAS, STATUS, WORDS, whole

_F = TypeVar("_F", bound=Callable[..., Any])

PORT = whole(0, 65535)


def _complete_status(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from bulkstatus.order import OrderStatus

    names = (status.name.lower().replace("_", "-") for status in OrderStatus)
    return [name for name in names if name.startswith(incomplete.lower())]


def _split(
    ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str] | None:
    """Return what was given as NAME=VALUE, or None when nothing was."""
    found: dict[str, str] = {}
    for pair in pairs:
        # A word of a file's own may hold the sign, a status cannot.
        halves = pair.partition("=") if param.name == "column" else pair.rpartition("=")
        name, equals, value = halves
        if not equals:
            raise click.BadParameter(f'"{pair}" is not of the form {param.metavar}.', ctx, param)
        if param.name == "column":
            name = name.lower().replace("-", "_")
        if found.setdefault(name.strip(), value) != value:
            says = f'"{name.strip()}" is said to be two things. Leave one of them.'
            raise click.BadParameter(says, ctx, param)
    return found or None


def refuse_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse the name of a file that is there, for an option that may go without a value.

    The next word on the line is its value, also where that was meant for the command.
    """
    if value and Path(value).is_file():
        option = param.opts[0]
        raise SettingsRefused(
            f"{option} {value} is there already. Choose another name; where the command is about "
            f"that file, name it before {option}."
        )
    return value


# What click has to know of the options of some kinds.
_KINDS: dict[Any, dict[str, Any]] = {
    FLAG: {"is_flag": True},
    FILE: {"type": click.Path()},
    HEADERS: {"multiple": True, "callback": _split},
    WORDS: {"multiple": True, "callback": _split},
    STATUS: {"shell_complete": _complete_status},
    NAME: {"is_flag": False, "flag_value": "", "callback": refuse_file},
    QUOTAS: {"multiple": True, "callback": lambda ctx, param, texts: list(texts) or None},
}


def option(setting: Setting) -> Callable[[_F], _F]:
    """Return the option of a setting.

    One of the table that is not given is None, so that the log, the environment or the default
    can decide; the value of any other is read at once.
    """
    kind, default = setting.kind, setting.shown_default
    if default is None and setting.default and kind is not FLAG:
        default = str(setting.default)
    more = dict(_KINDS.get(kind, {}))
    if kind.choices:
        more["type"] = click.Choice(kind.choices)
    elif kind.types == (int,):
        more["type"] = int
    if setting.name not in SETTINGS:
        more["callback"] = lambda ctx, param, value: setting.once(value)
    return click.option(
        setting.option,
        default=None,
        metavar=kind.metavar,
        help=setting.help + (f"  [default: {default}]" if default else ""),
        **more,
    )


# What holds for this run alone, beside OF_ONE_RUN: for the command line alone.
_THIS_RUN = (
    click.option("--yes", is_flag=True, help="Do not ask before sending."),
    click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object."),
    click.option("--quiet", is_flag=True, help="Say nothing but errors."),
)


def options_of(*groups: Group) -> Callable[[_F], _F]:
    """Return what adds the options of the settings of `groups`, and with "run" all of one run."""
    options = [option(SETTINGS[name]) for group in groups for name in names_of(group)]
    if "run" in groups:
        options += [*map(option, OF_ONE_RUN.values()), *_THIS_RUN]
    return lambda function: reduce(lambda done, add: add(done), reversed(options), function)


def given_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings among the options that were typed."""
    return {name: value for name, value in options.items() if name in SETTINGS}
