"""Numbers, times and commands as people read them."""

import os
import re
import shlex
import time
from collections.abc import Sequence

_SOON = 120.0
_HALF_A_DAY = 43200.0


def counted(count: int, noun: str) -> str:
    """Return "1 row" or "330 rows": the count with its noun, whose plural takes an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def capitalised(sentence: str) -> str:
    """Return a sentence with its first letter large, and the others as they are."""
    return sentence[:1].upper() + sentence[1:]


def some_of(names: Sequence[str], most: int = 10) -> str:
    """Return the first of some names, and how many more there are: "1, 2, 3 and 4 more"."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def duration(seconds: float) -> str:
    """Return a time as people say it, such as "40 s", "2 min", "1 h 20 min" or "3 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = round(minutes / 60)
    if hours >= 48:
        days, hours = divmod(hours, 24)
        return f"{days} days {hours} h" if hours else f"{days} days"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clock_time(moment: float, now: float) -> str:
    """Return the local time of `moment`: to the second when it is near, with the day when far.

    Both are in seconds since the epoch.
    """
    local = time.localtime(moment)
    if abs(moment - now) < _SOON:
        return time.strftime("%H:%M:%S", local)
    if moment - now < _HALF_A_DAY or local[:3] == time.localtime(now)[:3]:
        return time.strftime("%H:%M", local)
    return time.strftime("%a %d %b, %H:%M", local)


# A word of these alone means itself in every shell.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:\\=@+-]+")


def command_line(*words: object, windows: bool = os.name == "nt") -> str:
    """Return a command as it can be pasted into the system's own shell.

    On Windows, double quotes do in cmd and in PowerShell; no file name there can hold one.
    """
    texts = [str(word) for word in words]
    if windows:
        return " ".join(text if _PLAIN_WORD.fullmatch(text) else f'"{text}"' for text in texts)
    return shlex.join(texts)
