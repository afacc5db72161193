"""What the order IDs, or the trackings, of a file have in common: what tells one from other text.

A total, a signature, a heading, a second header have no ID, but words where the IDs stand; and
"collected" is no tracking.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

from bulkstatus.order import all_whole
from bulkstatus.source.columns import quoted
from bulkstatus.source.options import LABELS

_DIGIT = re.compile(r"\d")
_BLANK = re.compile(r"\s")
_MARK = re.compile(r"[^\w\s./#&+,;|-]")

_DIGITS = "have a digit"
_CODES = "have a digit or are in capitals"
_NUMBERS = "are numbers"
_WORDS = "are one word"
_PLAIN = "are free of marks such as : and ("

#: The kinds of IDs, and what one of the kind is true of.
_KINDS: dict[str, Callable[[str], object]] = {
    _DIGITS: _DIGIT.search,
    _CODES: lambda text: _DIGIT.search(text) or text.isupper(),
    _NUMBERS: str.isdecimal,
    _WORDS: lambda text: not _BLANK.search(text),
    _PLAIN: lambda text: not _MARK.search(text),
}
_ALL = frozenset(_KINDS)

#: What most IDs are, what one in a list is, and what all are that need no closer look.
USUAL, ONE_WORD = frozenset({_DIGITS, _WORDS}), frozenset({_WORDS})
WHOLE = USUAL | {_PLAIN}

# The IDs of a file are of one kind where at most one in so many is not.
_ONE_IN = 20

# How many rows at its beginning and at its end are the edges of a file.
_EDGE = 3

# So many others are enough where those of another kind stand at the edge of a file.
FEW = 8

# How long IDs are, at least, of which a number of half as many digits is none: a shop's first
# orders have few.
_LONG = 5


class _Shape(NamedTuple):
    """The kinds that an ID is of, and how long it is."""

    kinds: frozenset[str]
    length: int


def kinds_of(order_id: str) -> frozenset[str]:
    """Return the kinds that an ID is of."""
    return frozenset(kind for kind, is_of in _KINDS.items() if is_of(order_id))


class Alike:
    """Looks at the order IDs, or the trackings, of a whole file, as `field` says.

    Where all IDs of another kind stand at its beginning or its end, `few` others are enough for
    that to speak against them; a tracking may stand anywhere. `odd_ids` is --odd-ids.
    """

    def __init__(self, field: str, few: int, odd_ids: bool = False) -> None:
        self._field = field
        self._few = few
        # Trackings are as each courier makes them, but for words.
        self._asked = _KINDS if field == "order_id" else (_DIGITS,)
        self._odd_ids = odd_ids or field != "order_id"
        self._counts: Counter[_Shape] = Counter()
        self._spans: defaultdict[_Shape, list[tuple[int, int]]] = defaultdict(list)
        self._first: list[_Shape] = []
        self._last: list[_Shape] = []
        # How many rows the file has, and whether the last one is the number of those above it.
        self._rows, self._is_count_last = 0, False

    def look(self, values: Sequence[str], span: tuple[int, int] | None = None) -> None:
        """Take in some valid ones, all at once for speed; `span` says which rows of the file they
        are, None that they are the log's.
        """
        # Of a whole tracking there is nothing to say, whatever its length.
        is_plain = self._field != "order_id" and all_whole(values)
        shapes = Counter({_Shape(_ALL, 1): len(values)}) if is_plain else _shapes(values)
        self._counts.update(shapes)
        if span is not None:
            self._first = [*self._first, *map(_shape, values[:_EDGE])][:_EDGE]
            self._last = [*self._last, *map(_shape, values[-_EDGE:])][-_EDGE:]
            self._rows += len(values)
            self._is_count_last = values[-1] == str(self._rows - 1)
            for shape in shapes:
                self._spans[shape].append(span)

    def spans(self) -> list[tuple[int, int]]:
        """Return where the rows stand that may be odd, once all were looked at."""
        odd = (spans for shape, spans in self._spans.items() if self._why_odd(shape))
        return [span for spans in odd for span in spans]

    def why_odd(self, value: str) -> tuple[bool, str]:
        """Return whether a row with this one is refused, and why."""
        why = self._why_odd(_shape(value))
        return bool(why), why.format(quoted(value))

    def _why_odd(self, shape: _Shape) -> str:
        label, is_id = LABELS[self._field], self._field == "order_id"
        for kind in self._kinds:
            if kind not in shape.kinds:
                what, mend = ("the row is no order: ", "delete it") if is_id else ("", "clear it")
                return (
                    f"{what}the {label}s of this file {kind}, unlike {{}}; {mend}, or send the row "
                    "in a file of its own"
                )
        if shape.length <= self._short and _NUMBERS in shape.kinds:
            return (
                "the row is no order: {} is far shorter than the order IDs of this file, perhaps a "
                "count; delete it, or say with --odd-ids that it is meant"
            )
        return ""

    @cached_property
    def _kinds(self) -> list[str]:
        """The kinds that those of the file are of."""
        found = []
        for kind in self._asked:
            odd = sum(n for shape, n in self._counts.items() if kind not in shape.kinds)
            at_edges = sum(kind not in shape.kinds for shape in self._first + self._last)
            # A number may stand at an edge as well as a code.
            few = self._few if kind != _NUMBERS and odd <= at_edges else None
            count, is_id = self._counts.total(), self._field == "order_id"
            if _are_few(odd, count, few) if is_id else 2 * odd < count:
                found.append(kind)
        return found

    @cached_property
    def _short(self) -> int:
        """Up to how many digits a number is a count and no ID; 0 where that is not known.

        IDs of nearly one length are those of two neighbouring ones. Shorter ones are IDs as long
        as each has more than half as many digits as the next: they may be numbered from 1.
        """
        numbers, others = Counter[int](), Counter[int]()
        for shape, n in self._counts.items():
            (numbers if _NUMBERS in shape.kinds else others)[shape.length] += n
        lengths = numbers + others if numbers.total() < others.total() else numbers
        if self._odd_ids or not lengths:
            return 0
        shortest = max(lengths, key=lambda length: lengths[length] + lengths[length + 1])
        count = lengths.total()
        odd = count - lengths[shortest] - lengths[shortest + 1]
        edges = {shape.length for shape in self._first[:1] + self._last[-1:]}
        is_edged = odd == 1 and not edges <= {shortest, shortest + 1}
        few = 2 if self._is_count_last else FEW
        if not _are_few(odd, count, few if is_edged else None):
            return 0
        for length in sorted(numbers, reverse=True):
            if length < shortest:
                if 2 * length <= shortest:
                    return length if shortest >= _LONG else 0
                shortest = length
        return 0


def _shape(text: str) -> _Shape:
    return _Shape(kinds_of(text), len(text))


def _shapes(texts: Sequence[str]) -> Counter[_Shape]:
    """Return how many texts there are of each shape; often all are whole, which is told fast."""
    are_numbers = "".join(texts).isdecimal()
    if not (are_numbers or all_whole(texts)):
        return Counter(map(_shape, texts))
    lengths = _lengths(texts)
    numbers = lengths if are_numbers else _lengths([*filter(str.isdecimal, texts)])
    shapes = {_Shape(_ALL, length): count for length, count in numbers.items()}
    others = (lengths - numbers).items()
    return Counter(shapes | {_Shape(_ALL - {_NUMBERS}, n): count for n, count in others})


def _lengths(texts: Sequence[str]) -> Counter[int]:
    """Return how many texts there are of each length; often they are of one, which is told fast."""
    lengths = set(map(len, texts))
    return Counter({lengths.pop(): len(texts)} if len(lengths) == 1 else map(len, texts))


def _are_few(odd: int, count: int, few: int | None) -> bool:
    """Say whether `odd` of `count` IDs are so few that they are none.

    Where they stand at the edges of the file, `few` others are enough for that.
    """
    return odd * _ONE_IN <= count or (few is not None and count - odd >= max(few, 2 * odd))
