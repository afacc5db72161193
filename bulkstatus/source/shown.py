"""The text that Excel shows in a cell, or why it is no order ID, status or tracking."""

import re

from openpyxl.styles.numbers import is_date_format

from bulkstatus.mangled import KEPT_DIGITS
from bulkstatus.source.columns import quoted
from bulkstatus.source.options import Wrong

_KINDS = {
    "b": "is true or false, not text",
    "d": "is a date or a time, not text",
    "e": "is a formula's error",
    "f": "is a formula; copy the column and paste it as values",
}
_PLAIN_FORMAT = re.compile(r"general|@|[#,]*0?(?:\.0+)?(?:e\+0+)?", re.IGNORECASE)
_PADDED_FORMAT = re.compile(r"0{2,}")
# Colours and conditions, and the spaces that a format leaves.
_UNSEEN_IN_FORMAT = re.compile(r"\[[^\]]*\]|[_*].")


def shown(kind: str, value: str, number_format: str) -> str:
    """Return what a cell shows that holds `value`, perhaps a `Wrong`; "" where it is blank.

    `kind` is as in the file: "n" for a number, "b" for a boolean, "e" for an error, "d" for a
    date, others for a text; or "f" for a formula's result.
    """
    if kind == "f" or (kind in _KINDS and value):
        return Wrong(value or "=", _KINDS[kind])
    if kind != "n" or not value:
        return value
    number = float(value)
    if is_date_format(number_format):
        return Wrong(repr(number), _KINDS["d"])
    if number != int(number):
        return Wrong(repr(number), "is a number with a fraction")
    text = str(int(number))
    if number < 0:
        return Wrong(text, "is a negative number")
    if len(text) > KEPT_DIGITS:
        return Wrong(
            text,
            f"is a number of more than {KEPT_DIGITS} digits, and Excel has lost those behind "
            "them; take it from the source, as text",
        )
    shown_by = _UNSEEN_IN_FORMAT.sub("", number_format.split(";")[0])
    if _PADDED_FORMAT.fullmatch(shown_by):
        return text.zfill(len(shown_by))
    if not _PLAIN_FORMAT.fullmatch(shown_by):
        return Wrong(
            text,
            f"is a number that Excel shows in the format {quoted(number_format)}, not as it is; "
            "turn it into text as it is shown",
        )
    return text
