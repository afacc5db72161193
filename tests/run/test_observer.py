"""What an observer is told of a run."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.api.answer import Answer, Meaning
from bulkstatus.job.run import Hold, Observer
from bulkstatus.job.run.gate import Gate
from bulkstatus.pace import Ledger, Quotas, Rate
from tests.run.simulated import simulate
from tests.run.world import UPDATED, Request, World, limited, orders, refused


class Notes:
    """An observer that writes down what it is told: the call, and what it was given."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        assert hasattr(Observer, name)

        def note(*given: Any) -> None:
            told = given[0] if given else None
            self.told.append((name, told.until if isinstance(told, Hold) else told))

        return note


def observed(folder: Path, *answers: Answer | Exception, quotas: Quotas | None = None) -> Notes:
    """Return what the observer of a run of one row was told; the last answer is for ever."""

    def rule(request: Request) -> Answer:
        answer = answers[min(request.number, len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    notes = Notes()
    world = World(folder, orders(1), rule, quotas=quotas, observer=notes)
    if isinstance(answers[-1], Exception):
        with pytest.raises(type(answers[-1])):
            simulate(world.send())
    else:
        simulate(world.send())
    return notes


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([UPDATED], ["started", "wrote", "ended"]),
        (
            [limited(0.02), limited(0.02), UPDATED],
            ["started", "holding", "holding", "holding", "wrote", "ended"],
        ),
        ([refused(Meaning.FATAL)], ["started", "stopping", "ended"]),
        ([ZeroDivisionError()], ["started", "stopping", "ended"]),
    ],
)
def test_an_observer_is_told_of_every_change(
    tmp_path: Path, answers: list[Answer | Exception], told: list[str]
) -> None:
    notes = [note for note in observed(tmp_path, *answers).told if note != ("wrote", [])]
    assert [name for name, _ in notes] == told
    *untils, over = [given for name, given in notes if name == "holding"] or [None]
    assert over is None
    assert untils == sorted(set(untils))


def test_an_observer_is_told_what_is_used_of_the_quotas(tmp_path: Path) -> None:
    with closing(Ledger(":memory:")) as ledger:
        quotas = Quotas([Rate(5, 60.0)], ledger, "acme", 1.0)
        place = quotas.try_take()
        assert not isinstance(place, float)
        quotas.answered(place)
        notes = observed(tmp_path, UPDATED, quotas=quotas)
    assert notes.told[0] == ("started", [(Rate(5, 60.0), [pytest.approx(60, abs=1)])])


@pytest.mark.parametrize("first", [None, 5.0])
@pytest.mark.parametrize("second", [None, 5.0])
def test_a_hold_tells_whether_the_server_asked_for_its_wait(
    first: float | None, second: float | None
) -> None:
    gate = Gate(3)
    gate.answered(gate.enter(), 0.0, success=True)
    start, early, late = gate.enter(), gate.enter(), gate.enter()
    for given, wait in ((start, None), (early, first)):
        gate.limited(given, 1.0, "", wait, False)
    assert gate.hold is not None
    assert gate.hold.asked is (first is not None)
    gate.limited(late, 1.0, "", second, False)
    assert gate.hold.asked is (first is not None or second is not None)
    gate.limited(gate.enter(), 10.0, "", second, False)
    assert gate.hold.asked is (second is not None)
