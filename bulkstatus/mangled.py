"""What a spreadsheet or an export does to an identifier, recognised so that it is never sent."""

import re
from collections.abc import Iterable

_MONTH = (
    r"(?:jan|feb|f[eé]vr?|m[aä]r[sz]?|mrt|apr|avr|abr|may|mai|maj|mei|mag|jun[ei]?|juin|giu|"
    r"jul[iy]?|juil|lug|aug|ao[uû]t|ago|sept?|set|o[ck]t|ott|nov|d[eéi][czk])\.?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:19|20)\d{2}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?: ?[ap]m)?"

_FORMS = (
    (
        r"[+-]?\d+[.,]\d+e[+-]?\d+|[+-]?\d+e[+-]\d+",
        "is a number in scientific notation: a spreadsheet has cut its digits off. "
        "Format the column as text and export it again from the source",
    ),
    (
        r"[+-]?\d+[.,]0+",
        "ends in a decimal fraction: a spreadsheet has made it a number. "
        "Format the column as text and export it again",
    ),
    (
        r"\d{1,3}(?:,\d{3})+|\d{1,3}(?:[.'\u2019]\d{3}){2,}|\d{1,3}(?:[\u00a0\u2009\u202f]\d{3})+",
        "holds thousands separators: a spreadsheet has made it a number. "
        "Format the column as text and export it again",
    ),
    (
        rf"{_DAY}[-. /]{{1,2}}{_MONTH}(?:[-. /](?:\d{{2}}|{_YEAR}))?"
        rf"|{_MONTH}[- /](?:\d{{2}}|{_YEAR})"
        rf"|{_DAY}[./]{_DAY}[./](?:\d{{2}}|{_YEAR})(?: .*)?|{_DAY}-{_DAY}-{_YEAR}(?: .*)?"
        rf"|{_YEAR}[-/](?:0?[1-9]|1[0-2])[-/]{_DAY}(?:[ t].*)?|{_CLOCK}",
        "is a date or a time: a spreadsheet has turned it into one. "
        "Format the column as text and export it again from the source",
    ),
    (
        r"#n/?[adv]|#[^\W\d]+(?:/0)?[!?]|#(?:spill|calc|field|busy|connect)!|#getting_data|##+",
        "is an error of a spreadsheet formula, not a value. Repair the formula and export it again",
    ),
    (
        r"[(<\[]?(?:na|nan|nat|none|null|nil|undefined)[)>\]]?|n/a|n\.a\.|\\n|[-\u2013\u2014]+"
        r"|[+-]?inf(?:inity)?|true|false|wahr|falsch|vrai|faux|waar|onwaar",
        "is what a program writes for a missing value. Fill in the value or clear the cell",
    ),
    (
        r"""['"`\u00b4\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a].*|.*["\u201c\u201d\u201e]""",
        "has an apostrophe or a quotation mark around it that is not part of it. Take it out",
    ),
)
_ANY = re.compile("|".join(form for form, _ in _FORMS), re.IGNORECASE)
_EACH = tuple((re.compile(form, re.IGNORECASE), reason) for form, reason in _FORMS)

#: Matches only what none of the forms fits, far quicker than all of them: ASCII letters and
#: digits with a digit among them, in groups parted by `-`, `_` or `/` too long for a date.
WHOLE = re.compile(
    r"[A-Za-z]*[0-9][A-Za-z0-9]*"
    r"|[A-Za-z]+[-_/](?:[A-Za-z0-9]+[-_/])*[0-9]{5,}|[0-9]{5,}(?:[-_/][A-Za-z0-9]+)+"
)


def how_mangled(text: str) -> str | None:
    """Return how `text` was damaged and what to do about it, or None when it looks whole.

    The answer continues a sentence that begins with the text itself:
    "4.61402E+07" → "is a number in scientific notation: …".
    """
    if WHOLE.fullmatch(text) or _ANY.fullmatch(text) is None:
        return None
    return next(reason for pattern, reason in _EACH if pattern.fullmatch(text))


#: How many digits of a number a spreadsheet keeps; it makes zeros of the others.
KEPT_DIGITS = 15

# How many zeros must stand after the 15th digit, over all numbers looked at, before they are no
# accident: one in a thousand columns of whole numbers looks so.
_ENOUGH_ZEROS = 3


class RoundedColumn:
    """Looks at values of a column; `example` is one of them when all long numbers look cut off."""

    def __init__(self) -> None:
        self._zeros = 0
        self._example: str | None = None
        self._is_whole = False

    def look(self, values: Iterable[str | None]) -> None:
        """Take in values, in any portions. An equal value again proves nothing and may be left out.

        Values that are not numbers of more than 15 digits say nothing.
        """
        if self._is_whole:
            return
        for value in values:
            if value is not None and len(value) > KEPT_DIGITS and value.isdecimal():
                rest = value[KEPT_DIGITS:]
                if rest.strip("0"):
                    self._is_whole = True
                    return
                self._zeros += len(rest)
                self._example = self._example or value

    @property
    def example(self) -> str | None:
        """A value that looks cut off, or None when the column looks whole."""
        return self._example if not self._is_whole and self._zeros >= _ENOUGH_ZEROS else None
