"""What the desk reads at a resume, and where its rows stand in the way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from desk_world import Program

from bulkstatus.config import resolve
from bulkstatus.sending.typed import OF_INPUT, options_of_log, typed_options

DAY = "order id,status,tracking\n" + "".join(f"{n},8,T{n}\n" for n in range(1, 7))
LOG = "day.results.jsonl"
Api = Callable[..., str]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(DAY)
    monkeypatch.setenv("BULKSTATUS_REF_ID", "acme")
    monkeypatch.setenv("BULKSTATUS_API_KEY", "secret-key")


def sent(program: Program, base_url: str, *options: str) -> None:
    program("send", "day.csv", "--yes", "--base-url", base_url, "--rate", "none", *options)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("known", [[str(n) for n in range(1, 7)], ["1"]])
def test_that_nothing_is_left_is_said_without_credentials(
    program: Program, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: list[str]
) -> None:
    sent(program, api(orders=known))
    (tmp_path / "mend.csv").write_text("order id,status,tracking\n1,8,T1\n")
    monkeypatch.delenv("BULKSTATUS_REF_ID")
    monkeypatch.delenv("BULKSTATUS_API_KEY")
    if len(known) > 1:
        done = program("resume", LOG)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith("Every row of day.csv is done already (at http://127.0.0.1:")
        assert done.stderr.endswith("), so there was nothing to send.\n")
    else:
        # There are rows to send, which takes credentials; to withdraw rows does not.
        done = program("resume", LOG, "--yes")
        assert done.returncode == 2
        assert "There is no API key for the account acme." in done.stderr
        done = program("resume", LOG, "mend.csv", "--yes", "--changed-input")
        assert done.returncode == 0
        assert "5 withdrawn" in done.stdout


def test_that_a_file_has_no_rows_is_said_without_credentials(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "day.csv").write_text("order id,status\n")
    done = program("send", "day.csv")
    assert (done.returncode, done.stderr) == (
        0,
        "There are no rows in day.csv, so there was nothing to send.\n",
    )


@pytest.mark.usefixtures("account")
def test_settings_that_come_from_the_log_are_named_unless_they_are_the_default(
    program: Program, api: Api
) -> None:
    sent(program, api(), "--limit", "1", "--concurrency", "64", "--skip-invalid")
    said = "As before, from the log: --rate none, --concurrency 64, --skip-invalid.\n"
    assert said in program("resume", LOG, "--dry-run").stderr
    assert said in program("resume", LOG, "--yes", "--limit", "1").stderr
    anew = program("resume", LOG, "--dry-run", "--rate", "5/s").stderr
    assert "As before, from the log: --concurrency 64, --skip-invalid.\n" in anew
    last = program("resume", LOG, "--yes", "--quiet")
    assert (last.returncode, last.stdout + last.stderr) == (0, "")


@pytest.mark.usefixtures("account")
def test_nothing_is_said_of_settings_that_are_the_default(program: Program, api: Api) -> None:
    program("send", "day.csv", "--yes", "--limit", "1", "--base-url", api())
    assert "As before" not in program("resume", LOG, "--dry-run").stderr


@pytest.mark.parametrize(
    ("values", "typed"),
    [
        ({}, []),
        ({"rate": "10/s", "column": {}, "skip_invalid": False, "concurrency": 16}, []),
        ({"rate": "none"}, [("--rate", "none")]),
        ({"give_up_after": "2h"}, [("--give-up-after", "2h")]),
        ({"skip_invalid": True}, [("--skip-invalid",)]),
        ({"quota": ["5/m", "9/h"]}, [("--quota", "5/m"), ("--quota", "9/h")]),
        ({"quota": []}, [("--quota", "none")]),
        ({"quota": ["1000/h", "10000/d"]}, []),
        ({"quota": [], "base_url": "http://localhost"}, []),
        (
            {"column": {"order_id": "No", "status": ""}},
            [("--column", "order_id=No"), ("--column", "status=")],
        ),
        ({"profile": "shop", "sandbox": False, "status": "128"}, [("--status", "128")]),
    ],
)
def test_settings_of_the_log_are_named_as_they_are_typed(
    values: dict[str, object], typed: list[tuple[str, ...]]
) -> None:
    assert options_of_log(resolve(("result log", values))) == typed
    assert options_of_log(resolve(("option", values))) == []


def test_the_command_for_all_problems_has_the_options_that_say_how_the_file_is_read(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "day.csv").write_text("No;State\n" + "1;9\n" * 25)
    options = ["--column", "order_id=No", "--column", "status=State", "--status", "on hold"]
    refused = program("send", "day.csv", "--sandbox", "--concurrency", "4", *options)
    assert refused.returncode == 2
    command = refused.stderr.splitlines()[-1]
    assert command == program("check", "day.csv", *options).stdout.splitlines()[-1]
    assert command == (
        "  bulkstatus check day.csv --status 'on hold' --column order_id=No --column status=State "
        "--problems day.problems.csv"
    )
    assert program("check", "day.csv", *options, "--problems", "day.problems.csv").stdout.endswith(
        "All of them are listed in day.problems.csv.\n"
    )
    assert len((tmp_path / "day.problems.csv").read_text().splitlines()) == 26


def test_of_settings_that_are_no_options_of_check_none_is_named() -> None:
    settings = resolve(("option", {"rate": "none", "sheet": "Mon", "require_tracking": True}))
    assert list(typed_options(settings, OF_INPUT)) == [("--sheet", "Mon"), ("--require-tracking",)]


def test_few_problems_are_all_shown_and_no_command_for_more(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "day.csv").write_text("order id,status\n" + "1,9\n" * 20)
    refused = program("send", "day.csv", "--sandbox")
    assert refused.stderr.splitlines()[-1].endswith("with --skip-invalid.")


@pytest.mark.usefixtures("account")
def test_check_is_not_offered_for_what_contradicts_the_log_alone(
    program: Program, api: Api, tmp_path: Path
) -> None:
    (tmp_path / "day.csv").write_text("order id,status\n" + "".join(f"{n},8\n" for n in range(25)))
    sent(program, api())
    (tmp_path / "day.csv").write_text(
        "order id,status\n" + "".join(f"{n},128\n" for n in range(25))
    )
    refused = program("resume", LOG, "--yes")
    assert "25 rows of 25 cannot be sent" in refused.stderr
    assert "bulkstatus check" not in refused.stderr


@pytest.mark.usefixtures("account")
def test_an_input_that_is_gone_is_told_with_whose_it_was_and_what_to_do(
    program: Program, api: Api, tmp_path: Path
) -> None:
    sent(program, api(), "--limit", "2")
    (tmp_path / "day.csv").rename(tmp_path / "days.csv")
    refused = program("resume", LOG)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "day.csv does not exist. Did you mean days.csv? day.results.jsonl was made for day.csv: "
        "put that back, or name where it is now:\n  bulkstatus resume day.results.jsonl INPUT\n"
    )
    # Whoever names a file knows which one is meant.
    for named in ("day.csv", "dayz.csv"):
        assert "was made for" not in program("resume", LOG, named).stderr
    assert program("resume", LOG, "days.csv", "--yes").returncode == 0


@pytest.mark.usefixtures("account")
def test_a_file_of_failures_is_told_by_what_is_sent_left_out_and_done(
    program: Program, api: Api, tmp_path: Path
) -> None:
    sent(program, api(orders=["1", "2", "33"]))
    program("report", LOG, "--failures", "mend.csv")
    mend = tmp_path / "mend.csv"
    rows = mend.read_text("utf-8-sig").splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["3", "4", "5", "6"]
    # One row is mended, one is taken out.
    mend.write_text("\n".join([rows[0], rows[2], rows[3], f"3{rows[1]}", ""]), "utf-8")
    text = program("resume", LOG, "mend.csv", "--dry-run").stderr
    assert text.startswith("File      mend.csv, 3 rows\n")
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index("Log       day.results.jsonl")
    assert lines[start + 1 :][:7] == [
        "2 to be sent again, 1 new or mended",
        "2 rows are as they were when the API refused them, and are sent again. To leave them, "
        "take them out of the file.",
        "mend.csv is another file than the last run's (day.csv).",
        "Rows are known by their order ID, status and tracking, not by their line.",
        "The 2 rows updated so far stay so and are not sent again.",
        "2 rows that failed before are not in this file as they were (mended or taken out): "
        "nothing is sent for them, and the log marks them as withdrawn.",
        "Orders: 3, 6",
    ]
