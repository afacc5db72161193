"""Verified blocks: the surveyed file read again, any change noticed before it is used."""

import codecs
from collections.abc import AsyncGenerator

import aiofiles

from bulkstatus.errors import InputChanged
from bulkstatus.source.survey import Survey


async def texts(survey: Survey) -> AsyncGenerator[tuple[str, bool], None]:
    """Yield the text of the surveyed file in pieces, each with whether it is the last.

    Raises InputChanged before a piece that is not what was surveyed.
    """
    decoder = codecs.getincrementaldecoder(survey.encoding)()
    last = len(survey.hashes) - 1
    try:
        async with aiofiles.open(survey.path, "rb") as file:
            for index, expected in enumerate(survey.hashes):
                block = await file.read(survey.block_size)
                if hash(block) != expected or (index == last and await file.read(1)):
                    raise changed(survey.name)
                text = decoder.decode(block, index == last)
                if index == 0:
                    text = text.removeprefix("\ufeff")
                yield text, index == last
    except OSError as error:
        raise unreadable(survey.name, error) from None


async def content(survey: Survey) -> bytes:
    """Return all bytes of the surveyed file. Raises InputChanged as `texts` does."""
    blocks = []
    try:
        async with aiofiles.open(survey.path, "rb") as file:
            for expected in survey.hashes:
                blocks.append(block := await file.read(survey.block_size))
                if hash(block) != expected:
                    raise changed(survey.name)
            if await file.read(1):
                raise changed(survey.name)
    except OSError as error:
        raise unreadable(survey.name, error) from None
    return b"".join(blocks)


def changed(name: str) -> InputChanged:
    """Return the error for an input that is not what it was."""
    return InputChanged(
        f"{name} has changed since it was checked. Nothing of the changed part was sent. "
        "Look at it, then run resume, which checks it afresh."
    )


def unreadable(name: str, error: OSError) -> InputChanged:
    """Return the error for an input that can no longer be read."""
    return InputChanged(
        f"{name} can no longer be read ({error.strerror or error}). "
        "Put it back, then run resume, which checks it afresh."
    )
