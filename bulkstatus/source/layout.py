"""The layout of a table: its delimiter, where its rows begin, and which column is which."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS, parse_status
from bulkstatus.source import header
from bulkstatus.source.csv_records import DELIMITERS, broken_quote, first_record
from bulkstatus.source.header import Columns, listed, quoted
from bulkstatus.source.options import FIELDS, InputOptions
from bulkstatus.source.survey import Survey

# How far down a header is looked for, only to say that something stands above it.
_PREAMBLE = 30

_SEP = re.compile(r'"?sep=(.?)"? *[\r\n]*', re.IGNORECASE)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Layout:
    """How to read the rows of a table.

    `skip_lines` physical lines stand before the first row; `header` is the header as it stands,
    empty where there is none; `width` is the number of cells of a row; `ends_in_cr` says that
    lines end in a lone CR, as the first one does.
    """

    delimiter: str
    skip_lines: int
    header: Sequence[str]
    columns: Columns
    width: int
    ends_in_cr: bool


def find_layout(survey: Survey, options: InputOptions, may_be_list: bool) -> Layout:
    """Return the layout of the surveyed table; `may_be_list` allows one ID a line, no header.

    Raises InputRefused or SettingsRefused when the layout is not certain.
    """
    return _Finder(survey, options, may_be_list).layout()


def without_header(
    first: Sequence[str], options: InputOptions, name: str, skip_lines: int, delimiter: str = ""
) -> Layout:
    """Return the layout of a table whose first record `first` is a row already.

    Its columns are order ID, status and tracking, less those that `options.columns` says it has
    not. Raises InputRefused when `first` is a header after all, or no status is known.
    """
    if any(header.field_of(cell) == "order_id" for cell in first):
        raise InputRefused(
            f"{name}: the first line is a header ({listed(first)}). Leave --no-header out."
        )
    fields = [field for field in FIELDS if options.columns.get(field) != ""]
    places = {field: place for place, field in enumerate(fields) if place < len(first)}
    if "status" not in places and options.default_status is None:
        raise InputRefused(f"{name} gives no status. Give one for all its rows with --status.")
    columns = Columns(0, places.get("status"), places.get("tracking"))
    return Layout(delimiter, skip_lines, (), columns, len(first), False)


class _Finder:
    def __init__(self, survey: Survey, options: InputOptions, may_be_list: bool) -> None:
        self._name = survey.name
        self._options = options
        self._may_be_list = may_be_list
        lines = io.StringIO(survey.head, newline="").readlines()
        if not survey.head_is_whole:
            lines.pop()
        self._lines = lines
        self._delimiters: Sequence[str] = DELIMITERS
        self._start = 0

    def layout(self) -> Layout:
        self._skip_blank_lines()
        if marker := _SEP.fullmatch(self._lines[self._start]):
            self._use_marker(marker[1])
            self._start += 1
            self._skip_blank_lines()
        named = [f'--column {field}="…"' for field, name in self._options.columns.items() if name]
        if self._options.no_header:
            if named:
                raise SettingsRefused(
                    f"{named[0]} names a header and --no-header says that there is none. "
                    "Leave one of them out."
                )
            return self._without_header()
        fitting = {d: record for d, record in self._records() if self._is_header(record[0])}
        if not fitting:
            if self._may_be_list and not named:
                return self._list()
            raise self._no_header()
        wide = {d: record for d, record in fitting.items() if len(record[0]) > 1}
        if len(wide) > 1:
            raise InputRefused(
                f"{self._name}: the header on line {self._start + 1} can be read in several ways, "
                'since it holds more than one kind of delimiter. Put a line such as "sep=;" above '
                "it, or rename the columns."
            )
        delimiter, (cells, line_count) = next(iter((wide or fitting).items()))
        self._refuse_mixed_header(cells, delimiter)
        columns = header.choose(cells, self._options, self._name)
        return self._make(delimiter, self._start + line_count, cells, columns, len(cells))

    def _make(
        self,
        delimiter: str,
        skip_lines: int,
        cells: Sequence[str],
        columns: Columns,
        width: int,
    ) -> Layout:
        return Layout(
            delimiter, skip_lines, tuple(cells), columns, width, self._lines[0].endswith("\r")
        )

    def _skip_blank_lines(self) -> None:
        blanks = BLANKS + "".join(DELIMITERS) + '"'
        while self._start < len(self._lines) and not self._lines[self._start].strip(blanks):
            self._start += 1
        if self._start == len(self._lines):
            raise InputRefused(
                f"{self._name} begins with nothing but blank lines. Export it again."
                if self._lines
                else f"{self._name}: the first line is longer than a header can be, so this is "
                "no table. Export it again."
            )

    def _use_marker(self, delimiter: str) -> None:
        if delimiter not in DELIMITERS:
            raise InputRefused(
                f'{self._name}: the first line says that "{delimiter}" parts the cells. '
                "Only comma, semicolon, tab and | can. Export it with one of them."
            )
        self._delimiters = (delimiter,)

    def _records(self, start: int | None = None) -> Iterator[tuple[str, tuple[list[str], int]]]:
        """Yield what the record on line `start` is under each delimiter that can read it."""
        lines = self._lines[self._start if start is None else start :]
        for delimiter in self._delimiters:
            if record := first_record(lines, delimiter):
                yield delimiter, record

    def _is_header(self, record: Sequence[str]) -> bool:
        return header.is_header(record, self._options.columns)

    def _refuse_mixed_header(self, cells: Sequence[str], delimiter: str) -> None:
        for cell in cells:
            for other in DELIMITERS:
                pieces = cell.split(other) if other != delimiter else []
                if len(pieces) > 1 and any(header.field_of(piece) for piece in pieces):
                    raise InputRefused(
                        f"{self._name}: the header holds more than one kind of delimiter "
                        f"(see {quoted(cell)}). Export it again with one kind."
                    )

    def _without_header(self) -> Layout:
        records = {d: record for d, (record, _) in self._records() if len(record) > 1}
        if not records:
            records = dict([(d, record) for d, (record, _) in self._records()][:1])
        if not records:
            raise self._broken_first_line()
        layouts = [
            without_header(record, self._options, self._name, self._start, delimiter)
            for delimiter, record in records.items()
        ]
        if len(layouts) > 1:
            # Only with the right delimiter does the second cell hold a status.
            layouts = [
                layout
                for layout in layouts
                if (place := layout.columns.status) is not None
                and parse_status(records[layout.delimiter][place])
            ]
        if len(layouts) != 1:
            raise InputRefused(
                f"{self._name}: the first line can be read in several ways, since it holds more "
                'than one kind of delimiter. Put a line such as "sep=;" above it.'
            )
        return replace(layouts[0], ends_in_cr=self._lines[0].endswith("\r"))

    def _list(self) -> Layout:
        line = self._lines[self._start].strip(BLANKS)
        if any(delimiter in line for delimiter in DELIMITERS):
            raise self._no_header()
        if not _DIGIT.search(line):
            raise InputRefused(
                f"{self._name}: the first line, {quoted(line)}, looks like a header, not like an "
                "order ID. If it is a header, name it order_id or delete it; if it is an order "
                "ID, add --no-header."
            )
        layout = without_header([line], self._options, self._name, self._start, ",")
        return replace(layout, ends_in_cr=self._lines[0].endswith("\r"))

    def _no_header(self) -> InputRefused | SettingsRefused:
        records = [record for _, (record, _) in self._records()]
        if not records:
            return self._broken_first_line()
        record = max(records, key=len)
        if self._options.columns.get("order_id"):
            try:
                header.choose(record, self._options, self._name)
            except (InputRefused, SettingsRefused) as error:
                return error
        for start in range(self._start + 1, min(len(self._lines), self._start + _PREAMBLE)):
            if any(self._is_header(below) for _, (below, _) in self._records(start)):
                return InputRefused(
                    f"{self._name}: the header seems to stand on line {start + 1}, with something "
                    "else above it. Delete the lines above the header."
                )
        if _looks_like_data(record):
            shown = quoted(self._lines[self._start])
            if len(record) == 1:
                return InputRefused(
                    f"{self._name}: the first line, {shown}, looks like an order ID, not like a "
                    "header. If every line is one order ID, add --no-header."
                )
            return InputRefused(
                f"{self._name}: the first line, {shown}, looks like a row, not like a header. If "
                "the columns are order ID, status and tracking in this order, add --no-header; "
                'otherwise put a line with their names above it, such as "order_id,status".'
            )
        return InputRefused(header.no_order_id(record, self._name))

    def _broken_first_line(self) -> InputRefused:
        text = "".join(self._lines[self._start :])
        return broken_quote(text, self._delimiters[0], self._name, self._start + 1)


def _looks_like_data(record: Sequence[str]) -> bool:
    """Say whether a record has a cell that no header would have."""
    return any(_DIGIT.search(cell) and len(cell.strip(BLANKS)) > 2 for cell in record)
