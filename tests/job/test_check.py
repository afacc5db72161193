"""The check of a whole input agrees, row by row, with judging every order by hand."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkstatus.conflict import NOTHING, STEP, Claim, Fate, Place, judge_order, may_follow
from bulkstatus.errors import Refused
from bulkstatus.job.beginning import merged, of_log
from bulkstatus.job.check import Checked, check_source
from bulkstatus.job.known import Known
from bulkstatus.job.plan import Plan
from bulkstatus.job.worklist import WorkList
from bulkstatus.log import LogContents, State, read_log
from bulkstatus.settings.sources import settings_for
from bulkstatus.source import InputOptions, open_source
from tests.log.lines import log_with, row

_STATE_OF = {
    Fate.SEND: State.TO_SEND,
    Fate.DONE: State.UPDATED,
    Fate.DUPLICATE: State.DUPLICATE,
    Fate.SUPERSEDED: State.SUPERSEDED,
    Fate.CONFLICT: State.INVALID,
}


def checked(
    rows: list[str],
    history: list[str] | None = None,
    last_wins: bool = False,
    keep: int | None = 20,
    beside: list[list[str]] | None = None,
) -> tuple[Checked, Plan]:
    """Return what a check finds of rows such as "A:8:T1", and the plan of a first run.

    `history` are the rows of its log, and `beside` those of other ones.
    """

    async def work() -> tuple[Checked, Plan]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "dispatch.csv")
            lines = ["order_id,status,tracking", *(",".join(r.split(":")) for r in rows)]
            path.write_text("\n".join(lines) + "\n")
            log = LogContents(Path(folder, "x.results.jsonl"))
            if history is not None:
                log = read_log(log_with(log.path, history))
            for number, others in enumerate(beside or ()):
                log_with(Path(folder, f"{number}.results.jsonl"), others)
            given = {"base_url": "https://api.example", "ref_id": "ref"}
            given |= {"on_conflict": "last"} if last_wins else {}
            async with (
                WorkList() as work,
                await open_source(str(path), InputOptions(), block_size=64) as source,
            ):
                known = Known(log, settings_for(given))
                found = await check_source(source, work, known, keep=keep)
                if history is None:
                    await merged(found, work, None)
                return found, found.plan

    return asyncio.run(work())


_contents = st.tuples(
    st.sampled_from("ABCD"),
    st.sampled_from([512, 513, 8, 64, 128, 256]),
    st.sampled_from(["", "1", "2"]),
).map(lambda row: f"{row[0]}:{row[1]}:{f'T{row[2]}' if row[2] and row[1] in {8, 64} else ''}")
_histories = st.lists(
    st.tuples(_contents, st.sampled_from(["updated", "failed", "superseded"])).map(" ".join)
)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(_contents | st.just(":8:"), max_size=12),
    st.none() | _histories,
    st.lists(_histories, max_size=2),
    st.booleans(),
)
def test_it_agrees_with_judging_every_order_by_hand(
    rows: list[str], history: list[str] | None, beside: list[list[str]], last_wins: bool
) -> None:
    found, plan = checked(rows, history, last_wins, beside=beside)
    claims: dict[str, list[Claim]] = {}
    for n, text in enumerate(rows, 1):
        record = row(n, text)
        claims.setdefault(record.order_id, []).append(Claim(n, record.line, record.update))
    expected = {claim.n: State.INVALID for claim in claims.pop("", [])}
    for order, mine in claims.items():
        updated = {
            row(1, text.split()[0]).update: place
            for log, place in [*((log, Place("other")) for log in beside), (history, Place())]
            for text in log or ()
            if text.endswith("updated") and text.startswith(order)
        }
        decisions = judge_order(mine, updated, last_wins)
        expected |= {n: _STATE_OF[decision.fate] for n, decision in decisions.items()}
    numbered = range(1, len(rows) + 1)
    assert {n: found.state.state(n) for n in numbered} == expected
    counts = Counter(expected.values())
    assert plan.refused == counts[State.INVALID]
    told = (plan.rows, plan.done, plan.duplicates, plan.superseded)
    kinds = (State.UPDATED, State.DUPLICATE, State.SUPERSEDED)
    assert told == (len(rows), *(counts[kind] for kind in kinds))
    lines = [n + 1 for n in numbered if expected[n] is State.INVALID]
    assert [problem.line for problem in plan.problems] == lines
    if history is None:
        due = [n for n in numbered if expected[n] is State.TO_SEND]
        assert plan.due == plan.all_due == len(due)
        assert plan.by_status == Counter(found.state.status(n) for n in due)
        assert plan.orders == len({rows[n - 1][0] for n in due})
        assert [line for line, _ in plan.sample] == [n + 1 for n in due[:3]]


_states = st.sampled_from(["to_send", "failed", "rejected", "updated", "superseded", "withdrawn"])
_COUNTING = {"to_send", "failed", "rejected", "updated"}


@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.tuples(_contents, _states).map(" ".join), min_size=1, max_size=12),
    st.lists(st.tuples(_histories, st.booleans()), max_size=2),
    st.booleans(),
    st.booleans(),
)
@example(["A:512: to_send", "A:128: to_send"], [(["A:512: updated"], True)], False, False)
@example(
    ["A:128: to_send"], [(["A:512: updated"], True), (["A:512: updated"], False)], False, False
)
@example(["A:512: rejected", "A:8: to_send"], [(["A:513: updated"], False)], False, False)
def test_so_does_a_resume_of_the_log_alone(
    log: list[str], beside: list[tuple[list[str], bool]], again: bool, last_wins: bool
) -> None:
    """The logs beside it were given before it or later."""

    async def resumed() -> dict[int, State]:
        with tempfile.TemporaryDirectory() as folder:
            path = log_with(Path(folder, "x.results.jsonl"), log)
            for number, (others, is_later) in enumerate(beside):
                at = {"started_at": "2999-01-01T00:00:00Z"} if is_later else {}
                log_with(Path(folder, f"{number}.results.jsonl"), others, **at)
            given = {"base_url": "https://api.example", "ref_id": "ref"}
            given |= {"on_conflict": "last"} if last_wins else {}
            async with WorkList() as work:
                known = Known(read_log(path), settings_for(given))
                state = (await of_log(known, work, again, None)).state
                return {n: state.state(n) for n in range(1, len(state) + 1)}

    expected = {n: State[text.split()[1].upper()] for n, text in enumerate(log, 1)}
    due = {State.TO_SEND, State.FAILED, *([State.REJECTED] if again else [])}
    for order in "ABCD":
        mine = [
            Claim(n, n + 1, row(n, text.split()[0]).update)
            for n, text in enumerate(log, 1)
            if text.startswith(order) and text.split()[1] in _COUNTING
        ]
        mine.sort(key=lambda claim: STEP.get(claim.update.status, -1))
        places = [(others, Place("other", is_later)) for others, is_later in beside]
        updated = {**NOTHING}
        for others, place in [*places, (log, Place())]:
            for text in others:
                if text.endswith("updated") and text.startswith(order):
                    update = row(1, text.split()[0]).update
                    # What one of them did later is later, whatever an older one did.
                    is_later = place.is_later or updated.get(update, place).is_later
                    updated[update] = place._replace(is_later=is_later)
        asked = [claim.update for claim in mine if expected[claim.n] in due]
        # What each row that is asked for may simply follow says nothing of the others.
        stands = {
            done: place
            for done, place in updated.items()
            if any(done == to or not may_follow(done.status, to.status, place) for to in asked)
        }
        decisions = judge_order(mine, stands, last_wins) if mine else {}
        for n, decision in decisions.items():
            if expected[n] in due and decision.fate is not Fate.SEND:
                fate = _STATE_OF[decision.fate]
                expected[n] = State.DUPLICATE if fate is State.UPDATED else fate
    assert asyncio.run(resumed()) == expected


def test_only_the_first_problems_are_kept_unless_all_are_asked_for() -> None:
    rows = [f"{number}:99:" for number in range(50)] + ["7000:8:", "7000:128:"]
    _, plan = checked(rows)
    assert [problem.line for problem in plan.problems] == list(range(2, 22))
    assert (plan.invalid, plan.conflicts, plan.refused) == (50, 2, 52)
    problems = checked(rows, keep=None)[1].problems
    assert [(p.line, p.field, p.value) for p in problems[49:51]] == [
        (51, "status", "99"),
        (52, "conflict", "Dispatched"),
    ]


def test_an_odd_id_is_no_order_unless_the_log_has_it() -> None:
    rows = [f"{n}:8:" for n in range(100, 140)]
    history = [f"{row} updated" for row in rows]
    for logged, lines in (("70:8 failed", [42]), ("Anna:8 failed", []), ("Anna:8 updated", [])):
        _, plan = checked([*rows, "Anna:8:", "70:8:"], [*history, logged])
        assert [problem.line for problem in plan.problems] == lines
    _, plan = checked([*rows, "Anna:8:", "Total:128:", ":8:"])
    assert [(problem.line, problem.field) for problem in plan.problems] == [
        (42, "order_id"),
        (43, "order_id"),
        (44, "order_id"),
    ]
    assert (plan.invalid, plan.due) == (3, 40)


@pytest.mark.parametrize("count", [1, 1000])
def test_a_list_of_rows_that_has_no_room_is_refused_in_a_sentence(count: int) -> None:
    resource = pytest.importorskip("resource")
    most = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def work() -> None:
        async with WorkList() as work:
            await work.add_rows([row(n, f"{n}:8") for n in range(1, count + 1)])

    resource.setrlimit(resource.RLIMIT_FSIZE, (50, most[1]))
    try:
        with pytest.raises(Refused, match="TMPDIR"):
            asyncio.run(work())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
