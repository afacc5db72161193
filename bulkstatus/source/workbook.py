"""The parts of an Excel workbook: its sheets, each a stream of rows with the text of their cells.

Both kinds of Open XML are read, and of the styles the number formats alone. Nothing of a sheet is
kept but the cell at hand, so that a sheet may be of any size; what only a file made to do harm has
is refused.
"""

import io
import posixpath
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from string import ascii_uppercase
from typing import NamedTuple
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS

from bulkstatus.errors import InputRefused
from bulkstatus.source.shown import shown
from bulkstatus.source.table import is_blank

#: The last row and column that Excel has.
_ROWS, _COLUMNS = 1 << 20, 1 << 14

# How many bytes of a part are unpacked at a time, how many times its size a workbook may come to,
# unpacked, and how many bytes it may in any case.
_PIECE = 1 << 16
_RATIO, _SMALL = 100, 1 << 23

# How deep the elements of a part are in each other, at most.
_DEPTH = 100

# The text of these is that of what they stand in: not so what is added, or says how to pronounce.
_TEXTS = {"v", "is", "r", "t"}

_GENERAL = "General"


class SheetRow(NamedTuple):
    """A row, numbered from 1, with its cells that are not blank, by column from 0 on."""

    number: int
    is_hidden: bool
    cells: Mapping[int, str]


class Sheet(NamedTuple):
    """A sheet of cells; `path` is that of its part."""

    title: str
    is_visible: bool
    path: str


# An element: its name without its namespace, its attributes, and its text.
_Element = tuple[str, Mapping[str, str], str]


class Parts:
    """The workbook in `file`, with its `sheets`.

    What is damaged raises whatever the part that met the damage raises, what is made to do harm
    InputRefused.
    """

    def __init__(self, file: io.BytesIO, name: str) -> None:
        self._name = name
        self._archive = zipfile.ZipFile(file)
        self._left = max(_SMALL, _RATIO * file.getbuffer().nbytes)
        book = next(path for kind, path in self._related("").values() if kind == "officeDocument")
        related = self._related(book)
        paths = dict(related.values())
        self._formats = self._cell_formats(paths["styles"]) if "styles" in paths else []
        shared = self._elements(paths["sharedStrings"]) if "sharedStrings" in paths else ()
        self._texts = [text for tag, _, text in shared if tag == "si"]
        self.sheets: list[Sheet] = []
        #: By title, what is merged in the sheets of which all rows were read, such as "C2:C3".
        self.merged: defaultdict[str, list[str]] = defaultdict(list)
        for tag, of, _ in self._elements(book):
            if tag == "sheet":
                kind, path = related[next(of[key] for key in of if key.endswith(":id"))]
                if kind == "worksheet":
                    is_visible = of.get("state", "visible") == "visible"
                    self.sheets.append(Sheet(of["name"], is_visible, path))

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """Yield the rows of a sheet that are not blank."""
        number = column = 0
        cells: dict[int, str] = {}
        is_formula = False
        for tag, of, text in self._elements(sheet.path):
            if tag == "f":
                is_formula = True
            elif tag == "c":
                place = _column(of["r"]) if "r" in of else column + 1
                column = _within(place, column, _COLUMNS)
                if is_formula or text:
                    text = self._shown("f" if is_formula else of.get("t"), of, text)
                    if not is_blank([text]):
                        cells[column - 1] = text
                    is_formula = False
            elif tag == "row":
                place = int(of.get("r", number + 1))
                number = _within(place, number, _ROWS)
                if cells:
                    yield SheetRow(number, of.get("hidden") in {"1", "true"}, cells)
                column, cells = 0, {}
            elif tag == "mergeCell":
                self.merged[sheet.title].append(of["ref"])

    def _shown(self, kind: str | None, of: Mapping[str, str], text: str) -> str:
        if kind == "s":
            return self._texts[_within(int(text), -1, len(self._texts) - 1)]
        style = int(of.get("s", 0))
        return shown(kind or "n", text, self._formats[style] if self._formats else _GENERAL)

    def _cell_formats(self, path: str) -> list[str]:
        """Return the number format of each style that a cell may have."""
        own: dict[str, str] = {}
        numbers: list[str] = []
        for tag, of, _ in self._elements(path):
            if tag == "numFmt":
                own[of["numFmtId"]] = of["formatCode"]
            elif tag == "xf":
                numbers.append(of.get("numFmtId", "0"))
            elif tag == "cellStyleXfs":
                numbers.clear()  # those are what these are made from
        return [own.get(n) or BUILTIN_FORMATS.get(int(n), _GENERAL) for n in numbers]

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """Return what a part refers to: by its ID the kind, such as "worksheet", and the path."""
        folder, name = posixpath.split(part)
        found = {}
        for tag, of, _ in self._elements(posixpath.join(folder, "_rels", f"{name}.rels")):
            if tag == "Relationship":
                path = posixpath.normpath(posixpath.join("/", folder, of["Target"]))
                found[of["Id"]] = (of["Type"].rpartition("/")[2], path[1:])
        return found

    def _elements(self, path: str) -> Iterator[_Element]:
        """Yield the elements of a part as they end."""
        met: list[_Element] = []
        above: list[tuple[dict[str, str], list[str]]] = []
        local = lru_cache(1000)(lambda name: name.rpartition(":")[2])

        def start(name: str, of: dict[str, str]) -> None:
            above.append((of, []))
            if len(above) > _DEPTH:
                raise ValueError("no workbook is nested so deep")

        def end(name: str) -> None:
            of, texts = above.pop()
            met.append((tag := local(name), of, text := "".join(texts)))
            if tag in _TEXTS and above:
                above[-1][1].append(text)

        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = lambda text: above[-1][1].append(text)
        parser.StartDoctypeDeclHandler = _no_entities
        with self._archive.open(path) as part:
            while piece := part.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise InputRefused(
                        f"{self._name} unpacks to far more than a workbook of its size holds. Open "
                        "it in Excel and save it as a new .xlsx file or as CSV."
                    )
                parser.Parse(piece)
                yield from met
                met.clear()
        parser.Parse(b"", True)


def _no_entities(*declared: object) -> None:
    raise ValueError("no workbook declares entities")


def _within(place: int, before: int, last: int) -> int:
    """Return a place of those behind one `before`, up to the last that there is."""
    if not before < place <= last:
        raise ValueError(f"{place} is not behind {before} and up to {last}")
    return place


def spans(reference: str) -> tuple[range, range]:
    """Return the numbers of the rows and columns of some cells: 2, 3 and 28 for AB2:AB3."""
    first, _, last = reference.partition(":")
    ends = [(int(end.lstrip(ascii_uppercase)), _column(end)) for end in (first, last or first)]
    (top, left), (bottom, right) = ends
    return range(top, bottom + 1), range(left, right + 1)


def _column(reference: str) -> int:
    """Return the number of a cell's column: 28 for AB7."""
    number = 0
    for letter in reference.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
