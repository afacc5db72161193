"""What the order IDs of a file have in common: the kinds that tell an order from another line.

A total, a signature, a heading, a second header have no ID, but words where the IDs stand.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from bulkstatus.order import all_whole
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


class Alike:
    """Looks at the IDs of a whole file.

    Where all of another kind stand at its beginning or its end, `few` others are enough for that
    to speak against them. `odd_ids` is --odd-ids.
    """

    def __init__(self, few: int, odd_ids: bool = False) -> None:
        self._few = few
        self._odd_ids = odd_ids
        self._count = 0
        # By kind: how many IDs are of another, and where these stand.
        self._odd: Counter[str] = Counter()
        self._odd_spans: defaultdict[str, list[_Span]] = defaultdict(list)
        # By length: how many numbers and other IDs there are, and where the numbers stand.
        self._numbers: Counter[int] = Counter()
        self._others: Counter[int] = Counter()
        self._spans: defaultdict[int, list[_Span]] = defaultdict(list)
        self._first: list[str] = []
        self._last: list[str] = []

    def look(self, order_ids: Sequence[str], span: _Span | None = None) -> None:
        """Take in valid IDs, all at once for speed; `span` says which rows of the file they are."""
        if not order_ids:
            return
        self._count += len(order_ids)
        doubtful = _doubtful(order_ids)
        lengths = _lengths(order_ids)
        if _NUMBERS in doubtful:
            numbers = Counter(map(len, filter(str.isdecimal, order_ids)))
            self._others.update(lengths - numbers)
            lengths = numbers
        self._numbers.update(lengths)
        odd = {kind: sum(map(_is_odd(kind), order_ids)) for kind in doubtful}
        self._odd.update(odd)
        if span is not None:
            self._first = [*self._first, *order_ids[:_EDGE]][:_EDGE]
            self._last = [*self._last, *order_ids[-_EDGE:]][-_EDGE:]
            for length in lengths:
                self._spans[length].append(span)
            for kind in filter(odd.get, odd):
                self._odd_spans[kind].append(span)

    def spans(self) -> list[_Span]:
        """Return where the rows stand that may be no orders, once all were looked at."""
        kinds = [self._odd_spans[kind] for kind in self._kinds]
        numbers = [spans for length, spans in self._spans.items() if length <= self._short]
        return [span for spans in kinds + numbers for span in spans]

    def why_odd(self, order_id: str) -> str | None:
        """Return why a row with this ID is no order, or None where it may be one."""
        for kind in self._kinds:
            if not _KINDS[kind](order_id):
                return (
                    f"the row is no order: the order IDs of this file {kind}, unlike "
                    f"{quoted(order_id)}; delete it, or send it in a file of its own"
                )
        if len(order_id) <= self._short and order_id.isdecimal():
            return (
                f"the row is no order: {quoted(order_id)} is far shorter than the order IDs of "
                "this file, perhaps a count; delete it, or say with --odd-ids that it is meant"
            )
        return None

    @cached_property
    def _kinds(self) -> list[str]:
        """The kinds that the IDs of the file are of."""
        found = []
        for kind in _KINDS:
            odd = self._odd[kind]
            at_edges = sum(map(_is_odd(kind), self._first + self._last))
            # A number may stand at an edge as well as a code.
            is_edged = kind != _NUMBERS and odd <= at_edges
            if _are_few(odd, self._count, self._few if is_edged else None):
                found.append(kind)
        return found

    @cached_property
    def _short(self) -> int:
        """Up to how many digits a number is a count and no ID; 0 where that is not known.

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
        edges = {*map(len, self._first[:1] + self._last[-1:])}
        is_edged = odd == 1 and not edges <= {shortest, shortest + 1}
        # The number of those above it is a count of them, be they ever so few.
        few = 2 if self._last[-1:] == [str(self._count - 1)] else FEW
        if not _are_few(odd, count, few if is_edged else None):
            return 0
        for length in sorted(self._numbers, reverse=True):
            if length < shortest:
                if 2 * length <= shortest:
                    return length if shortest >= _LONG else 0
                shortest = length
        return 0


def _doubtful(order_ids: Sequence[str]) -> Iterable[str]:
    """Return the kinds that perhaps not all of some IDs are of."""
    if "".join(order_ids).isdecimal():
        return ()
    return (_NUMBERS,) if all_whole(order_ids) else _KINDS


def _is_odd(kind: str) -> Callable[[str], bool]:
    return lambda order_id: not _KINDS[kind](order_id)


def _lengths(texts: Sequence[str]) -> Counter[int]:
    """Return how many texts there are of each length; often they are of one, which is told fast."""
    lengths = set(map(len, texts))
    return Counter(map(len, texts)) if len(lengths) > 1 else Counter({lengths.pop(): len(texts)})


def _are_few(odd: int, count: int, few: int | None) -> bool:
    """Say whether `odd` of `count` IDs are so few that they are none.

    Where they stand at the edges of the file, `few` others are enough for that.
    """
    return odd * _ONE_IN <= count or (few is not None and count - odd >= max(few, 2 * odd))


class Coded:
    """Looks at the trackings of a whole file: what is words among codes is none."""

    def __init__(self) -> None:
        self._codes = self._words = 0
        self._spans: list[_Span] = []

    def look(self, trackings: Sequence[str | None], span: _Span | None = None) -> None:
        """Take in trackings; `span` says which rows of the file they are."""
        some = [tracking for tracking in trackings if tracking]
        words = 0 if all_whole(some) else sum(map(_is_words, some))
        self._codes += len(some) - words
        self._words += words
        if words and span is not None:
            self._spans.append(span)

    def spans(self) -> list[_Span]:
        """Return where the rows stand whose trackings are none."""
        return self._spans if self._words < self._codes else []

    def why_odd(self, tracking: str | None) -> str | None:
        """Return why a tracking is none, or None where it may be one."""
        if not (self.spans() and tracking and _is_words(tracking)):
            return None
        return (
            f"the tracking {quoted(tracking)} is none, unlike the others of this file; fill in the "
            "number or clear the cell"
        )


def _is_words(tracking: str) -> bool:
    return not _KINDS[_CODES](tracking)
