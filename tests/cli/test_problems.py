"""What cannot be sent: as JSON, as a CSV for Excel, in a pipe that closes, with nothing to draw."""

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Program

MISTAKES = "order id,status,tracking\n"
MISTAKES += "".join(f"46140{n},Dispached,\n" for n in range(30)) + "1,8,\n"


def test_check_json_is_one_object_with_all_of_it(program: Program, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text(MISTAKES)
    done = program("check", "today.csv", "--json")
    record = json.loads(done.out)
    assert (done.status, done.err, record["exit_status"]) == (2, "", 2)
    assert record["columns"] == {"order_id": "order id", "status": "status", "tracking": "tracking"}
    assert (record["rows"], record["due"], record["invalid"]) == (31, 1, 30)
    assert [problem["line"] for problem in record["problems"]] == list(range(2, 32))
    assert record["problems"][0]["value"] == "Dispached"
    for arguments in (("nowhere.csv",), ("today.csv", "--status", "nine"), ()):
        done = program("check", *arguments, "--json")
        record = json.loads(done.out)
        assert (done.status, record["exit_status"], record["reason"]) == (2, 2, "refused")
        assert record["message"]


def test_check_problems_writes_all_of_them_for_excel(program: Program, tmp_path: Path) -> None:
    text = (
        "order id,status,tracking\n"
        "1,8,H1\n"
        ",8,H2\n"
        "4.6E+07,8,H3\n"
        "2,=cmd|'/c calc'!A1,H4\n"
        '"+A3",9,""\n'
        '3,"in ""work""",\n'
    )
    (tmp_path / "today.csv").write_text(text)
    assert program("check", "today.csv", "--problems", "problems.csv").status == 2
    data = (tmp_path / "problems.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfLine,")
    table = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    assert table[0] == ["Line", "Order ID", "Column", "Cell", "What to do"]
    assert [row[:4] for row in table[1:]] == [
        ["3", "", "order ID", ""],
        ["4", "4.6E+07", "order ID", "4.6E+07"],
        ["5", "2", "status", "'=cmd|'/c calc'!A1"],
        ["6", "'+A3", "status", "9"],
        ["7", "3", "status", 'in "work"'],
    ]
    for row in table[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_check_problems_replaces_its_own_list_and_nothing_else(
    program: Program, tmp_path: Path
) -> None:
    there, problems = tmp_path / "today.csv", tmp_path / "problems.csv"
    for text, status, lines in ((MISTAKES, 2, 31), ("order id,status,tracking\n1,8,\n", 0, 1)):
        there.write_text(text)
        assert program("check", there, "--problems", problems).status == status
        assert len(problems.read_text("utf-8-sig").splitlines()) == lines
    for name in ("today.csv", "work.csv"):
        (tmp_path / name).write_text("order id,status,tracking\n1,8,\n")
        assert program("check", there, "--problems", tmp_path / name).status == 2
        assert (tmp_path / name).read_text() == "order id,status,tracking\n1,8,\n"


HOSTILE = "\x1b[2J\u202e"


@pytest.mark.parametrize(
    "text",
    [
        f"order id,status\n1,{HOSTILE}\n2{HOSTILE},8\n3,8\n3,9\n",
        f"order id,status{HOSTILE}\n1,8\n",
        f"{HOSTILE},status\n1,8\n",
        f"order id,status,tracking\n1,8,A{HOSTILE}\n1,8,B{HOSTILE}\n",
        None,
    ],
)
def test_nothing_of_a_file_or_its_name_reaches_the_terminal_raw(
    program: Program, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / f"a{HOSTILE}.csv"
    if text is not None:
        path.write_text(text, "utf-8")
    # A log has no place in a message that makes it harmless, so the whole message must be.
    for arguments in (("check", path), ("send", path), ("report", path.with_suffix(".jsonl"))):
        done = program(*arguments)
        assert done.status == 2
        assert "\\x1b[2J" in done.out + done.err
        assert not {"\x1b", "\u202e"} & set(done.out + done.err)
