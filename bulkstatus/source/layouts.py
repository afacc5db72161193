"""The answers to what a file left in question, kept for the next file of its kind.

They stand in a file of their own beside the settings. A layout holds for a file that has its
columns and no others that could be meant.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import msgspec

from bulkstatus.errors import SettingsRefused
from bulkstatus.order import OrderStatus
from bulkstatus.source.columns import Column, find, named, normalise, quoted
from bulkstatus.source.options import FIELDS, LABELS, InputOptions


class SavedLayout(msgspec.Struct, omit_defaults=True):
    """What was answered of a file.

    `header` are all columns that it had, of which `columns` maps fields to those that hold them,
    or to "". `status` is that of all rows, `words` are the file's own for a status.
    """

    name: str
    header: list[str]
    columns: dict[str, str]
    status: OrderStatus | None = None
    words: dict[str, OrderStatus] = msgspec.field(default_factory=dict)
    sheet: str | None = None

    def has_columns(self, headers: Sequence[str]) -> bool:
        """Say whether a header has the columns that this layout names."""
        return all(len(named(headers, name)) == 1 for name in self.columns.values() if name)

    def meant(self, headers: Sequence[str]) -> dict[int, str]:
        """Return which field each column holds that the layout knows, "" for none, by position."""
        known = set(map(normalise, self.header))
        found = {p: field for field, name in self.columns.items() for p in named(headers, name)}
        return {p: "" for p, name in enumerate(headers) if normalise(name) in known} | found

    def in_doubt(self, table: Sequence[Column], options: InputOptions) -> dict[str, list[int]]:
        """Return the fields, of those that `options` do not name, that columns could be meant by
        which the layout does not know: with its own column in the table, and those.
        """
        doubts = find(table, self.added_to(options, but=FIELDS), "csv", self).doubts
        return {field: places for field, places in doubts.items() if places}

    def added_to(self, options: InputOptions, but: Collection[str] = ()) -> InputOptions:
        """Return options with what they leave open, of all fields `but` some."""
        taken = {*but, *options.column.values()} - {""}
        columns = {f: name for f, name in self.columns.items() if taken.isdisjoint({f, name})}
        return replace(
            options,
            column={**columns, **options.column},
            status=options.status or self.status,
            word={**self.words, **options.word},
        )


class Layouts:
    """The layouts that are kept in the file at `path`, None where there is no place for one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @cached_property
    def saved(self) -> list[SavedLayout]:
        """All of them, the oldest first. Raises SettingsRefused where they cannot be read."""
        try:
            data = self._path.read_bytes() if self._path else b"[]"
            return msgspec.json.decode(data, type=list[SavedLayout])
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, msgspec.MsgspecError) as error:
            raise SettingsRefused(
                f"The layouts in {self._path} cannot be read: {error}. Put the file back from a "
                "copy, or delete it and answer again."
            ) from None

    def applied(
        self, table: Sequence[Column], options: InputOptions
    ) -> tuple[InputOptions, str | None, str, dict[str, list[int]]]:
        """Return the options with what the layout of a table says, and its name.

        Options that were given win. Where no layout holds, the third is why not, or "". Where that
        is for columns that were added, the fourth has the fields in question with those that could
        be meant, and what the layout says besides is added to the options.
        """
        headers = [column.header for column in table]
        fitting = [layout for layout in self.saved if layout.has_columns(headers)]
        doubts = [layout.in_doubt(table, options) for layout in fitting]
        held = [layout for layout, doubt in zip(fitting, doubts, strict=True) if not doubt]
        held = [layout for layout in held if layout.header == headers] or held
        answers = [(layout.columns, layout.status, layout.words) for layout in held]
        if any(each != answers[0] for each in answers):
            names = " and ".join(quoted(layout.name) for layout in held)
            return options, None, f"The layouts {names} hold for it, and say different things.", {}
        if held:
            return held[-1].added_to(options), held[-1].name, "", {}
        note = ""
        for layout, doubt in zip(fitting, doubts, strict=True):
            field, places = next(iter(doubt.items()))
            new = f"{quoted(headers[places[-1]])} is new and could be the {LABELS[field]}"
            note = f"The layout {quoted(layout.name)} does not hold for it: {new}."
            if set(layout.header) <= set(headers):
                return layout.added_to(options, but=doubt), None, note, doubt
        return options, None, note, {}

    def sheet_of(self, headers: Mapping[str, Sequence[str]]) -> str | None:
        """Return the only sheet, of those with these headers, that a layout names and holds for."""
        sheets = {
            each.sheet for each in self.saved if each.has_columns(headers.get(each.sheet or "", ()))
        }
        return sheets.pop() if len(sheets) == 1 else None

    def keep(
        self, header: Sequence[str], columns: Mapping[str, str], options: InputOptions, file: str
    ) -> str:
        """Keep the answers for a table, and return the name that they are kept under.

        They take the place of those of the same name or of the same header. The status for all
        rows is not kept where it cancels them, nor where the order ID is all that a row has.
        """
        if self._path is None:
            raise SettingsRefused(
                "There is no folder to keep a layout in. Name one in BULKSTATUS_CONFIG_DIR."
            )
        status = options.status
        layout = SavedLayout(
            options.save_layout or "",
            list(header),
            {**options.column, **{field: columns.get(field, "") for field in FIELDS}},
            status if status is not OrderStatus.CANCELLED and len(header) > 1 else None,
            dict(options.word),
            options.sheet,
        )
        kind = layout.header, layout.sheet
        others = [each for each in self.saved if (each.header, each.sheet) != kind]
        others = [each for each in others if each.name != layout.name]
        layout.name = layout.name or _free_name(file, [each.name for each in others])
        data = msgspec.json.format(msgspec.json.encode([*others, layout]))
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(data + b"\n")
            new.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            raise SettingsRefused(
                f"The layout cannot be kept in {self._path}: {error.strerror}."
            ) from None
        return layout.name


def _free_name(file: str, taken: Sequence[str]) -> str:
    """Return a name made of a file's, without its ending and date, that is not taken."""
    stem = re.sub(r"[\W\d_]+$", "", file.partition(".")[0]) or "layout"
    names = [stem, *(f"{stem} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
