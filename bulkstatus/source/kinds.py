"""Which kind of file an input is, and what it says when it is another one."""

import re

from bulkstatus.errors import InputRefused, SettingsRefused
from bulkstatus.order import BLANKS

#: The values of --format, each the extension of such files, which some have by another name.
FORMATS = ("csv", "tsv", "txt", "jsonl", "xlsx")
_OTHER_NAMES = {"tab": "tsv", "ndjson": "jsonl", "json": "jsonl", "xlsm": "xlsx"}

# The first bytes of workbooks.
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"

# What parts cells, and what is left of line ends that a program has written out or lost.
_CELL_END = re.compile(r"[,;|\t\v\f\x1c-\x1e\x85\u2028\u2029]|\\[rn]")

_OBJECT_IN_A_LINE = re.compile(r"^\s*\{.*\}\s*$", re.MULTILINE)
_RESULT_LOG = re.compile(r'\{\s*"type"\s*:\s*"(?:run|result|end)"')


def format_of(file_name: str, given: str | None, first_bytes: bytes, name: str) -> str:
    """Return the format, from --format (`given`), the extension or, for a pipe, the content.

    Raises InputRefused for an extension that says nothing, SettingsRefused for a format that is
    none.
    """
    if given is not None:
        if given not in FORMATS:
            raise SettingsRefused(f"--format {given} is none of {', '.join(FORMATS)}.")
        return given
    if not file_name:
        if first_bytes.startswith((_ZIP, _OLD_EXCEL)):
            return "xlsx"
        return "jsonl" if first_bytes.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"
    stem, _, extension = file_name.lower().removesuffix(".gz").rpartition(".")
    format_ = _OTHER_NAMES.get(extension, extension)
    if not stem or format_ not in FORMATS:
        raise InputRefused(
            f"{name}: its name does not say that it is of a kind that can be read. Say it with "
            "--format csv, tsv, txt, jsonl or xlsx; save another spreadsheet as .xlsx."
        )
    return format_


def refuse_other_bytes(first_bytes: bytes, format_: str, name: str) -> None:
    """Refuse a file whose first bytes are those of a workbook and should not be, or are not."""
    if first_bytes.startswith(_OLD_EXCEL):
        raise InputRefused(
            f"{name} is a workbook of the old Excel kind, or protected by a password. "
            "Open it in Excel and save it as .xlsx without a password, or as CSV."
        )
    is_archive = first_bytes.startswith(_ZIP)
    if is_archive != (format_ == "xlsx"):
        what = "an Excel workbook or an archive" if is_archive else "not an Excel workbook"
        raise InputRefused(
            f"{name} is {what}, whatever its name says. Say with --format what it is, or save it "
            "as CSV."
        )


def refuse_one_line(head: str, name: str) -> None:
    """Refuse a table all of which is one line: rows stand behind the header, on the same line."""
    text = head.strip(BLANKS)
    if "\n" in text or "\r" in text:
        return
    first, *cells = _CELL_END.split(text)
    if not any(map(str.isdecimal, first)) and any(map(str.isdecimal, cells)):
        raise InputRefused(
            f"{name} is one long line: rows stand behind the header, and no line ends in between "
            "that a program could see. Export it again, each row on a line of its own."
        )


def refuse_other_text(head: str, format_: str, name: str) -> None:
    """Refuse a text that begins as something else than `format_` does."""
    text = head.lstrip(BLANKS)
    if _RESULT_LOG.match(text):
        raise InputRefused(
            f"{name} is a result log of bulkstatus, not an input. `bulkstatus resume {name}` goes "
            f"on with it, `bulkstatus report {name}` shows it."
        )
    if format_ == "jsonl":
        if text.startswith("[") or not _OBJECT_IN_A_LINE.search(text):
            raise InputRefused(
                f"{name} is not JSON Lines: write each object in braces on a line of its own, "
                "without brackets around them and commas between them. If it is a table, add "
                "--format csv."
            )
    elif text.startswith(("{", "[", "<")):
        raise InputRefused(
            f"{name} holds JSON, a web page or XML, not a table. If each line is one JSON object, "
            "add --format jsonl; otherwise save it as CSV in a spreadsheet, or export it again."
        )
