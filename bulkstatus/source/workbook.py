"""The parts of an Excel workbook: its sheets, each a stream of rows with their cells as stored.

Both kinds of Open XML are read, and of the styles the number formats alone. Nothing of a sheet is
kept but the row at hand, so that a sheet may be of any size; what only a file made to do harm has
is refused.
"""

import io
import posixpath
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import IO, NamedTuple, cast
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS

from bulkstatus.errors import InputRefused

#: The last row and column that Excel has.
_ROWS, _COLUMNS = 1 << 20, 1 << 14

# How many bytes of a part are unpacked at a time, how many times its size a workbook may come to,
# unpacked, and how many bytes it may in any case.
_PIECE = 1 << 16
_RATIO, _SMALL = 100, 1 << 23

_DEFAULT_FORMAT = "General"

# What stands in a cell besides its value: how it is pronounced, and what others may have added.
_ASIDE = {"rPh", "extLst"}


class Cell(NamedTuple):
    """A cell: its value as it is stored, and the format in which a number is shown.

    `kind` is "n" for a number, "s" for a text, "f" for a formula's result, and as in the file
    itself "b" for a boolean, "e" for an error, "d" for a date.
    """

    kind: str
    value: str
    format: str = _DEFAULT_FORMAT


class SheetRow(NamedTuple):
    """A row, numbered from 1, with its cells that hold anything, by column from 0 on."""

    number: int
    is_hidden: bool
    cells: Mapping[int, Cell]


class Sheet(NamedTuple):
    """A sheet of cells; `path` is that of its part."""

    title: str
    is_visible: bool
    path: str


# A start, with the attributes; an end, with None; a text, under the name "".
_Event = tuple[str, Mapping[str, str] | str | None]


