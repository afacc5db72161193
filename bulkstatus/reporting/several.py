"""`add_up`: the summaries of several logs → one, of a week or of the shards of one job."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from bulkstatus.log import State
from bulkstatus.reporting.summary import LOG, Summary, divided

# A row of several logs and how late it was said what became of it, as one number.
_SAID = LOG * LOG

# Of these another row, or another log, says what became of their order.
_LEFT_ALONE = {State.DUPLICATE, State.SUPERSEDED, State.WITHDRAWN}


def add_up(summaries: Sequence[Summary]) -> Summary:
    """Return several logs together: each order and status once, as the latest run had it.

    Those of another account or base URL are others, also as orders. An order touched by one log is
    touched. Of a log and its copies the longest counts.
    """
    own: dict[tuple[str, str], Summary] = {}
    for each in sorted(summaries, key=lambda each: each.contents.size, reverse=True):
        own.setdefault((each.contents.first_run.run_id, each.contents.first_run.started_at), each)
    logs = sorted(own.values(), key=lambda summary: summary.runs[-1].started)
    states = [summary.contents.state for summary in logs]
    runs = [(at, run) for at, each in enumerate(logs) for run in range(1, len(each.runs) + 1)]
    runs.sort(key=lambda run: logs[run[0]].runs[run[1] - 1].started)
    rank = {run: place for place, run in enumerate(runs, 1)}
    latest: dict[int, int] = {}
    no_order = hash("")
    for at, (each, state) in enumerate(zip(logs, states, strict=True)):
        account = hash(each.contents.account)
        for n, order in enumerate(state.orders, 1):
            row, now = at * LOG + n, state.state(n)
            key = hash((account, order, state.status(n)) if order != no_order else (order, row))
            # What is to be sent is so by now, and what was left alone says nothing of its order.
            run = len(each.runs) if now is State.TO_SEND else each.run_of[n - 1]
            said = 0 if now in _LEFT_ALONE else rank[at, run]
            latest[key] = max(latest.get(key, 0), said * _SAID + row)
    rows = {found % _SAID for found in latest.values()}
    counted = ((states[row // LOG], row % LOG) for row in rows)
    given_up = (at * LOG + n for at, state in enumerate(states) for n in state.given_up())
    return replace(
        logs[-1],
        tally=Counter((state.status(n), state.state(n)) for state, n in counted),
        failures=[
            result
            for place, summary in enumerate(logs)
            for result in summary.failures
            if place * LOG + result.n in rows
        ],
        orders=divided([each.contents for each in logs]),
        runs=sorted((run for each in logs for run in each.runs), key=lambda run: run.started),
        latencies=sum((each.latencies for each in logs), Counter()),
        given_up=len(rows.intersection(given_up)),
        parts=logs,
    )


class MissingShards(msgspec.Struct, frozen=True):
    """The shards of a job of `of` shards, made from `input`, whose logs are not among some."""

    input: str
    of: int
    missing: list[int]


def missing_shards(told: Summary) -> Iterator[MissingShards]:
    """Yield the jobs of which the log of a shard is not among those that are told of."""
    there: dict[tuple[str, int], dict[int, str]] = {}
    for log in (summary.contents for summary in told.logs):
        if (shard := log.shard) is not None:
            job = log.first_run.input_sha256, shard.count
            there.setdefault(job, {})[shard.index] = log.first_run.input
    for (_, count), found in there.items():
        if missing := [index for index in range(1, count + 1) if index not in found]:
            yield MissingShards(next(iter(found.values())), count, missing)
