"""The options that several commands share: those of the settings' table, and those of one run."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from bulkstatus.settings.table import OF_ONE_RUN, SETTINGS, Group, Setting, names_of
from bulkstatus.settings.values import FILE, FLAG, HEADERS, NAME, QUOTAS, WORDS

_F = TypeVar("_F", bound=Callable[..., Any])
_Callback = Callable[[click.Context, click.Parameter, Any], Any]


def reading(setting: Setting) -> _Callback:
    """Return the callback of an option whose values are those of a setting."""
    return lambda ctx, param, value: setting.default if value is None else setting.read(value)[1]


def _complete_status(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from bulkstatus.order import OrderStatus

    names = (status.name.lower().replace("_", "-") for status in OrderStatus)
    return [name for name in names if name.startswith(incomplete.lower())]


def _split_columns(
    ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str] | None:
    """Return `--column` as field → header, or None when it was not given."""
    found = _split(ctx, param, pairs)
    return found and {name.lower().replace("-", "_"): header for name, header in found.items()}


def _split(
    ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str] | None:
    """Return what was given as NAME=VALUE, or None when nothing was."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f'"{pair}" is not of the form {param.metavar}.', ctx, param)
        found[name.strip()] = value
    return found or None


# What click has to know of the options of some kinds.
_KINDS: dict[Any, dict[str, Any]] = {
    FLAG: {"is_flag": True},
    FILE: {"type": click.Path()},
    HEADERS: {"multiple": True, "callback": _split_columns},
    WORDS: {"multiple": True, "callback": _split},
    NAME: {"is_flag": False, "flag_value": ""},
    QUOTAS: {"multiple": True, "callback": lambda ctx, param, texts: list(texts) or None},
}


def _option(setting: Setting) -> Callable[[_F], _F]:
    """Return the option of a setting.

    One that is not given is None, so that the log, the environment or the default can decide.
    """
    default = setting.shown_default
    if default is None and setting.default and setting.kind is not FLAG:
        default = str(setting.default)
    more: dict[str, Any] = {"type": click.Choice(setting.choices)} if setting.choices else {}
    if setting.kind.types == (int,):
        more["type"] = int
    if setting.name in OF_ONE_RUN:
        more["callback"] = reading(setting)
    return click.option(
        setting.option,
        default=None,
        metavar=None if setting.choices else setting.kind.metavar,
        shell_complete=_complete_status if setting.name == "status" else None,
        help=setting.help + (f"  [default: {default}]" if default else ""),
        **_KINDS.get(setting.kind, {}),
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

    def add(function: _F) -> _F:
        settings = [SETTINGS[name] for group in groups for name in names_of(group)]
        settings += OF_ONE_RUN.values() if "run" in groups else ()
        of_run = _THIS_RUN if "run" in groups else ()
        for option in reversed([*map(_option, settings), *of_run]):
            function = option(function)
        return function

    return add


def given_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings among the options that were typed."""
    return {name: value for name, value in options.items() if name in SETTINGS}
