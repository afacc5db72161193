"""Whether a column of long numbers has been through Excel, which keeps 15 digits."""

from collections.abc import Iterable

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
