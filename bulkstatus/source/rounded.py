"""Numbers of which a spreadsheet keeps 15 digits and makes zeros of the others."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from bulkstatus.mangled import KEPT_DIGITS
from bulkstatus.source.columns import quoted
from bulkstatus.source.options import LABELS

# Zeros in their place are no accident where fewer files than one in so many would have them.
_ONE_FILE_IN = 1000

# From how many zeros on they are pointed out where they may be an accident.
_MANY_ZEROS = 3

_Span = tuple[int, int]


class Rounded:
    """Looks at a column of a whole file for numbers that a spreadsheet made zeros of.

    Of whole numbers of 16 digits one in ten ends so too, of 19 digits one in ten thousand.
    """

    def __init__(self, field: str) -> None:
        self._label = LABELS[field]
        # By length: how many numbers there are, those that end so, and where these stand.
        self._counts: Counter[int] = Counter()
        self._ending: defaultdict[int, set[str]] = defaultdict(set)
        self._spans: defaultdict[int, list[_Span]] = defaultdict(list)

    def look(self, values: Sequence[str], span: _Span | None = None) -> None:
        """Take in values; `span` says which rows of the file they are."""
        long = [value for value in values if len(value) > KEPT_DIGITS and value.isdecimal()]
        if not long:
            return
        self._counts.update(map(len, long))
        # The same number again proves nothing.
        ending = {value for value in long if not value[KEPT_DIGITS:].strip("0")}
        for value in ending:
            self._ending[len(value)].add(value)
        if span is not None:
            for length in set(map(len, ending)):
                self._spans[length].append(span)

    def spans(self) -> list[_Span]:
        """Return where the rows stand for which there is something to say."""
        lengths = (n for n in self._spans if n - KEPT_DIGITS >= _MANY_ZEROS or self._is_cut(n))
        return [span for length in lengths for span in self._spans[length]]

    def why_odd(self, value: str) -> tuple[bool, str]:
        """Return whether a value is refused, and what there is to say of it, if anything."""
        if value not in self._ending.get(len(value), ()):
            return False, ""
        zeros = (
            f"the {self._label} {quoted(value)} ends in zeros from the 16th digit on, as Excel "
            "makes them: it keeps 15 digits of a number. "
        )
        if self._is_cut(len(value)):
            return True, f"{zeros}Take it from the source, with the column formatted as text"
        is_told = len(value) - KEPT_DIGITS >= _MANY_ZEROS
        return False, f"{zeros}Make sure that it is the true one" if is_told else ""

    def _is_cut(self, length: int) -> bool:
        """Say whether chance does not explain how many numbers of a length end in zeros."""
        count = len(self._ending[length])
        expected = self._counts[length] / 10 ** (length - KEPT_DIGITS)
        # Chance has so many with a probability of at most expected ** count / count!.
        chance = count * math.log(expected) - math.lgamma(count + 1) if count else 0.0
        return chance < -math.log(_ONE_FILE_IN)
