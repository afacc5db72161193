"""Where the log of an input is: `dispatch.results.jsonl` beside `dispatch.csv`, then `-2`, `-3`…

And what a log's settings say of a file that is fed back to it, by its name.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from bulkstatus.errors import LogRefused, NoLog, Refused
from bulkstatus.log import LogContents, RunRecord, read_log
from bulkstatus.log.records import NO_RECORD, parse_line
from bulkstatus.shard import Shard
from bulkstatus.words import printable

_ENDING = ".results.jsonl"
# What the settings of a run say of its input, and of no other file.
_OF_INPUT = frozenset({"format", "encoding", "sheet", "no_header"})

# What the name of a log has behind that of its input.
_PART = r"(\.shard-\d+-of-\d+)?(\.sandbox)?(-\d+)?"

_BEGINNING = re.compile(rb'\s*{\s*"type"\s*:\s*"run"')


def default_log(path: str, sandbox: bool, shard: Shard | None = None) -> Path:
    """Return where the first log of an input goes, or of a part of it.

    Raises Refused for standard input.
    """
    if path == "-":
        raise Refused("The input is standard input, so the log needs a name: give it with --log.")
    part = f".shard-{shard.index}-of-{shard.count}" if shard is not None else ""
    return beside(path, f"{part}{'.sandbox' if sandbox else ''}{_ENDING}")


def beside(path: str | Path, ending: str) -> Path:
    """Return the path of a file that belongs to an input: its name with another ending."""
    source = Path(path)
    name = source.name
    for suffix in (".gz", Path(name.removesuffix(".gz")).suffix):
        name = name.removesuffix(suffix) or name
    # A folder may have no name: what opens the input says that it is one.
    return source.parent / f"{name}{ending}"


def _numbered(first: Path) -> Iterator[Path]:
    """Yield the names that the logs of an input may have, in the order of their making.

    Raises LogRefused where none can be so called or seen.
    """
    try:
        is_folder = S_ISDIR(first.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except OSError as error:
        called = printable(str(first), 200)
        raise LogRefused(
            f"The result log {called} cannot be looked at: {error.strerror}."
        ) from None
    yield first
    if is_folder:
        return
    ending = _ENDING if first.name.endswith(_ENDING) else first.suffix
    stem = first.name.removesuffix(ending)
    for number in count(2):
        yield first.with_name(f"{stem}-{number}{ending}")


def logs_of(first: Path) -> list[LogContents]:
    """Return the logs of an input whose first one is `first`, the newest last.

    One of which no run has begun is none. Raises LogRefused for something else that is there.
    """
    logs = []
    for path in takewhile(Path.exists, _numbered(first)):
        with suppress(NoLog):
            logs.append(read_log(path))
    return logs


def next_log(first: Path) -> Path:
    """Return the next free name for a log."""
    return next(path for path in _numbered(first) if not path.exists())


def is_of(log: LogContents, path: str) -> bool:
    """Tell whether a log that is called like one of the input at `path` is not another input's.

    `dispatch-2.results.jsonl` is the second one of dispatch.csv, or the first of dispatch-2.csv. A
    log that is not called like its own input is of the one that it is called like.
    """
    own = beside(log.first_run.input, "").name
    name = log.path.name.removesuffix(_ENDING)
    is_named = re.fullmatch(re.escape(own) + _PART, name) is not None
    return not is_named or own == beside(path, "").name


def is_log(path: Path) -> bool:
    """Tell whether a path is meant as a log: it is called so, or begins as one."""
    if path.name.endswith(_ENDING):
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return _BEGINNING.match(file.read(64)) is not None
    except OSError:
        return False


def is_rehearsal(path: Path) -> bool:
    """Tell whether a log is a rehearsal's, from its first line alone."""
    with suppress(OSError, *NO_RECORD), path.open("rb") as file:
        record = parse_line(file.readline())
        return isinstance(record, RunRecord) and bool(record.settings.get("sandbox"))
    return False


def kept_settings(log: LogContents, path: Path) -> dict[str, Any]:
    """Return the settings that a log's last run kept, as far as they hold for a file.

    What they say of an input holds for a file of that name alone. A file of failures has a name of
    its own: it is CSV or a workbook by that, in UTF-8, and has a header.
    """
    of_input = next(
        (run.record.settings for run in reversed(log.runs) if run.record.input == path.name), {}
    )
    others = log.last_run.settings.items()
    return {
        **{name: value for name, value in others if name not in _OF_INPUT},
        **{name: of_input[name] for name in _OF_INPUT & of_input.keys()},
    }
