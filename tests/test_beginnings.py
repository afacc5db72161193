"""A run's beginning is one piece: killed between any two of its writes, it has not happened."""

import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bulkstatus
from bulkstatus import Ended, LogRefused
from tests.histories.fast_loop import run_fast
from tests.histories.log_reader import TO_SEND, Content, Told, read
from tests.histories.server import Server

HEADER = "order_id,status,tracking\n"
DAY = HEADER + "1,8,T1\n2,515,\n2,8,T2\n3,9,\n4,8,T4\n4,8,T4\n5,8,T5\n6,8,T6\n7,128,\n"
#: 5 is mended as 55, 3 and 9 are new, 7 is left: it was never sent.
MENDED = HEADER + "1,8,T1\n2,515,\n2,8,T2\n3,8,T3\n4,8,T4\n55,8,T5\n6,8,T6\n9,8,T9\n9,9,\n"

Command = Callable[[Server], Awaitable[Ended]]
Sent = list[Content]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("day.csv").write_text(DAY)


LOG = Path("day.results.jsonl")


def given(server: Server, **options: Any) -> dict[str, Any]:
    account = {"ref_id": "ref", "api_key": "key", "base_url": server.base_url, "timeout": 600.0}
    return {**account, "rate": "none", "concurrency": 1, "skip_invalid": True, **options}


async def send_or_resume(server: Server) -> Ended:
    return await bulkstatus.send("day.csv", go_on=True, cancellations=1, **given(server))


async def resume(server: Server, **options: Any) -> Ended:
    return await bulkstatus.resume(LOG, **given(server, **options))


async def merge(server: Server) -> Ended:
    return await bulkstatus.resume(LOG, "mended.csv", changed_input=True, **given(server))


async def withdraw(server: Server) -> Ended:
    return await bulkstatus.resume(LOG, withdraw=True, **given(server))


def carry_out(*commands: Command, refused: set[str] = frozenset()) -> tuple[list[Ended], Sent]:  # type: ignore[assignment]
    """Run commands against one server; return how they ended and what it was sent."""

    async def work() -> tuple[list[Ended], Sent]:
        async with Server(random.Random(0)) as server:
            server.refused = set(refused)
            ended = [await command(server) for command in commands]
            return ended, [put.content for put in server.puts]

    return run_fast(work())


def status_of(ended: Ended) -> int:
    return ended.ending.exit_status


def cuts(before: int) -> Iterator[tuple[int, bool]]:
    """Cut the log at each line after `before` bytes, and within it; tell whether its run counts."""
    whole = LOG.read_bytes()
    place, counts = before, False
    for line in whole[before:].splitlines(keepends=True):
        for at in (0, len(line) // 2):
            LOG.write_bytes(whole[: place + at])
            yield place + at, counts
        # A whole record without its line end is one.
        counts = counts or line.startswith((b'{"type":"sending"', b'{"type":"end"'))
        LOG.write_bytes(whole[: place + len(line) - 1])
        yield place + len(line) - 1, counts
        place += len(line)
    LOG.write_bytes(whole)


def states(told: Told) -> dict[int, str]:
    return {n: told.state(n) for n in told.rows}


def sendable(told: Told) -> Sent:
    return [told.content(n) for n in sorted(told.rows) if n in told.due]


def test_a_first_run_cut_anywhere_is_sent_to_its_end_and_nothing_done_twice() -> None:
    (ended,), sent = carry_out(send_or_resume)
    assert status_of(ended) == 1
    told = read(LOG)
    final, everything = states(told), sendable(told)
    # The second status of order 2 waits until the result of the first is on disk.
    assert sorted(sent) == sorted(everything)
    assert [status for order, status, _ in sent if order == "2"] == [515, 8]
    assert len(everything) == 7
    tried = {False: 0, True: 0}
    for place, counts in cuts(0):
        tried[counts] += 1
        there = read(LOG) if counts else Told()
        done = there.contents("updated")
        if not counts:
            for command in (resume, withdraw):
                with pytest.raises(LogRefused):
                    carry_out(command)
            with pytest.raises(LogRefused):
                run_fast(bulkstatus.report(LOG))
        (ended,), sent = carry_out(send_or_resume)
        assert status_of(ended) == 1, place
        assert sorted(sent) == sorted(set(everything) - done), place
        assert states(read(LOG)) == final, place
    assert min(tried.values()) > 20


def test_what_a_crash_left_of_no_run_at_all_is_no_log() -> None:
    carry_out(send_or_resume)
    whole = LOG.read_bytes()
    LOG.write_bytes(whole[: whole.index(b'{"type":"sending"')])
    (ended,), _ = carry_out(
        lambda server: bulkstatus.send("day.csv", cancellations=1, **given(server))
    )
    assert status_of(ended) == 1
    assert len(read(LOG).runs) == 1


@pytest.fixture
def stopped() -> int:
    """A log whose run was stopped before its end, with a failure; its size is returned."""
    first = lambda server: bulkstatus.send(  # noqa: E731
        "day.csv", limit=5, cancellations=0, **given(server)
    )
    (ended,), sent = carry_out(first, refused={"5"})
    assert status_of(ended) == 3
    assert len(sent) == 5
    Path("mended.csv").write_text(MENDED)
    return LOG.stat().st_size


def test_a_merge_cut_anywhere_has_not_happened_or_is_gone_on_with(stopped: int) -> None:
    before = read(LOG)
    (ended,), whole_sent = carry_out(merge)
    assert status_of(ended) == 3
    after = read(LOG)
    final, everything = states(after), sendable(after)
    assert whole_sent == everything
    assert {order for order, _, _ in everything} == {"3", "55", "6", "9"}
    assert after.orders(after.in_state(TO_SEND)) == {"7"}
    for place, counts in cuts(stopped):
        there, kept = read(LOG), LOG.read_bytes()
        if not counts:
            assert states(there) == states(before), place
            # Without the file it is as if there had never been one.
            (ended,), sent = carry_out(lambda server: resume(server, cancellations=1))
            assert {order for order, _, _ in sent} == {"6", "7"}, place
            assert status_of(ended) == 1
            LOG.write_bytes(kept)
        else:
            # The log alone goes on with what the file brought.
            (ended,), sent = carry_out(lambda server: resume(server, cancellations=1))
            left = [content for content in everything if content not in there.contents("updated")]
            assert sorted(sent) == sorted([*left, ("7", 128, None)]), place
            assert status_of(ended) == 1
            LOG.write_bytes(kept)
        # The same command again gets to the same end.
        (ended,), sent = carry_out(merge)
        assert status_of(ended) == 3, place
        assert sorted(sent) == sorted(
            content for content in everything if content not in there.contents("updated")
        ), place
        assert states(read(LOG)) == final, place


def test_a_withdrawal_cut_anywhere_has_not_happened_or_is_whole(stopped: int) -> None:
    before = read(LOG)
    (ended,), sent = carry_out(withdraw)
    assert (status_of(ended), sent) == (0, [])
    final = states(read(LOG))
    assert set(final.values()) == {"updated", "withdrawn", "duplicate"}
    for place, counts in cuts(stopped):
        assert states(read(LOG)) == (final if counts else states(before)), place
        kept = LOG.read_bytes()
        (ended,), sent = carry_out(lambda server: resume(server, cancellations=1))
        assert {order for order, _, _ in sent} == (set() if counts else {"6", "7"}), place
        LOG.write_bytes(kept)
        (ended,), sent = carry_out(withdraw)
        assert (status_of(ended), sent) == (0, []), place
        assert states(read(LOG)) == final, place
