"""What users see, command by command: each transcript is a session, compared as a whole.

A transcript has files (`--- name`, then their lines), and commands (`$ bulkstatus …`) with what
they print, stderr before stdout, and their exit status. `@ api …` starts a stand-in of the API
that knows the orders that are named, or any. Times, places and speeds are masked. With
BULKSTATUS_WRITE_TRANSCRIPTS=1 the transcripts are written anew; read the difference.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkstatus.sandbox import Faults, Sandbox
from tests.cli.conftest import Program

FOLDER = Path(__file__).parent / "transcripts"

# Read before the tests take the settings out of the environment.
_WRITES = bool(os.environ.get("BULKSTATUS_WRITE_TRANSCRIPTS"))

_MASKS = (
    (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z)?", "TIME"),
    (r"of \d{4}-\d\d-\d\d", "of DAY"),
    (r"TIME by .*?: ", "TIME by WHO: "),
    (r"by \S+ on \S+: ", "by WHO: "),
    (r"(after) \d+(\.\d+)? s", r"\1 N s"),
    (r", [\d,.]+ rows a second", ", N rows a second"),
    (r"^ *\d\d:\d\d:\d\d .*\n", ""),
)


def masked(text: str, folder: Path) -> str:
    """Return what a command printed without what differs from run to run."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, mask in _MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return text


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a transcript: the line that begins each, and the lines below it."""
    for part in re.split(r"^(?=--- |\$ |@ |# )", text, flags=re.MULTILINE):
        head, _, body = part.partition("\n")
        if part:
            yield head, body


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(
    path: Path, tmp_path: Path, program: Program, api: Callable[..., Sandbox]
) -> None:
    seen = []
    for head, body in sections(path.read_text("utf-8")):
        if head.startswith("$ "):
            command, _, stdin = head.removeprefix("$ bulkstatus ").partition(" << ")
            done = program(*shlex.split(command), stdin=stdin.replace("\\n", "\n"))
            said = masked(done.err + done.out, tmp_path)
            body = f"{said.rstrip()}\n[exit status {done.status}]\n\n"
        elif head.startswith("--- "):
            there = tmp_path / head.removeprefix("--- ")
            there.parent.mkdir(exist_ok=True)
            there.write_text(body.strip("\n") + "\n", "utf-8")
        elif head.startswith("@ api"):
            known = head.removeprefix("@ api").split()
            if known == ["failing"]:
                api(faults=Faults(fail=1.0))
            else:
                api(**({"orders": known} if known else {}))
        seen.append(f"{head}\n{body}")
    text = "".join(seen).rstrip() + "\n"
    if _WRITES:
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
