"""The table of settings. A setting is declared here once, as a field of `Settings`.

From it are made the options and their help (`cli/options.py`), what a profile may hold, what a
log keeps and may give back, and what the library's arguments may be (their static types stand
with the functions that take them). What is about one run alone, such as `--limit`, is no setting,
but for `sandbox`, which a log remembers.
"""

# ruff: noqa: RUF009 - `_in` makes fields
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bulkstatus.errors import SettingsRefused
from bulkstatus.settings.values import (
    CODES,
    DAYS,
    FILE,
    FLAG,
    HEADERS,
    NAME,
    NUMBER,
    QUOTAS,
    RATE,
    SHARD,
    STATUS,
    TEXT,
    TIME,
    URL,
    WORDS,
    Kind,
    one_of,
    whole,
)
from bulkstatus.words import printable

if TYPE_CHECKING:
    from bulkstatus.order import OrderStatus
    from bulkstatus.pace.rate import Rate
    from bulkstatus.shard import Shard
    from bulkstatus.source.options import InputOptions

_VENDOR_DOMAINS = (".custom-gateway.net", ".kornitx.net")

#: Where a setting may stand: "sending" as an option of the commands that send, in a profile and in
#: a log; "trust" likewise, but never in a log; "input" as an option of the commands that read one,
#: in a profile and in a log; "layout" and "profile" as an option alone, "run" as one of the
#: commands that send and in a log; "account" in a profile alone, or the environment; "once" is no
#: setting, but read like one: it is about one run, and nothing remembers it.
Group = Literal["sending", "trust", "input", "layout", "profile", "run", "account", "once"]


#: Where a setting comes from that somebody gave just now.
TYPED = frozenset({"option", "argument"})


@dataclass(frozen=True)
class Setting:
    """A setting: what its values may be, its default and help, and where it may stand.

    `shown_default` is what the help calls the default, if not the value itself.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    group: Group = "once"
    shown_default: str | None = None

    @property
    def option(self) -> str:
        """The option that gives it, such as "--give-up-after"."""
        return f"--{self.name.replace('_', '-')}"

    def read(self, value: object, name: str | None = None) -> tuple[Any, Any]:
        """Return a value as it is kept, in the types of JSON, and as it is used.

        Raises SettingsRefused, in a sentence that calls the setting `name`, or as its option, for
        one that has no use.
        """
        kept = _plain(value)
        try:
            # In Python true and false are whole numbers, in TOML and JSON they are not.
            if not isinstance(kept, self.kind.types) or isinstance(kept, bool) != (
                self.kind is FLAG
            ):
                raise ValueError
            used = self.kind.parse(kept)
        except ValueError:
            given = ", ".join(map(str, kept)) if isinstance(kept, list) else str(kept)
            raise SettingsRefused(
                f'{name or self.option} must be {self.kind.called}, not "{printable(given, 40)}".'
            ) from None
        if self.kind is QUOTAS and isinstance(kept, str):
            kept = [kept]
        # Text that is parsed into text is so in its one spelling.
        return (used if isinstance(used, str) else kept), used

    def once(self, value: object, name: str | None = None) -> Any:
        """Return a value as it is used, the default for None; raise SettingsRefused as `read`."""
        given = self.default if value is None else value
        return None if given is None else self.read(given, name)[1]


def _plain(value: object) -> Any:
    """Return a value that a program gave in the types that TOML and JSON have."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _in(group: Group) -> Callable[..., Any]:
    """Return what makes the fields of the settings of a group."""

    def setting(kind: Kind, default: Any, help: str, shown_default: str | None = None) -> Any:  # noqa: A002
        return field(metadata={"row": (kind, default, help, group, shown_default)})

    return setting


_sending, _trust, _input = _in("sending"), _in("trust"), _in("input")
_run, _account = _in("run"), _in("account")


