"""`merged`: a mended file and the log that it belongs to, made one.

Of the file's rows those that are updated are done; those that are open in the log keep their `n`
and are sent; all others are new rows. Rows of the log that were rejected, failed or invalid and
that the file has no more are withdrawn. Rows never sent that it does not have stay as they are.
"""

from collections.abc import Iterator, Sequence

import msgspec

from bulkstatus.job.beginning import NAMED, Beginning, Unsent, withdraw
from bulkstatus.job.check import Checked
from bulkstatus.job.worklist import LOT, WorkList
from bulkstatus.log.reader import LogContents, read_rows
from bulkstatus.log.records import Outcome, Result, RowRecord
from bulkstatus.log.state import OPEN, LogState, State, count_of, numbers, spans_of


class _Match:
    """Which of a log's rows each row of a file is, and what that asks for.

    `due` are rows of the log that are to be sent, `settled` those that get the result of a row of
    the file, by `n`, and `new` the rows of the file that the log does not have.
    """

    def __init__(self, log: LogState, file: LogState, others: bytearray) -> None:
        self.due: list[int] = []
        self.settled: dict[int, int] = {}
        self.new: list[int] = []
        self._log = log
        self._there: dict[int, list[int]] = {}
        self._matched = bytearray(len(log))
        asked = set(file.contents)
        for n, content in enumerate(log.contents, 1):
            if content in asked and log.state(n) not in {State.UPDATED, State.WITHDRAWN}:
                self._there.setdefault(content, []).append(n)
        for number, content in enumerate(file.contents, 1):
            if not others or not others[number - 1]:
                self._match(number, content, file.state(number))

    def _match(self, number: int, content: int, fate: State) -> None:
        is_judged = fate not in {State.TO_SEND, State.UPDATED}
        if is_judged and self._take(content, (fate,)) is not None:
            return
        n = self._take(content, OPEN)
        if n is None:
            if fate is not State.UPDATED:
                self.new.append(number)
        elif fate is State.TO_SEND:
            self.due.append(n)
        else:
            # Where it is done, that was by another row, which has the tracking that this one lacks.
            self.settled[n] = number

    def _take(self, content: int, states: Sequence[State]) -> int | None:
        """Take the first row of the log with this content that is in one of some states."""
        there = self._there.get(content, [])
        for n in there:
            if self._log.state(n) in states:
                there.remove(n)
                self._matched[n - 1] = 1
                return n
        return None

    def unmatched(self, *states: State) -> list[int]:
        """Return the rows of the log in some states that the file does not have."""
        return [n for n in numbers(self._log.spans(*states)) if not self._matched[n - 1]]


async def merged(
    log: LogContents, checked: Checked, work: WorkList, limit: int | None
) -> Beginning:
    """Return the beginning of a run with a mended file; `work` takes what is new.

    Rows of other shards are none of it.
    """
    state, plan = log.state, checked.plan
    match = _Match(state, checked.state, checked.others)
    beginning = Beginning(work, state, plan, log=log)
    withdrawn = spans_of(match.unmatched(State.REJECTED, State.FAILED, State.INVALID))
    mended = sum(state.state(n) is State.INVALID for n in match.due)
    asked = checked.state
    await withdraw(
        beginning, withdrawn, {asked.orders[n - 1] for n in numbers(asked.spans(State.TO_SEND))}
    )
    left = spans_of(match.unmatched(State.TO_SEND))
    plan.left = count_of(left)
    plan.left_orders = [row.order_id for row in read_rows(log, left[:NAMED])][:NAMED]
    results = {result.n: result for result in checked.judged}
    await beginning.settle(_settled(log, match, results))
    first_new = len(state) + 1
    await _add(beginning, checked, match.new, results)
    plan.new = len(match.new) + mended
    due = [*match.due, *numbers(state.spans(State.TO_SEND, since=first_new))]
    beginning.order(sorted(due))
    await beginning.count(limit)
    return beginning


def _settled(log: LogContents, match: _Match, results: dict[int, Result]) -> Iterator[Unsent]:
    """Yield the log's rows that the file says are not to be sent."""
    for row in read_rows(log, spans_of(sorted(match.settled))):
        said = results.get(match.settled[row.n])
        outcome = said.outcome if said else Outcome.DUPLICATE
        yield row, outcome, said.error.message if said and said.error else ""


async def _add(
    beginning: Beginning, checked: Checked, new: Sequence[int], results: dict[int, Result]
) -> None:
    """Add the rows of the file that are new to the log, with the results they have at once."""
    lot: list[RowRecord] = []
    said: list[Result] = []
    n = len(beginning.state)

    async def flush() -> None:
        beginning.state.add_rows(lot)
        await beginning.work.add_rows(lot)
        for result in said:
            beginning.state.settle(result)
        await beginning.work.add_results(said)
        lot.clear()
        said.clear()

    async for row in checked.work.rows(spans_of(new)):
        n += 1
        lot.append(msgspec.structs.replace(row, n=n))
        if row.n in results:
            said.append(msgspec.structs.replace(results[row.n], n=n))
        if len(lot) == LOT:
            await flush()
    await flush()
