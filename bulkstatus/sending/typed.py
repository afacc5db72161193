"""Settings as they are typed: the options of the command line that give them."""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from bulkstatus.config import DEFAULTS, Settings, resolve
from bulkstatus.source import Source
from bulkstatus.wording import command_line

#: The settings that say how a file is read, all of them options of `check`.
OF_INPUT = (
    "format",
    "status",
    "column",
    "no_header",
    "encoding",
    "sheet",
    "require_tracking",
    "on_conflict",
)

# The question says where a run sends to, and the account is the log's.
_TOLD_OTHERWISE = {"profile", "base_url", "sandbox"}


def typed_options(settings: Settings, names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the words of each option by which those of the settings `names` are typed that are
    not as they are by default, such as ("--rate", "none").
    """
    values = settings.values
    place = {name: values[name] for name in ("base_url", "sandbox")}
    defaults = resolve(("option", place)).values
    for name in names:
        option, value = f"--{name.replace('_', '-')}", values[name]
        if value == defaults[name]:
            continue
        if isinstance(value, bool):
            yield (option,)
        elif isinstance(value, dict):
            yield from ((option, f"{field}={header}") for field, header in value.items())
        elif isinstance(value, list):
            yield from ((option, str(item)) for item in value or ["none"])
        else:
            yield option, str(value)


def options_of_log(settings: Settings) -> list[tuple[str, ...]]:
    """Return the options that a resumed run takes over from its log, those by default left out."""
    return _options_from(settings, {"result log"})


def send_command(source: Source, settings: Settings, *more: str) -> str:
    """Return the command that sends the input of a resume by itself, as it was read there."""
    options = list(chain.from_iterable(_options_from(settings, {"option", "result log"})))
    if settings.origins.get("base_url") == "option" and "--base-url" not in more:
        options += ["--base-url", settings.base_url]
    return command_line("bulkstatus", "send", source.path or "INPUT", *options, *more)


def _options_from(settings: Settings, origins: Collection[str]) -> list[tuple[str, ...]]:
    names = [
        name
        for name in DEFAULTS
        if name not in _TOLD_OTHERWISE and settings.origins.get(name) in origins
    ]
    return list(typed_options(settings, names))