@dataclass(frozen=True)
class Settings:
    """The settings in force, as they are used; times are in seconds.

    `values` holds them as they were given, by name, and `origins` says where each came from:
    "option" or "argument", "result log", "environment", "profile NAME" or "default", or from what
    was answered about a file: "answer", or "layout NAME" where it was kept.
    """

    base_url: str = _trust(
        URL,
        "https://api-sl-2-2.custom-gateway.net",
        "Where the API is; also BULKSTATUS_BASE_URL.",
        shown_default="the vendor's own",
    )
    rate: "Rate | None" = _sending(
        RATE,
        "10/s",
        "At most so many requests a second (s), minute (m) or hour (h), by one run; none lifts it.",
    )
    quota: "tuple[Rate, ...]" = _sending(
        QUOTAS,
        None,
        "At most so many requests in any minute (m), hour (h) or day (d), over all runs of the "
        "account on this machine; may be repeated; none lifts it.",
        shown_default="1000/h and 10000/d on the vendor's hosts, elsewhere none",
    )
    concurrency: int = _sending(NUMBER, 16, "Requests under way at once.")
    attempts: int = _sending(NUMBER, 5, "Tries for one row.")
    timeout: float = _sending(TIME, "30s", "How long one request may take.")
    give_up_after: float = _sending(
        TIME, "15m", "How long to wait for an API that cannot be reached: 90s, 15m, 2h."
    )
    skip_invalid: bool = _sending(
        FLAG, False, "Send the valid rows of a file, and log the others as invalid."
    )
    look_back: float = _sending(
        DAYS,
        30,
        "How many days back the logs beside this one count: what they have updated is not sent "
        "again.",
    )
    auth_scheme: str = _trust(
        one_of("plain", "base64"), "plain", "How the credentials are written in the header."
    )
    ca_file: Path | None = _trust(
        FILE, None, "A PEM file of certificate authorities to trust besides the usual ones."
    )
    format: str | None = _input(
        one_of("csv", "tsv", "txt", "jsonl", "xlsx"),
        None,
        "How to read the input file; by default its extension says.",
    )
    status: "OrderStatus | None" = _input(
        STATUS, None, "Status of the rows that have none: 128 or cancelled."
    )
    column: Mapping[str, str] = _input(
        HEADERS,
        {},
        "The header of order_id, status, tracking, or of what says that a row is void, where it is "
        "not certain; `--column tracking=` says that the file has none. May be repeated.",
    )
    word: "Mapping[str, OrderStatus]" = _input(
        WORDS, {}, "What a word of the file's own means as a status: Shipped=8. May be repeated."
    )
    save_layout: str | None = _in("layout")(
        NAME,
        None,
        "Keep what --column, --status, --word and --sheet say for the next file with these "
        "columns; a name is made of the file's where none is given.",
    )
    no_header: bool = _input(FLAG, False, "No header: the columns are order id, status, tracking.")
    encoding: str | None = _input(TEXT, None, "The file's encoding, where it is not found.")
    sheet: str | None = _input(TEXT, None, "The sheet of a spreadsheet file to read.")
    require_tracking: bool = _input(
        FLAG, False, "Refuse rows with a shipping status and no tracking number."
    )
    odd_ids: bool = _input(
        FLAG, False, "Send also numbers that are far shorter than the other order IDs."
    )
    on_conflict: str = _input(
        one_of("refuse", "last"),
        "refuse",
        "What to do with different tracking numbers for one order and status: refuse the file, or "
        "let the last row count.",
    )
    profile: str | None = _in("profile")(
        TEXT,
        None,
        "The profile of the settings file to use; also BULKSTATUS_PROFILE.",
        shown_default='"default", where there is one',
    )
    sandbox: bool = _run(
        FLAG,
        False,
        "Rehearse: send to a stand-in of the API inside this program. Needs no credentials.",
    )
    send_again: bool = _run(
        FLAG, False, "Send also the rows that a log beside this one has updated."
    )
    shard: "Shard | None" = _run(
        SHARD,
        None,
        "Send part I of N only, with a log of its own: the orders are divided by their IDs, and "
        "every part checks the whole file.",
    )
    ref_id: str | None = _account(TEXT, None, "The account.")
    api_key_file: Path | None = _account(FILE, None, "The file that holds its key.")
    limit_codes: "frozenset[int | str]" = _account(
        CODES, [], "The error codes by which the API says that a limit is reached."
    )
    values: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def input(self) -> "InputOptions":
        """How to read the input."""
        from bulkstatus.settings.profiles import config_path
        from bulkstatus.source.layouts import Layouts
        from bulkstatus.source.options import InputOptions

        settings = config_path()
        layouts = Layouts(settings and settings.with_name("layouts.json"))
        given = {f.name: getattr(self, f.name) for f in fields(InputOptions) if f.name in SETTINGS}
        return InputOptions(**given, layouts=layouts)

    def answered(self, options: "InputOptions", saved: str | None) -> "Settings":
        """Return the settings with what `options` say besides: what somebody answered, or the
        layout called `saved`.
        """
        origin = "answer" if saved is None else f"layout {saved}"
        answers = {name: value for name, value in vars(options).items() if name in SETTINGS}
        new = {name: value for name, value in answers.items() if value != getattr(self, name)}
        origins = {**self.origins, **dict.fromkeys(new, origin)}
        return replace(self, **new, values={**self.values, **_plain(new)}, origins=origins)

    @property
    def last_wins(self) -> bool:
        """Whether of different tracking numbers for one order and status the last one counts."""
        return self.on_conflict == "last"

    @property
    def logged(self) -> dict[str, Any]:
        """The values that a log keeps, for `settings_for` to take back."""
        return {name: self.values[name] for name in names_of(*LOGGED)}

    @property
    def not_logged(self) -> list[str]:
        """The words of the options that were typed and that no log keeps: a next command needs
        them again.
        """
        return not_logged({n: self.values[n] for n, o in self.origins.items() if o in TYPED})

    def typed(self, names: Iterable[str]) -> Iterator[tuple[str, ...]]:
        """Yield the words of each option by which those of the settings `names` are typed that
        are not as they are by default, such as ("--rate", "none").
        """
        for name in names:
            option, value = SETTINGS[name].option, self.values[name]
            default = SETTINGS[name].default
            if name == "quota":
                default = default_quotas(self.base_url, self.sandbox)
            if value == default:
                continue
            if isinstance(value, bool):
                yield (option,)
            elif isinstance(value, dict):
                yield from ((option, f"{field}={header}") for field, header in value.items())
            else:
                texts = (value or ["none"]) if isinstance(value, list) else [value]
                yield from ((option, str(text)) for text in texts)


