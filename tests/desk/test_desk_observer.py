import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from bulkstatus.answer import Answer, Meaning
from bulkstatus.order import StatusUpdate
from bulkstatus.pace import Ledger, Quotas, Rate
from bulkstatus.preflight import check_source
from bulkstatus.result import ErrorKind, Result, RowError, timestamp
from bulkstatus.resultlog import LogState, ResultLog, RunRecord
from bulkstatus.run import Ending, Hold, Run, RunOptions
from bulkstatus.run.gate import Gate
from bulkstatus.source import InputOptions, open_source

LIMITED = Answer(
    Meaning.LIMITED, 400, RowError(ErrorKind.API, "request limit", 0), retry_after=0.02
)
WRONG_KEY = Answer(Meaning.FATAL, 400, RowError(ErrorKind.API, "wrong key", 50000))
UPDATED = Answer(Meaning.UPDATED, 200)


class Api:
    """Gives the answers that it was given, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)

    async def put(self, update: StatusUpdate) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Notes:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.places: Sequence[tuple[Rate, Sequence[float]]] = []
        self.untils: list[float] = []

    def started(self, places: Sequence[tuple[Rate, Sequence[float]]]) -> None:
        self.told.append("started")
        self.places = places

    def wrote(self, results: Sequence[Result]) -> None:
        if results:
            self.told.append(f"wrote {len(results)}")

    def holding(self, hold: Hold | None) -> None:
        self.told.append("holding" if hold else "going on")
        if hold:
            self.untils.append(hold.until)

    def waiting_for_quota(self, seconds: float) -> None:
        self.told.append("waiting for quota")

    def stopping(self, ending: Ending) -> None:
        self.told.append(f"stopping {ending.reason}")

    def ended(self) -> None:
        self.told.append("ended")


async def observed(
    folder: Path, api: Api, quotas: Quotas | None = None, notes: Notes | None = None
) -> Notes:
    """Return what the observer of a run of one row was told."""
    path = folder / "today.csv"
    path.write_text("order id,status\n1,8\n")
    notes = notes or Notes()
    async with await open_source(str(path), InputOptions()) as source:
        plan = await check_source(source)
        moment = timestamp(time.time())
        record = RunRecord("a", moment, "0", "today.csv", source.sha256, 1, "", "", "", "")
        log = ResultLog.create(folder / "today.results.jsonl", record)
        try:
            run = Run(source, plan, LogState(), log, api, None, quotas, RunOptions(), "a", notes)
            await run.execute()
        finally:
            log.close()
    return notes


async def test_an_observer_is_told_of_every_change_of_a_hold(tmp_path: Path) -> None:
    notes = await observed(tmp_path, Api(LIMITED, LIMITED, UPDATED))
    assert notes.told == ["started", "holding", "holding", "going on", "wrote 1", "ended"]
    assert notes.untils[0] < notes.untils[1]


@pytest.mark.parametrize("first", [None, 5.0])
@pytest.mark.parametrize("second", [None, 5.0])
def test_a_hold_tells_whether_the_server_asked_for_its_wait(
    first: float | None, second: float | None
) -> None:
    gate = Gate(2)
    gate.answered(gate.enter(), 0.0, success=True)
    early, late = gate.enter(), gate.enter()
    gate.limited(early, 1.0, "", first)
    assert gate.hold is not None
    assert gate.hold.asked is (first is not None)
    gate.limited(late, 1.0, "", second)
    assert gate.hold.asked is (first is not None or second is not None)
    gate.limited(gate.enter(), 10.0, "", second)
    assert gate.hold.asked is (second is not None)


async def test_an_observer_is_told_that_the_run_stops(tmp_path: Path) -> None:
    notes = await observed(tmp_path, Api(WRONG_KEY))
    assert notes.told == ["started", "stopping stopped", "ended"]


async def test_an_observer_is_told_what_is_used_of_the_quotas(tmp_path: Path) -> None:
    with closing(Ledger(":memory:")) as ledger:
        quotas = Quotas([Rate(5, 60.0)], ledger, "acme", 1.0)
        place = quotas.try_take()
        assert not isinstance(place, float)
        quotas.answered(place)
        notes = await observed(tmp_path, Api(UPDATED), quotas)
    ((quota, held),) = notes.places
    assert quota == Rate(5, 60.0)
    assert held == [pytest.approx(60, abs=1)]


async def test_an_observer_is_told_the_end_of_a_run_that_crashes(tmp_path: Path) -> None:
    class Broken(Api):
        async def put(self, update: StatusUpdate) -> Answer:
            raise ZeroDivisionError

    notes = Notes()
    with pytest.raises(ZeroDivisionError):
        await observed(tmp_path, Broken(UPDATED), notes=notes)
    assert notes.told[-1] == "ended"
