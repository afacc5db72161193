"""What the order IDs of a file have in common: the kinds that tell an order from another line.

A total, a signature, a heading, a second header have no ID, but words where the IDs stand.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from bulkstatus.source.layout import quoted

_DIGIT = re.compile(r"\d")
_BLANK = re.compile(r"\s")
_MARK = re.compile(r"[^\w\s./#&+,;|-]")

_DIGITS = "have a digit"
_NUMBERS = "are numbers"
_WORDS = "are one word"
_PLAIN = "are free of marks such as : and ("

#: The kinds of IDs, and what one of the kind is true of.
_KINDS: dict[str, Callable[[str], object]] = {
    _DIGITS: _DIGIT.search,
    _NUMBERS: str.isdecimal,
    _WORDS: lambda order_id: not _BLANK.search(order_id),
    _PLAIN: lambda order_id: not _MARK.search(order_id),
}

#: What most IDs are, what one in a list is, and what all are that need no closer look.
USUAL, ONE_WORD = frozenset({_DIGITS, _WORDS}), frozenset({_WORDS})
WHOLE = USUAL | {_PLAIN}

# The bytes that say nothing about a kind, to be taken out of many IDs at once.
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789\n"))
_NO_MARKS = b"\n ./#&+,;|-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# The IDs of a file are of one kind where at most one in so many is not.
_ONE_IN = 20


def kinds_of(order_id: str) -> frozenset[str]:
    """Return the kinds that an ID is of, but for whether it is a number: some have a letter."""
    return frozenset(kind for kind in WHOLE if _KINDS[kind](order_id))


class Alike:
    """Counts the IDs of a whole file by kind.

    Where one alone, in the first or the last row, is of another kind, there must be `few` others
    for that to speak against it.
    """

    def __init__(self, few: int) -> None:
        self._few = few
        self._count = 0
        self._odd: Counter[str] = Counter()
        self._spans: dict[str, list[tuple[int, int]]] = {kind: [] for kind in _KINDS}

    def look(self, order_ids: Sequence[str], span: tuple[int, int] | None = None) -> None:
        """Take in valid IDs, all at once for speed; `span` says which rows of the file they are."""
        self._count += len(order_ids)
        if "".join(order_ids).isdecimal():
            return
        lines = "\n".join(order_ids)
        encoded = lines.encode("utf-8", "replace")
        doubtful = [_NUMBERS]
        if b"\n\n" in b"\n%b\n" % encoded.translate(None, _NO_DIGITS):
            doubtful.append(_DIGITS)
        if len(lines.split()) != len(order_ids):
            doubtful.append(_WORDS)
        if encoded.translate(None, _NO_MARKS):
            doubtful.append(_PLAIN)
        for kind in doubtful:
            odd = len(order_ids) - sum(map(bool, map(_KINDS[kind], order_ids)))
            self._odd[kind] += odd
            if odd and span is not None:
                self._spans[kind].append(span)

    def spans(self) -> list[tuple[int, int]]:
        """Return where the rows stand that may be no orders, in rising order."""
        return sorted({span for kind in _KINDS if self._is_one(kind) for span in self._spans[kind]})

    def why_odd(self, order_id: str, is_edge: bool) -> str | None:
        """Return why a row with this ID is no order; `is_edge`: it is the first or the last."""
        for kind, has in _KINDS.items():
            if self._is_one(kind, is_edge) and not has(order_id):
                return (
                    f"the row is no order: the order IDs of this file {kind}, unlike "
                    f"{quoted(order_id)}; delete it, or send it in a file of its own"
                )
        return None

    def _is_one(self, kind: str, is_edge: bool = True) -> bool:
        odd = self._odd[kind]
        is_single = is_edge and odd == 1 and kind != _NUMBERS and self._count > self._few
        return odd * _ONE_IN <= self._count or is_single
