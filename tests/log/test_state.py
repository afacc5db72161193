"""The state of a log's rows against a plain model of the same: dictionaries, one row at a time."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.log import LogState, Outcome, RowRecord, State
from bulkstatus.log.state import OPEN, Span, count_of, joined, numbers, spans_of
from bulkstatus.order import SHIPPING
from tests.log.lines import result, row

_TEXTS = ["A:8:T1", "A:8", "A:64:T1", "B:128", "B:512", ":8", "C:", "C::T2"]


@dataclass
class Model:
    """What the design says of the rows, without a thought of speed."""

    rows: dict[int, RowRecord] = field(default_factory=dict)
    states: dict[int, State] = field(default_factory=dict)
    uncertain: set[int] = field(default_factory=set)
    unrecorded: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    due: set[int] | None = None
    through: int = 0

    def settle(self, n: int, word: str) -> None:
        self.states[n] = State[word.rstrip("?").upper()]
        self.unrecorded.discard(n)
        (self.uncertain.add if word.endswith("?") else self.uncertain.discard)(n)
        self.answered.add(n)

    def begin(self, due: list[Span] | None) -> None:
        self.break_off()
        self.due = None if due is None else set(numbers(due))
        self.through, self.answered = 0, set()
        for n in self.due or ():
            if self.states.get(n) is State.INVALID:
                self.states[n] = State.TO_SEND

    def break_off(self) -> None:
        for n, state in self.states.items():
            due = self.due is None or n in self.due
            if due and n <= self.through and n not in self.answered and state in OPEN:
                self.unrecorded.add(n)
        self.through = 0


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("rows"), st.lists(st.sampled_from(_TEXTS), min_size=1, max_size=4)),
        st.tuples(st.just("run"), st.none() | st.sets(st.integers(1, 9))),
        st.tuples(st.just("sending"), st.integers(1, 9)),
        st.tuples(st.just("end"), st.none()),
        st.tuples(
            st.just("result"),
            st.tuples(
                st.integers(1, 9),
                st.sampled_from([*Outcome, *(f"{outcome}?" for outcome in Outcome)]),
            ),
        ),
    ),
    max_size=25,
)


@given(_steps)
def test_it_says_what_a_plain_model_says(steps: list[tuple[str, object]]) -> None:
    state, model = LogState(), Model()
    for kind, what in [("rows", _TEXTS[:3]), ("run", None), *steps]:
        if kind == "rows":
            assert isinstance(what, list)
            rows = [row(n, text) for n, text in enumerate(what, len(model.rows) + 1)]
            assert state.add_rows(rows)
            model.rows |= {r.n: r for r in rows}
            model.states |= {r.n: State.TO_SEND for r in rows}
        elif kind == "run":
            due = None if what is None else spans_of(sorted(what))  # type: ignore[call-overload]
            state.begin_run(due)
            model.begin(due)
        elif kind == "sending":
            assert isinstance(what, int)
            state.sending(what)
            model.through = max(model.through, what)
        elif kind == "end":
            state.end_run()
            model.through = 0
        else:
            n, word = what  # type: ignore[misc]
            if n in model.rows:
                assert state.add_results([result(model.rows[n], word)])
                model.settle(n, word)
        _compare(state, model)
    state.break_off()
    model.break_off()
    _compare(state, model)


def _compare(state: LogState, model: Model) -> None:
    everything = sorted(model.rows)
    assert len(state) == len(everything)
    assert [state.state(n) for n in everything] == [model.states[n] for n in everything]
    unseen = model.uncertain | model.unrecorded
    assert list(state.unseen()) == sorted(unseen)
    assert [n for n in everything if state.is_unseen(n)] == sorted(unseen)
    assert [n for n in everything if state.is_unrecorded(n)] == sorted(model.unrecorded)
    by_state = Counter(model.states.values())
    assert state.to_send == by_state.pop(State.TO_SEND, 0)
    assert state.counts() == {Outcome[s.name]: count for s, count in by_state.items()}
    for wanted in ((State.TO_SEND,), OPEN, (State.UPDATED, State.WITHDRAWN)):
        chosen = [n for n in everything if model.states[n] in wanted]
        assert state.spans(*wanted) == spans_of(chosen)
    withdrawn, others = (
        [row for n, row in model.rows.items() if (model.states[n] is State.WITHDRAWN) is is_so]
        for is_so in (True, False)
    )
    stood_for = [{r.order_id for r in others if r.n > gone.n} | {""} for gone in withdrawn]
    assert state.given_up() == [
        gone.n for gone, ids in zip(withdrawn, stood_for, strict=True) if gone.order_id not in ids
    ]
    part = [(2, 3), (5, len(everything))] if len(everything) > 4 else [(1, 2)]
    rows = [model.rows[n] for n in numbers(part)]
    bare = [r for r in rows if r.status in set(SHIPPING) and r.tracking is None]
    assert state.without_tracking(part) == len(bare)
    for spans, some in ((None, [*model.rows.values()]), (part, rows)):
        assert state.tally(spans) == Counter((r.status, model.states[r.n]) for r in some)
    assert [state.status(n) for n in everything] == [model.rows[n].status for n in everything]


@given(st.sets(st.integers(1, 40)), st.integers(1, 40))
def test_spans_are_the_numbers_they_stand_for(chosen: set[int], cut: int) -> None:
    rising = sorted(chosen)
    spans = spans_of(rising)
    assert list(numbers(spans)) == rising
    assert count_of(spans) == len(rising)
    assert all(after[0] - before[1] > 1 for before, after in pairwise(spans))
    parts = spans_of(n for n in rising if n > cut) + spans_of(n for n in rising if n <= cut)
    assert joined(sorted(parts)) == spans
