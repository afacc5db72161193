"""What a spreadsheet or an export does to an identifier, recognised so that it is never sent."""

import re

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
        r"=.*|[-+@][a-z][a-z\d.]*\(.*",
        "is a formula, not its result. Copy the column, paste it as values and export it again",
    ),
    (
        r".*(?:&(?:#\d+|#x[\da-f]+|[a-z]+);|_x[\da-f]{4}_|\\[rnt]|<br ?/?>).*",
        "holds what a program writes for a blank or a line break. Take it out",
    ),
    (
        r"""['"`\u00b4\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a].*|.*["\u201c\u201d\u201e]""",
        "has an apostrophe or a quotation mark around it that is not part of it. Take it out",
    ),
)
_ANY = re.compile("|".join(form for form, _ in _FORMS), re.IGNORECASE)

#: Matches only what none of the forms fits, far quicker than all of them: ASCII letters and
#: digits with a digit among them, in groups parted by `-` or `_` too long for a date.
WHOLE = re.compile(
    r"[A-Za-z]*[0-9][A-Za-z0-9]*"
    r"|[A-Za-z]+[-_](?:[A-Za-z0-9]+-)*[0-9]{5,}|[0-9]{5,}(?:-[A-Za-z0-9]+)+"
)


def how_mangled(text: str) -> str | None:
    """Return how `text` was damaged and what to do about it, or None when it looks whole.

    The answer continues a sentence that begins with the text itself:
    "4.61402E+07" → "is a number in scientific notation: …".
    """
    if WHOLE.fullmatch(text) or _ANY.fullmatch(text) is None:
        return None
    return next(why for form, why in _FORMS if re.fullmatch(form, text, re.IGNORECASE))


# What may part two tracking numbers: a mark, a line, or a word between blanks.
_PARTED = re.compile(r"[,;|&+\r\n]|\s[^\w\s]+\s|\s[a-z]+\s")
_DIGIT = re.compile(r"\d")
_NOTHING = re.compile(r"0+|[\W_x]+", re.IGNORECASE)

#: What is whole, and still no tracking number.
ZEROS = frozenset("0" * count for count in range(1, 41))

# How long the pieces of a number at most are into which people part it to read it: of digits, and
# of digits and letters that stand in the same places of each.
_GROUP, _MIXED_GROUP = 7, 4
_LETTER = re.compile(r"[^\W\d_]")


def why_no_tracking(text: str) -> str | None:
    """Return why `text` is not one tracking number, as `how_mangled` does, or None where it is."""
    if _NOTHING.fullmatch(text):
        return "stands for none. Fill in the number or clear the cell"
    pieces = text.replace("/", " ").split()
    shapes = {_LETTER.sub("A", _DIGIT.sub("0", piece)) for piece in pieces}
    longest = _MIXED_GROUP if _LETTER.search(pieces[0]) else _GROUP
    is_pair = len(shapes) == 1 < len(pieces) and len(pieces[0]) > longest
    parts = pieces if is_pair else _PARTED.split(text)
    if sum(_DIGIT.search(part) is not None for part in parts) > 1:
        by = ", parted by a line break" if "\n" in text or "\r" in text else ""
        return f"is more than one number{by}. Leave the one that is to be sent"
    return None


#: How many digits of a number a spreadsheet keeps; it makes zeros of the others.
KEPT_DIGITS = 15
