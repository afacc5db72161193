"""Whole numbers on the command line, and the words for those that are none."""

import click


class WholeNumber(click.types.IntParamType):
    """A whole number of at least `least` and, if `most` is given, at most that.

    click's own says its bounds in `--help` as `x>=1`, in the language of programmers.
    """

    name = "number"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least = least
        self._most = most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number that was typed."""
        text = str(value).strip()
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
        if number < self._least or (self._most is not None and number > self._most):
            bounds = f"from {self._least} up" if self._most is None else f"to {self._most}"
            self.fail(f'"{text}" is not a whole number {bounds}.', param, ctx)
        return number
