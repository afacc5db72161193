"""Tables of rows and of orders, as CSV that is harmless for a spreadsheet.

A file is written whole or not at all, and never over what is somebody's work.
"""

import csv
import os
import re
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path

from bulkstatus.errors import SettingsRefused
from bulkstatus.log import Result, State
from bulkstatus.log.records import Record, timestamp
from bulkstatus.reporting.failures import reason
from bulkstatus.reporting.summary import LOG, Summary, Taken, seconds_of

_ROWS_HEADER = (
    *("n", "line", "order_id", "status", "tracking", "outcome", "http_status", "attempts", "at"),
    *("reason", "run", "touched"),
)
_ORDERS_HEADER = ("order_id", "touched")

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


class Latest(Taken):
    """What the table of rows tells of their latest results besides, a few bytes a row."""

    def reset(self) -> None:
        """See `Taken`."""
        super().reset()
        # HTTP status and attempts, which many results share.
        self.kinds: dict[tuple[int | None, int], int] = {}
        self.kind = array("q")
        self.at = array("d")
        self.reasons: dict[int, str] = {}

    def take(self, records: Sequence[Record]) -> None:
        """See `Taken`."""
        super().take(records)
        for record in records:
            if type(record) is Result:
                place, kind = record.n - 1, (record.http_status, record.attempts)
                if place >= len(self.kind):
                    more = bytes(8 * (record.n - len(self.kind)))
                    self.kind.frombytes(more)
                    self.at.frombytes(more)
                self.kind[place] = self.kinds.setdefault(kind, len(self.kinds))
                self.at[place] = seconds_of(record.at)
                if record.error is not None or record.uncertain:
                    self.reasons[record.n] = harmless_reason(record)
                else:
                    self.reasons.pop(record.n, None)


def write_rows(path: Path, summary: Summary, latest: Latest) -> None:
    """Write the state of every row to `path`, one row a line, in the order of `n`.

    `latest` is what was taken in when the log was summarised. `outcome` of a row without a result
    is "to_send"; `touched` is of the row's order. Raises SettingsRefused when the file cannot be
    written or holds something else than an earlier such table, LogRefused when the log can no
    longer be read.
    """
    write_csv("--rows", path, files_of(summary), _ROWS_HEADER, _rows(summary, latest))


def write_orders(
    option: str, path: Path, told: Summary, leave_out: Set[int] = frozenset()
) -> tuple[int, int]:
    """Write the orders touched, or untouched, one a line, with yes, perhaps or no.

    `option` is "--touched" or "--untouched". `leave_out` has the hashes of the IDs of orders that
    are left out. Returns how many orders were written and how many left out. Raises as
    `write_rows` does.
    """
    touched, perhaps, untouched, _ = told.orders
    groups = {"yes": touched, "perhaps": perhaps} if option == "--touched" else {"no": untouched}
    hashes = [each.contents.state.orders for each in told.logs]
    kept = {
        word: array("q", (n for n in rows if hashes[n // LOG][n % LOG - 1] not in leave_out))
        for word, rows in groups.items()
    }
    lines = ((harmless(order), word) for word, rows in kept.items() for order in told.ids_of(rows))
    write_csv(option, path, files_of(told), _ORDERS_HEADER, lines)
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


def _rows(summary: Summary, latest: Latest) -> Iterator[Sequence[object]]:
    state, kinds, orders = summary.contents.state, list(latest.kinds), summary.orders
    hashes = state.orders
    perhaps, untouched = (
        {hashes[n - 1] for n in part} for part in (orders.perhaps, orders.untouched)
    )
    untouched.add(hash(""))  # A row without an ID is of no order.
    for row in summary.rows_of(range(1, len(state) + 1)):
        outcome, order = state.state(row.n), hashes[row.n - 1]
        told: Sequence[object] = ("",) * 5
        if outcome is not State.TO_SEND:
            at, run = timestamp(latest.at[row.n - 1]), summary.run_of[row.n - 1]
            told = (*kinds[latest.kind[row.n - 1]], at, latest.reasons.get(row.n, ""), run)
        yield (
            row.n,
            row.line,
            harmless(row.order_id),
            row.status,
            harmless(row.tracking) if row.tracking else "",
            outcome.name.lower(),
            *told,
            "perhaps" if order in perhaps else "no" if order in untouched else "yes",
        )


# The files.


def inputs_beside(summary: Summary) -> list[Path]:
    """Return the inputs of a log's runs that stand beside it, the last run's first."""
    contents = summary.contents
    names = dict.fromkeys(run.record.input for run in reversed(contents.runs))
    return [path for name in names if (path := contents.beside(name))]


def files_of(told: Summary) -> list[Path]:
    """Return the logs and their inputs, which a report must never replace."""
    return [path for each in told.logs for path in (each.log, *inputs_beside(each))]


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
