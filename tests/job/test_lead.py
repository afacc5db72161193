"""How far ahead of its sending a run says that rows may leave: a table, and what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkstatus.job.run.feed import Feed, Job
from bulkstatus.job.run.lead import SECONDS, Lead
from bulkstatus.log.state import Span, numbers, spans_of
from bulkstatus.order import OrderStatus, StatusUpdate
from bulkstatus.pace.rate import Rate


@pytest.mark.parametrize(
    ("phases", "rate", "looks", "expected"),
    [
        # `looks` are (sent, now), and `expected` has the first n and what each look gives.
        ([], None, [], [0]),
        ([[], [], []], None, [(0, 1.0)], [0, None]),
        ([[(1, 5)]], None, [], [5]),
        # Before it is known how fast it is: what 128/s send in two seconds, or the rate.
        ([[(1, 1000)]], None, [], [256]),
        ([[(1, 1000)]], Rate(10, 1.0), [], [20]),
        ([[(1, 1000)]], Rate(600, 60.0), [], [20]),
        ([[(1, 1000)]], Rate(1, 1.0), [], [16]),
        ([[(1, 1000)]], Rate(1000, 1.0), [], [256]),
        # Then, half-way, as fast as it is, but for the rate.
        ([[(1, 9999)]], None, [(127, 1.0), (128, 1.0)], [256, None, 128 + 256]),
        ([[(1, 9999)]], None, [(128, 0.1)], [256, 128 + 2560]),
        ([[(1, 9999)]], Rate(200, 1.0), [(128, 0.1)], [256, 128 + 400]),
        ([[(1, 9999)]], None, [(128, 1.0), (256, 1.5)], [256, 384, 256 + 512]),
        # What was said stands when it turns out to be slow, and it goes on from there.
        ([[(1, 9999)]], None, [(128, 128.0), (250, 250.0)], [256, None, 266]),
        # Rows that are not due are no part of the way.
        ([[(1, 10), (101, 110), (1001, 1100)]], Rate(8, 1.0), [(8, 1.0)], [106, 1004]),
        ([[(50, 59)]], Rate(4, 1.0), [], [59]),
        # A later phase goes back in the file, and the n stays until that phase gets past it.
        ([[(100, 105)], [(1, 8), (200, 300)]], Rate(8, 1.0), [(8, 1.0)], [201, 209]),
        ([[(100, 105)], [(1, 50)]], Rate(8, 1.0), [(8, 1.0), (30, 2.0)], [105, None, None]),
    ],
)
def test_how_far_a_run_is_ahead(
    phases: list[list[Span]],
    rate: Rate | None,
    looks: list[tuple[int, float]],
    expected: list[int | None],
) -> None:
    lead = Lead(phases, rate)
    assert [lead.first(0.0), *(lead.look(sent, now) for sent, now in looks)] == expected


_phases = st.lists(st.sets(st.integers(1, 400)), min_size=3, max_size=3).map(
    lambda sets: [spans_of(sorted(each.difference(*sets[:at]))) for at, each in enumerate(sets)]
)


@given(
    _phases,
    st.none() | st.builds(Rate, st.integers(1, 50), st.sampled_from([1.0, 60.0])),
    st.floats(0.5, 500),
)
def test_no_row_waits_for_ever_and_none_is_far_ahead(
    phases: list[list[Span]], rate: Rate | None, speed: float
) -> None:
    order = [n for phase in phases for n in numbers(phase)]
    if rate is not None:
        speed = min(speed, rate.count / rate.seconds)
    lead = Lead(phases, rate)
    through, said = lead.first(0.0), []
    for sent, n in enumerate(order):
        new = lead.look(sent, sent / speed)
        if new is not None:
            assert new > through
            through = new
            said.append(sent)
            # What is ahead now is what two seconds send, and no run is held up by its log.
            if order == sorted(order):
                ahead = sum(due <= through for due in order[sent:])
                assert ahead <= max(16, round(speed * SECONDS)) + 1
        assert n <= through
    if order and speed >= 20:
        # It is renewed about once a second, not with every row.
        assert len(said) <= len(order) / (speed * SECONDS / 2 - 1) + 2


def test_a_new_row_leaves_only_as_far_as_is_said() -> None:
    feed = Feed()
    for n in range(1, 4):
        feed.add(Job(n, n + 1, StatusUpdate(str(n), OrderStatus.DISPATCHED, None)))
    left = [feed.next(0.0, None, through) for through in (0, 2, 2, 2, 3)]
    assert [job and job.n for job in left] == [None, 1, 2, None, 3]
