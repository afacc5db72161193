"""Writing a report's files: whole or not at all, and never over what is somebody's work."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulkstatus.errors import SettingsRefused


def refuse_path(
    option: str, path: Path, others: dict[str, Path | None], ours: bytes | None
) -> None:
    """Raise SettingsRefused when `path` holds something that must not be replaced.

    `others` are the files that the report is about, by what they are. A file that begins with
    `ours` is an earlier report and may be replaced; None says that none may.
    """
    for what, other in others.items():
        if other is not None and other.exists() and path.exists() and path.samefile(other):
            raise SettingsRefused(f"{option} {path} names {what} itself. Choose another name.")
    if path.is_dir():
        raise SettingsRefused(f"{option} {path} names a folder. Name a file in it.")
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            replaceable = ours is not None and file.read(len(ours)) == ours
    except OSError as error:
        raise _unwritable(option, path, error) from None
    if not replaceable:
        raise SettingsRefused(
            f"{option} {path}: there is such a file already, and it may hold work of yours. "
            "Choose another name, or delete it first."
        )


@contextmanager
def replacing(option: str, path: Path) -> Iterator[Path]:
    """Yield the path of a new file, readable by its owner alone, that in the end becomes `path`.

    When the body raises, nothing is left of it. Raises SettingsRefused when it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(path.suffix, f".{path.stem}.", path.parent)
        os.close(descriptor)
    except OSError as error:
        raise _unwritable(option, path, error) from None
    new = Path(name)
    try:
        yield new
        new.replace(path)
    except OSError as error:
        raise _unwritable(option, path, error) from None
    finally:
        new.unlink(missing_ok=True)


def _unwritable(option: str, path: Path, error: OSError) -> SettingsRefused:
    return SettingsRefused(
        f"{option} {path} cannot be written: {error.strerror or error}. If it is open in Excel, "
        "close it there; otherwise choose another place."
    )
