"""Tables of rows and of orders, as CSV that is harmless for a spreadsheet.

A file is written whole or not at all, and never over what is somebody's work.
"""

import csv
import os
import re
import struct
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path

from bulkstatus.errors import LogRefused, SettingsRefused
from bulkstatus.log import Result, RunRecord, State, read_log
from bulkstatus.log.records import Record
from bulkstatus.reporting.failures import reason
from bulkstatus.reporting.summary import Summary

_ROWS_HEADER = (
    *("n", "line", "order_id", "status", "tracking", "outcome", "http_status", "attempts", "at"),
    *("reason", "run", "touched"),
)
_ORDERS_HEADER = ("order_id", "touched")

# HTTP status, attempts, the number of the run, from 1, and the time of a result.
_RESULT = struct.Struct("qqq24s")

# A time as the log writes it, such as 2026-11-28T17:31:02.311Z, and what else may pass for one.
_TIME_FORM = re.compile("[0-9][0-9TZ:.+-]{,23}")

# A sign of a formula at the beginning of a cell, or where a spreadsheet that goes by another
# delimiter would see a cell begin.
_FORMULA = re.compile(r"(^|[,;|\t\r\n])(\s*)(?=[=+\-@])")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*")


def harmless(text: str) -> str:
    """Return text with an apostrophe before what a spreadsheet would calculate; numbers stay."""
    if text.isalnum() or not text or _NUMBER.fullmatch(text):
        return text
    return _FORMULA.sub(r"\1\2'", text)


def harmless_reason(result: Result) -> str:
    """Return why a row is not updated, harmless for a spreadsheet and for a reader of inputs.

    That takes quotation marks for a sign that a cell of the row was meant as it stands.
    """
    return harmless(reason(result).replace('"', "'"))


def write_rows(path: Path, summary: Summary) -> None:
    """Write the state of every row to `path`, one row a line, in the order of `n`.

    `outcome` of a row without a result is "to_send"; `touched` is of the row's order. Raises
    SettingsRefused when the file cannot be written or holds something else than an earlier such
    table, LogRefused when the log can no longer be read.
    """
    write_csv("--rows", path, files_of(summary), _ROWS_HEADER, _rows(summary))


def write_orders(
    option: str, path: Path, summary: Summary, leave_out: Set[int] = frozenset()
) -> tuple[int, int]:
    """Write the orders touched, or untouched, one a line, with yes, perhaps or no.

    `option` is "--touched" or "--untouched". `leave_out` has the hashes of the IDs of orders that
    are left out. Returns how many orders were written and how many left out. Raises as
    `write_rows` does.
    """
    touched, perhaps, untouched = summary.orders
    groups = {"yes": touched, "perhaps": perhaps} if option == "--touched" else {"no": untouched}
    hashes = summary.contents.state.orders
    kept = {
        word: array("q", (n for n in rows if hashes[n - 1] not in leave_out))
        for word, rows in groups.items()
    }
    lines = ((harmless(row.order_id), word) for word in kept for row in summary.rows_of(kept[word]))
    write_csv(option, path, files_of(summary), _ORDERS_HEADER, lines)
    written = sum(map(len, kept.values()))
    return written, sum(map(len, groups.values())) - written


