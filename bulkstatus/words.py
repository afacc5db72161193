"""Numbers, times, commands and lines as people read them; text from outside made harmless.

What is told is a sequence of lines. A line may have a label to its left (`laid_beside`), and a
command that is there to be copied is not broken; `laid_out` makes text of them.
"""

import os
import re
import shlex
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

#: C0 and C1 controls (escape sequences begin with one), the format characters that hide text or
#: turn its direction, and lone surrogates, which no file and no terminal takes.
INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

# A word of these alone means itself in every shell.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:\\=@+-]+")

# What differs from row to row in the sentences about rows that cannot be sent.
_PARTICULARS = re.compile(r'"[^"]*"|\bline [0-9]+|(?<=\border )(?!ID\b)\S+')

# Where what a label belongs to begins. Until lines are laid out, a tab stands between the two,
# which no printable text holds.
_COLUMN = 11

# A command: a line of its own, or the end of a sentence.
_COMMAND = re.compile(r"  (?=(?:bulkstatus|chmod) )")


def printable(text: str, limit: int | None = None) -> str:
    """Return `text` with control and format characters shown as escapes, cut to `limit`."""
    shown = INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def utf8(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold escaped: the odd bytes of a name."""
    return text.encode("utf-8", "backslashreplace").decode()


def counted(count: int, noun: str) -> str:
    """Return "1 row" or "1,204 rows": the count with its noun, whose plural takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def capitalised(sentence: str) -> str:
    """Return a sentence with its first letter large, and the others as they are."""
    return sentence[:1].upper() + sentence[1:]


def kind_of(sentence: str) -> str:
    """Return what is said of a row with "…" for what is the row's own."""
    return _PARTICULARS.sub("…", sentence)


def some_of(names: Sequence[str], most: int = 10, are_all: bool = True) -> str:
    """Return the first of some names, and how many more there are: "1, 2, 3 and 4 more".

    Where they are not all of them, nobody knows how many: "1, 2, 3 and others".
    """
    more = f"{len(names) - most:,} more" if are_all else "others"
    return ", ".join(names[:most]) + (f" and {more}" if len(names) > most else "")


def duration(seconds: float) -> str:
    """Return a time as people say it, such as "40 s", "2 min", "1 h 20 min" or "3 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{round(minutes / 1440)} days"


def clock_time(moment: float, now: float) -> str:
    """Return the local time of `moment` (Unix time), to the second if near, with the day if far."""
    local = time.localtime(moment)
    if abs(moment - now) < 120.0:
        return time.strftime("%H:%M:%S", local)
    if moment - now < 43200.0 or local[:3] == time.localtime(now)[:3]:
        return time.strftime("%H:%M", local)
    return time.strftime("%a %d %b, %H:%M", local)


def command_line(*words: object, windows: bool = os.name == "nt") -> str:
    """Return a command as it can be pasted into the system's own shell.

    On Windows, double quotes do in cmd and in PowerShell; no file name there can hold one. A path
    that begins like an option is told from the folder on.
    """
    texts = [f"./{w}" if isinstance(w, Path) and str(w).startswith("-") else str(w) for w in words]
    if not windows:
        return shlex.join(texts)
    return " ".join(text if _PLAIN_WORD.fullmatch(text) else f'"{text}"' for text in texts)


#: A label, and the lines that stand together to its right; without any it is not told.
Section = tuple[str, Sequence[str]]


def laid_beside(sections: Iterable[Section]) -> Iterator[str]:
    """Yield the lines of sections, the first of each with its label."""
    for label, lines in sections:
        for place, line in enumerate(lines):
            yield f"{'' if place else label}\t{printable(line)}"


def laid_out(lines: Iterable[str], width: int | None) -> str:
    """Return lines as text, broken at blanks to fit `width` and their rests indented further.

    None says that a line may be of any length. A command is whole: where lines are broken, one at
    the end of a sentence gets a line of its own.
    """
    return "\n".join(part for line in lines for part in _parts(line, width))


def _parts(line: str, width: int | None) -> list[str]:
    label, tab, text = line.rpartition("\t")
    start = f"{label:{_COLUMN}}" if tab and text else label
    if width is None:
        return [start + text]
    sentence, *command = _COMMAND.split(text, maxsplit=1)
    start += " " * (len(sentence) - len(sentence.lstrip()))
    hanging = " " * (len(start) + 2 if start else 0)
    wrapped = textwrap.wrap(
        sentence.strip(),
        max(width, len(hanging) + 20),  # some room, however narrow the terminal
        initial_indent=start,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [*wrapped, *(f"  {each}" for each in command)] or [label]
