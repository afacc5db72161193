"""`Shard`: a part of a job that is sent by itself, such as the third of eight."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

_TEXT = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, from 1.

    An order is in the part that the first 8 bytes of the BLAKE2b hash of its ID (in UTF-8, of a
    digest of 8 bytes, read as a number with the first byte highest) say, modulo `count`, plus 1:
    the same everywhere and in every version.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard of a text such as "3/8". Raises ValueError."""
        match = _TEXT.fullmatch(text)
        if match is None or int(match[1]) > int(match[2]):
            raise ValueError
        return cls(int(match[1]), int(match[2]))

    def has(self, order_id: str) -> bool:
        """Tell whether an order, with all of its rows, is in this part."""
        digest = blake2b(order_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.index - 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
