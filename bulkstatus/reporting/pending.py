"""The pending rows of a log, which the last run's input alone can name."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

from bulkstatus.config import Settings, logged_settings, resolve
from bulkstatus.errors import InputChanged, InputRefused, SettingsRefused
from bulkstatus.order import Row
from bulkstatus.preflight import check_source, remaining_rows
from bulkstatus.reporting.inputs import input_of
from bulkstatus.reporting.summary import Report
from bulkstatus.resultlog import LogState
from bulkstatus.resultlog.state import Content
from bulkstatus.source import Source


class PendingRows:
    """How many pending rows there are, and their orders, each once."""

    def __init__(self) -> None:
        self.rows = 0
        self.orders: dict[str, None] = {}

    def take(self, row: Row) -> None:
        """Take in a pending row."""
        self.rows += 1
        if row.order_id:
            self.orders[row.order_id] = None


async def report_with_input(report: Report) -> Report:
    """Return the report with what only the last run's input tells, where that can be read."""
    if report.orders.unnamed == 0:
        return report
    try:
        settings = settings_of_input(report)
    except SettingsRefused:
        # What the log says can be told without the settings by which its input is read.
        return report
    async with input_of(report, settings.input) as source:
        return await name_pending(report, source, settings.last_wins)


def settings_of_input(report: Report) -> Settings:
    """Return the settings that the last run's input is read by. Raises SettingsRefused."""
    return resolve(("result log", logged_settings(report.contents.last_run)))


async def name_pending(report: Report, source: Source | None, last_wins: bool) -> Report:
    """Return the report with its pending rows named by `source`, the last run's input.

    Without one it stays as it is. `last_wins` is `--on-conflict last`.
    """
    if source is None or report.orders.unnamed == 0:
        return report
    pending = PendingRows()
    # A file that somebody is editing at this moment names no rows.
    with suppress(InputRefused, InputChanged):
        async for _, row in pending_rows(source, report.contents.state, last_wins):
            pending.take(row)
        return with_pending(report, pending)
    return report


async def pending_rows(
    source: Source, log: LogState, last_wins: bool
) -> AsyncIterator[tuple[int, Row]]:
    """Yield the rows of the last run's input that the log has no record of."""
    plan = await check_source(source, log, last_wins=last_wins, keep=0)
    async for line, row, _ in remaining_rows(source, plan, log):
        if not log.was_tried(Content.of(row)):
            yield line, row


def with_pending(report: Report, pending: PendingRows) -> Report:
    """Return the report with its pending rows named.

    An order of which nothing but pending rows is known was not touched.
    """
    orders, updated = report.orders, report.contents.state.updated
    settled = {*orders.perhaps_touched, *orders.untouched}
    untouched = (
        order_id
        for order_id in pending.orders
        if order_id not in settled and not updated.of(order_id)
    )
    return replace(
        report,
        pending=pending.rows,
        orders=replace(
            orders,
            untouched=(*orders.untouched, *untouched),
            withdrawn=orders.withdrawn.difference(pending.orders),
            unnamed=0,
        ),
    )