class Parts:
    """The workbook in `file`, with its `sheets`.

    What is damaged raises whatever the part that met the damage raises, what is made to do harm
    InputRefused.
    """

    def __init__(self, file: io.BytesIO, name: str) -> None:
        self._name = name
        self._archive = zipfile.ZipFile(file)
        self._left = max(_SMALL, _RATIO * file.getbuffer().nbytes)
        if sum(part.file_size for part in self._archive.infolist()) > self._left:
            raise self._too_large()
        book = next(path for kind, path in self._related("").values() if kind == "officeDocument")
        related = self._related(book)
        by_kind = dict(related.values())
        self._formats = list(self._cell_formats(by_kind["styles"])) if "styles" in by_kind else []
        self._texts: list[str] = []
        if "sharedStrings" in by_kind:
            self._texts = list(_texts(self._events(by_kind["sharedStrings"])))
        self.sheets: list[Sheet] = []
        for tag, of in self._events(book):
            if tag == "sheet" and isinstance(of, dict):
                kind, path = related[next(of[key] for key in of if key.endswith(":id"))]
                if kind == "worksheet":
                    self.sheets.append(
                        Sheet(of["name"], of.get("state", "visible") == "visible", path)
                    )

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """Yield the rows of a sheet."""
        number, column, is_hidden = 0, 0, False
        cells: dict[int, Cell] = {}
        of: Mapping[str, str] = {}
        parts: list[str] = []
        reads = is_aside = is_formula = False
        for tag, what in self._events(sheet.path):
            if tag == "":
                if reads:
                    parts.append(cast("str", what))
            elif isinstance(what, dict):
                if tag == "row":
                    number = self._within(int(what.get("r", number + 1)), number, _ROWS, "row")
                    is_hidden = what.get("hidden") in {"1", "true"}
                    column, cells = 0, {}
                elif tag == "c":
                    of, is_formula = what, False
                    place = _column(what["r"]) if "r" in what else column + 1
                    column = self._within(place, column, _COLUMNS, "column")
                    parts.clear()
                elif tag == "f":
                    is_formula = True
                is_aside = is_aside or tag in _ASIDE
                reads = tag in {"v", "t"} and not is_aside
            else:
                reads = False
                if tag in _ASIDE:
                    is_aside = False
                elif tag == "c" and (parts or is_formula):
                    cells[column - 1] = self._cell(of, "".join(parts), is_formula)
                elif tag == "row":
                    yield SheetRow(number, is_hidden, cells)

    def _cell(self, of: Mapping[str, str], value: str, is_formula: bool) -> Cell:
        kind = of.get("t", "n")
        if is_formula:
            return Cell("f", value)
        if kind == "s":
            return Cell("s", self._texts[int(value)])
        if kind in {"str", "inlineStr"}:
            return Cell("s", value)
        style = int(of.get("s", 0))
        return Cell(kind, value, self._formats[style] if self._formats else _DEFAULT_FORMAT)

    def _within(self, place: int, before: int, last: int, what: str) -> int:
        if not before < place <= last:
            raise InputRefused(
                f"{self._name} cannot be read as an Excel workbook: {what} {place} stands behind "
                f"{what} {before}, and Excel has {last:,} in rising order. Open it in Excel and "
                "save it as a new .xlsx file or as CSV."
            )
        return place

    def _cell_formats(self, path: str) -> Iterator[str]:
        """Yield the number format of each style that a cell may have."""
        own: dict[str, str] = {}
        is_cells = False
        for tag, of in self._events(path):
            if tag == "cellXfs":
                is_cells = of is not None
            elif isinstance(of, dict) and tag == "numFmt":
                own[of["numFmtId"]] = of["formatCode"]
            elif isinstance(of, dict) and tag == "xf" and is_cells:
                number = of.get("numFmtId", "0")
                yield own.get(number) or BUILTIN_FORMATS.get(int(number), _DEFAULT_FORMAT)

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """Return what a part refers to: by its ID the kind, such as "worksheet", and the path."""
        folder, name = posixpath.split(part)
        found = {}
        for tag, of in self._events(posixpath.join(folder, "_rels", f"{name}.rels")):
            if tag == "Relationship" and isinstance(of, dict):
                path = posixpath.normpath(posixpath.join("/", folder, of["Target"]))
                found[of["Id"]] = (of["Type"].rpartition("/")[2], path[1:])
        return found

    def _events(self, path: str) -> Iterator[_Event]:
        with self._archive.open(path) as part:
            yield from _events(self._pieces(part))

    def _pieces(self, part: IO[bytes]) -> Iterator[bytes]:
        while piece := part.read(_PIECE):
            self._left -= len(piece)
            if self._left < 0:
                raise self._too_large()
            yield piece

    def _too_large(self) -> InputRefused:
        return InputRefused(
            f"{self._name} unpacks to far more than a workbook of its size holds. Open it in Excel "
            "and save it as a new .xlsx file or as CSV."
        )


def _events(pieces: Iterable[bytes]) -> Iterator[_Event]:
    """Yield what an XML parser meets, names without their namespaces."""
    met: list[_Event] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True
    local = lru_cache(1000)(lambda name: name.rpartition(":")[2])
    parser.StartElementHandler = lambda name, of: met.append((local(name), of))
    parser.EndElementHandler = lambda name: met.append((local(name), None))
    parser.CharacterDataHandler = lambda text: met.append(("", text))
    parser.StartDoctypeDeclHandler = _no_entities
    for piece in pieces:
        parser.Parse(piece)
        yield from met
        met.clear()
    parser.Parse(b"", True)


def _no_entities(*declared: object) -> None:
    raise ValueError("no workbook declares entities")


def _texts(events: Iterable[_Event]) -> Iterator[str]:
    """Yield the texts that cells share, without how they are to be pronounced."""
    parts: list[str] = []
    reads = is_aside = False
    for tag, what in events:
        if tag == "":
            if reads:
                parts.append(cast("str", what))
        elif tag in _ASIDE:
            is_aside = what is not None
        elif tag == "t":
            reads = what is not None and not is_aside
        elif tag == "si" and what is None:
            yield "".join(parts)
            parts.clear()


def _column(reference: str) -> int:
    """Return the number of a cell's column: 28 for AB7."""
    number = 0
    for letter in reference.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