def write_csv(
    option: str,
    path: Path,
    others: Iterable[Path],
    header: Sequence[str],
    lines: Iterable[Sequence[object]],
) -> None:
    """Write a table that Excel opens as it is meant, where nothing but an earlier one is.

    Cells must be `harmless`; the other arguments, and what is raised, are as with `replacing`.
    """
    beginning = ("\ufeff" + ",".join(header) + "\r\n").encode()
    with (
        replacing(option, path, others, beginning) as new,
        new.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        csv.writer(file).writerow(header)
        csv.writer(file).writerows(lines)


def _rows(summary: Summary) -> Iterator[Sequence[object]]:
    state = summary.contents.state
    touched = _touched(summary)
    packed, reasons = _latest(summary)
    for row in summary.rows_of(range(1, len(state) + 1)):
        outcome = state.state(row.n)
        told: Sequence[object] = ("",) * 5
        if outcome is not State.TO_SEND:
            status, attempts, run, at = _RESULT.unpack_from(packed, _RESULT.size * (row.n - 1))
            at = at.rstrip(b"\0").decode()
            told = (status or "", attempts, at, reasons.get(row.n, ""), run)
        yield (
            row.n,
            row.line,
            harmless(row.order_id),
            row.status,
            harmless(row.tracking) if row.tracking else "",
            outcome.name.lower(),
            *told,
            touched[row.n - 1],
        )


def _touched(summary: Summary) -> list[str]:
    """Return for each row whether its order was touched: yes, perhaps or no."""
    hashes, orders = summary.contents.state.orders, summary.orders
    found = ["no"] * len(hashes)
    for word, rows in (("perhaps", orders.perhaps), ("yes", orders.touched)):
        marked = {hashes[n - 1] for n in rows}
        for place, order in enumerate(hashes):
            if order in marked:
                found[place] = word
    return found


def _latest(summary: Summary) -> tuple[bytearray, dict[int, str]]:
    """Return what `_RESULT` has of the latest result of each row, and why some are as they are.

    The former take some fifty bytes a row, the latter go by `n`.
    """
    packed = bytearray(_RESULT.size * summary.rows)
    reasons: dict[int, str] = {}
    runs, left = 0, summary.records

    def take(records: Sequence[Record]) -> None:
        nonlocal runs, left
        # What was written since the summary was made is left out.
        for record in records[:left]:
            if type(record) is Result:
                at = record.at.encode() if _TIME_FORM.fullmatch(record.at) else b""
                place = _RESULT.size * (record.n - 1)
                status = record.http_status or 0
                _RESULT.pack_into(packed, place, status, record.attempts, runs, at)
                if record.error is not None or record.uncertain:
                    reasons[record.n] = harmless_reason(record)
                else:
                    reasons.pop(record.n, None)
            elif type(record) is RunRecord:
                runs += 1
        left = max(0, left - len(records))

    try:
        read_log(summary.log, take)
    except struct.error:
        raise LogRefused(
            f"{summary.log}: a number in it is larger than any that a run writes. Restore the "
            "log from a copy."
        ) from None
    return packed, reasons


# The files.


def inputs_beside(summary: Summary) -> list[Path]:
    """Return the inputs of a log's runs that stand beside it, the last run's first."""
    contents = summary.contents
    names = dict.fromkeys(run.record.input for run in reversed(contents.runs))
    return [path for name in names if (path := contents.beside(name))]


def files_of(summary: Summary) -> list[Path]:
    """Return the log and its inputs, which a report must never replace."""
    return [summary.log, *inputs_beside(summary)]


@contextmanager
def replacing(
    option: str, path: Path, others: Iterable[Path], ours: bytes | None
) -> Iterator[Path]:
    """Yield the path of a new file, readable by its owner alone, that in the end becomes `path`.

    `others` are the files that it is about, which it must not replace. A file that begins with
    `ours` is an earlier one of its kind and may be replaced; None says that none may. When the body
    raises, nothing is left of it. Raises SettingsRefused when the file cannot be written or `path`
    holds something that must not be replaced.
    """
    new: Path | None = None
    try:
        if path.exists() and not _is_earlier(path, others, ours):
            raise SettingsRefused(
                f"{option} {path} is there already, and is not to be replaced: it may hold work of "
                "yours. Choose another name."
            )
        descriptor, name = tempfile.mkstemp(path.suffix, f".{path.stem}.", path.parent)
        os.close(descriptor)
        new = Path(name)
        yield new
        new.replace(path)
    except OSError as error:
        raise SettingsRefused(
            f"{option} {path} cannot be written: {error.strerror or error}. If it is open in "
            "Excel, close it there; otherwise choose another place."
        ) from None
    finally:
        if new is not None:
            new.unlink(missing_ok=True)


def _is_earlier(path: Path, others: Iterable[Path], ours: bytes | None) -> bool:
    """Tell whether a file that is there is an earlier one of its kind. Raises OSError."""
    is_other = any(other.exists() and path.samefile(other) for other in others)
    if is_other or ours is None or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(ours)) == ours
