"""Every record reads back as it was written, one line each, in the form of the design."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.log import EndRecord, ErrorKind, Outcome, Result, RowError, RowRecord
from bulkstatus.log.records import (
    Record,
    SendingRecord,
    line_of,
    lines_of,
    parse_line,
    parse_lines,
    timestamp,
)
from bulkstatus.order import OrderStatus
from tests.log.lines import run_record

_text = st.text(st.characters(exclude_categories=["Cs"]))
_statuses = st.none() | st.sampled_from([int(status) for status in OrderStatus])
_numbers = st.integers(1, 10**9)
_errors = st.builds(
    RowError, st.sampled_from(ErrorKind), _text, st.none() | st.integers(0, 99999) | _text
)
_results = st.builds(
    Result,
    n=_numbers,
    line=_numbers,
    order_id=_text,
    status=_statuses,
    tracking=st.none() | _text,
    outcome=st.sampled_from(Outcome),
    http_status=st.none() | st.integers(100, 599),
    attempts=st.integers(0, 99),
    elapsed_ms=st.none() | st.floats(0, 1e6),
    at=_text,
    error=st.none() | _errors,
    uncertain=st.booleans(),
)
_rows = st.builds(RowRecord, _numbers, _numbers, _text, _statuses, st.none() | _text)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _text,
    lambda inner: st.lists(inner) | st.dictionaries(_text, inner),
    max_leaves=5,
)
_runs = st.builds(
    lambda changes: msgspec.structs.replace(run_record(), **changes),
    st.fixed_dictionaries(
        {},
        optional={
            "input": _text,
            "user": _text,
            "settings": st.dictionaries(_text, _json, max_size=3),
            "due": st.none() | st.lists(st.tuples(_numbers, _numbers)),
        },
    ),
)
_reasons = st.sampled_from(["finished", "stopped", "interrupted"])
_ends = st.builds(EndRecord, _text, _text, _reasons, _text, st.dictionaries(_text, _numbers))
_records = _results | _rows | _runs | _ends | st.builds(SendingRecord, _numbers)


@given(_records)
def test_a_record_reads_back_as_it_was_written_on_one_line(record: Record) -> None:
    line = line_of(record)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert parse_line(line) == record
    assert line_of(parse_line(line)) == line
    # Another program sees the same object, and what it writes again is the same record.
    assert parse_line(json.dumps(json.loads(line)).encode()) == record


@given(st.lists(_results) | st.lists(_rows))
def test_many_at_once_are_the_same_lines(records: list[Result] | list[RowRecord]) -> None:
    lines = lines_of(records)
    assert lines == b"".join(map(line_of, records))
    assert parse_lines(lines) == records


#: The example of the design, but for the run, in which dots stand.
EXAMPLE = [
    '{"type":"row","n":1,"line":2,"order_id":"46140204","status":8,"tracking":"H023YA0000361469"}',
    '{"type":"row","n":2,"line":9,"order_id":"46140211","status":8,"tracking":null}',
    '{"type":"sending","through":256}',
    '{"type":"result","n":1,"line":2,"order_id":"46140204","status":8,'
    '"tracking":"H023YA0000361469","outcome":"updated","http_status":200,"attempts":1,'
    '"elapsed_ms":41.7,"at":"2026-11-28T17:31:02.311Z"}',
    '{"type":"result","n":2,"line":9,"order_id":"46140211","status":8,"tracking":null,'
    '"outcome":"rejected","http_status":400,"attempts":1,"elapsed_ms":38.0,'
    '"at":"2026-11-28T17:31:02.311Z",'
    '"error":{"kind":"api","code":0,"message":"Invalid order status"}}',
    '{"type":"end","run_id":"r","ended_at":"2026-11-28T17:33:02.311Z","reason":"finished",'
    '"message":"","counts":{"updated":1190,"rejected":14}}',
]


@pytest.mark.parametrize("line", EXAMPLE)
def test_the_lines_of_the_design_are_written_as_they_stand_there(line: str) -> None:
    written = line_of(parse_line(line.encode())).decode()
    # To the byte but for the order of the fields in an error.
    assert written.partition('"error"')[0].rstrip("\n") == line.partition('"error"')[0]
    assert json.loads(written) == json.loads(line)


def test_a_run_has_the_fields_of_the_design_in_their_order() -> None:
    line = line_of(run_record(due=[(1, 3), (7, 7)]))
    names = (
        "type format version run_id started_at input input_sha256 rows base_url ref_id user host "
        "settings due"
    )
    record = json.loads(line)
    assert list(record) == names.split()
    assert (record["format"], record["due"]) == (2, [[1, 3], [7, 7]])


def test_what_there_is_not_is_null_or_left_out() -> None:
    row = RowRecord(1, 2, "A", None, None)
    line = (
        b'{"type":"result","n":1,"line":2,"order_id":"A","status":null,"tracking":null,"outcome":'
        b'"invalid","http_status":null,"attempts":0,"elapsed_ms":null,"at":"at"%b}\n'
    )
    assert line_of(Result.unsent(row, Outcome.INVALID, "", "at")) == line % b""
    why = b',"error":{"kind":"row","message":"Why"},"uncertain":true'
    assert line_of(Result.unsent(row, Outcome.INVALID, "Why", "at", uncertain=True)) == line % why


@pytest.mark.parametrize(
    "seconds", [0.25, 1795887062.114, 1795887062.1144, 1795887062.9996, 1e9, 4102444799.999]
)
def test_a_timestamp_is_utc_with_milliseconds(seconds: float) -> None:
    milliseconds = round(seconds * 1000)
    expected = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    assert timestamp(seconds) == expected.replace("+00:00", "Z")