def not_logged(given: Mapping[str, Any]) -> list[str]:
    """Return the words of those of the settings `given` that no log keeps."""
    typed = [name for name in names_of("trust", "profile") if given.get(name) is not None]
    return [word for name in typed for word in (SETTINGS[name].option, str(given[name]))]


def default_quotas(base_url: str, sandbox: bool) -> list[str]:
    """Return the quotas that hold where none are given: the vendor's hosts have documented ones."""
    from urllib.parse import urlsplit

    is_vendors = (urlsplit(base_url).hostname or "").endswith(_VENDOR_DOMAINS)
    return ["1000/h", "10000/d"] if is_vendors and not sandbox else []


#: The settings by name, in the order in which they are shown.
SETTINGS = {
    there.name: Setting(there.name, *there.metadata["row"])
    for there in fields(Settings)
    if there.metadata
}

#: The groups of the settings that a log keeps, and of those that a profile may hold.
LOGGED: tuple[Group, ...] = ("sending", "input", "run")
IN_PROFILE: tuple[Group, ...] = ("sending", "trust", "input", "account")

#: The settings that the environment may hold, each with the variable.
VARIABLES = {
    name: f"BULKSTATUS_{name.upper()}" for name in ("base_url", "profile", "ref_id", "api_key_file")
}

#: What is about one run alone, by name: an option of the commands that send, and an argument.
OF_ONE_RUN = {
    setting.name: setting
    for setting in (
        Setting("limit", whole(1), None, "Send the first N due rows, then stop."),
        Setting("max_failures", whole(1), None, "Stop after N rows were rejected or failed."),
        Setting("dry_run", FLAG, False, "Show what would be sent, and stop."),
        Setting(
            "cancellations",
            whole(0),
            None,
            "With --yes: how many orders this run cancels. A wrong number is refused, in a "
            "rehearsal too.",
        ),
    )
}


def names_of(*groups: Group) -> list[str]:
    """Return the names of the settings of some groups."""
    return [name for name, setting in SETTINGS.items() if setting.group in groups]
