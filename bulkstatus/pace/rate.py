"""`Rate`: so many requests per so many seconds, and how it is typed."""

import re
from dataclasses import dataclass

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LETTERS = {seconds: letter for letter, seconds in _SECONDS.items()}

#: The longest window that a quota can have, in seconds.
LONGEST_WINDOW = max(_SECONDS.values())


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` requests per `seconds`; `Rate(10, 1.0)` reads "10/s".

    Raises ValueError when either is not above zero.
    """

    count: int
    seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or not self.seconds > 0:
            raise ValueError(f"a rate needs a count and seconds above zero, not {self}")

    def __str__(self) -> str:
        letter = _LETTERS.get(self.seconds)
        return f"{self.count}/{letter}" if letter else f"{self.count} per {self.seconds:g} s"


_FORM = re.compile(r"([0-9]{1,9})\s*/\s*([a-z])")


def parse_rate(text: str) -> Rate | None:
    """Return the rate that is asked for ("10/s", "600/m", "1000/h"), or None for "none".

    Raises ValueError for anything else.
    """
    return _parse(text, "smh")


def parse_quota(text: str) -> Rate | None:
    """Return the quota that is asked for ("30/m", "1000/h", "10000/d"), or None for "none".

    Raises ValueError for anything else.
    """
    return _parse(text, "mhd")


def _parse(text: str, letters: str) -> Rate | None:
    asked = text.strip().lower()
    if asked == "none":
        return None
    match = _FORM.fullmatch(asked)
    if match is None or match[2] not in letters:
        raise ValueError(f"{text!r} is no such rate")
    return Rate(int(match[1]), _SECONDS[match[2]])
