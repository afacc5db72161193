"""An Excel workbook → the rows of one sheet, each cell as Excel shows it or with what is wrong."""

import io
from array import array
from bisect import bisect
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice

from bulkstatus.errors import BulkstatusError, InputRefused
from bulkstatus.source.columns import SAMPLE, listed, quoted
from bulkstatus.source.layout import Layout, with_header, without_header
from bulkstatus.source.options import Batch, InputOptions
from bulkstatus.source.table import Records, Table
from bulkstatus.source.workbook import Parts, SheetRow, spans

# How many rows are made at a time.
_CHUNK = 4000

# How many columns a table may have.
_WIDE = 1000

# The first rows of a sheet, and all of them.
_Sheet = tuple[list[SheetRow], Iterator[SheetRow]]


class Workbook:
    """The workbook in `file` with the sheet that holds the rows.

    That is the one that --sheet names, or the only fitting one. Raises InputRefused and, as
    `with_header` does, SettingsRefused.
    """

    title: str
    layout: Layout

    def __init__(self, file: io.BytesIO, options: InputOptions, name: str) -> None:
        self._options = options
        self._name = name
        with self._reading():
            self._parts = Parts(file, name)
            self.title, (head, self._rows) = self._find_sheet(self._parts)
            line, first = head[0].number, _cells(head[0])
            if len(first) > _WIDE:
                raise InputRefused(
                    f"{name}: the first row of the sheet {quoted(self.title)} has "
                    f"{len(first):,} columns, more than a table has. Delete what stands far to "
                    "its right."
                )
            if options.no_header:
                layout = without_header(first, options, name)
            else:
                below = [_cells(row, len(first)) for row in head[1:]]
                layout = with_header(first, below, options, name, "xlsx")
            self.layout = layout._replace(skip_lines=line - options.no_header)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of the sheet, once."""
        layout = self.layout
        table = Table(layout, None)
        counting = {*layout.places.values(), *layout.void}
        gaps = array("L")  # the rows that have a blank cell where cells count
        while True:
            with self._reading():
                rows = list(islice(self._rows, _CHUNK))
            if any(row.is_hidden for row in rows):
                raise InputRefused(
                    f"{self._name}: rows of the sheet {quoted(self.title)} are hidden, perhaps by "
                    "a filter, so that it is not certain whether they are meant. Show them (in "
                    "Excel: Data, Clear), or copy the visible ones to a new sheet."
                )
            if not rows:
                with self._reading():
                    self._refuse_merged(counting, gaps)
                return
            if not (rows := [row for row in rows if row.number > layout.skip_lines]):
                continue
            gaps.extend(row.number for row in rows if not row.cells.keys() >= counting)
            whole = [_cells(row, layout.width) for row in rows]
            yield table.batch(Records([row.number for row in rows], whole))

    def _refuse_merged(self, counting: Collection[int], gaps: Sequence[int]) -> None:
        """Raise InputRefused where a row shows in a cell that counts what is in one above it."""
        for cells in self._parts.merged[self.title]:
            lines, columns = spans(cells)
            at = bisect(gaps, lines[0])
            if gaps[at : at + 1] and gaps[at] in lines and any(p + 1 in columns for p in counting):
                raise InputRefused(
                    f"{self._name}: the cells {cells} of the sheet {quoted(self.title)} are merged "
                    "into one, so that it is not certain which of its rows it is meant for. "
                    "Unmerge them, and fill in each row."
                )

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except BulkstatusError:
            raise
        # A damaged workbook raises whatever the part that met the damage raises.
        except Exception:
            raise InputRefused(
                f"{self._name} cannot be read as an Excel workbook: it is damaged or protected by "
                "a password. Open it in Excel and save it as a new .xlsx file or as CSV."
            ) from None

    def _find_sheet(self, parts: Parts) -> tuple[str, _Sheet]:
        """Return the title and the rows of the sheet that is meant."""
        wanted, layouts = self._options.sheet, self._options.layouts
        found: dict[str, _Sheet] = {}
        for sheet in parts.sheets:
            if sheet.title == wanted if wanted else sheet.is_visible:
                rows = parts.rows(sheet)
                head = list(islice(rows, 1 + SAMPLE))
                found |= {sheet.title: (head, chain(head, rows))} if head else {}
        if len(found) > 1 and not self._options.no_header:
            found = {title: sheet for title, sheet in found.items() if len(sheet[0]) > 1}
        if len(found) > 1 and layouts is not None:
            named = layouts.sheet_of({title: _cells(head[0]) for title, (head, _) in found.items()})
            found = {named: found[named]} if named is not None else found
        if len(found) != 1:
            titles = listed([sheet.title for sheet in parts.sheets])
            raise InputRefused(
                f"{self._name}: it is not certain which sheet is meant, of those that hold "
                f"anything and are not hidden. Its sheets: {titles}. Say which with --sheet."
            )
        return found.popitem()


def _cells(row: SheetRow, width: int = 0) -> list[str]:
    """Return a row's cells, those within `width` in their places, 0 for all of them."""
    width = width or max(row.cells) + 1
    beyond = [row.cells[place] for place in sorted(row.cells) if place >= width]
    return [*(row.cells.get(place, "") for place in range(width)), *beyond]
