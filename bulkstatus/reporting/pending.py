"""The pending rows of a log, which only the inputs that no run has finished can name."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence, Set
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import replace

from bulkstatus.config import Settings, logged_settings, resolve
from bulkstatus.conflict import Fate
from bulkstatus.errors import InputChanged, InputRefused, SettingsRefused
from bulkstatus.order import Row
from bulkstatus.preflight import Plan, check_source, remaining_rows
from bulkstatus.reporting.inputs import input_of
from bulkstatus.reporting.positions import Positions, in_file_order
from bulkstatus.reporting.summary import Report
from bulkstatus.reporting.unfinished import UnfinishedInput
from bulkstatus.resultlog import LogState, RunRecord
from bulkstatus.resultlog.state import Content
from bulkstatus.source import Source


class PendingInput:
    """An unfinished input that could be read, and what its pending rows are about.

    `doubted` are the orders of which a run that broke off may have sent a row, and `others` those
    of the other rows, each with the position of the first. Rows whose content is in `elsewhere`
    are pending in a later input too, and belong to that.
    """

    def __init__(
        self, unfinished: UnfinishedInput, source: Source, plan: Plan, elsewhere: Set[int]
    ) -> None:
        self.unfinished = unfinished
        self.source = source
        self.rows = 0
        self.doubted: dict[str, int] = {}
        self.others: dict[str, int] = {}
        self._plan = plan
        self._elsewhere = elsewhere

    async def take_in(self, log: LogState, positions: Positions) -> None:
        """Read the pending rows."""
        number = self.unfinished.number
        async with aclosing(self._remaining(log)) as remaining:
            async for line, row, fate, is_ours in remaining:
                self.rows += is_ours
                # What is refused before it is sent was not sent by any run.
                is_doubted = bool(self.unfinished.broken_off) and fate is not Fate.CONFLICT
                if row.order_id and (is_ours or is_doubted):
                    orders = self.doubted if is_doubted else self.others
                    orders.setdefault(row.order_id, positions.of(number, line))

    async def pending_rows(self, log: LogState) -> AsyncIterator[tuple[int, Row]]:
        """Yield the pending rows with their lines, in file order."""
        async with aclosing(self._remaining(log)) as remaining:
            async for line, row, _, is_ours in remaining:
                if is_ours:
                    yield line, row

    async def contents(self, log: LogState) -> set[int]:
        """Return the hashes of what the pending rows ask for."""
        return {hash(Content.of(row)) async for _, row in self.pending_rows(log)}

    async def _remaining(self, log: LogState) -> AsyncGenerator[tuple[int, Row, Fate, bool], None]:
        async for line, row, decision in remaining_rows(self.source, self._plan, log):
            content = Content.of(row)
            if not log.was_tried(content):
                yield line, row, decision.fate, hash(content) not in self._elsewhere


async def report_with_input(report: Report) -> Report:
    """Return the report with what only the unfinished inputs tell, where they can be read."""
    async with pending_inputs(report) as pending:
        return with_pending(report, pending)


def settings_of_input(run: RunRecord) -> Settings:
    """Return the settings that a run's input is read by. Raises SettingsRefused."""
    return resolve(("result log", logged_settings(run)))


@asynccontextmanager
async def pending_inputs(report: Report) -> AsyncIterator[list[PendingInput]]:
    """Yield the unread inputs of a report that can be read, with their pending rows taken in.

    What the log says can be told without one that is gone or changed, also at this moment, and
    without the settings by which it is read.
    """
    log, positions = report.contents.state, Positions(report.contents.runs)
    found: list[PendingInput] = []
    async with AsyncExitStack() as opened:
        for unfinished in report.unread:
            with suppress(SettingsRefused, InputRefused, InputChanged):
                settings = settings_of_input(unfinished.run)
                source = await opened.enter_async_context(
                    input_of(report, unfinished.run, settings.input)
                )
                if source is None:
                    continue
                plan = await check_source(source, log, last_wins=settings.last_wins, keep=0)
                # There are no more than two: the last run's, and the one the log was made for.
                elsewhere = await found[0].contents(log) if found else frozenset[int]()
                pending = PendingInput(unfinished, source, plan, elsewhere)
                await pending.take_in(log, positions)
                found.append(pending)
        yield found


def with_pending(report: Report, inputs: Sequence[PendingInput]) -> Report:
    """Return the report with the pending rows of `inputs` named.

    An order of which nothing but pending rows is known was perhaps touched where a run over their
    input broke off, and not touched otherwise.
    """
    if not inputs:
        return report
    orders, updated = report.orders, report.contents.state.updated
    read = [there.unfinished for there in inputs]
    unread = tuple(there for there in report.unread if there not in read)
    # There may be a million of them, so that nothing is held twice.
    doubted = [there.doubted for there in inputs]
    others = [there.others for there in inputs]
    positions = [orders.positions, *doubted, *others]
    perhaps = frozenset(orders.perhaps_touched)
    more = _those_of(doubted, lambda order_id: order_id in perhaps or updated.of(order_id))
    untouched = _those_of(
        [dict.fromkeys(orders.untouched, 0), *others],
        lambda order_id: (
            order_id in perhaps
            or any(order_id in there for there in doubted)
            or updated.of(order_id)
        ),
    )
    pending = sum(there.rows for there in inputs)
    return replace(
        report,
        pending=None if unread else pending,
        unread=unread,
        orders=replace(
            orders,
            perhaps_touched=in_file_order([*orders.perhaps_touched, *more], *positions),
            untouched=in_file_order(untouched, *positions),
            withdrawn=orders.withdrawn.difference(*doubted, *others),
            unnamed=None if unread else 0,
            unspoken=len(more),
        ),
    )


def _those_of(groups: Sequence[dict[str, int]], is_elsewhere: Callable[[str], object]) -> list[str]:
    """Return the orders of some groups, each once, that are not elsewhere."""
    return [
        order_id
        for place, group in enumerate(groups)
        for order_id in group
        if not is_elsewhere(order_id) and not any(order_id in before for before in groups[:place])
    ]
