"""Every record reads back as it was written, one line each."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.order import OrderStatus
from bulkstatus.result import ErrorKind, Outcome, Result, RowError, timestamp
from bulkstatus.resultlog import EndRecord, RunRecord

_text = st.text(st.characters(exclude_categories=["Cs"]))
_errors = st.builds(
    RowError, st.sampled_from(ErrorKind), _text, st.none() | st.integers(0, 99999) | _text
)
_results = st.builds(
    Result,
    line=st.integers(1, 10**9),
    order_id=_text,
    status=st.none() | st.sampled_from([int(status) for status in OrderStatus]),
    tracking=st.none() | _text,
    outcome=st.sampled_from(Outcome),
    at=st.integers(0, 4 * 10**12).map(lambda milliseconds: milliseconds / 1000),
    http_status=st.none() | st.integers(100, 599),
    attempts=st.integers(0, 99),
    elapsed_ms=st.none() | st.floats(0, 1e6),
    error=st.none() | _errors,
    uncertain=st.booleans(),
)


@given(_results)
def test_a_result_reads_back_as_it_was_written(result: Result) -> None:
    line = result.to_line()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    again = Result.from_record(json.loads(line))
    assert again._replace(at=0) == result._replace(at=0)
    assert again.at == pytest.approx(result.at, abs=0.0011)


def test_a_result_has_the_form_of_the_design() -> None:
    result = Result(9, "46140211", 8, None, Outcome.REJECTED, 1795455062.114, 400, 1, 38.0)
    result = result._replace(error=RowError(ErrorKind.API, "Invalid order status", 0))
    assert json.loads(result.to_line()) == {
        "type": "result",
        "line": 9,
        "order_id": "46140211",
        "status": 8,
        "tracking": None,
        "outcome": "rejected",
        "http_status": 400,
        "attempts": 1,
        "elapsed_ms": 38.0,
        "at": timestamp(1795455062.114),
        "error": {"kind": "api", "code": 0, "message": "Invalid order status"},
    }


def test_a_timestamp_is_utc_with_milliseconds() -> None:
    assert timestamp(0.25) == "1970-01-01T00:00:00.250Z"


def test_run_and_end_read_back() -> None:
    run = RunRecord(
        run_id="r",
        started_at="2026-11-23T17:31:02.114Z",
        version="0.1.0",
        input="dispatch.csv",
        input_sha256="0" * 64,
        rows=3,
        base_url="https://api.example",
        ref_id="ref",
        user="anna",
        host="DESK-3",
        settings={"rate": "10/s"},
    )
    record = json.loads(run.to_line())
    assert (record["type"], record["format"]) == ("run", 1)
    assert RunRecord.from_record(record) == run
    end = EndRecord("r", "2026-11-23T17:31:02.114Z", "finished", {"updated": 3})
    record = json.loads(end.to_line())
    assert set(record) == {"type", "run_id", "ended_at", "reason", "counts"}
    assert EndRecord.from_record(record) == end
