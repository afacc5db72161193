"""What a run begins with: a table of logs, mended files and what is to become of each row.

A case of merge.json has `log`, rows as in tests/log/lines.py; the `file`'s rows, none for a resume
of the log alone; `limit`, `again` (rejected ones too) and `last_wins`. Expected are, by `n`, what
is sent in which phase (`send`), the `results` written at once ("?" for uncertain), which rows are
`left`, which are `new`, and, by line, why rows of the file are `refused`.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.job import beginning as beginnings
from bulkstatus.job.beginning import Beginning, merged
from bulkstatus.job.check import check_source
from bulkstatus.job.known import Known
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import ResultLog, State, read_log
from bulkstatus.log.records import Result, RowRecord, SendingRecord, line_of, parse_lines
from bulkstatus.log.state import OPEN, count_of, numbers, spans_of
from bulkstatus.settings.sources import settings_for
from bulkstatus.source import InputOptions, open_source
from tests.log.lines import log_with, row, run_record

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("merge.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_each_row_becomes_what_it_should(tmp_path: Path, case: dict[str, Any]) -> None:
    path = log_with(tmp_path / "dispatch.results.jsonl", case["log"])
    limit = case.get("limit")
    settings = settings_for({"on_conflict": "last"} if case.get("last_wins") else {})
    log = ResultLog.open(path)
    unseen = set(log.contents.state.unseen())
    open_rows = log.contents.state.spans(*OPEN)
    known_rows = len(case["log"])
    problems: dict[str, str] = {}
    async with WorkList() as work, WorkList() as rows:
        if "file" in case:
            file = tmp_path / "dispatch.csv"
            file.write_text("\n".join(["order_id,status,tracking", *case["file"]]) + "\n")
            async with await open_source(str(file), InputOptions()) as source:
                known = Known(log.contents, settings)
                checked = await check_source(source, rows, known)
            problems = {str(problem.line): problem.reason for problem in checked.plan.problems}
            beginning = await merged(checked, work, limit)
        else:
            again = case.get("again", False)
            known = Known(log.contents, settings)
            beginning = await beginnings.of_log(known, work, again, limit)
        written = await _begun(log, beginning)

    new = [record for record in written if isinstance(record, RowRecord)]
    results = [record for record in written if isinstance(record, Result)]
    expected = case.get("new", [])
    assert [_plain(record) for record in new] == expected
    assert [record.n for record in new] == [known_rows + place for place in range(1, len(new) + 1)]
    words = {str(r.n): f"{r.outcome}{'?' if r.uncertain else ''}" for r in results}
    assert words == case.get("results", {})
    assert len(results) == len(words)
    phases = [list(numbers(phase)) for phase in beginning.phases]
    assert phases == case.get("send", []) + [[]] * (len(phases) - len(case.get("send", [])))
    assert problems.keys() == case.get("refused", {}).keys()
    for line, piece in case.get("refused", {}).items():
        assert piece in problems[line]
    _compare_plan(beginning, results, case)
    _compare_with_reading(path, beginning)

    state, sent = beginning.state, numbers(beginning.due)
    settled = {result.n for result in results}
    # No row of the log that was open is forgotten: it is sent, left, settled, or still invalid.
    accounted = {*settled, *sent, *case.get("left", []), *numbers(state.spans(State.INVALID))}
    if "file" in case and limit is None:
        assert accounted >= set(numbers(open_rows))
    # And none that was perhaps sent is forgotten, whatever it is called now.
    assert set(state.unseen()) == unseen


def _plain(record: RowRecord) -> str:
    return f"{record.order_id}:{record.status or ''}:{record.tracking or ''}".removesuffix(":")


async def _begun(log: ResultLog, beginning: Beginning) -> list[Any]:
    """Write the beginning as a run does, and return what it added to the log."""
    before = log.contents.size
    work = beginning.work
    await log.begin(run_record("next", beginning.due), work.pieces(), work.regions, beginning.state)
    log.announce(0)
    log.close()
    _run, *records, sending = parse_lines(log.path.read_bytes()[before:])
    assert line_of(sending) == line_of(SendingRecord(0))
    return records


def _compare_plan(beginning: Beginning, results: list[Result], case: dict[str, Any]) -> None:
    plan, state = beginning.plan, beginning.state
    due = sorted(n for phase in case.get("send", []) for n in phase)
    new, left = case.get("new", []), case.get("left", [])
    withdrawn = [result.order_id for result in results if result.outcome == "withdrawn"]
    words = [text.split()[1].rstrip("?") for text in case["log"]] + ["new"] * len(new)
    assert beginning.due == spans_of(due)
    mended = sum(words[n - 1] == "invalid" for n in due) if "file" in case else 0
    assert (plan.due, plan.new, plan.left) == (len(due), len(new) + mended, len(left))
    assert plan.due == min(plan.all_due, case.get("limit", plan.all_due))
    assert plan.left_orders == [row(n, case["log"][n - 1].split()[0]).order_id for n in left]
    sent = {state.orders[n - 1] for n in due}
    assert plan.withdrawn == len(withdrawn)
    told = [order for order in withdrawn if order and hash(order) not in sent]
    assert plan.withdrawn_orders == told
    assert plan.by_status == Counter(state.status(n) for n in due)
    assert plan.orders == len(sent)
    for word, told in (("failed", plan.failed), ("rejected", plan.rejected)):
        assert told == sum(words[n - 1] == word for n in due)
    cancelled = [n for n in due if state.status(n) == 128 and words[n - 1] == "new"]
    assert plan.untold_cancellations == len(cancelled)
    assert len(plan.sample) == min(3, len(due))
    assert beginning.is_empty == (not due and not results and not new)


def _compare_with_reading(path: Path, beginning: Beginning) -> None:
    """The log that is read again says what the run that goes on says."""
    there, state = read_log(path).state, beginning.state
    everything = range(1, len(state) + 1)
    assert len(there) == len(state)
    for ask in ("state", "is_unseen", "is_unrecorded", "status"):
        assert [getattr(there, ask)(n) for n in everything] == [
            getattr(state, ask)(n) for n in everything
        ]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_withdrawing_gives_up_all_that_is_open_and_nothing_else(
    tmp_path: Path, case: dict[str, Any]
) -> None:
    path = log_with(tmp_path / "dispatch.results.jsonl", case["log"])
    log = ResultLog.open(path)
    before = read_log(path).state
    async with WorkList() as work:
        beginning = await beginnings.withdrawal(log.contents, work)
        await _begun(log, beginning)
    after = read_log(path).state
    assert (beginning.due, beginning.plan.due) == ([], 0)
    assert beginning.plan.withdrawn == count_of(before.spans(*OPEN))
    assert after.spans(*OPEN) == []
    for n in range(1, len(before) + 1):
        expected = State.WITHDRAWN if before.state(n) in OPEN else before.state(n)
        assert after.state(n) is expected
    assert list(after.unseen()) == list(before.unseen())
    _compare_with_reading(path, beginning)
