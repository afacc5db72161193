from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.cli.sandbox import sandbox as command
from bulkstatus.errors import SettingsRefused
from bulkstatus.sandbox import Faults
from bulkstatus.sandbox.faults import Window, draws

UPDATED, FAILED, DROPPED, DROPPED_AFTER = (200, True), (500, False), (None, False), (None, True)


@pytest.mark.parametrize(
    ("option", "texts"),
    [
        ("--latency", "|50|ms|-1s|infs|50ms50ms|2%|3601s"),
        ("--fail", "|2|0.02|%|-1%|101%|nan%|2%%|2s"),
        ("--limit", "|20|0/s|20/d|x"),
        ("--orders", "orders.bin"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, texts: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("orders.bin").write_bytes(b"1001\n\xff\n")
    for text in texts.split("|"):
        refusal = CliRunner().invoke(command, [option, text]).exception
        assert isinstance(refusal, SettingsRefused), text
        assert str(refusal).startswith(option)
    done = CliRunner().invoke(command, ["--fail", "60%", "--drop", "60%"])
    assert (done.exit_code, "more than 100%" in done.output) == (2, True)


def test_a_figure_is_a_number_with_its_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Faults] = []

    def sandbox(orders: object, faults: Faults) -> None:
        made.append(faults)
        raise KeyboardInterrupt

    monkeypatch.setattr("bulkstatus.sandbox.Sandbox", sandbox)
    for latency, fail in (("50ms", "2%"), (" 0.5S ", "0.5 %")):
        options = ["--latency", latency, "--fail", fail, "--limit", "20/s", "--seed", "1"]
        CliRunner().invoke(command, options)
    assert made == [
        Faults(latency=0.05, fail=0.02, limit=(20, 1.0), seed=1),
        Faults(latency=0.5, fail=0.005, limit=(20, 1.0), seed=1),
    ]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({}, {UPDATED: 20_000}),
        ({"fail": 1.0}, {FAILED: 20_000}),
        ({"drop": 1.0}, {DROPPED: 10_000, DROPPED_AFTER: 10_000}),
        (
            {"fail": 0.2, "drop": 0.1},
            {UPDATED: 14_000, FAILED: 4000, DROPPED: 1000, DROPPED_AFTER: 1000},
        ),
    ],
)
def test_shares_come_out_as_asked_and_a_seed_repeats_them(
    faults: dict[str, Any], expected: dict[tuple[int | None, bool], int]
) -> None:
    first, again = (list(islice(draws(Faults(**faults, seed=7)), 20_000)) for _ in range(2))
    counts = Counter(first)
    assert first == again
    assert counts.keys() == expected.keys()
    assert all(counts[each] == pytest.approx(expected[each], rel=0.1) for each in counts)


@given(st.integers(1, 5), st.lists(st.floats(0, 3), max_size=60))
def test_no_window_lets_more_through_than_the_limit(count: int, waits: list[float]) -> None:
    window = Window(count, 1.0)
    now, granted = 0.0, []
    for wait in waits:
        now += wait
        if window.admit(now):
            granted.append(now)
    for first, beyond in zip(granted, granted[count:], strict=False):
        assert beyond >= first + 1.0


def test_the_limit_is_used_to_the_full_and_refused_requests_do_not_count() -> None:
    window = Window(2, 1.0)
    moments = (0.0, 0.5, 0.6, 0.9, 1.0, 1.4, 1.5, 1.9, 2.0)
    assert [now for now in moments if window.admit(now)] == [0.0, 0.5, 1.0, 1.5, 2.0]
