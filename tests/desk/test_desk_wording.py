import shlex
import subprocess
import time

import pytest

from bulkstatus.wording import clock_time, command_line, counted, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 s"),
        (0.4, "1 s"),
        (1.6, "2 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (600, "10 min"),
        (5369, "89 min"),
        (5400, "1 h 30 min"),
        (7260, "2 h 01 min"),
        (47 * 3600, "47 h 00 min"),
        (48 * 3600, "2 days"),
        (100 * 3600, "4 days 4 h"),
    ],
)
def test_a_duration_reads_as_people_say_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_a_noun_goes_with_its_count(count: int, words: str) -> None:
    assert counted(count, "row") == words


@pytest.mark.parametrize(
    ("ahead", "form"),
    [(5, "%H:%M:%S"), (119, "%H:%M:%S"), (121, "%H:%M"), (100_000, "%a %d %b, %H:%M")],
)
def test_a_time_of_day_is_as_exact_as_it_is_near(ahead: float, form: str) -> None:
    now = 1_764_000_000.0
    assert clock_time(now + ahead, now) == time.strftime(form, time.localtime(now + ahead))


@pytest.mark.parametrize(
    "path",
    ["today.csv", "to day.csv", "it's.csv", "a$(b).csv", "ä.csv", "-x", "a;b", "*", 'q"q', "&", ""],
)
def test_a_command_means_the_same_words_to_a_posix_shell(path: str) -> None:
    line = command_line("bulkstatus", "resume", path, windows=False)
    assert shlex.split(line) == ["bulkstatus", "resume", path]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (r"C:\days\today.csv", r"C:\days\today.csv"),
        (r"C:\my days\today.csv", r'"C:\my days\today.csv"'),
        ("a&b.csv", '"a&b.csv"'),
        ("a(1).csv", '"a(1).csv"'),
        ("a;b.csv", '"a;b.csv"'),
    ],
)
def test_a_command_is_quoted_as_windows_takes_it(path: str, shown: str) -> None:
    line = command_line("bulkstatus", "resume", path, windows=True)
    assert line == f"bulkstatus resume {shown}"
    if " " in path:
        assert line == subprocess.list2cmdline(["bulkstatus", "resume", path])
