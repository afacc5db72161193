import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from desk_world import Program, Screen, plain

from bulkstatus.cli.problems import show_problems
from bulkstatus.preflight import Problem
from bulkstatus.terminal import say

PROBLEMS = [
    Problem(2, "", "order_id", "", "the order ID is empty; fill it in or delete the row"),
    Problem(3, "4.6E+07", "order_id", "4.6E+07", 'the order ID "4.6E+07" is a number'),
    Problem(4, "7", "tracking", "[red]\x1b[2J", "the tracking number is odd [bold]"),
    Problem(5, "8", "row", "x" * 300, "the row has 3 cells, the header has 2"),
]
MISTAKES = "order id,status\n" + "".join(f"46140{n},Dispached\n" for n in range(30)) + "1,8\n"


def shown(width: int | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    stream = io.StringIO() if width is None else Screen()
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stderr", stream)
    show_problems(PROBLEMS, 9, stream, say)
    return plain(stream.getvalue())


def test_in_a_pipe_each_problem_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(None, monkeypatch) == [
        "line 2: the order ID is empty; fill it in or delete the row",
        'line 3: the order ID "4.6E+07" is a number',
        r'line 4: "[red]\x1b[2J": the tracking number is odd [bold]',
        f'line 5: "{"x" * 39}…": the row has 3 cells, the header has 2',
        "and 5 more rows",
    ]


@pytest.mark.parametrize("width", [70, 80, 100, 200])
def test_on_a_terminal_the_problems_are_a_table_that_fits(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    lines = shown(width, monkeypatch)
    assert max(map(len, lines)) <= width
    assert lines[0].split() == ["Line", "In", "the", "cell", "What", "to", "do"]
    text = "\n".join(lines)
    assert "(empty)" in text
    assert r"[red]\x1b[2J" in text
    assert "[bold]" in text
    assert lines[-1] == "and 5 more rows"


@pytest.mark.parametrize("width", [30, 40, 69])
def test_a_narrow_terminal_gets_lines_that_fit(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = shown(width, monkeypatch)
    assert lines[0].startswith("line 2: ")
    assert max(len(line) for line in lines if "xxx" not in line) <= width


def test_no_problem_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems([], 0, sys.stderr, print)
    assert capsys.readouterr() == ("", "")


def test_check_of_a_good_file_says_so(program: Program, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text("order id,status,tracking\n1,8,H1\n2,8,H2\n2,8,H2\n")
    done = program("check", "today.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "File      today.csv, 3 rows",
        'Columns   order ID: "order id"',
        '          status: "status"',
        '          tracking: "tracking"',
        "Rows      line 2: order 1 → Dispatched, tracking H1",
        "          line 3: order 2 → Dispatched, tracking H2",
        "Good      2 rows",
        "            2 Dispatched (8)",
        "Not sent  1 repeated row: each is sent once",
        "",
        "Nothing speaks against sending this file.",
    ]


def test_check_of_a_bad_file_shows_the_first_twenty_and_the_count(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "today.csv").write_text(MISTAKES)
    done = program("check", "today.csv")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert sum(line.startswith("line ") for line in lines) == 20
    assert 'line 2: the status "Dispached" is not one of the nine' in done.stdout
    assert lines[-5:] == [
        "and 10 more rows",
        "",
        "30 of 31 rows cannot be sent. Correct them and check the file again.",
        "To list all of them in a file for Excel:",
        "  bulkstatus check today.csv --problems today.problems.csv",
    ]


def test_check_json_is_one_object_with_all_of_it(program: Program, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text(MISTAKES)
    done = program("check", "today.csv", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    record = json.loads(done.stdout)
    assert record["exit_status"] == 2
    assert (record["rows"], record["due"], record["invalid"]) == (31, 1, 30)
    assert [problem["line"] for problem in record["problems"]] == list(range(2, 32))
    assert record["problems"][0]["value"] == "Dispached"


@pytest.mark.parametrize("arguments", [["nowhere.csv"], ["today.csv", "--status", "nine"]])
def test_check_json_is_one_object_for_a_refusal_too(
    program: Program, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "today.csv").write_text(MISTAKES)
    done = program("check", *arguments, "--json")
    assert done.returncode == 2
    record = json.loads(done.stdout)
    assert record["exit_status"] == 2
    assert record["reason"] == "refused"
    assert record["message"]


def test_check_problems_writes_all_of_them_for_excel(program: Program, tmp_path: Path) -> None:
    text = (
        "order id,status,tracking\n"
        "1,8,H1\n"
        ",8,H2\n"
        "4.6E+07,8,H3\n"
        "2,=cmd|'/c calc'!A1,H4\n"
        '"+3",9,""\n'
        '3,"in ""work""",\n'
    )
    (tmp_path / "today.csv").write_text(text)
    done = program("check", "today.csv", "--problems", "problems.csv")
    assert done.returncode == 2
    assert "All of them are listed in problems.csv." in done.stdout
    data = (tmp_path / "problems.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfLine,")
    table = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    assert table[0] == ["Line", "Order ID", "Column", "Cell", "What to do"]
    assert [row[:4] for row in table[1:]] == [
        ["3", "", "order ID", ""],
        ["4", "4.6E+07", "order ID", "4.6E+07"],
        ["5", "2", "status", "'=cmd|'/c calc'!A1"],
        ["6", "'+3", "status", "9"],
        ["7", "3", "status", 'in "work"'],
    ]
    for row in table[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_check_problems_holds_more_than_are_shown(program: Program, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text(MISTAKES)
    program("check", "today.csv", "--problems", "problems.csv")
    assert len((tmp_path / "problems.csv").read_text("utf-8-sig").splitlines()) == 31


def test_check_problems_replaces_its_own_list_and_nothing_else(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "today.csv").write_text(MISTAKES)
    assert program("check", "today.csv", "--problems", "problems.csv").returncode == 2
    (tmp_path / "today.csv").write_text("order id,status\n1,8\n")
    assert program("check", "today.csv", "--problems", "problems.csv").returncode == 0
    assert len((tmp_path / "problems.csv").read_text("utf-8-sig").splitlines()) == 1
    for name in ("today.csv", "work.csv"):
        (tmp_path / name).write_text("order id,status\n1,8\n")
        done = program("check", "today.csv", "--problems", name)
        assert done.returncode == 2
        assert name in done.stderr
        assert (tmp_path / name).read_text() == "order id,status\n1,8\n"


@pytest.mark.parametrize("arguments", [["check", "today.csv"], ["--help"], ["send", "--help"]])
def test_nothing_is_paid_for_drawing_where_nothing_is_drawn(
    tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "today.csv").write_text("order id,status\n1,8\n")
    code = (
        "import sys\n"
        f"sys.argv = ['bulkstatus', *{arguments!r}]\n"
        "from bulkstatus.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: status = end.code\n"
        "assert not status, status\n"
        "assert not any(name.split('.')[0] == 'rich' for name in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
