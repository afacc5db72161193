import io
import sys

import pytest

from bulkstatus.terminal import can_redraw, is_terminal, say, tell, width_of
from tests.terminal import Screen


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    for name in ("CI", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Screen()


def console(encoding: str) -> io.TextIOWrapper:
    """Return a stream that raises for what its encoding lacks, as a console's does."""
    return io.TextIOWrapper(io.BytesIO(), encoding, "strict", "\n", write_through=True)


@pytest.mark.parametrize(
    ("environment", "redraws"),
    [
        ({}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "DUMB"}, False),
        ({"CI": "true"}, False),
        ({"CI": "1"}, False),
        ({"CI": "false"}, True),
        ({"NO_COLOR": "1"}, True),
    ],
)
def test_only_a_terminal_that_can_is_drawn_anew(
    screen: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    redraws: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert can_redraw(screen) is redraws
    assert can_redraw(io.StringIO()) is False
    assert can_redraw(None) is False


def test_a_stream_that_is_closed_or_missing_is_no_terminal() -> None:
    closed = io.StringIO()
    closed.close()
    assert not is_terminal(closed)
    assert not is_terminal(None)
    assert width_of(None) is None


@pytest.mark.parametrize(("columns", "width"), [("40", 40), ("", 80), ("0", 80), ("x", 80)])
def test_a_terminal_without_a_size_of_its_own_is_as_wide_as_columns_says(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width_of(screen) == width
    assert width_of(io.StringIO()) is None


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("utf-8", "line 2 → größer …", "line 2 → größer …"),
        ("cp1252", "line 2 → größer …", "line 2 -> größer ..."),
        ("cp850", "größer 木", r"größer \u6728"),
        ("ascii", "a → b", "a -> b"),
        ("utf-8", "lost \udce9", r"lost \udce9"),
    ],
)
def test_what_an_encoding_lacks_is_shown_otherwise(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, shown: str
) -> None:
    out, err = console(encoding), console(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    tell(text)
    say(text)
    for stream in (out, err):
        assert stream.buffer.getvalue().decode(encoding) == f"{shown}\n"


def test_lines_are_laid_out_for_a_terminal_but_not_for_a_pipe(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = "a sentence that goes on for rather longer than forty characters\n  and one more"
    broken = text.replace("rather ", "rather\n")
    tell(text)
    assert capsys.readouterr().out == f"{text}\n"
    monkeypatch.setattr(sys, "stdout", screen)
    tell(text)
    tell(iter(text.split("\n")))
    assert screen.getvalue() == f"{broken}\n{broken}\n"
