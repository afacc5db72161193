import pytest

from bulkstatus.order import OrderStatus
from bulkstatus.sandbox.history import RECENT, History, Received

DISPATCHED = Received(OrderStatus.DISPATCHED, "H1")
CANCELLED = Received(OrderStatus.CANCELLED, None)
FAILED = Received(OrderStatus.CANCELLED, None, answered=500, applied=False)


def test_an_order_counts_under_its_present_status_alone() -> None:
    history = History()
    for put in (DISPATCHED, CANCELLED, CANCELLED, FAILED):
        history.add("1", put, 0.0)
    history.add("2", DISPATCHED, 0.0)
    assert +history.by_status == {OrderStatus.CANCELLED: 1, OrderStatus.DISPATCHED: 1}


def test_what_was_not_applied_changes_nothing_but_is_remembered() -> None:
    history = History()
    history.add("1", DISPATCHED, 0.0)
    history.add("1", FAILED, 0.0)
    assert history.current("1") == DISPATCHED
    assert history.received["1"] == [DISPATCHED, FAILED]
    assert history.changes == len(history.recent) == 1


def test_an_order_that_never_changed_has_no_status() -> None:
    history = History()
    history.add("1", FAILED, 0.0)
    assert history.current("1") is None
    assert history.current("2") is None


def test_a_change_carries_its_number_among_the_puts_of_its_order() -> None:
    history = History()
    for put in (DISPATCHED, FAILED, CANCELLED):
        history.add("1", put, 0.0)
    assert [change.put for change in history.recent] == [1, 3]


def test_the_latest_changes_are_bounded() -> None:
    history = History()
    for number in range(RECENT + 10):
        history.add(str(number), DISPATCHED, 0.0)
    assert history.changes == RECENT + 10
    assert [change.order_id for change in history.recent] == [
        str(number) for number in range(10, RECENT + 10)
    ]


@pytest.mark.parametrize("orders", [1, 3, 1000])
def test_the_puts_kept_are_bounded_and_the_orders_seen_first_go(orders: int) -> None:
    history = History(kept=100)
    for number in range(1000):
        history.add(str(number % orders), DISPATCHED, 0.0)
        kept = sum(map(len, history.received.values()))
        assert kept <= 100
        assert history.by_status[OrderStatus.DISPATCHED] == len(history.received)
    if orders == 1000:
        assert list(history.received)[-1] == "999"
        assert kept >= 90
        assert history.forgotten == 1000 - len(history.received)


def test_no_more_is_forgotten_than_makes_room() -> None:
    history = History(kept=10)
    for order_id in "aaaaabbbbbb":
        history.add(order_id, DISPATCHED, 0.0)
    assert list(history.received) == ["b"]
    assert history.forgotten == 1
