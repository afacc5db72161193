"""Which kind of file an input is, and what it says when it is another one."""

import re
from difflib import get_close_matches

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS

_EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}

# Spreadsheets whose formulas and errors no library tells from empty cells.
_OTHER_SPREADSHEETS = (".xls", ".xlsb", ".ods", ".numbers")

#: The values of --format.
FORMATS = ("csv", "tsv", "txt", "jsonl", "xlsx")

# The first bytes of files that are sometimes given a table's name.
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_OTHERS = {
    b"%PDF": "a PDF",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"SQLite format 3": "a database",
}

_JSON_OBJECT = re.compile(r'\{\s*(?:"|\}|$)')
_JSON_ARRAY = re.compile(r'\[\s*(?:[{\["\]]|-?\d+\s*[,\]]|$)')
_RESULT_LOG = re.compile(r'\{\s*"type"\s*:\s*"(?:run|result|end)"')


def format_of(file_name: str, given: str | None, first_bytes: bytes, name: str) -> str:
    """Return the format, from --format (`given`), the extension or, for a pipe, the content.

    Raises InputRefused for an extension that says nothing, SettingsRefused for a format that is
    none.
    """
    if given is not None:
        if given not in FORMATS:
            close = get_close_matches(given, FORMATS, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise SettingsRefused(f"--format {given} is none of {', '.join(FORMATS)}.{hint}")
        return given
    stem, dot, extension = file_name.lower().removesuffix(".gz").rpartition(".")
    if dot and stem and f".{extension}" in _EXTENSIONS:
        return _EXTENSIONS[f".{extension}"]
    if f".{extension}" in _OTHER_SPREADSHEETS:
        raise InputRefused(
            f"{name} is a spreadsheet of a kind that cannot be read with certainty. "
            "Open it and save it as .xlsx or as CSV."
        )
    if not file_name:
        if first_bytes.startswith((_ZIP, _OLD_EXCEL)):
            return "xlsx"
        return "jsonl" if first_bytes.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"
    raise InputRefused(
        f"{name}: its name does not say what kind of file it is. "
        "Say it with --format csv, tsv, txt, jsonl or xlsx."
    )


def refuse_other_bytes(first_bytes: bytes, format_: str, name: str) -> None:
    """Refuse a file whose first bytes are those of something else than `format_`."""
    for magic, kind in _OTHERS.items():
        if first_bytes.startswith(magic):
            raise InputRefused(f"{name} is {kind}, whatever its name says. Export it as CSV.")
    if first_bytes.startswith(_OLD_EXCEL):
        raise InputRefused(
            f"{name} is a workbook of the old Excel kind, or protected by a password. "
            "Open it in Excel and save it as .xlsx without a password, or as CSV."
        )
    is_archive = first_bytes.startswith(_ZIP)
    if format_ == "xlsx" and not is_archive:
        raise InputRefused(
            f"{name} is not an Excel workbook, whatever its name says. If it is text, say which "
            "kind with --format csv, tsv, txt or jsonl."
        )
    if format_ != "xlsx" and is_archive:
        raise InputRefused(
            f"{name} is an Excel workbook or an archive, not text. If Excel opens it, add "
            "--format xlsx, or save it there as CSV."
        )


def refuse_other_text(head: str, format_: str, name: str) -> None:
    """Refuse a text that begins as something else than `format_` does."""
    text = head.lstrip(BLANKS)
    first_line = re.split("[\r\n]", text, maxsplit=1)[0]
    if _RESULT_LOG.match(text):
        raise InputRefused(
            f"{name} is a result log of bulkstatus, not an input. `bulkstatus resume {name}` goes "
            f"on with it, `bulkstatus report {name}` shows it."
        )
    if _JSON_ARRAY.match(first_line):
        raise InputRefused(
            f"{name}: this is JSON, not JSON Lines. Write each object on a line of its own, "
            "without the brackets around them and the commas between them."
        )
    if format_ == "jsonl":
        if re.fullmatch(r'\{\s*|\{\s*"[^"]*"\s*:.*,\s*', first_line) and not re.search(
            r"^\s*\{.*\}\s*$", text, re.MULTILINE
        ):
            raise InputRefused(
                f"{name}: this is JSON, not JSON Lines: its first object runs over several lines. "
                "Write each object on one line."
            )
        if not re.search(r"^\s*\{", text, re.MULTILINE):
            raise InputRefused(
                f"{name} is not JSON Lines: no line begins with a brace. "
                "If it is a table, add --format csv."
            )
    elif _JSON_OBJECT.match(first_line):
        raise InputRefused(
            f"{name} holds JSON, not a table. If each line is one object, add --format jsonl."
        )
    elif re.match(r"<(?:[a-z!?/])", text, re.IGNORECASE):
        raise InputRefused(
            f"{name} is a web page or XML, not a table. Open it in a spreadsheet and save it as "
            "CSV, or export it again."
        )
