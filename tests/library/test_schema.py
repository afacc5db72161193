"""The JSON Schema of the result log: every record follows it, and nothing else does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import bulkstatus
import bulkstatus.cli.as_json
from bulkstatus import cli
from bulkstatus.log.records import Outcome, SendingRecord, line_of, schema
from bulkstatus.sandbox import Faults, Sandbox
from tests.log.lines import end_record, result, row, run_record
from tests.schema import check_log, check_record

A = row(2, "46140211:8")
RECORDS: list[dict[str, Any]] = [
    json.loads(line_of(record))
    for record in (run_record(), A, SendingRecord(256), result(A, "rejected"), end_record())
]
RUN, ROW, SENDING, RESULT, END = RECORDS
# A reader must do without these.
OPTIONAL = {"user", "host", "settings", "due", "error", "message", "counts"}


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        ([], schema()),
        (["log"], schema()),
        (["report"], cli.as_json.schema("report")),
        (["check"], cli.as_json.schema("check")),
        (["send"], cli.as_json.schema("send")),
    ],
)
def test_each_schema_is_one_and_is_what_the_command_prints(
    of: list[str], wanted: dict[str, Any]
) -> None:
    Draft202012Validator.check_schema(wanted)
    command = [sys.executable, "-m", "bulkstatus", "schema", *of]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert json.loads(done.stdout) == wanted


def test_what_is_printed_follows_its_own_kind_or_none() -> None:
    refused = {"reason": "stopped", "exit_status": 3, "message": "An outage."}
    over = {**refused, "ran": True, "rows": 2, "counts": {"updated": 1}, "to_send": 1}
    for of in ("check", "send", "report"):
        assert Draft202012Validator(cli.as_json.schema(of)).is_valid(refused)
    validator = Draft202012Validator(cli.as_json.schema("send"))
    assert validator.is_valid(over)
    for broken in ({"rows": -1}, {"counts": {"updated": -1}}, {"reason": "tired"}, {"ran": None}):
        assert not validator.is_valid({**over, **broken})


@pytest.mark.parametrize(
    ("record", "change"),
    [
        (RESULT, {"outcome": "done"}),
        (RESULT, {"n": 0}),
        (RESULT, {"error": {"kind": "other", "message": "x"}}),
        (RESULT, {"type": "sending"}),
        (ROW, {"n": 0}),
        (RUN, {"rows": -1}),
        (RUN, {"due": [[1]]}),
        (SENDING, {"through": -1}),
        (END, {"reason": "tired"}),
    ],
)
def test_a_broken_record_does_not_follow_it(record: dict[str, Any], change: dict[str, Any]) -> None:
    check_record(record)
    with pytest.raises(AssertionError, match="record: "):
        check_record({**record, **change})


@pytest.mark.parametrize("record", RECORDS, ids=[str(record["type"]) for record in RECORDS])
def test_a_record_that_lacks_a_field_does_not_follow_it(record: dict[str, Any]) -> None:
    for name in record.keys() - OPTIONAL:
        with pytest.raises(AssertionError):
            check_record({key: value for key, value in record.items() if key != name})


async def test_every_record_of_runs_with_every_outcome_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkstatus.job.run.backoff.BASE_SECONDS", 0.01)
    path = tmp_path / "dispatch.csv"
    path.write_text(
        "order_id,status,tracking\n1,8,T1\n1,8,T1\n2,8,A\n2,8,B\n3,nonsense,\n4,256,\n5,515,\n"
        "99,8,\n" + "".join(f"{number},8,\n" for number in range(100, 160))
    )
    orders = {"1", "2", "4", "5", *map(str, range(100, 160))}
    account: Any = {"ref_id": "R1", "api_key": "K1", "rate": "none", "attempts": 2}
    faults = Faults(fail=0.5, seed=1)
    async with Sandbox(orders=orders, faults=faults) as sandbox:
        account["base_url"] = sandbox.base_url
        first = await bulkstatus.send(path, skip_invalid=True, on_conflict="last", **account)
        path.write_text("order_id,status,tracking\n1,8,T1\n1,8,T1\n4,256,\n")
        log = tmp_path / "dispatch.results.jsonl"
        second = await bulkstatus.resume(log, path, changed_input=True, **account)
    assert first.ending.exit_status == 1
    assert second.ending.reason == "finished"
    records = check_log(log)
    assert {record["type"] for record in records} == {"run", "row", "sending", "result", "end"}
    outcomes = {record["outcome"] for record in records if record["type"] == "result"}
    assert outcomes == set(Outcome)
