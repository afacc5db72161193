"""What the order IDs of a file have in common: the kinds that tell an order from another line.

A total, a signature, a heading, a second header have no ID, but words where the IDs stand.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from bulkstatus.source.columns import quoted

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
    _CODES: lambda order_id: _DIGIT.search(order_id) or order_id.isupper(),
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

# How many rows at its beginning and at its end are the edges of a file.
_EDGE = 3

# So many others are enough where those of another kind stand at the edge of a file.
FEW = 8

# How long IDs are, at least, of which a number of half as many digits is none: a shop's first
# orders have few.
_LONG = 5

_Span = tuple[int, int]


def kinds_of(order_id: str) -> frozenset[str]:
    """Return the kinds that an ID is of, but for whether it is a number: some have a letter."""
    return frozenset(kind for kind in WHOLE if _KINDS[kind](order_id))


class _Odd:
    """The IDs of a file that are not of one kind: how many, where, and how many at its edges."""

    def __init__(self) -> None:
        self.count = 0
        self.spans: list[_Span] = []
        self._first: list[bool] = []
        self._last: list[bool] = []

    def note(self, odd: Sequence[bool], span: _Span) -> None:
        """Take in which ones of consecutive IDs are odd."""
        if count := sum(odd):
            self.count += count
            self.spans.append(span)
        self._first = [*self._first, *odd[:_EDGE]][:_EDGE]
        self._last = [*self._last, *odd[-_EDGE:]][-_EDGE:]

    @property
    def are_at_edges(self) -> bool:
        """Whether all of them are among the first and the last IDs."""
        return self.count <= sum(self._first) + sum(self._last)


class Alike:
    """Looks at the IDs of a whole file.

    Where all of another kind stand at its beginning or its end, `few` others are enough for that
    to speak against them. `odd_ids` is --odd-ids.
    """

    def __init__(self, few: int, odd_ids: bool = False) -> None:
        self._few = few
        self._odd_ids = odd_ids
        self._count = 0
        self._odd = {kind: _Odd() for kind in _KINDS}
        # By length: how many numbers and other IDs there are, and where the numbers stand.
        self._numbers: Counter[int] = Counter()
        self._others: Counter[int] = Counter()
        self._spans: defaultdict[int, list[_Span]] = defaultdict(list)
        # The lengths of the first and of the last one.
        self._edges: dict[int, int] = {}

    def look(self, order_ids: Sequence[str], span: _Span | None = None) -> None:
        """Take in valid IDs, all at once for speed; `span` says which rows of the file they are."""
        if not order_ids:
            return
        self._count += len(order_ids)
        doubtful = self._doubtful(order_ids)
        lengths = _lengths(order_ids)
        if _NUMBERS in doubtful:
            numbers = Counter(map(len, filter(str.isdecimal, order_ids)))
            self._others.update(lengths - numbers)
            lengths = numbers
        self._numbers.update(lengths)
        for kind, odd in self._odd.items():
            has = _KINDS[kind] if kind in doubtful else bool
            checked = order_ids if kind in doubtful else order_ids[:_EDGE]
            are_odd = [not has(order_id) for order_id in checked]
            if span is None:
                odd.count += sum(are_odd)
            else:
                odd.note(are_odd, span)
        if span is not None:
            self._edges = {0: len(order_ids[0]), **self._edges, 1: len(order_ids[-1])}
            for length in lengths:
                self._spans[length].append(span)

    @staticmethod
    def _doubtful(order_ids: Sequence[str]) -> set[str]:
        """Return the kinds that perhaps not all of some IDs are of."""
        doubtful: set[str] = set()
        if "".join(order_ids).isdecimal():
            return doubtful
        doubtful.add(_NUMBERS)
        lines = "\n".join(order_ids)
        encoded = lines.encode("utf-8", "replace")
        if b"\n\n" in b"\n%b\n" % encoded.translate(None, _NO_DIGITS):
            doubtful |= {_DIGITS, _CODES}
        if len(lines.split()) != len(order_ids):
            doubtful.add(_WORDS)
        if encoded.translate(None, _NO_MARKS):
            doubtful.add(_PLAIN)
        return doubtful

    def spans(self) -> list[_Span]:
        """Return where the rows stand that may be no orders."""
        short = self._short()
        kinds = [odd.spans for kind, odd in self._odd.items() if self._is_one(kind)]
        numbers = [spans for length, spans in self._spans.items() if length <= short]
        return [span for spans in kinds + numbers for span in spans]

    def why_odd(self, order_id: str) -> str | None:
        """Return why a row with this ID is no order, or None where it may be one."""
        for kind, has in _KINDS.items():
            if self._is_one(kind) and not has(order_id):
                return (
                    f"the row is no order: the order IDs of this file {kind}, unlike "
                    f"{quoted(order_id)}; delete it, or send it in a file of its own"
                )
        if len(order_id) <= self._short() and order_id.isdecimal():
            return (
                f"the row is no order: {quoted(order_id)} is far shorter than the order IDs of "
                "this file, perhaps a count; delete it, or say with --odd-ids that it is meant"
            )
        return None

    def _is_one(self, kind: str) -> bool:
        """Say whether the IDs of the file are of one kind."""
        odd = self._odd[kind]
        # A number may stand at an edge as well as a code.
        is_edged = kind != _NUMBERS and odd.are_at_edges
        return _are_few(odd.count, self._count, self._few if is_edged else None)

    def _short(self) -> int:
        """Return up to how many digits a number is a count and no ID; 0 where that is not known.

        IDs of nearly one length are those of two neighbouring ones. Shorter ones are IDs as long
        as each has more than half as many digits as the next: they may be numbered from 1.
        """
        lengths = self._numbers
        if lengths.total() < self._others.total():
            lengths = lengths + self._others
        if self._odd_ids or not lengths:
            return 0
        shortest = max(lengths, key=lambda length: lengths[length] + lengths[length + 1])
        count = lengths.total()
        odd = count - lengths[shortest] - lengths[shortest + 1]
        is_edged = odd == 1 and not {*self._edges.values()} <= {shortest, shortest + 1}
        if not _are_few(odd, count, FEW if is_edged else None):
            return 0
        for length in sorted(self._numbers, reverse=True):
            if length < shortest:
                if 2 * length <= shortest:
                    return length if shortest >= _LONG else 0
                shortest = length
        return 0


def _lengths(texts: Sequence[str]) -> Counter[int]:
    """Return how many texts there are of each length; often they are of one, which is told fast."""
    longest = len(max(texts, key=len))
    if longest * len(texts) == sum(map(len, texts)):
        return Counter({longest: len(texts)})
    return Counter(map(len, texts))


def _are_few(odd: int, count: int, few: int | None) -> bool:
    """Say whether `odd` of `count` IDs are so few that they are none.

    Where they stand at the edges of the file, `few` others are enough for that.
    """
    return odd * _ONE_IN <= count or (few is not None and count - odd >= max(few, 2 * odd))
