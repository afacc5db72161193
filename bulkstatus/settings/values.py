"""What the value of a setting may be and what it means; which base URLs are safe.

A parse function takes a value as it is kept and returns it as it is used. It raises ValueError for
what has no use, or SettingsRefused where there is more to say of it than what would have. Every
command loads this file for its `--help`, so that what reads values is imported when it is used.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bulkstatus.errors import SettingsRefused
from bulkstatus.words import printable, utf8

if TYPE_CHECKING:
    from bulkstatus.order import OrderStatus
    from bulkstatus.pace.rate import Rate
    from bulkstatus.shard import Shard

#: The fields of which `column` can name the header.
COLUMNS = ("order_id", "status", "tracking", "void")

#: The largest value of a setting that is a whole number.
LARGEST_NUMBER = 10_000

#: The units of a time, in seconds.
TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_PORTS = {"http": 80, "https": 443}


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the sentence that names the nearest of what is known, or else all of it."""
    from difflib import get_close_matches

    close = get_close_matches(name.replace("-", "_").lower(), known, n=1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known) or 'none'}."


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Raise TypeError, with the nearest, for an argument of a name that is none of those known."""
    for name in given:
        if name not in known:
            raise TypeError(f'There is no argument "{name}". {did_you_mean(name, known)}')


def normal_base_url(text: str) -> str:
    """Return a base URL in its one spelling; raise SettingsRefused when it is not safe.

    Host and scheme are in small letters; a dot at the host's end, a slash at the path's and the
    scheme's own port are left out. So an account is the same however its URL is typed.
    """
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    if "@" in text:  # not quoted, since it holds a secret
        raise SettingsRefused(
            "The base URL holds a user name or password. Take it out, and give the credentials in "
            "BULKSTATUS_REF_ID and BULKSTATUS_API_KEY."
        )
    shown = f'The base URL "{printable(text, 200)}"'
    try:
        url = urlsplit(text.strip())
        host, port = (url.hostname or "").removesuffix("."), url.port
        place = f"[{ip_address(host)}]" if ":" in host else host
        if not host.encode("idna") or url.scheme not in _PORTS or url.query or url.fragment:
            raise ValueError
        if not text.isprintable() or {" ", "\\"} & set(text.strip()):
            raise ValueError
    except ValueError:
        raise SettingsRefused(
            f"{shown} is not one of the form https://host or https://host/path."
        ) from None
    if url.scheme == "http" and not is_loopback(host):
        raise SettingsRefused(
            f"{shown} is not encrypted, so anyone on the way could read the API key. "
            "Use https://; http:// is for a sandbox on this machine (localhost)."
        )
    if port is not None and port != _PORTS[url.scheme]:
        place += f":{port}"
    return f"{url.scheme}://{place}{url.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Tell whether a URL's host is this machine itself."""
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _only(fits: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Return what gives back a value that fits, and raises ValueError for any other."""

    def parse(value: Any) -> Any:
        if not fits(value):
            raise ValueError
        return value

    return parse


def figure(
    units: Mapping[str, float], unit: str, least: float, most: float
) -> Callable[[float | str], float]:
    """Return what reads a number with a unit, which is `unit` where it has none."""

    def parse(given: float | str) -> float:
        text = str(given).strip().lower()
        number = text.rstrip("".join(units))
        found = float(number) * units.get(text[len(number) :] or unit, math.nan)
        if not least <= found <= most:
            raise ValueError
        return found

    return parse


def _is_text(text: str) -> bool:
    return utf8(text) == text  # bytes of a command line may be none


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError
    try:
        return Path(_some(text)).expanduser().absolute()
    except RuntimeError:
        raise ValueError from None  # nobody knows whose home ~ means


def _rate(text: str) -> "Rate | None":
    from bulkstatus.pace.rate import parse_rate

    return parse_rate(text)


def _quotas(texts: str | list[str]) -> "tuple[Rate, ...]":
    from bulkstatus.pace.rate import parse_quota

    if not all(isinstance(text, str) for text in texts):
        raise ValueError
    given = [texts] if isinstance(texts, str) else texts
    return tuple(quota for text in given if (quota := parse_quota(text)))


def _codes(codes: list[Any]) -> frozenset[int | str]:
    if not {type(code) for code in codes} <= {int, str}:
        raise ValueError
    return frozenset(int(code) if str(code).isdecimal() else code for code in codes)


def _shard(text: str) -> "Shard":
    from bulkstatus.shard import Shard

    return Shard.parse(text)


def _status(given: int | str) -> "OrderStatus":
    from bulkstatus.order import parse_status, unknown_status

    status = parse_status(str(given))
    if status is None:
        raise SettingsRefused(f"--status: {unknown_status(str(given))}")
    return status


def _headers(headers: dict[object, object]) -> dict[object, object]:
    for field, header in headers.items():
        is_said = isinstance(header, str) and (header or field != "order_id")
        if field not in COLUMNS or not is_said:
            shown = printable(f"{field}={header}", 60)
            raise SettingsRefused(
                f'--column: "{shown}" is not one of {", ".join(COLUMNS)} and a header of the file.'
            )
    return headers


def _words(words: dict[object, object]) -> "dict[str, OrderStatus]":
    from bulkstatus.order import normalise, parse_status

    meant, alike = {}, dict[str, "OrderStatus"]()
    for word, given in ((str(word), str(given)) for word, given in words.items()):
        status = parse_status(given)
        if status is None or not word.strip() or parse_status(word) or not _is_text(word):
            shown = printable(f"{word}={given}", 60)
            raise SettingsRefused(
                f'--word: "{shown}" is not a word of the file\'s own and the status that it means.'
            )
        if alike.setdefault(normalise(word.strip()), status) is not status:
            raise SettingsRefused(f'--word: "{printable(word, 60)}" is said to be two statuses.')
        meant[word] = status
    return meant


class Kind(NamedTuple):
    """What the values of some settings may be, and what they mean.

    `types` are those that a value may have in a profile, a log or an argument, and `called` what
    a message calls what has a use. `metavar` stands for a value in the help, where there are no
    `choices`.
    """

    types: tuple[type, ...]
    called: str
    parse: Callable[[Any], Any]
    metavar: str | None = None
    choices: tuple[str, ...] = ()


def whole(least: int, most: float = math.inf) -> Kind:
    """Return the kind of a whole number in bounds, `most` included."""
    called = f"a whole number from {least} {'up' if most == math.inf else f'to {most}'}"
    return Kind((int,), called, _only(lambda number: least <= number <= most), "N")


def one_of(*choices: str) -> Kind:
    """Return the kind of a text of which there are a few."""
    called = f"one of {', '.join(choices)}"
    return Kind((str,), called, _only(choices.__contains__), None, choices)


_some = _only(bool)

TEXT = Kind((str,), "text", _some, "NAME")
URL = Kind((str,), "a URL", normal_base_url, "URL")
FILE = Kind((str,), "a path, with ~ only where there is a home", _path, "FILE")
RATE = Kind(
    (str,),
    'a whole number per second, minute or hour, such as "10/s" or "600/m", or "none"',
    _rate,
    "N/s",
)
QUOTAS = Kind(
    (str, list),
    'whole numbers per minute, hour or day, such as "1000/h" or "10000/d", or "none"',
    _quotas,
    "N/h",
)
CODES = Kind((list,), "a list of codes, such as [4290]", _codes)
NUMBER = whole(1, LARGEST_NUMBER)
TIME = Kind(
    (int, float, str),
    "a time such as 30 (seconds), 90s, 15m or 2h",
    figure(TIMES, "s", 0.001, 1e6),
    "TIME",
)
DAYS = Kind(
    (int, float, str),
    "a number of days such as 30, or a time such as 12h",
    figure(TIMES, "d", 0.0, 36500 * TIMES["d"]),
    "DAYS",
)
SHARD = Kind((str,), "a part and how many there are, such as 3/8", _shard, "I/N")
FLAG = Kind((bool,), "true or false", bool)
STATUS = Kind((int, str), "a status: a code or a name", _status, "STATUS")
HEADERS = Kind((dict,), "fields with the header of each", _headers, "FIELD=HEADER")
WORDS = Kind((dict,), "words with the status that each means", _words, "WORD=STATUS")
NAME = Kind((str,), "text", _only(_is_text), "[NAME]")
