"""The JSON Schema of the result log: every record follows it, and nothing else does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import bulkstatus
from bulkstatus.order import OrderStatus
from bulkstatus.result import ErrorKind, Outcome, Result, RowError
from bulkstatus.resultlog import EndRecord, RunRecord
from bulkstatus.sandbox import Faults, Sandbox
from bulkstatus.schema import log_schema
from tests.schema import check_log, check_record

MOMENTS = st.floats(min_value=0, max_value=4e9)
ERRORS = st.builds(
    RowError,
    st.sampled_from(ErrorKind),
    st.text(),
    st.none() | st.integers(-(2**53), 2**53) | st.text(),
)
RESULTS = st.builds(
    Result,
    line=st.integers(1, 2**53),
    order_id=st.text(),
    status=st.none() | st.sampled_from(OrderStatus).map(int),
    tracking=st.none() | st.text(),
    outcome=st.sampled_from(Outcome),
    at=MOMENTS,
    http_status=st.none() | st.integers(100, 999),
    attempts=st.integers(0, 10_000),
    elapsed_ms=st.none() | st.floats(0, 1e9),
    error=st.none() | ERRORS,
    uncertain=st.booleans(),
)


def test_the_schema_is_one_and_is_what_the_command_prints() -> None:
    Draft202012Validator.check_schema(log_schema())
    done = subprocess.run(
        [sys.executable, "-m", "bulkstatus", "schema"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(done.stdout) == log_schema()


@given(RESULTS)
def test_every_result_follows_it(result: Result) -> None:
    check_record(json.loads(result.to_line()))


@given(
    st.sampled_from(["finished", "stopped", "interrupted"]),
    st.dictionaries(st.sampled_from([str(outcome) for outcome in Outcome]), st.integers(0, 2**53)),
    st.text(),
    st.lists(st.text()),
)
def test_every_end_follows_it(
    reason: str, counts: dict[str, int], message: str, touched: list[str]
) -> None:
    end = EndRecord("r", "2026-11-23T17:31:02.114Z", reason, counts, message, touched)
    check_record(json.loads(end.to_line()))


RUN = RunRecord(
    run_id="r",
    started_at="2026-11-23T17:31:02.114Z",
    version="0.1.0",
    input="dispatch.csv",
    input_sha256="0" * 64,
    rows=3,
    base_url="https://api.example",
    ref_id="R1",
    user="anna",
    host="DESK-3",
    settings={"rate": "10/s", "profile": None},
)
RESULT = Result(2, "1", 8, None, Outcome.UPDATED, 0.0, 200, 1, 12.5)


def test_a_run_follows_it() -> None:
    check_record(json.loads(RUN.to_line()))


@pytest.mark.parametrize(
    ("record", "change"),
    [
        (RESULT, {"outcome": "done"}),
        (RESULT, {"status": 9}),
        (RESULT, {"status": "8"}),
        (RESULT, {"line": 0}),
        (RESULT, {"uncertain": False}),
        (RESULT, {"at": "2026-11-23 17:31:02"}),
        (RESULT, {"error": {"kind": "other", "message": "x"}}),
        (RESULT, {"error": {"kind": "api"}}),
        (RESULT, {"error": {"kind": "api", "message": "x", "more": 1}}),
        (RESULT, {"more": 1}),
        (RESULT, {"order_id": None}),
        (RESULT, {"type": "row"}),
        (RUN, {"format": 2}),
        (RUN, {"input_sha256": "x"}),
        (RUN, {"settings": {"api_key": "x"}}),
        (RUN, {"rows": -1}),
    ],
)
def test_another_record_does_not(record: Result | RunRecord, change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="record: "):
        check_record({**json.loads(record.to_line()), **change})


def test_a_record_that_lacks_a_field_does_not() -> None:
    whole = json.loads(RESULT.to_line())
    for name in whole:
        with pytest.raises(AssertionError):
            check_record({key: value for key, value in whole.items() if key != name})


async def test_every_record_of_runs_with_every_outcome_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkstatus.run.backoff.BASE_SECONDS", 0.01)
    path = tmp_path / "dispatch.csv"
    path.write_text(
        "order_id,status,tracking\n1,8,T1\n1,8,T1\n2,8,A\n2,8,B\n3,nonsense,\n4,256,\n5,515,\n"
        "unknown,8,\n" + "".join(f"{number},8,\n" for number in range(100, 160))
    )
    orders = {"1", "2", "4", "5", *map(str, range(100, 160))}
    account: Any = {"ref_id": "R1", "api_key": "K1", "rate": "none", "attempts": 2}
    faults = Faults(fail=0.5, seed=1)
    async with Sandbox(orders=orders, faults=faults) as sandbox:
        account["base_url"] = sandbox.base_url
        first = await bulkstatus.send(path, skip_invalid=True, on_conflict="last", **account)
        path.write_text("order_id,status,tracking\n1,8,T1\n1,8,T1\n4,256,\n")
        second = await bulkstatus.resume(
            tmp_path / "dispatch.results.jsonl", changed_input=True, **account
        )
    assert first.ending.exit_status == 1
    assert second.ending.reason == "finished"
    records = check_log(tmp_path / "dispatch.results.jsonl")
    outcomes = {record["outcome"] for record in records if record["type"] == "result"}
    assert outcomes == set(Outcome)
