"""Failures grouped by what was said of them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from bulkstatus.reporting.reasons import message_of
from bulkstatus.result import ErrorKind, Outcome, Result

# What differs from row to row in the sentences about rows that were never sent.
_PARTICULARS = re.compile(r'"[^"]*"|\bline [0-9]+|(?<=\border )(?!ID\b)\S+')


class FailureKind(NamedTuple):
    """What failures have in common; `message` has … in place of what differs between several.

    `http_status` and `code` are as the API gave them, None where it gave none.
    """

    outcome: Outcome
    http_status: int | None
    code: int | str | None
    message: str


class FailureGroup(NamedTuple):
    """Failures of one kind."""

    kind: FailureKind
    results: list[Result]


def group_failures(failures: Iterable[Result]) -> list[FailureGroup]:
    """Return failures in groups, the largest first, each in the order given."""
    groups: dict[FailureKind, list[Result]] = {}
    for result in failures:
        code = result.error.code if result.error else None
        kind = FailureKind(result.outcome, result.http_status, code, _message(result))
        groups.setdefault(kind, []).append(result)
    found = [
        FailureGroup(
            kind if len(results) > 1 else kind._replace(message=message_of(results[0])), results
        )
        for kind, results in groups.items()
    ]
    return sorted(found, key=lambda group: -len(group.results))


def _message(result: Result) -> str:
    """Return what was said of a row, without what is the row's own."""
    message = message_of(result)
    if result.error is None:
        return message
    if result.error.kind is ErrorKind.ROW:
        return _PARTICULARS.sub("…", message)
    for own in (result.order_id, result.tracking):
        # A short one might be part of a word or of another number.
        if own and len(own) >= 4:
            message = message.replace(own, "…")
    return message
